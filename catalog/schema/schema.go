// Package schema is the form of the catalogue's facts in files: what is known of each provider's
// models, each fact with its source. The catalogue reads and package tables writes them.
//
// A file of a provider has a JSON object on each line, sorted by id. A fact that no source states is
// absent; an absent boolean is neither true nor false.
package schema

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"outcrop/internal/jsonx"
)

// Source is an origin of facts.
type Source struct {
	// Key identifies the source in the other files.
	Key  string `json:"key"`
	Name string `json:"name"`
	// Date is the day on which its facts were current, such as 2026-11-10.
	Date string `json:"date"`
	URL  string `json:"url"`
	// Unconfirmed reports whether its facts are general knowledge that has not been
	// checked against the provider's documentation or responses.
	Unconfirmed bool `json:"unconfirmed"`
}

// Check returns an error if s lacks what every source has.
func (s *Source) Check() error {
	if s.Key == "" || s.Name == "" {
		return fmt.Errorf("the source %q needs a key and a name", s.Key)
	}
	return checkDay("the date of the source "+s.Key, s.Date, true)
}

// Model is a line of a provider's file: the facts of one model.
type Model struct {
	// ID is the model's id as the provider's API takes it.
	ID string `json:"id"`
	// Alias is the id of another model of the file, if ID is only another name of that; there are then
	// no other facts.
	Alias string `json:"alias"`
	Name  string `json:"name"`
	// Kind is one of Kinds.
	Kind string `json:"kind"`

	// Context is the size of the window; MaxInput is the most that a prompt and MaxOutput the most that
	// a response may have. All are in tokens.
	Context   int64 `json:"context"`
	MaxInput  int64 `json:"maxInput"`
	MaxOutput int64 `json:"maxOutput"`
	// Dimensions is the length of an embedding.
	Dimensions int64 `json:"dimensions"`
	// Input and Output are modalities, separated by spaces: text, image, document, audio, video.
	Input  string `json:"input"`
	Output string `json:"output"`

	Tools     *bool `json:"tools"`
	Schema    *bool `json:"schema"` // a JSON schema for the answer is accepted
	Reasoning *bool `json:"reasoning"`
	Cache     *bool `json:"cache"`
	// ResponsesOnly is whether OpenAI's Responses API serves the model and chat completions do not.
	ResponsesOnly *bool `json:"responsesOnly"`

	// EndOfLife is the day of the model's retirement, and Successor the model to move to.
	EndOfLife string `json:"endOfLife"`
	Successor string `json:"successor"`

	Prices []Rates `json:"prices"`
	// Units are prices in US dollars of anything but tokens, by one of UnitNames.
	Units map[string]Dollars `json:"units"`

	// By is the key of the source of all facts but those of Also, which has names of facts, separated by
	// spaces, by the key of their source.
	By   string            `json:"by"`
	Also map[string]string `json:"also"`
}

// Rates are prices of tokens, in US dollars for a million. They mean what llm.Rates mean.
type Rates struct {
	Tier         string  `json:"tier"`
	Above        int64   `json:"above"`
	Input        *Amount `json:"input"`
	Output       *Amount `json:"output"`
	CacheRead    *Amount `json:"cacheRead"`
	CacheWrite   *Amount `json:"cacheWrite"`
	CacheWrite1h *Amount `json:"cacheWrite1h"`
	Reasoning    *Amount `json:"reasoning"`
	AudioInput   *Amount `json:"audioInput"`
	AudioOutput  *Amount `json:"audioOutput"`
	ImageInput   *Amount `json:"imageInput"`
	ImageOutput  *Amount `json:"imageOutput"`
}

// Kinds are what models are for.
func Kinds() []string {
	return []string{"chat", "text", "embedding", "rerank", "image", "video", "speech", "transcription", "realtime", "moderation", "ocr"}
}

// UnitNames are what Model.Units may have: an image, a second of audio or video, a character or a pixel
// of the input or the output, a page, a query of a reranker, a request.
func UnitNames() []string {
	return []string{"inputCharacter", "inputImage", "inputPixel", "inputSecond", "outputCharacter", "outputImage", "outputPixel", "outputSecond", "page", "query", "request"}
}

// modalities are the words of Input and Output.
const modalities = " text image document audio video embedding "

// Check returns an error if the row cannot be right.
func (m *Model) Check() error {
	if m.ID == "" {
		return errors.New("a model needs an id")
	}
	if err := m.check(); err != nil {
		return fmt.Errorf("%s: %w", m.ID, err)
	}
	return nil
}

func (m *Model) check() error {
	switch {
	case m.By == "":
		return errors.New("by is missing")
	case m.Alias == m.ID:
		return errors.New("is its own alias")
	case m.Kind != "" && !slices.Contains(Kinds(), m.Kind):
		return fmt.Errorf("the kind %q is none of %s", m.Kind, strings.Join(Kinds(), ", "))
	case min(m.Context, m.MaxInput, m.MaxOutput, m.Dimensions) < 0:
		return errors.New("a limit is negative")
	}
	for word := range strings.FieldsSeq(m.Input + " " + m.Output) {
		if !strings.Contains(modalities, " "+word+" ") {
			return fmt.Errorf("%q is not a modality", word)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.Units)) {
		if !slices.Contains(UnitNames(), name) {
			return fmt.Errorf("the unit %q is none of %s", name, strings.Join(UnitNames(), ", "))
		}
	}
	for i := range m.Prices {
		r, before := &m.Prices[i], m.Prices[:i]
		if r.Above < 0 || slices.ContainsFunc(before, func(o Rates) bool { return o.Tier == r.Tier && o.Above == r.Above }) {
			return fmt.Errorf("prices[%d] are the second of their tier and length", i)
		}
	}
	return checkDay("endOfLife", m.EndOfLife, false)
}

func checkDay(what, text string, required bool) error {
	if text == "" && !required {
		return nil
	}
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		return fmt.Errorf("%s: %q is not a day such as 2026-11-10", what, text)
	}
	return nil
}

// Append appends the row in the form of the files, without a line end.
func (m *Model) Append(b []byte) []byte {
	w := jsonx.Writer{Buf: b}
	word := func(name, value string) {
		if value != "" {
			w.Key(name)
			w.String(value)
		}
	}
	number := func(name string, n int64) {
		if n != 0 {
			w.Key(name)
			w.Int(n)
		}
	}
	flag := func(name string, b *bool) {
		if b != nil {
			w.Key(name)
			w.Bool(*b)
		}
	}
	w.Object()
	word("id", m.ID)
	word("alias", m.Alias)
	word("name", m.Name)
	word("kind", m.Kind)
	number("context", m.Context)
	number("maxInput", m.MaxInput)
	number("maxOutput", m.MaxOutput)
	number("dimensions", m.Dimensions)
	word("input", m.Input)
	word("output", m.Output)
	flag("tools", m.Tools)
	flag("schema", m.Schema)
	flag("reasoning", m.Reasoning)
	flag("cache", m.Cache)
	flag("responsesOnly", m.ResponsesOnly)
	word("endOfLife", m.EndOfLife)
	word("successor", m.Successor)
	if len(m.Prices) > 0 {
		w.Key("prices")
		w.Array()
		for i := range m.Prices {
			m.Prices[i].write(&w)
		}
		w.EndArray()
	}
	if len(m.Units) > 0 {
		w.Key("units")
		w.Object()
		for _, name := range slices.Sorted(maps.Keys(m.Units)) {
			w.Key(name)
			w.Raw(m.Units[name].Append(nil))
		}
		w.EndObject()
	}
	word("by", m.By)
	if len(m.Also) > 0 {
		w.Key("also")
		w.Object()
		for _, key := range slices.Sorted(maps.Keys(m.Also)) {
			w.AnyKey(key)
			w.String(m.Also[key])
		}
		w.EndObject()
	}
	w.EndObject()
	return w.Buf
}

func (r *Rates) write(w *jsonx.Writer) {
	w.Object()
	if r.Tier != "" {
		w.Key("tier")
		w.String(r.Tier)
	}
	if r.Above != 0 {
		w.Key("above")
		w.Int(r.Above)
	}
	for _, f := range r.Fields() {
		if *f.Amount != nil {
			w.Key(f.Name)
			w.Raw((*f.Amount).Append(nil))
		}
	}
	w.EndObject()
}

// RateField is one price of Rates.
type RateField struct {
	Name   string
	Amount **Amount
}

// Fields are the prices of r by name, in the order of the files.
func (r *Rates) Fields() []RateField {
	return []RateField{
		{"input", &r.Input},
		{"output", &r.Output},
		{"cacheRead", &r.CacheRead},
		{"cacheWrite", &r.CacheWrite},
		{"cacheWrite1h", &r.CacheWrite1h},
		{"reasoning", &r.Reasoning},
		{"audioInput", &r.AudioInput},
		{"audioOutput", &r.AudioOutput},
		{"imageInput", &r.ImageInput},
		{"imageOutput", &r.ImageOutput},
	}
}
