package converse

import (
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Claude refuses a tool whose properties have names of other characters than these, or of
// more than 64: "tools.0.custom.input_schema.properties: Property keys should match
// pattern '^[a-zA-Z0-9_.-]{1,64}$'". It looks at the top of the schema alone
// (https://github.com/aws-solutions-library-samples/accelerated-intelligent-document-processing-on-aws/issues/709,
// 2026-08-31; https://github.com/aaif-goose/goose/issues/1804).

const keyCharacters = ".-"

// keys gives such properties names that the model takes. Calls in the conversation get
// them as well, and in the answer the caller's stand again.
func (p *adapter) keys() {
	if !p.model.any(plainKeys) {
		return
	}
	owned := false
	sent := map[string]map[string]string{} // by tool, what the caller's names are replaced by
	for i := range p.out.Tools {
		t := &p.out.Tools[i]
		if t.Other != nil || len(t.Own) > 0 {
			continue
		}
		schema, names := plainKeysOf(t.Schema)
		if names == nil {
			continue
		}
		if !owned {
			p.out.Tools, owned = slices.Clone(p.out.Tools), true
		}
		p.out.Tools[i].Schema = schema
		sent[t.Name] = names
		back := make(map[string]string, len(names))
		for caller, name := range names {
			back[name] = caller
		}
		if p.f.keys == nil {
			p.f.keys = map[string]map[string]string{}
		}
		p.f.keys[t.Name] = back
	}
	if len(sent) == 0 || !p.seen.tools {
		return
	}
	p.rewrite(func(_ int, t llm.Turn) []llm.Block {
		blocks := slices.Clone(t.Blocks)
		for j := range blocks {
			if use := blocks[j].ToolUse; use != nil && sent[use.Name] != nil {
				renamed := *use
				renamed.Input = withKeys(use.Input, sent[use.Name])
				blocks[j].ToolUse = &renamed
			}
		}
		return blocks
	})
}

// plainKeysOf gives a schema whose properties have names that Claude takes, and by the
// names that were replaced what they are now; nil if all can stay.
func plainKeysOf(schema jsonx.Raw) (jsonx.Raw, map[string]string) {
	members, err := jsonx.Members(schema)
	if err != nil {
		return nil, nil
	}
	properties, err := jsonx.Members(jsonx.Find(members, "properties"))
	if err != nil {
		return nil, nil
	}
	takes := func(name string) bool { return legal(name, keyCharacters) }
	if !slices.ContainsFunc(properties, func(m jsonx.Member) bool { return !takes(m.Name) }) {
		return nil, nil
	}
	all := &lot{taken: map[string]bool{}}
	for _, m := range properties {
		all.add(m.Name, takes)
	}
	names := allocate(all, "property", keyCharacters)
	var w jsonx.Writer
	w.Object()
	for _, m := range members {
		w.AnyKey(m.Name)
		var required []string
		switch {
		case m.Name == "properties":
			w.Raw(withKeys(m.Value, names))
		case m.Name == "required" && jsonx.Unmarshal(m.Value, &required) == nil:
			w.Array()
			for _, name := range required {
				w.String(sentName(names, name))
			}
			w.EndArray()
		default:
			w.Raw(m.Value)
		}
	}
	w.EndObject()
	return w.Buf, names
}

// withKeys gives an object with other names for some of its members; anything else as it
// is.
func withKeys(object jsonx.Raw, names map[string]string) jsonx.Raw {
	members, err := jsonx.Members(object)
	if err != nil {
		return object
	}
	var w jsonx.Writer
	w.Object()
	for _, m := range members {
		w.AnyKey(sentName(names, m.Name))
		w.Raw(m.Value)
	}
	w.EndObject()
	return w.Buf
}

// keyStream is a stream in whose calls the caller's names of properties stand again.
type keyStream struct {
	llm.Stream
	keys  map[string]map[string]string // by tool
	open  map[int]*keyScanner          // by block
	queue []llm.Event                  // that come before the next of Stream
}

func (k *keyStream) Next(ev *llm.Event) error {
	if len(k.queue) > 0 {
		*ev, k.queue = k.queue[0], k.queue[1:]
		return nil
	}
	if err := k.Stream.Next(ev); err != nil {
		return err
	}
	switch scanner := k.open[ev.Index]; {
	case ev.Kind == llm.EventBlockStart && ev.ToolUse != nil && k.keys[ev.ToolUse.Name] != nil:
		if k.open == nil {
			k.open = map[int]*keyScanner{}
		}
		k.open[ev.Index] = &keyScanner{names: k.keys[ev.ToolUse.Name]}
	case scanner == nil:
	case ev.Kind == llm.EventDelta && ev.Block == llm.BlockToolUse:
		ev.Text = scanner.scan(ev.Text)
	case ev.Kind == llm.EventBlockEnd:
		delete(k.open, ev.Index)
		if len(scanner.key) > 0 { // the call was cut within a name
			k.queue = append(k.queue, *ev)
			*ev = llm.Event{Kind: llm.EventDelta, Index: ev.Index, Block: llm.BlockToolUse, Text: string(scanner.key)}
		}
	}
	return nil
}

func (k *keyStream) More() bool { return len(k.queue) > 0 || k.Stream.More() }

// keyScanner replaces the names of an object's members in its text, which comes in
// pieces. A name is held back until it is whole.
type keyScanner struct {
	names   map[string]string
	depth   int
	object  bool // the value is one
	member  bool // a name comes next
	text    bool // within a string
	escaped bool
	key     []byte // what has come of a name, with its quotation mark; nil outside of one
}

// maxKey bounds what is held back of a name.
const maxKey = 4 << 10

func (s *keyScanner) scan(piece string) string {
	var out strings.Builder
	for i := range len(piece) {
		c := piece[i]
		begins := c == '"' && !s.text && s.member
		if s.key == nil && !begins {
			out.WriteByte(c)
		} else if s.key = append(s.key, c); len(s.key) > maxKey { // no name of ours is that long
			out.Write(s.key)
			s.key = nil
		}
		switch {
		case s.text && s.escaped:
			s.escaped = false
		case s.text && c == '\\':
			s.escaped = true
		case s.text && c == '"':
			s.text = false
			if s.key != nil {
				out.Write(s.replaced())
				s.key = nil
			}
		case s.text:
		case c == '"':
			s.text, s.member = true, false
		case c == '{' || c == '[':
			if s.depth++; s.depth == 1 {
				s.object = c == '{'
				s.member = s.object
			}
		case c == '}' || c == ']':
			s.depth--
			s.member = false
		case c == ',':
			s.member = s.depth == 1 && s.object
		}
	}
	return out.String()
}

// replaced is the name that is held back, or what stands for it.
func (s *keyScanner) replaced() []byte {
	var name string
	if jsonx.Unmarshal(s.key, &name) != nil {
		return s.key
	}
	caller, ok := s.names[name]
	if !ok {
		return s.key
	}
	return jsonx.AppendString(nil, caller)
}
