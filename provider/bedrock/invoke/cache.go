package invoke

import (
	"bytes"
	"strconv"
	"strings"

	"outcrop/llm"
)

// mark is a cache_control.
type mark struct {
	n     *node // the value of cache_control; nil if it is added, and then the last one
	field string
}

// cacheControl adapts the cache_control of a tool or block.
func (a *adapter) cacheControl(n *node, path string) {
	c := n.member("cache_control")
	if c == nil || c.kind != '{' {
		return
	}
	field := below(path, "cache_control")
	if s := c.member("scope"); s != nil {
		a.dropAs(s, field+".scope", "Bedrock does not share caches")
	}
	if t := c.member("ttl"); t != nil {
		switch {
		case a.model.has(oneHour) && !a.without(featureTTL):
		case a.doc.text(t) == "5m": // which is the default
			t.drop()
		default:
			t.drop()
			a.warn(llm.WarnChanged, field+".ttl", "this model caches for five minutes")
		}
	}
	a.leaveOut(c, "cache_control", field)
	a.marks = append(a.marks, mark{c, field})
}

// maxMarks is how many cache_control AWS accepts in a request
// (https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html).
const maxMarks = 4

// fourMarks removes the cache_control that exceed AWS's limit. The last ones have the longest
// prefixes, so they stay, and of the others the last of the tools and of the system prompt.
func (a *adapter) fourMarks() {
	excess := len(a.marks) - maxMarks
	if excess <= 0 {
		return
	}
	valued := map[int]bool{}
	last := map[string]int{}
	for i, m := range a.marks {
		place, _, _ := strings.Cut(m.field, ".")
		last[place] = i
	}
	for place, i := range last {
		valued[i] = place != "messages"
	}
	for i, m := range a.marks[:len(a.marks)-1] {
		if excess == 0 {
			return
		}
		if !valued[i] {
			a.dropAs(m.n, m.field, "AWS accepts at most "+strconv.Itoa(maxMarks))
			excess--
		}
	}
}

// cacheAll replaces a cache_control of the whole request, which Bedrock does not have, by one on its
// last block.
func (a *adapter) cacheAll() {
	c := a.doc.root.member("cache_control")
	if c == nil {
		return
	}
	c.drop()
	if c.kind != '{' {
		return
	}
	messages := a.doc.root.member("messages")
	var last *node
	path := ""
	for i, m := range messages.elements {
		last, path = m.member("content"), below(index("messages", i), "content")
	}
	text := string(bytes.Join(a.doc.render(c), nil))
	switch {
	case last == nil:
	case last.kind == '"' && last.change == nil:
		last.replace(`[{"type":"text","text":` + string(a.doc.raw(last)) + `,"cache_control":` + text + `}]`)
		a.marks = append(a.marks, mark{field: path})
	case last.kind == '[':
		var b *node
		for i, e := range last.elements {
			b, path = e, index(path, i)
		}
		if b != nil && b.member("cache_control") == nil && !strings.HasSuffix(a.doc.text(b.member("type")), "thinking") && b.kind == '{' && b.change == nil {
			b.add(`"cache_control":` + text)
			a.marks = append(a.marks, mark{field: path})
		}
	}
}
