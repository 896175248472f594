package openaicompat

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/transport"
	"outcrop/upstream"
)

// listing is a vendor's list of models, as it was last read.
type listing struct {
	reading sync.Mutex // held while it is read
	mu      sync.Mutex
	tried   time.Time
	status  provider.List
	models  []provider.Model
}

// sentModel is an entry of the list, with the limits that vendors add.
type sentModel struct {
	ID            string    `json:"id"`
	OwnedBy       jsonx.Raw `json:"owned_by"`
	Name          jsonx.Raw `json:"name"`
	ContextLength jsonx.Raw `json:"context_length"` // OpenRouter's, Together's, Novita's
	MaxModelLen   jsonx.Raw `json:"max_model_len"`  // vLLM's
	ContextWindow jsonx.Raw `json:"context_window"` // Groq's
	MaxOutput     jsonx.Raw `json:"max_completion_tokens"`
	Rest          jsonx.Raw `json:",embed"`
}

// readModels reads a list of models: {"data":[...]}, or the array alone, as Together sends it.
func readModels(body []byte) ([]sentModel, error) {
	raw := jsonx.Raw(body)
	if raw.Kind() == '{' {
		var list struct {
			Data jsonx.Raw `json:"data"`
			Rest jsonx.Raw `json:",embed"`
		}
		if err := jsonx.Unmarshal(body, &list); err != nil {
			return nil, err
		}
		raw = list.Data
	}
	var models []sentModel
	err := jsonx.Unmarshal(raw, &models)
	return models, err
}

// Models returns the models that the vendor lists, as far as they have been read.
func (d *Deployment) Models() []provider.Model {
	d.listed.mu.Lock()
	defer d.listed.mu.Unlock()
	return slices.Clone(d.listed.models)
}

// Refresh reads the vendor's list, for a deployment with a wildcard; for others the list says nothing
// that is needed.
func (d *Deployment) Refresh(ctx context.Context, after time.Time) []provider.List {
	if !strings.Contains(d.params.Model, "*") || d.end.URL(APIModels, "") == nil {
		return nil
	}
	return []provider.List{d.refresh(ctx, after)}
}

// refresh reads the list, unless that was tried after a time.
func (d *Deployment) refresh(ctx context.Context, after time.Time) provider.List {
	l := &d.listed
	l.reading.Lock()
	defer l.reading.Unlock()
	l.mu.Lock()
	if status := l.status; l.tried.After(after) {
		l.mu.Unlock()
		return status
	}
	l.mu.Unlock()
	found, err := d.list(ctx)
	now := d.params.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tried = now
	l.status.Location, l.status.Account, l.status.Err = d.host(), d.vendor.Name, err
	if err == nil {
		l.status.At, l.status.Models, l.models = now, len(found), found
	}
	return l.status
}

// host is the host of the vendor's APIs.
func (d *Deployment) host() string {
	for _, api := range []API{APIModels, APIChat, APIEmbeddings, APIRerank} {
		if u := d.end.URL(api, "any"); u != nil {
			return u.Host
		}
	}
	return ""
}

// listTimeout bounds the reading of a list.
const listTimeout = 30 * time.Second

// list reads the vendor's list of models.
func (d *Deployment) list(ctx context.Context) ([]provider.Model, error) {
	to := llm.Destination{Provider: d.vendor.Name, API: string(APIModels), Note: d.params.Note}
	u := d.end.URL(APIModels, "")
	if u == nil {
		return nil, llm.Unsupported("", "%s has no list of models", d.vendor.Title)
	}
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	resp, _, err := d.send(ctx, &upstream.Request{Method: http.MethodGet, URL: u, Header: http.Header{"Accept": {"application/json"}}}, to)
	if err != nil {
		return nil, err
	}
	body, err := transport.ReadBody(ctx, resp)
	if err != nil {
		return nil, transport.Interrupted(d.vendor.Title, err, to)
	}
	models, err := d.readList(body)
	if err != nil {
		return nil, &llm.Error{Code: llm.CodeInterrupted, Status: 502, Message: "the list of models of " + d.vendor.Title + " is not valid: " + llm.Clip(err.Error(), 300) + ".", Destination: to, Err: err}
	}
	slices.SortFunc(models, func(a, b provider.Model) int { return cmp.Compare(a.ID, b.ID) })
	return models, nil
}

// readList reads the body of a list, in the vendor's dialect if it has one.
func (d *Deployment) readList(body []byte) ([]provider.Model, error) {
	if d.vendor.dialect != nil {
		models, err := d.vendor.dialect.DecodeModels(body)
		for i := range models {
			m := &models[i]
			target := d.Describe(m.ID).Target
			m.Base, m.Target, m.Known, m.Active = m.ID, target, true, !m.Legacy
			m.Owner = cmp.Or(m.Owner, d.vendor.Name)
		}
		return models, err
	}
	sent, err := readModels(body)
	models := make([]provider.Model, 0, len(sent))
	for i := range sent {
		if m := d.model(&sent[i]); m.ID != "" {
			models = append(models, m)
		}
	}
	return models, err
}

func (d *Deployment) model(s *sentModel) provider.Model {
	m := d.Describe(s.ID)
	m.Known, m.Active, m.Verb = true, true, verbOf(s.ID)
	m.Title, m.Owner = text(s.Name), cmp.Or(text(s.OwnedBy), d.vendor.Name)
	for _, raw := range []jsonx.Raw{s.ContextLength, s.MaxModelLen, s.ContextWindow} {
		m.Context = max(m.Context, number(raw))
	}
	m.MaxOutput = number(s.MaxOutput)
	return m
}

// verbOf is what a model is for, by its name, because lists do not say; 0 if it is neither for chats nor
// for anything that is served.
func verbOf(id string) llm.Verb {
	name := strings.ToLower(id)
	switch {
	case strings.Contains(name, "rerank"):
		return llm.VerbRerank
	case strings.Contains(name, "embed"):
		return llm.VerbEmbed
	case chats(name):
		return llm.VerbChat
	default:
		return 0
	}
}

// text is a value that is a string, and number one that is a whole number; empty and 0 for others.
func text(raw jsonx.Raw) (s string) {
	if len(raw) > 0 && raw.Kind() == '"' {
		_ = jsonx.Unmarshal(raw, &s) // it is valid
	}
	return s
}

func number(raw jsonx.Raw) (n int64) {
	if len(raw) > 0 && raw.Kind() == '0' && jsonx.Unmarshal(raw, &n) != nil {
		return 0
	}
	return n
}

// Describe returns where calls of a model go. A model is known if the vendor lists it.
func (d *Deployment) Describe(model string) provider.Model {
	d.listed.mu.Lock()
	defer d.listed.mu.Unlock()
	for i := range d.listed.models {
		if d.listed.models[i].ID == model {
			return d.listed.models[i]
		}
	}
	return provider.Model{ID: model, Base: model, Owner: d.vendor.Name, Target: llm.Destination{Provider: d.vendor.Name, API: string(APIChat), ID: model, Note: d.params.Note}}
}

// Doubts reports a missing key.
func (d *Deployment) Doubts() []provider.Doubt {
	missing := d.end.Missing()
	if missing == nil {
		return nil
	}
	return []provider.Doubt{{Option: "api_key", Message: strings.TrimSuffix(missing.Message, "."), Hint: missing.Fix}}
}

var (
	_ provider.Lister   = (*Deployment)(nil)
	_ provider.Reviewer = (*Deployment)(nil)
)
