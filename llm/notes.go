package llm

import (
	"slices"

	"outcrop/internal/jsonx"
)

// Notes are what an encoder of a request says of it: what it changed or left out, each once.
type Notes struct {
	req      *Request
	Warnings []Warning
}

// NewNotes returns Notes on a request, with what has been said of it before.
func NewNotes(req *Request, warnings []Warning) Notes { return Notes{req, warnings} }

// Warn adds a warning, unless there is an equal one.
func (n *Notes) Warn(code, field, detail string) {
	w := Warning{Code: code, Field: field, Detail: detail}
	if !slices.Contains(n.Warnings, w) {
		n.Warnings = append(n.Warnings, w)
	}
}

// Dropped warns that a field is left out, under the client's name for it.
func (n *Notes) Dropped(kind FieldKind, detail string) {
	n.Warn(WarnDropped, n.req.FieldName(Field{Kind: kind}), detail)
}

// Refuse handles a field whose absence changes the meaning, as Request.Refuse does.
func (n *Notes) Refuse(field, format string, args ...any) error {
	return n.req.Refuse(n.Warn, field, format, args...)
}

// Given reports whether the request sets a member of the API itself, which takes precedence.
func (n *Notes) Given(name string) bool { return jsonx.Find(n.req.ModelFields, name) != nil }

// Lacks are the reasons for which an API has no place for fields that do not change the response.
type Lacks struct {
	User, Metadata, ServiceTier, CacheRetention string
}

// LeaveOut warns about the fields of a request that an API lacks.
func (n *Notes) LeaveOut(why Lacks) {
	req := n.req
	if req.User != "" {
		n.Dropped(FieldUser, why.User)
	}
	for _, l := range req.Metadata {
		n.Warn(WarnDropped, req.FieldName(Field{Kind: FieldMetadata, Name: l.Name}), why.Metadata)
	}
	if tier := req.ServiceTier; tier != "" && tier != "auto" && tier != "default" {
		n.Dropped(FieldServiceTier, why.ServiceTier)
	}
	if req.CacheRetention != "" {
		n.Dropped(FieldCacheRetention, why.CacheRetention)
	}
	for _, m := range req.Extensions {
		n.Warn(WarnDropped, m.Name, "it is a setting of AWS Bedrock")
	}
}

// Unmapped handles OpenAI's parameters without a field of Request, for an API that has the seed and the
// penalties under OpenAI's names, which write gets. Of the others, refuse gets those that change the response,
// under the client's names.
func (n *Notes) Unmapped(write func(m *jsonx.Member), refuse func(name string) error) error {
	for i := range n.req.Unmapped {
		m := &n.req.Unmapped[i]
		name := n.req.FieldName(Field{Kind: FieldUnmapped, Name: m.Name})
		switch value := string(m.Value); m.Name {
		case "seed", "presence_penalty", "frequency_penalty":
			write(m)
		case "store", "prompt_cache_key", "prediction", "verbosity":
			if value != "false" && value != `"medium"` { // OpenAI's defaults
				n.Warn(WarnDropped, name, "")
			}
		default:
			if jsonx.Empty(m.Value) || value == "0" || value == "false" || value == `["text"]` {
				continue
			}
			if err := refuse(name); err != nil {
				return err
			}
		}
	}
	return nil
}
