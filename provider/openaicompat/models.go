package openaicompat

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/modellist"
	"outcrop/provider/transport"
	"outcrop/upstream"
)

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
	if l := d.read(); l != nil {
		return l.Models()
	}
	return nil
}

// Refresh reads the vendor's list, for a deployment with a wildcard.
func (d *Deployment) Refresh(ctx context.Context, after time.Time) []provider.List {
	if !strings.Contains(d.params.Model, "*") {
		return nil
	}
	return d.list().RefreshFor(ctx, d.params.Model, after)
}

// read is the vendor's list of models; nil if it has not been read.
func (d *Deployment) read() *modellist.List {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.listed
}

// list is the vendor's list of models.
func (d *Deployment) list() *modellist.List {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.listed == nil {
		d.listed = d.newList()
	}
	return d.listed
}

// newList makes the vendor's list of models, not yet read.
func (d *Deployment) newList() *modellist.List {
	from := modellist.Source{Title: d.vendor.Title, Location: d.host(), Account: d.vendor.Name, Now: d.params.Now}
	if u := d.end.URL(APIModels, ""); u != nil {
		from.Read = func(ctx context.Context) ([]provider.Model, error) { return d.readList(ctx, u) }
	}
	if r, ok := d.end.(ModelReader); ok {
		from.Read = func(ctx context.Context) ([]provider.Model, error) {
			models, err := r.ReadModels(ctx)
			return d.completed(models), err
		}
	}
	return modellist.New(from)
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

// readList reads the vendor's list of models.
func (d *Deployment) readList(ctx context.Context, u *url.URL) ([]provider.Model, error) {
	to := llm.Destination{Provider: d.vendor.Name, API: string(APIModels), Note: d.params.Note}
	resp, _, err := d.send(ctx, &upstream.Request{Method: http.MethodGet, URL: u, Header: http.Header{"Accept": {"application/json"}}}, to)
	if err != nil {
		return nil, err
	}
	body, err := transport.ReadBody(ctx, resp)
	if err != nil {
		return nil, transport.Interrupted(d.vendor.Title, err, to)
	}
	models, err := d.decodeList(body)
	if err != nil {
		return nil, modellist.Invalid(d.vendor.Title, to, err)
	}
	return models, nil
}

// decodeList reads the body of a list, in the vendor's dialect if it has one.
func (d *Deployment) decodeList(body []byte) ([]provider.Model, error) {
	if d.vendor.dialect != nil {
		models, err := d.vendor.dialect.DecodeModels(body)
		return d.completed(models), err
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

// completed fills in what a list does not say of its models.
func (d *Deployment) completed(models []provider.Model) []provider.Model {
	for i := range models {
		m := &models[i]
		target := d.Describe(m.ID).Target
		m.Base, m.Target, m.Known, m.Active = m.ID, target, true, !m.Legacy
		m.Owner = cmp.Or(m.Owner, d.vendor.Name)
	}
	return models
}

func (d *Deployment) model(s *sentModel) provider.Model {
	m := d.Describe(s.ID)
	m.Known, m.Active, m.Verb = true, true, verbOf(s.ID)
	m.Title, m.Owner = modellist.Text(s.Name), cmp.Or(modellist.Text(s.OwnedBy), d.vendor.Name)
	for _, raw := range []jsonx.Raw{s.ContextLength, s.MaxModelLen, s.ContextWindow} {
		m.Context = max(m.Context, modellist.Number(raw))
	}
	m.MaxOutput = modellist.Number(s.MaxOutput)
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

// Describe returns where calls of a model go. A model is known if the vendor lists it.
func (d *Deployment) Describe(model string) provider.Model {
	if l := d.read(); l != nil {
		if known, ok := l.Find(model); ok {
			return known
		}
	}
	return provider.Model{ID: model, Base: model, Owner: d.vendor.Name, Target: llm.Destination{Provider: d.vendor.Name, API: string(d.chatAPI(model)), Region: d.region(), ID: model, Note: d.params.Note}}
}

// chatAPI is the API by which a model's chats go.
func (d *Deployment) chatAPI(model string) API {
	if _, responds := d.answersByResponses(model, d.params.Facts(model)); responds {
		return APIResponses
	}
	return APIChat
}

// Doubts reports a missing key.
func (d *Deployment) Doubts() []provider.Doubt {
	missing := d.end.Missing()
	if missing == nil {
		return nil
	}
	return []provider.Doubt{{Option: "api_key", Message: strings.TrimSuffix(missing.Message, "."), Hint: missing.Fix, Absent: true}}
}

var (
	_ provider.Lister   = (*Deployment)(nil)
	_ provider.Reviewer = (*Deployment)(nil)
)
