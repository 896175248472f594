package migrate

import (
	"bytes"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/token"
)

const (
	mark  = "# outcrop: " // begins every comment that is added
	more  = "#   "        // begins its other lines
	width = 100           // of a comment without its indentation
)

// page is the text of a YAML file, with what is to be changed in it. Lines and columns begin at 1; columns count
// characters.
type page struct {
	bom, crlf bool
	lines     []string
	tokens    token.Tokens
	at        map[place]int // tokens by their places
	above     map[int][][]string
	removed   []removal
	edits     []edit
}

// place is a place in a file.
type place struct{ line, column int }

// removal comments lines out: those of a key and its value.
type removal struct {
	first, last int // lines
	column      int // of the key
	why         []string
}

// edit replaces a part of a line, or removes it if there is no text.
type edit struct {
	line, from, to int // columns; to is the first one that stays
	text           string
}

func newPage(data []byte, tokens token.Tokens) *page {
	rest, bom := bytes.CutPrefix(data, []byte("\ufeff"))
	text := strings.ReplaceAll(string(rest), "\r\n", "\n")
	p := &page{bom: bom, crlf: text != string(rest), lines: strings.Split(strings.ReplaceAll(text, "\r", "\n"), "\n"), tokens: tokens, at: map[place]int{}, above: map[int][][]string{}}
	for i, t := range tokens {
		if at := (place{t.Position.Line, t.Position.Column}); t.Type != token.CommentType {
			if _, dup := p.at[at]; !dup {
				p.at[at] = i
			}
		}
	}
	return p
}

// comment formats a remark as the lines of a comment.
func comment(text string) []string {
	var lines []string
	line := strings.TrimSuffix(mark, " ")
	text = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f {
			return '?'
		}
		return r
	}, text)
	for word := range strings.FieldsSeq(text) {
		if len(line) > len(more) && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = strings.TrimSuffix(more, " ")
		}
		line += " " + word
	}
	return append(lines, line)
}

// note puts a comment above a line, unless it is there.
func (p *page) note(line int, text string) {
	lines := comment(text)
	if slices.ContainsFunc(p.above[line], func(other []string) bool { return slices.Equal(other, lines) }) || p.has(line, lines) {
		return
	}
	p.above[line] = append(p.above[line], lines)
}

// has reports whether the comment above a line has some lines.
func (p *page) has(line int, lines []string) bool {
	var there []string
	for i := line - 1; i >= 1; i-- {
		text := strings.TrimSpace(p.lines[i-1])
		if !strings.HasPrefix(text, "#") {
			break
		}
		there = append([]string{text}, there...)
	}
	for i := range there {
		if i+len(lines) <= len(there) && slices.Equal(there[i:i+len(lines)], lines) {
			return true
		}
	}
	return false
}

// span is where a key and its value are.
type span struct {
	from, to int // tokens; to is the first one that is not part of it
	flow     bool
}

// span finds a key and its value; false if there is no key at the place.
func (p *page) span(line, column int) (span, bool) {
	from, ok := p.at[place{line, column}]
	if !ok {
		return span{}, false
	}
	depth := 0
	for _, t := range p.tokens[:from] {
		depth += nesting(t)
	}
	s := span{from: from, flow: depth > 0}
	depth = 0
	content := false // the next token is the text of a block
	i := from
	for ; i < len(p.tokens); i++ {
		t := p.tokens[i]
		if content || t.Type == token.CommentType {
			content = false
			continue
		}
		content = t.Type == token.LiteralType || t.Type == token.FoldedType
		if i == from {
			continue
		}
		if s.flow && depth == 0 && (t.Type == token.CollectEntryType || nesting(t) < 0) {
			break
		}
		if !s.flow && depth == 0 && t.Position.Line > line && (t.Position.Column < column || t.Position.Column == column && t.Type != token.SequenceEntryType) {
			break
		}
		depth += nesting(t)
	}
	s.to = i
	return s, true
}

func nesting(t *token.Token) int {
	switch t.Type {
	case token.MappingStartType, token.SequenceStartType:
		return 1
	case token.MappingEndType, token.SequenceEndType:
		return -1
	default:
		return 0
	}
}

// remove comments out a key with its value, and says why above it. It is false if that cannot be done without
// changing the meaning of others.
func (p *page) remove(line, column int, why string) bool {
	s, ok := p.span(line, column)
	if !ok || p.needed(s) {
		return false
	}
	runes := []rune(p.lines[line-1])
	if column > len(runes) {
		return false
	}
	before := strings.Trim(string(runes[:column-1]), " ")
	switch {
	case s.flow && before == "" && p.wholeLines(s):
		p.removed = append(p.removed, removal{line, p.tokens[p.lastOf(s)].Position.Line, column, comment(why)})
		return true
	case s.flow:
		return p.cut(s, line, column, why)
	case strings.Trim(before, " -") != "":
		return false
	}
	last := len(p.lines)
	if s.to < len(p.tokens) {
		last = p.tokens[s.to].Position.Line - 1
	}
	for last > line && (blank(p.lines[last-1]) || isComment(p.lines[last-1]) && indent(p.lines[last-1]) < column) {
		last--
	}
	p.removed = append(p.removed, removal{line, last, column, comment(why)})
	return true
}

// lastOf is the last token of a member of a mapping in braces, with the comma behind it.
func (p *page) lastOf(s span) int {
	last := s.to - 1
	if s.to < len(p.tokens) && p.tokens[s.to].Type == token.CollectEntryType {
		last = s.to
	}
	for last > s.from && p.tokens[last].Type == token.CommentType {
		last--
	}
	return last
}

// wholeLines reports whether a member of a mapping in braces, with the comma behind it, ends at the end of a line, and
// its texts are each on one line.
func (p *page) wholeLines(s span) bool {
	last := p.lastOf(s)
	for _, t := range p.tokens[s.from : last+1] {
		if strings.Contains(strings.TrimSpace(t.Origin), "\n") {
			return false
		}
	}
	next := last + 1
	for next < len(p.tokens) && p.tokens[next].Type == token.CommentType {
		next++
	}
	return next < len(p.tokens) && p.tokens[next].Position.Line > p.tokens[last].Position.Line
}

// anchored reports whether a key or its value has an anchor that is referred to from elsewhere.
func (p *page) anchored(line, column int) bool {
	s, ok := p.span(line, column)
	return ok && p.needed(s)
}

// needed reports whether a part has an anchor that is referred to from elsewhere.
func (p *page) needed(s span) bool {
	anchors := map[string]bool{}
	for i := s.from; i < s.to; i++ {
		if p.tokens[i].Type == token.AnchorType && i+1 < len(p.tokens) {
			anchors[p.tokens[i+1].Value] = true
		}
	}
	for i, t := range p.tokens {
		if t.Type == token.AliasType && (i < s.from || i >= s.to) && i+1 < len(p.tokens) && anchors[p.tokens[i+1].Value] {
			return true
		}
	}
	return false
}

// cut removes a member of a mapping in braces that is on one line.
func (p *page) cut(s span, line, column int, why string) bool {
	if s.to >= len(p.tokens) || s.from == 0 {
		return false
	}
	for _, t := range p.tokens[s.from-1 : s.to+1] {
		if t.Position.Line != line || t.Type == token.CommentType {
			return false
		}
	}
	before, after := p.tokens[s.from-1], p.tokens[s.to]
	runes := []rune(p.lines[line-1])
	from, to := column, after.Position.Column
	if to > len(runes) || to <= from {
		return false
	}
	text := p.edited(line, from, to)
	switch first := before.Type == token.MappingStartType || before.Type == token.CollectEntryType && p.gone(before.Position.Line, before.Position.Column); {
	case after.Type == token.CollectEntryType && first:
		for to++; to <= len(runes) && runes[to-1] == ' '; to++ {
		}
	case first: // the only one
	case before.Type == token.CollectEntryType:
		from = before.Position.Column
	default:
		return false
	}
	p.edits = slices.DeleteFunc(p.edits, func(e edit) bool { return e.line == line && e.from >= from && e.to <= to })
	p.edits = append(p.edits, edit{line, from, to, ""})
	p.above[line] = append(p.above[line], append(comment(why), "# "+text))
	return true
}

// edited returns a part of a line with the edits that are within it.
func (p *page) edited(line, from, to int) string {
	var text strings.Builder
	runes := []rune(p.lines[line-1])
	inside := slices.DeleteFunc(slices.Clone(p.edits), func(e edit) bool { return e.line != line || e.from < from || e.to > to })
	slices.SortFunc(inside, func(a, b edit) int { return a.from - b.from })
	for _, e := range inside {
		text.WriteString(string(runes[from-1:e.from-1]) + e.text)
		from = e.to
	}
	text.WriteString(string(runes[from-1 : to-1]))
	return strings.TrimSpace(text.String())
}

// replace replaces a text in a line. It is false if it is not there.
func (p *page) replace(line, column int, old, with string) bool {
	if line < 1 || line > len(p.lines) {
		return false
	}
	runes := []rune(p.lines[line-1])
	end := column - 1 + len([]rune(old))
	if end > len(runes) || string(runes[column-1:end]) != old {
		return false
	}
	p.edits = append(p.edits, edit{line, column, end + 1, with})
	return true
}

// gone reports whether a place is commented out.
func (p *page) gone(line, column int) bool {
	return slices.ContainsFunc(p.removed, func(r removal) bool { return r.first <= line && line <= r.last }) ||
		slices.ContainsFunc(p.edits, func(e edit) bool { return e.line == line && e.text == "" && e.from <= column && column < e.to })
}

// behind returns the first line from one on that is not commented out, nor was a comment or empty before; the last
// line if there is none.
func (p *page) behind(line int) int {
	for line < len(p.lines) && (p.gone(line, 1) || blank(p.lines[line-1]) || isComment(p.lines[line-1])) {
		line++
	}
	return line
}

// text returns the changed text.
func (p *page) text() []byte {
	lines := slices.Clone(p.lines)
	slices.SortStableFunc(p.edits, func(a, b edit) int { return b.from - a.from })
	for _, e := range p.edits {
		runes := []rune(lines[e.line-1])
		lines[e.line-1] = string(runes[:e.from-1]) + e.text + string(runes[e.to-1:])
	}
	starts := map[int]removal{}
	for _, r := range p.removed {
		starts[r.first] = r
	}
	var out []string
	var last removal
	for i := 1; i <= len(lines); i++ {
		line := lines[i-1]
		r, begins := starts[i]
		pad := strings.Repeat(" ", indent(line))
		for _, block := range p.above[i] {
			if begins {
				break // it is about the key that is gone
			}
			for _, c := range block {
				out = append(out, pad+c)
			}
		}
		if !begins {
			out = append(out, line)
			continue
		}
		runes := []rune(line)
		pad = strings.Repeat(" ", r.column-1)
		if dash := strings.TrimRight(string(runes[:r.column-1]), " "); dash != "" {
			for _, block := range p.above[i] {
				for _, c := range block {
					out = append(out, strings.Repeat(" ", indent(line))+c)
				}
			}
			out = append(out, dash)
		}
		if last.last != r.first-1 || last.column != r.column || !slices.Equal(last.why, r.why) { // else the reason is there
			for _, c := range r.why {
				out = append(out, pad+c)
			}
		}
		last = r
		out = append(out, pad+"# "+string(runes[r.column-1:]))
		for ; i < r.last; i++ {
			out = append(out, pad+strings.TrimRight("# "+cutIndent(lines[i], r.column-1), " "))
		}
	}
	text := strings.Join(out, "\n")
	if p.crlf {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	if p.bom {
		text = "\ufeff" + text
	}
	return []byte(text)
}

func blank(line string) bool     { return strings.TrimSpace(line) == "" }
func isComment(line string) bool { return strings.HasPrefix(strings.TrimSpace(line), "#") }
func indent(line string) int     { return len(line) - len(strings.TrimLeft(line, " ")) }

// cutIndent removes as many spaces from the beginning of a line, as far as it has them.
func cutIndent(line string, n int) string { return line[min(n, indent(line)):] }
