package anthropic

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/modellist"
)

// list is the API's list of models, not yet read.
func (d *deployment) list() *modellist.List {
	return modellist.New(modellist.Source{Title: service, Location: d.host.message.Host, Account: "anthropic", Now: d.params.Now, Rank: rank, Read: d.readList})
}

// readList reads the list of models (https://platform.claude.com/docs/en/api/models/list).
func (d *deployment) readList(ctx context.Context) ([]provider.Model, error) {
	t := d.target("", "models")
	to := llm.Destination{Provider: "anthropic", API: "models", Note: d.params.Note}
	get := func(ctx context.Context, after string) ([]byte, error) {
		u := *d.host.models
		query := url.Values{"limit": {"1000"}}
		if after != "" {
			query.Set("after_id", after)
		}
		u.RawQuery = query.Encode()
		return t.Get(ctx, &u)
	}
	return modellist.Pages(ctx, service, to, get, d.readPage)
}

// readPage adds the models of a page of the list, and returns the id after which the next one begins.
func (d *deployment) readPage(models []provider.Model, body []byte) ([]provider.Model, string, error) {
	var page struct {
		Data []struct {
			ID        string    `json:"id"`
			Name      jsonx.Raw `json:"display_name"`
			MaxInput  jsonx.Raw `json:"max_input_tokens"`
			MaxOutput jsonx.Raw `json:"max_tokens"`
		} `json:"data"`
		More bool   `json:"has_more"`
		Last string `json:"last_id"`
	}
	if err := jsonx.Unmarshal(body, &page); err != nil {
		return nil, "", err
	}
	for _, sent := range page.Data {
		if sent.ID == "" {
			continue
		}
		m := d.unlisted(sent.ID)
		m.Known, m.Active, m.Verb = true, true, llm.VerbChat
		m.Title, m.Context, m.MaxOutput = modellist.Text(sent.Name), modellist.Number(sent.MaxInput), modellist.Number(sent.MaxOutput)
		models = append(models, m)
	}
	if !page.More {
		page.Last = ""
	}
	return models, page.Last, nil
}

// Models returns the models of the API's list, as far as it has been read.
func (d *deployment) Models() []provider.Model { return d.listed.Models() }

// Refresh reads the list, for a deployment with a wildcard.
func (d *deployment) Refresh(ctx context.Context, after time.Time) []provider.List {
	return d.listed.RefreshFor(ctx, d.params.Model, after)
}

// Describe returns what is known of a model without a call.
func (d *deployment) Describe(model string) provider.Model {
	if known, ok := d.listed.Find(model); ok {
		return known
	}
	return d.unlisted(model)
}

func (d *deployment) unlisted(model string) provider.Model {
	return provider.Model{
		ID: model, Names: []string{model}, Base: model, Owner: service,
		Target: llm.Destination{Provider: "anthropic", API: "messages", ID: model, Note: d.params.Note},
	}
}

// Identity identifies the key and the address.
func (d *deployment) Identity() (who string, places []string) {
	sum := sha256.Sum256([]byte(d.host.key()))
	return "anthropic " + d.host.message.Host + " " + hex.EncodeToString(sum[:8]), []string{d.host.message.Host}
}

// Check reads the list of models, which shows whether the address responds and the key is valid.
func (d *deployment) Check(ctx context.Context, opt provider.CheckOptions, report func(provider.Finding)) {
	c := modellist.Credentials{Kind: provider.CredentialAPIKey, Origin: d.host.origin}
	if d.host.bearer {
		c.Kind, c.What = provider.CredentialUnknown, "token"
	}
	if d.host.key() == "" {
		c.Missing = missingKey()
	}
	d.listed.Check(ctx, c, opt, report)
}

// Candidates are models for test calls: those of the list that the wildcard matches.
func (d *deployment) Candidates(all bool) []string { return d.listed.Candidates(d.params.Model, all) }

// rank puts the smallest of Anthropic's models first.
func rank(id string) int {
	if strings.Contains(id, "haiku") {
		return 0
	}
	return 1
}

var (
	_ provider.Lister   = (*deployment)(nil)
	_ provider.Reviewer = (*deployment)(nil)
	_ provider.Checker  = (*deployment)(nil)
)
