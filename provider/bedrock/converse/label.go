package converse

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"outcrop/internal/httpfield"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Limits of requestMetadata
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html).
const (
	maxLabels = 16
	maxLabel  = 256 // characters
)

// labels sends user and metadata as requestMetadata, which AWS writes into the
// invocation log. A requestMetadata set by the caller takes precedence. What AWS does
// not accept is dropped with a warning, since it does not affect the answer.
func (p *adapter) labels() error {
	own, err := p.ownLabels()
	if err != nil {
		return err
	}
	if user := p.out.User; user != "" && slices.ContainsFunc(p.out.Metadata, func(l llm.Label) bool { return l.Name == "user" }) {
		p.warn(llm.WarnDropped, p.name(llm.FieldUser), p.named(llm.Field{Kind: llm.FieldMetadata, Name: "user"})+" is set and takes precedence")
		p.out.User = ""
	}
	user, labels := p.out.User, p.out.Metadata
	p.out.Metadata, p.out.User = nil, ""
	if own != nil {
		for _, l := range labels {
			p.warn(llm.WarnDropped, p.named(llm.Field{Kind: llm.FieldMetadata, Name: l.Name}), "requestMetadata is set and takes precedence")
		}
		if user != "" {
			p.warn(llm.WarnDropped, p.name(llm.FieldUser), "requestMetadata is set and takes precedence")
		}
		set, warnings := Attributed(own, p.out.Attribution)
		p.f.Warnings = append(p.f.Warnings, warnings...)
		p.out.Extensions = slices.Clone(p.out.Extensions)
		p.out.Extensions[slices.IndexFunc(p.out.Extensions, func(m jsonx.Member) bool { return m.Name == "requestMetadata" })].Value = set
		return nil
	}
	set, warnings := RequestMetadata(&llm.Call{User: user, Metadata: labels, Names: p.out.Names, Attribution: p.out.Attribution})
	p.f.Warnings = append(p.f.Warnings, warnings...)
	if set != nil {
		p.out.Extensions = append(p.out.Extensions, jsonx.Member{Name: "requestMetadata", Value: set})
	}
	return nil
}

// RequestMetadata returns the client's own user and labels of a call as requestMetadata; nil if there are none
// that AWS accepts, of which the warnings tell. A user that is a JSON object, as Claude Code has it,
// becomes a label for each member that is not empty. The labels that say who calls come first, see Attributed.
func RequestMetadata(c *llm.Call) (jsonx.Raw, []llm.Warning) {
	given := len(c.Metadata)
	labels := append(slices.Clip(c.Metadata), userLabels(c.User)...)
	if len(labels) == 0 {
		return Attributed(nil, c.Attribution)
	}
	var warnings []llm.Warning
	var w jsonx.Writer
	w.Object()
	count := 0
	seen := map[string]bool{}
	for i, l := range labels {
		field, reason := llm.Field{Kind: llm.FieldMetadata, Name: l.Name}, ""
		if i >= given {
			field = llm.Field{Kind: llm.FieldUser}
		}
		switch {
		case seen[l.Name]:
			reason = "a label of this name is already set"
		case l.Name == "" || !labelled(l.Name) || !labelled(l.Value):
			reason = "Bedrock accepts at most " + strconv.Itoa(maxLabel) + " letters, digits, spaces and :_@$#=/+,-."
		case count == maxLabels:
			reason = "Bedrock accepts at most " + strconv.Itoa(maxLabels) + " labels"
		default:
			count++
			w.AnyKey(l.Name)
			w.String(l.Value)
		}
		if reason != "" {
			warnings = append(warnings, llm.Warning{Code: llm.WarnDropped, Field: c.FieldName(field), Detail: reason})
		}
		seen[l.Name] = true
	}
	w.EndObject()
	set := jsonx.Raw(w.Buf)
	if count == 0 {
		set = nil
	}
	set, left := Attributed(set, c.Attribution)
	return set, append(warnings, left...)
}

// userLabels returns the labels for a client's own user.
func userLabels(user string) []llm.Label {
	if user == "" {
		return nil
	}
	one := []llm.Label{{Name: "user", Value: user}}
	if user[0] != '{' {
		return one
	}
	members, err := jsonx.Members(jsonx.Raw(user))
	if err != nil {
		return one
	}
	var all []llm.Label
	for _, m := range members {
		var value string
		if jsonx.Unmarshal(m.Value, &value) != nil {
			return one
		}
		if value != "" {
			all = append(all, llm.Label{Name: "user." + m.Name, Value: value})
		}
	}
	return all
}

// ownLabels returns the requestMetadata set by the caller; nil if there is none. It
// rejects what AWS would reject, except an empty object, which is ignored.
func (p *adapter) ownLabels() (jsonx.Raw, error) {
	const field = "requestMetadata"
	own := p.extension(field)
	if own == nil {
		return nil, nil
	}
	members, err := jsonx.Members(own)
	switch {
	case err != nil:
		return nil, llm.Invalid(field, "%s must be an object", field)
	case len(members) == 0:
		p.out.Extensions = slices.DeleteFunc(slices.Clone(p.out.Extensions), func(m jsonx.Member) bool { return m.Name == field })
		return nil, nil
	case len(members) > maxLabels:
		return nil, llm.Invalid(field, "%s has %d labels; Bedrock accepts at most %d", field, len(members), maxLabels)
	}
	for _, m := range members {
		var value string
		switch {
		case m.Value.Kind() != '"' || jsonx.Unmarshal(m.Value, &value) != nil:
			return nil, llm.Invalid(field+"."+m.Name, "%s.%s must be a string, not %s", field, m.Name, jsonx.KindName(m.Value.Kind()))
		case m.Name == "" || !labelled(m.Name) || !labelled(value):
			return nil, llm.Invalid(field+"."+m.Name, "%s.%s: a name and a value may have at most %d letters, digits, spaces and :_@$#=/+,-.", field, m.Name, maxLabel)
		}
	}
	return own, nil
}

// labelled reports whether AWS accepts s as a key or value of requestMetadata.
func labelled(s string) bool {
	if utf8.RuneCountInString(s) > maxLabel {
		return false
	}
	for _, r := range s {
		if r >= utf8.RuneSelf || !legalByte(byte(r), " \t\n\r\f:@$#=/+,-.") {
			return false
		}
	}
	return true
}

// headers keeps the caller's headers except those that concern the connection to AWS:
// addresses, bodies, credentials, signatures and connections. No model on Bedrock reads
// Anthropic's beta header; Claude accepts the same values as a field.
func (p *adapter) headers() {
	given := p.out.Headers
	p.out.Headers = nil
	for _, h := range given {
		name := strings.ToLower(h.Name)
		switch {
		case name == "anthropic-beta":
			p.betas(h.Value)
		case !httpfield.IsToken(name) || httpfield.RuleOf(name) != httpfield.Pass || !httpfield.IsValue(h.Value):
			p.warn(llm.WarnDropped, p.named(llm.Field{Kind: llm.FieldHeader, Name: h.Name}), "clients may not set this header")
		default:
			p.f.Headers = append(p.f.Headers, h)
		}
	}
}

// betas adds a comma-separated list of betas to Claude's field.
func (p *adapter) betas(list string) {
	if !p.model.any(betas) {
		p.warn(llm.WarnDropped, "anthropic-beta", "only Claude models support it")
		return
	}
	var words []string
	for word := range strings.SplitSeq(strings.Trim(list, "[] "), ",") {
		if word = strings.Trim(word, "\" "); word != "" {
			words = append(words, word)
		}
	}
	p.beta(words...)
}

// extensions removes the Converse members that a response that is not streamed does not
// have.
func (p *adapter) extensions() error {
	if p.stream && !p.f.Whole {
		return nil
	}
	for i, m := range p.out.Extensions {
		if m.Name != "guardrailConfig" {
			continue
		}
		members, err := jsonx.Members(m.Value)
		if err != nil {
			return llm.Invalid(m.Name, "%s must be an object", m.Name)
		}
		mode := slices.IndexFunc(members, func(m jsonx.Member) bool { return m.Name == "streamProcessingMode" })
		if mode < 0 {
			continue
		}
		var w jsonx.Writer
		w.Object()
		w.Members(slices.Delete(members, mode, mode+1))
		w.EndObject()
		p.out.Extensions = slices.Clone(p.out.Extensions)
		p.out.Extensions[i].Value = w.Buf
		p.warn(llm.WarnDropped, "guardrailConfig.streamProcessingMode", "the response is not streamed")
	}
	return nil
}
