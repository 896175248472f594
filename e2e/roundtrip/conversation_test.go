package roundtrip

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Kinds of part.
const (
	kindText     = "text"
	kindImage    = "image"
	kindDocument = "document"
	kindThought  = "thought"
	kindCall     = "call"
	kindResult   = "result"
)

// part is a piece of content. Its kind says which of the other fields it has.
type part struct {
	kind      string
	text      string     // of a text, a thought, and an image or document as base64
	title     string     // of a document
	signature string     // of a thought, or of a call
	id, name  string     // of a call; id of a result
	args      string     // of a call, as JSON
	parts     []part     // of a result
	failed    bool       // of a result
	cache     bool       // whether everything up to it may be cached
	citations []citation // of a text
}

// citation is where a text comes from.
type citation struct{ url, title string }

// turn is one contribution.
type turn struct {
	role  string // user or assistant
	parts []part
}

// tool is a function.
type tool struct {
	name, help, schema string
	cache              bool
	strict             bool
}

// request is what a client asks.
type request struct {
	system   []part
	turns    []turn
	tools    []tool
	choice   string // auto, none, any, or the name of a tool; empty if it is not set
	settings map[string]string
}

// Settings of a request, whose values are JSON.
const (
	setMaxTokens = "max tokens"
	setTemp      = "temperature"
	setTopP      = "top p"
	setTopK      = "top k"
	setStop      = "stop sequences"
	setSeed      = "seed"
	setPresence  = "presence penalty"
	setFrequency = "frequency penalty"
	setUser      = "user"
	setSchema    = "JSON schema"
	setThinking  = "thinking" // true or false, because dialects measure it differently
	setParallel  = "parallel calls"
)

// answer is a response.
type answer struct {
	parts []part
	stop  string // one of the stops
	// word is the stop in the provider's own words, where it has several for it; empty for the usual one.
	word  string
	usage map[string]int
}

// Reasons for the end of a response.
const (
	stopEnd      = "end"
	stopLength   = "length"
	stopTool     = "tool"
	stopSequence = "stop sequence"
	stopFilter   = "filter"
)

// Counts of usage. Input includes what was read from or written to a cache, and output the reasoning.
const (
	countInput  = "input tokens"
	countOutput = "output tokens"
	countRead   = "tokens read from the cache"
	countWrite  = "tokens written to the cache"
	countThink  = "reasoning tokens"
)

// facts are what a request or response says, by label.
type facts map[string]string

// numbered counts labels of a kind.
type numbered map[string]int

func (n numbered) label(kind string) string {
	n[kind]++
	return kind + " " + strconv.Itoa(n[kind])
}

// compact is JSON with sorted members and without white space; text that is no JSON stays.
func compact(text string) string {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return text
	}
	return encoded(v)
}

// encoded is a value as JSON.
func encoded(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // values of these tests have no channels or functions
	}
	return strings.TrimSpace(b.String())
}

// facts are what the request says.
func (r *request) facts() facts {
	f, n := facts{}, numbered{}
	var order []string
	calls := map[string]string{}
	names := map[string]string{}
	for i := range r.system {
		f.part(n, "system", &r.system[i], calls, names)
	}
	if len(r.system) > 0 {
		order = append(order, "system")
	}
	last := ""
	for _, t := range r.turns {
		for i := range t.parts {
			p := &t.parts[i]
			f.part(n, t.role, p, calls, names)
			if t.role != last {
				order, last = append(order, t.role), t.role
			}
			if p.kind == kindText || p.kind == kindCall || p.kind == kindResult {
				order = append(order, p.kind)
			}
		}
	}
	f["order"] = strings.Join(order, " ")
	for i := range r.tools {
		t := &r.tools[i]
		f["tool "+t.name] = t.help
		f["schema of "+t.name] = compact(t.schema)
		if t.cache {
			f["cache point after a tool"] = "set"
		}
		if t.strict {
			f["strict schema of a tool"] = "set"
		}
	}
	if r.choice == "none" { // no tool can be called, whether or not the model sees them
		for i := range r.tools {
			delete(f, "tool "+r.tools[i].name)
			delete(f, "schema of "+r.tools[i].name)
		}
	} else if r.choice != "" && r.choice != "auto" { // which is the default everywhere
		f["tool choice"] = r.choice
	}
	for name, value := range r.settings {
		f[name] = compact(value)
	}
	return f
}

// part takes a part of a request. Ids are compared by what they refer to.
func (f facts) part(n numbered, role string, p *part, calls, names map[string]string) {
	if p.cache {
		f["cache point after "+map[bool]string{true: "the system prompt", false: "a message"}[role == "system"]] = "set"
	}
	switch p.kind {
	case kindText:
		f[n.label(role+" text")] = p.text
	case kindImage:
		f[n.label("image")] = p.text
	case kindDocument:
		f[n.label("document")] = p.text
		if p.title != "" {
			f["name of a document"] = strings.TrimSuffix(p.title, ".pdf") // the format has a place of its own
		}
	case kindThought:
		f[n.label("thought")] = p.text
		if p.signature != "" {
			f[n.label("signature")] = p.signature
		}
	case kindCall:
		label := n.label("call")
		f[label] = p.name + " " + compact(p.args)
		calls[p.id], names[label] = label, p.name
		if p.signature != "" {
			f[n.label("signature")] = p.signature
		}
	case kindResult:
		label := n.label("result")
		f[label+" answers"] = calls[p.id]
		if p.name != "" { // dialects that repeat the name of the function
			f[label+" answers"] = calls[p.id]
			if names[calls[p.id]] != p.name {
				f[label+" answers"] = "a call of " + p.name
			}
		}
		var texts []string
		for i := range p.parts {
			switch in := &p.parts[i]; in.kind {
			case kindText:
				texts = append(texts, compact(in.text))
			default:
				f[in.kind+" in "+label] = in.text
			}
		}
		f[label] = strings.Join(texts, "|")
		if p.failed {
			f["failure of "+label] = "set"
		}
	default:
		f["unknown "+p.kind] = p.text
	}
}

// facts are what the response says. A signature is compared when it comes back.
func (a *answer) facts() facts {
	f, n := facts{}, numbered{}
	text, thought := "", ""
	for i := range a.parts {
		p := &a.parts[i]
		switch p.kind {
		case kindText:
			text += p.text
			for _, c := range p.citations {
				f[n.label("citation")] = c.url + " " + c.title
			}
		case kindThought:
			thought += p.text
		case kindCall:
			f[n.label("call")] = p.name + " " + compact(p.args)
		default:
			f["unknown "+p.kind] = p.text
		}
		if p.signature != "" {
			f["signature"] = "set"
		}
	}
	if text != "" {
		f["text"] = text
	}
	if thought != "" {
		f["thought"] = thought
	}
	f["stop reason"] = a.stop
	if a.stop == stopSequence {
		f["stop reason"], f["end at a stop sequence"] = stopEnd, "set"
	}
	for name, count := range a.usage {
		f[name] = strconv.Itoa(count)
	}
	return f
}

// strict decodes JSON into a struct that knows every member.
func strict(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%w in %s", err, body)
	}
	return nil
}

// halves are the two halves of a text, which streams send one after the other.
func halves(s string) []string {
	r := []rune(s)
	if len(r) < 2 {
		return []string{s}
	}
	return []string{string(r[:len(r)/2]), string(r[len(r)/2:])}
}

// stopWord is the stop in the words of a dialect.
func (a *answer) stopWord(words map[string]string) string {
	if a.word != "" {
		return a.word
	}
	return words[a.stop]
}

// usageOf is a count that is there only if it is not zero.
func (a *answer) has(count string) bool { return a.usage[count] != 0 }

func (a *answer) count(name string, value int) {
	if value == 0 {
		return
	}
	if a.usage == nil {
		a.usage = map[string]int{}
	}
	a.usage[name] = value
}
