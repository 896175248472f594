package invoke

import (
	"bytes"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// placeholder is the name of a tool that Claude Code sends only so that Anthropic's API accepts
// references to tools.
const placeholder = "DeferredToolPlaceholder"

// tools adapts the tools.
func (a *adapter) tools() error {
	search := a.searches()
	for i, t := range a.doc.root.member("tools").elements {
		if t.kind != '{' {
			continue
		}
		path := index("tools", i)
		kind := a.doc.text(t.member("type"))
		if r := ruleFor(toolRules, kind); r != nil {
			return llm.Unsupported(path+".type", "%s.type: %s, so %q is not available", path, r.detail, kind)
		}
		for _, b := range toolBetas {
			if like(b.kind, kind) && !a.need(b.beta) {
				return llm.Unsupported(path+".type", "%s.type: AWS refused the beta that %q needs for this model", path, kind)
			}
		}
		a.tool(t, path, search)
	}
	return nil
}

// searches reports whether tools are searched by Bedrock. If not, tool search is unfolded: deferred
// tools become plain ones.
func (a *adapter) searches() bool {
	return a.model.has(toolSearch) && !a.without(featureDefer) && !a.without(betaToolSearch)
}

func (a *adapter) tool(t *node, path string, search bool) {
	a.cacheControl(t, path)
	if d := t.member("defer_loading"); d != nil && d.kind == 't' {
		switch {
		case search:
			a.need(betaToolSearch)
		case a.doc.text(t.member("name")) == placeholder:
			t.drop()
			return
		default:
			d.drop()
			a.warn(llm.WarnChanged, path+".defer_loading", "the tool is not deferred, because this model has no tool search on Bedrock")
		}
	}
	if s := t.member("strict"); s != nil && (!a.model.has(strict) || a.without(featureStrict)) {
		if s.kind == 't' {
			a.dropAs(s, path+".strict", "this model does not support strict tools on Bedrock")
		} else {
			s.drop()
		}
	}
	if e := t.member("eager_input_streaming"); e != nil {
		e.drop()
		if e.kind == 't' {
			if a.model.has(eager) && a.need(betaEager) {
				a.warn(llm.WarnChanged, path+".eager_input_streaming", "Bedrock enables it for all tools, by a beta")
			} else {
				a.warn(llm.WarnDropped, path+".eager_input_streaming", "this model does not support it on Bedrock")
			}
		}
	}
	if e := t.member("input_examples"); e != nil && (!a.model.has(examples) || !a.need(betaExamples)) {
		a.dropAs(e, path+".input_examples", "this model does not support it on Bedrock")
	}
	if c := t.member("allowed_callers"); c != nil {
		if strings.Contains(string(a.doc.raw(c)), "code_execution") {
			a.dropAs(c, path+".allowed_callers", "Bedrock does not run code")
		} else {
			c.drop()
		}
	}
	a.leaveOut(t, "tools", path)
}

// system adapts the system prompt.
func (a *adapter) system() error {
	for i, b := range a.doc.root.member("system").elements {
		path := index("system", i)
		a.cacheControl(b, path)
		a.leaveOut(b, "system", path)
	}
	return nil
}

// messages adapts the conversation.
func (a *adapter) messages() error {
	list := a.doc.root.member("messages")
	turns := !a.model.has(systemTurns) || a.without(featureRole)
	for i, m := range list.elements {
		path := index("messages", i)
		system := a.doc.text(m.member("role")) == "system"
		if c := m.member("output_config"); c != nil {
			a.dropAs(c, path+".output_config", "Bedrock takes one output_config for the whole request")
		}
		if c := m.member("clear_at"); c != nil {
			a.dropAs(c, path+".clear_at", "Bedrock does not support instructions that end")
		}
		if err := a.content(m.member("content"), path+".content", system && turns); err != nil {
			return err
		}
		a.leaveOut(m, "messages", path)
		if c := m.member("content"); c != nil && c.kind == '[' && (len(c.kids) > 0 || system) && !hasElement(c) {
			m.drop() // Claude Code sends empty system messages for their output_config
		}
	}
	if !turns {
		return nil
	}
	for i, m := range list.elements {
		if a.doc.text(m.member("role")) == "system" {
			a.instruction(list, i)
		}
	}
	return nil
}

// hasElement reports whether an array has an element that is not dropped.
func hasElement(n *node) bool {
	for range n.elements {
		return true
	}
	return false
}

// instruction makes a message of role system, which the model does not take, part of the user's
// turn: neighbours of one role are one turn. If it stands between calls of tools and their results,
// which must follow at once, it is moved behind the results.
func (a *adapter) instruction(list *node, i int) {
	m := &list.kids[i]
	a.warn(llm.WarnChanged, index("messages", i)+".role", "the instructions are part of the user's turn, because this model does not take messages of role system")
	next := i + 1
	for next < len(list.kids) && (list.kids[next].gone() || a.doc.text(list.kids[next].member("role")) == "system") {
		next++
	}
	if next == len(list.kids) || !a.contains(&list.kids[next], "tool_result") || a.answered(list, i) {
		m.member("role").replace(`"user"`)
		return
	}
	var w jsonx.Writer
	w.Object()
	w.Key("role")
	w.Word("user")
	w.Key("content")
	w.Raw(bytes.Join(a.doc.render(m.member("content")), nil))
	w.EndObject()
	m.drop()
	list.kids[next].follow(w.Buf)
}

// contains reports whether a message has a block of a type.
func (a *adapter) contains(m *node, kind string) bool {
	for _, b := range m.member("content").elements {
		if a.doc.text(b.member("type")) == kind {
			return true
		}
	}
	return false
}

// answered reports whether results, or no calls of tools, stand before message i.
func (a *adapter) answered(list *node, i int) bool {
	for i--; i >= 0; i-- {
		m := &list.kids[i]
		if m.gone() || a.doc.text(m.member("role")) == "system" {
			continue
		}
		return !a.contains(m, "tool_use")
	}
	return true
}

// content adapts the blocks of a message or of a tool result. instruction is whether they become
// part of the user's turn.
func (a *adapter) content(n *node, path string, instruction bool) error {
	for i, b := range n.elements {
		if b.kind != '{' {
			continue
		}
		if err := a.block(b, index(path, i), instruction); err != nil {
			return err
		}
	}
	return nil
}

func (a *adapter) block(b *node, path string, instruction bool) error {
	kind := a.doc.text(b.member("type"))
	if r := ruleFor(blockRules, kind); r != nil {
		return llm.Unsupported(path+".type", "%s.type: %s, so %q is not available", path, r.detail, kind)
	}
	a.cacheControl(b, path)
	switch kind {
	case "thinking":
		switch s := b.member("signature"); {
		case s == nil, a.doc.text(s) == "" && len(a.doc.raw(s)) <= 2:
			a.dropAs(b, path, "AWS refuses thinking without a signature")
		case llm.Marked(a.doc.text(s)):
			a.dropAs(b, path, "the signature is from another model")
		}
	case "tool_result":
		if err := a.content(b.member("content"), path+".content", false); err != nil {
			return err
		}
	case "tool_reference":
		if !a.searches() {
			name := a.doc.text(b.member("tool_name"))
			b.replace(`{"type":"text","text":` + string(jsonx.AppendString(nil, "The tool "+name+" is available.")) + `}`)
			return nil
		}
		a.need(betaToolSearch)
	case "tool_addition", "tool_removal":
		if instruction || !a.need(betaToolChanges) {
			return llm.Unsupported(path+".type", "%s.type: this model does not support %q on Bedrock", path, kind)
		}
	case "image", "document":
		if err := a.source(b.member("source"), path+".source"); err != nil {
			return err
		}
	}
	a.leaveOut(b, "messages.content", path)
	return nil
}

// source adapts where an image or document comes from.
func (a *adapter) source(s *node, path string) error {
	kind := a.doc.text(s.member("type"))
	if r := ruleFor(sourceRules, kind); r != nil {
		return llm.Unsupported(path+".type", "%s.type: %s", path, r.detail)
	}
	switch kind {
	case "url":
		media, ok := a.opt.Media[a.doc.text(s.member("url"))]
		if !ok {
			return llm.Unsupported(path+".url", "%s.url: Bedrock does not fetch URLs, and the content was not fetched by the gateway", path)
		}
		s.replace(`{"type":"base64","media_type":` + string(jsonx.AppendString(nil, media.Type)) + `,"data":"` + string(media.Base64.Bytes()) + `"}`)
	case "content":
		return a.content(s.member("content"), path+".content", false)
	}
	return nil
}

// Source is content that a request names by URL.
type Source struct {
	Field string // such as messages.0.content.1.source.url
	URL   string
}

// Remote lists the images and documents that a request names by URL, for Options.Media. The error is
// an *llm.Error.
func Remote(body []byte) ([]Source, error) {
	if !bytes.Contains(body, []byte(`"url"`)) && !bytes.ContainsRune(body, '\\') {
		return nil, nil
	}
	doc, err := parse(body)
	if err != nil {
		return nil, err
	}
	var found []Source
	for i, m := range doc.root.member("messages").elements {
		found = doc.remote(found, m.member("content"), index("messages", i)+".content")
	}
	return found, nil
}

func (d *document) remote(found []Source, content *node, path string) []Source {
	for i, b := range content.elements {
		at := index(path, i)
		switch d.text(b.member("type")) {
		case "image", "document":
			s := b.member("source")
			if d.text(s.member("type")) == "url" {
				found = append(found, Source{at + ".source.url", d.text(s.member("url"))})
			}
			found = d.remote(found, s.member("content"), at+".source.content")
		case "tool_result":
			found = d.remote(found, b.member("content"), at+".content")
		}
	}
	return found
}
