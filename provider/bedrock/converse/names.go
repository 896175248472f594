package converse

import (
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"outcrop/llm"
)

// maxName is the maximum length that AWS accepts for a tool's name and a tool call's id
// (ToolSpecification and ToolUseBlock in the Converse API reference).
const maxName = 64

// rename replaces tool names that AWS forbids everywhere in the request; the response
// gets the caller's names back. It does the same for the ids of tool calls, which the
// response does not repeat. AWS accepts letters, digits, _ and - in names, and in ids
// also . and : characters; Mistral's models accept ids of nine letters and digits.
func (p *adapter) rename() {
	form := idForm{nine: p.model.any(nineIDs)}
	names, ids := p.collect(form)
	if names == nil && ids == nil {
		return
	}
	toSent := allocate(names, "tool", "-")
	idsSent := form.allocate(ids)
	if len(toSent) > 0 {
		p.f.names = make(map[string]string, len(toSent))
		for caller, sent := range toSent {
			p.f.names[sent] = caller
		}
		p.renameTools(toSent)
	}
	p.renameBlocks(toSent, idsSent)
}

// lot holds the names of one kind in a request: those that AWS accepts and those that
// it does not, in order.
type lot struct {
	taken map[string]bool
	bad   []string
}

// collect returns the names of tools and the ids of calls; nil if all can be sent
// unchanged.
func (p *adapter) collect(form idForm) (names, ids *lot) {
	badName, badID := false, false
	name := func(name string) bool { return legal(name, "-") }
	p.eachName(func(n string) { badName = badName || !name(n) },
		func(id string) { badID = badID || !form.takes(id) })
	if badName {
		names = &lot{taken: map[string]bool{}}
		p.eachName(func(n string) { names.add(n, name) }, nil)
	}
	if badID {
		ids = &lot{taken: map[string]bool{}}
		p.eachName(nil, func(id string) { ids.add(id, form.takes) })
	}
	return names, ids
}

func (l *lot) add(name string, takes func(string) bool) {
	if takes(name) {
		l.taken[name] = true
	} else if !slices.Contains(l.bad, name) {
		l.bad = append(l.bad, name)
	}
}

// eachName calls name for the name of each tool and id for the id of each call.
func (p *adapter) eachName(name, id func(string)) {
	if name != nil {
		for i := range p.out.Tools {
			if p.out.Tools[i].Other == nil {
				name(p.out.Tools[i].Name)
			}
		}
	}
	if !p.seen.tools {
		return
	}
	for i := range p.out.Turns {
		for j := range p.out.Turns[i].Blocks {
			switch b := &p.out.Turns[i].Blocks[j]; {
			case b.ToolUse != nil:
				if name != nil {
					name(b.ToolUse.Name)
				}
				if id != nil {
					id(b.ToolUse.ID)
				}
			case b.ToolResult != nil && id != nil:
				id(b.ToolResult.ID)
			}
		}
	}
}

// legal reports whether s has 1 to maxName bytes, of letters, digits, _ and marks.
func legal(s, marks string) bool {
	if s == "" || len(s) > maxName {
		return false
	}
	for i := range len(s) {
		if !legalByte(s[i], marks) {
			return false
		}
	}
	return true
}

func legalByte(c byte, marks string) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || strings.IndexByte(marks, c) >= 0
}

// allocate maps each bad name to a unique one that AWS accepts: the same with _ in
// place of forbidden characters, or, if that is too long or taken, with a hash of the
// name at its end.
func allocate(l *lot, empty, marks string) map[string]string {
	if l == nil {
		return nil
	}
	sent := make(map[string]string, len(l.bad))
	for _, name := range l.bad {
		plain := sanitised(name, marks)
		if strings.Trim(plain, "_") == "" {
			plain = empty
		}
		pick := plain
		for try := 0; len(pick) > maxName || l.taken[pick]; try++ {
			h := fnv.New32a()
			_, _ = h.Write([]byte(name + strings.Repeat("'", try))) // never returns an error
			mark := "_" + strconv.FormatUint(uint64(h.Sum32()), 36)
			pick = plain[:min(len(plain), maxName-len(mark))] + mark
		}
		l.taken[pick] = true
		sent[name] = pick
	}
	return sent
}

func sanitised(name, marks string) string {
	var b strings.Builder
	for _, r := range name {
		if r < 0x80 && legalByte(byte(r), marks) {
			b.WriteByte(byte(r))
		} else {
			b.WriteByte('_')
		}
		if b.Len() > maxName {
			break
		}
	}
	return b.String()
}

// sentName returns the replacement of a name, or the name itself.
func sentName(replaced map[string]string, name string) string {
	if r, ok := replaced[name]; ok {
		return r
	}
	return name
}

func (p *adapter) renameTools(sent map[string]string) {
	p.out.Tools = slices.Clone(p.out.Tools)
	for i := range p.out.Tools {
		p.out.Tools[i].Name = sentName(sent, p.out.Tools[i].Name)
	}
	p.out.ToolChoice.Name = sentName(sent, p.out.ToolChoice.Name)
}

func (p *adapter) renameBlocks(names, ids map[string]string) {
	if !p.seen.tools {
		return
	}
	p.rewrite(func(_ int, t llm.Turn) []llm.Block {
		blocks := slices.Clone(t.Blocks)
		for j := range blocks {
			switch b := &blocks[j]; {
			case b.ToolUse != nil:
				use := *b.ToolUse
				use.Name, use.ID = sentName(names, use.Name), sentName(ids, use.ID)
				b.ToolUse = &use
			case b.ToolResult != nil:
				result := *b.ToolResult
				result.ID = sentName(ids, result.ID)
				b.ToolResult = &result
			}
		}
		return blocks
	})
}
