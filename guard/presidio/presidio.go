// Package presidio checks texts with Microsoft's Presidio: its analyzer finds personal data, and its anonymizer masks them
// (https://microsoft.github.io/presidio/api-docs/api-docs.html).
package presidio

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"outcrop/guard"
	"outcrop/guard/remote"
	"outcrop/internal/jsonx"
	"outcrop/internal/parallel"
	"outcrop/upstream"
)

// Settings are those of LiteLLM's guardrail presidio (1.110.2).
type Settings struct {
	// Analyzer and Anonymizer are the addresses of the services, without /analyze and /anonymize. The anonymizer is not
	// needed with Restore.
	Analyzer, Anonymizer string
	// Language is that of the texts; en if empty.
	Language string
	// Entities are what is looked for, such as EMAIL_ADDRESS, and what becomes of it. If it is empty, everything that Presidio
	// knows is masked.
	Entities map[string]guard.Action
	// Scores are how sure Presidio must be, by entity, with ALL for those that are not named. Denied are entities that are not
	// found whatever the score.
	Scores map[string]float64
	Denied []string
	// Recognizers are recognizers for these checks, a JSON array in Presidio's form; empty for none.
	Recognizers string
	// Restore is whether masks of a request are numbered, and what they stand for is put back into the response.
	Restore bool
	// Side is the only side that is checked; 0 for both.
	Side guard.Side
}

// Check finds personal data. It is safe for concurrent use.
type Check struct {
	settings            Settings
	entities            []string
	analyzer, anonymize *remote.Service
}

// atOnce is how many texts of an input are analyzed at the same time.
const atOnce = 8

// New returns a check. It calls nobody. An error is about the settings.
func New(s Settings, client *upstream.Client) (*Check, error) {
	c := &Check{settings: s, entities: slices.Sorted(maps.Keys(s.Entities))}
	c.settings.Language = cmp.Or(s.Language, "en")
	var err error
	if c.analyzer, err = remote.New("Presidio's analyzer", client, remote.Below(address(s.Analyzer), "/analyze"), nil); err != nil {
		return nil, errors.New("presidio_analyzer_api_base: " + err.Error())
	}
	if s.Restore && s.Anonymizer == "" {
		return c, nil
	}
	if c.anonymize, err = remote.New("Presidio's anonymizer", client, remote.Below(address(s.Anonymizer), "/anonymize"), nil); err != nil {
		return nil, errors.New("presidio_anonymizer_api_base: " + err.Error())
	}
	return c, nil
}

// address is an address with a scheme: LiteLLM takes a host alone for one that speaks HTTP.
func address(text string) string {
	if strings.Contains(text, "://") {
		return text
	}
	return "http://" + text
}

// Reach is that of a service.
func (c *Check) Reach() guard.Reach { return remote.Reach() }

// finding is a place of a text where the analyzer has found something. Start and End count characters.
type finding struct {
	Entity string  `json:"entity_type"`
	Start  int     `json:"start"`
	End    int     `json:"end"`
	Score  float64 `json:"score"`
}

// Check refuses an input in which there is an entity of the action BLOCK, and masks the others.
func (c *Check) Check(ctx context.Context, in *guard.Input) (guard.Verdict, error) {
	if c.settings.Side != 0 && c.settings.Side != in.Side {
		return guard.Verdict{}, nil
	}
	found := make([][]finding, len(in.Texts))
	err := parallel.Do(ctx, len(in.Texts), atOnce, func(ctx context.Context, i int) (err error) {
		found[i], err = c.analyze(ctx, in.Texts[i])
		return err
	})
	if err != nil {
		return guard.Verdict{}, err
	}
	for _, f := range slices.Concat(found...) {
		if c.settings.Entities[f.Entity] == guard.ActionBlock {
			return guard.Verdict{Block: &guard.Block{Reason: "Blocked entity detected: " + f.Entity}}, nil
		}
	}
	if c.settings.Restore && in.Side == guard.Request {
		return number(in.Texts, found), nil
	}
	return c.masked(ctx, in.Texts, found)
}

// analyze asks what is in a text.
func (c *Check) analyze(ctx context.Context, text string) ([]finding, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var w jsonx.Writer
	w.Object()
	w.Key("text")
	w.String(text)
	w.Key("language")
	w.String(c.settings.Language)
	if len(c.entities) > 0 {
		w.Key("entities")
		w.Array()
		for _, name := range c.entities {
			w.String(name)
		}
		w.EndArray()
	}
	if c.settings.Recognizers != "" {
		w.Key("ad_hoc_recognizers")
		w.Raw(jsonx.Raw(c.settings.Recognizers))
	}
	w.EndObject()
	all, err := remote.Ask[[]finding](ctx, c.analyzer, w.Buf)
	if err != nil {
		return nil, err
	}
	length := utf8.RuneCountInString(text)
	for _, f := range all {
		if f.Start < 0 || f.End < f.Start || f.End > length {
			return nil, errors.New("the analyzer of Presidio has found something outside of the text")
		}
	}
	return slices.DeleteFunc(all, func(f finding) bool { return !c.counts(f) }), nil
}

// counts reports whether something that was found is sure enough.
func (c *Check) counts(f finding) bool {
	if f.Start == f.End || slices.Contains(c.settings.Denied, f.Entity) {
		return false
	}
	least, ok := c.settings.Scores[f.Entity]
	if !ok {
		least = c.settings.Scores["ALL"]
	}
	return f.Score >= least
}

// masked has the anonymizer mask what was found.
func (c *Check) masked(ctx context.Context, texts []string, found [][]finding) (guard.Verdict, error) {
	var v guard.Verdict
	var at []int
	for i := range found {
		if len(found[i]) > 0 {
			at = append(at, i)
		}
	}
	if len(at) == 0 {
		return v, nil
	}
	v.Texts = slices.Clone(texts)
	err := parallel.Do(ctx, len(at), atOnce, func(ctx context.Context, i int) (err error) {
		i = at[i]
		v.Texts[i], err = c.anonymized(ctx, texts[i], found[i])
		return err
	})
	if err != nil {
		return guard.Verdict{}, err
	}
	return v, nil
}

func (c *Check) anonymized(ctx context.Context, text string, found []finding) (string, error) {
	if c.anonymize == nil { // only the numbers of requests need none
		return replace(text, runs(found), func(f finding, _ string) string { return "<" + f.Entity + ">" }), nil
	}
	var w jsonx.Writer
	w.Object()
	w.Key("text")
	w.String(text)
	w.Key("analyzer_results")
	w.Array()
	for _, f := range found {
		w.Object()
		w.Key("entity_type")
		w.String(f.Entity)
		w.Key("start")
		w.Int(int64(f.Start))
		w.Key("end")
		w.Int(int64(f.End))
		w.Key("score")
		w.Float(f.Score)
		w.EndObject()
	}
	w.EndArray()
	w.EndObject()
	answer, err := remote.Ask[struct {
		Text *string `json:"text"`
	}](ctx, c.anonymize, w.Buf)
	switch {
	case err != nil:
		return "", err
	case answer.Text == nil:
		return "", errors.New("the anonymizer of Presidio has answered without a text")
	}
	return *answer.Text, nil
}

// number masks what was found by numbers, so that it can be put back: the same text has the same mask wherever it is.
func number(texts []string, found [][]finding) (v guard.Verdict) {
	masks := map[[2]string]string{} // by entity and text
	last := map[string]int{}        // by entity
	for i := range texts {
		if len(found[i]) == 0 {
			continue
		}
		if v.Texts == nil {
			v.Texts = slices.Clone(texts)
		}
		v.Texts[i] = replace(texts[i], runs(found[i]), func(f finding, original string) string {
			mask, ok := masks[[2]string{f.Entity, original}]
			for taken := !ok; taken; {
				last[f.Entity]++
				mask = "<" + f.Entity + "_" + strconv.Itoa(last[f.Entity]) + ">"
				taken = slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(t, mask) })
			}
			if !ok {
				masks[[2]string{f.Entity, original}] = mask
				v.Restore = append(v.Restore, guard.Pair{Mask: mask, Original: original})
			}
			return mask
		})
	}
	return v
}

// runs are the places that are masked: those that overlap are one, with the entity that Presidio is surest of among those that
// no other contains.
func runs(found []finding) (all []finding) {
	sorted := slices.SortedStableFunc(slices.Values(found), func(a, b finding) int { return cmp.Compare(a.Start, b.Start) })
	for len(sorted) > 0 {
		n, end := 1, sorted[0].End
		for n < len(sorted) && sorted[n].Start < end {
			end = max(end, sorted[n].End)
			n++
		}
		run := sorted[:n]
		outer := slices.DeleteFunc(slices.Clone(run), func(f finding) bool {
			return slices.ContainsFunc(run, func(o finding) bool {
				return o.Start <= f.Start && f.End <= o.End && o.End-o.Start > f.End-f.Start
			})
		})
		best := slices.MaxFunc(outer, func(a, b finding) int {
			return cmp.Or(cmp.Compare(a.Score, b.Score), cmp.Compare(a.End-a.Start, b.End-b.Start), cmp.Compare(a.Entity, b.Entity))
		})
		all = append(all, finding{Entity: best.Entity, Start: run[0].Start, End: end, Score: best.Score})
		sorted = sorted[n:]
	}
	return all
}

// replace replaces places of a text, which are in order and do not overlap.
func replace(text string, places []finding, by func(f finding, original string) string) string {
	characters := []rune(text)
	var out strings.Builder
	end := 0
	for _, f := range places {
		out.WriteString(string(characters[end:f.Start]))
		out.WriteString(by(f, string(characters[f.Start:f.End])))
		end = f.End
	}
	out.WriteString(string(characters[end:]))
	return out.String()
}
