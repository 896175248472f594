package gemini

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/genai"
	"outcrop/provider/modellist"
)

// list is the API's list of models, not yet read.
func (d *deployment) list() *modellist.List {
	return modellist.New(modellist.Source{Title: service, Location: d.base.Host, Account: "gemini", Now: d.params.Now, Rank: rank, Read: d.readList})
}

// rank puts the cheapest kind of Gemini first, and what is not Gemini last.
func rank(id string) int {
	switch {
	case !strings.HasPrefix(id, "gemini-"):
		return 3
	case strings.Contains(id, "flash-lite"):
		return 0
	case strings.Contains(id, "flash"):
		return 1
	default:
		return 2
	}
}

// readList reads the list of models (https://ai.google.dev/api/models#method:-models.list).
func (d *deployment) readList(ctx context.Context) ([]provider.Model, error) {
	const operation = "models"
	t := d.target("")
	to := llm.Destination{Provider: "gemini", API: operation, Note: d.params.Note}
	get := func(ctx context.Context, token string) ([]byte, error) {
		u := d.base.JoinPath("models")
		query := url.Values{"pageSize": {"1000"}}
		if token != "" {
			query.Set("pageToken", token)
		}
		u.RawQuery = query.Encode()
		return t.Get(ctx, operation, func() *url.URL { return u })
	}
	return modellist.Pages(ctx, service, to, get, d.readPage)
}

// readPage adds the models of a page of the list, and returns the token of the next one.
func (d *deployment) readPage(models []provider.Model, body []byte) ([]provider.Model, string, error) {
	var page struct {
		Models []struct {
			Name      string    `json:"name"`
			Title     jsonx.Raw `json:"displayName"`
			MaxInput  jsonx.Raw `json:"inputTokenLimit"`
			MaxOutput jsonx.Raw `json:"outputTokenLimit"`
			Methods   []string  `json:"supportedGenerationMethods"`
		} `json:"models"`
		Next string `json:"nextPageToken"`
	}
	if err := jsonx.Unmarshal(body, &page); err != nil {
		return nil, "", err
	}
	for _, sent := range page.Models {
		id := strings.TrimPrefix(sent.Name, "models/")
		if id == "" {
			continue
		}
		m := d.unlisted(id)
		m.Known, m.Active, m.Verb = true, true, verbOf(id, sent.Methods)
		m.Title, m.Context, m.MaxOutput = modellist.Text(sent.Title), modellist.Number(sent.MaxInput), modellist.Number(sent.MaxOutput)
		models = append(models, m)
	}
	return models, page.Next, nil
}

// verbOf is what a model is for by its methods; 0 if it is for nothing that is served. Models that
// only write images or speech have the method of chats as well.
func verbOf(id string, methods []string) llm.Verb {
	switch {
	case slices.Contains(methods, genai.Generate):
		for _, other := range [...]string{"-image", "-tts", "-audio", "-live"} {
			if strings.Contains(id, other) {
				return 0
			}
		}
		return llm.VerbChat
	case slices.Contains(methods, "embedContent"), slices.Contains(methods, genai.Embed):
		return llm.VerbEmbed
	default:
		return 0
	}
}

// Models returns the models of the API's list, as far as it has been read.
func (d *deployment) Models() []provider.Model { return d.listed.Models() }

// Refresh reads the list, for a deployment with a wildcard.
func (d *deployment) Refresh(ctx context.Context, after time.Time) []provider.List {
	return d.listed.RefreshFor(ctx, d.params.Model, after)
}

// Describe returns what is known of a model without a call.
func (d *deployment) Describe(model string) provider.Model {
	if known, ok := d.listed.Find(strings.TrimPrefix(model, "models/")); ok {
		return known
	}
	return d.unlisted(model)
}

func (d *deployment) unlisted(model string) provider.Model {
	m := provider.Model{
		ID: model, Names: []string{model}, Base: model, Owner: "Google",
		Target: llm.Destination{Provider: "gemini", API: genai.Generate, ID: model, Note: d.params.Note},
	}
	if strings.Contains(model, "embedding") {
		m.Verb, m.Target.API = llm.VerbEmbed, genai.Embed
	}
	return m
}

// Identity identifies the key and the address.
func (d *deployment) Identity() (who string, places []string) {
	sum := sha256.Sum256([]byte(d.key()))
	return "gemini " + d.base.Host + " " + hex.EncodeToString(sum[:8]), []string{d.base.Host}
}

// Check reads the list of models, which shows whether the address responds and the key is valid.
func (d *deployment) Check(ctx context.Context, opt provider.CheckOptions, report func(provider.Finding)) {
	c := modellist.Credentials{Kind: provider.CredentialAPIKey, Origin: d.origin}
	if d.key() == "" {
		c.Missing = missingKey()
	}
	d.listed.Check(ctx, c, opt, report)
}

// Candidates are models for test calls: those of the list that the wildcard matches.
func (d *deployment) Candidates(all bool) []string { return d.listed.Candidates(d.params.Model, all) }

var (
	_ provider.Lister   = (*deployment)(nil)
	_ provider.Reviewer = (*deployment)(nil)
	_ provider.Checker  = (*deployment)(nil)
)
