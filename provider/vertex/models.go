package vertex

import (
	"cmp"
	"context"
	"net/url"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/genai"
	"outcrop/provider/modellist"
	"outcrop/provider/openaicompat"
)

// publishers are the makers whose models are listed.
var publishers = [...]string{"google", "anthropic", "mistralai", "meta", "deepseek-ai", "qwen", "openai", "moonshotai", "minimaxai", "zai-org"}

// list is the list of the publishers' models, not yet read.
func (d *deployment) list() *modellist.List {
	return modellist.New(modellist.Source{Title: service, Location: d.location, Account: "vertex_ai", Now: d.params.Now, Rank: rank, Read: d.readList})
}

// rank puts the cheapest kind of Gemini first, and other models behind Gemini.
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

// readList reads the models of all publishers
// (https://cloud.google.com/vertex-ai/docs/reference/rest/v1beta1/publishers.models/list). What a
// project may call is not in it.
func (d *deployment) readList(ctx context.Context) ([]provider.Model, error) {
	const operation = "publishers.models.list"
	t := d.gemini("")
	to := llm.Destination{Provider: "vertex_ai", API: operation, Region: d.location, Note: d.params.Note}
	var all []provider.Model
	for _, publisher := range publishers {
		get := func(ctx context.Context, token string) ([]byte, error) {
			u := d.base.JoinPath("..", "v1beta1", "publishers", publisher, "models")
			query := url.Values{"pageSize": {"100"}}
			if token != "" {
				query.Set("pageToken", token)
			}
			u.RawQuery = query.Encode()
			return t.Get(ctx, operation, func() *url.URL { return u })
		}
		found, err := modellist.Pages(ctx, service, to, get, d.readPage)
		switch {
		case err == nil:
			all = append(all, found...)
		case llm.AsError(err).Code != llm.CodeModelUnknown: // a publisher without models is not found
			return nil, err
		}
	}
	return all, nil
}

// readPage adds the models of a page that are served here, and returns the token of the next one.
func (d *deployment) readPage(models []provider.Model, body []byte) ([]provider.Model, string, error) {
	var page struct {
		Models []struct {
			Name  string    `json:"name"` // publishers/google/models/gemini-2.5-pro
			Stage jsonx.Raw `json:"launchStage"`
		} `json:"publisherModels"`
		Next string `json:"nextPageToken"`
	}
	if err := jsonx.Unmarshal(body, &page); err != nil {
		return nil, "", err
	}
	for _, sent := range page.Models {
		id := strings.Replace(strings.TrimPrefix(sent.Name, "publishers/"), "/models/", "/", 1)
		verb := verbOf(ownName(id))
		if id = ownName(id); strings.HasPrefix(id, "mistralai/") {
			id = strings.TrimPrefix(id, "mistralai/")
		}
		if verb == 0 { // the garden has hundreds that are neither for chats nor embeddings
			continue
		}
		m := d.unlisted(id)
		m.Known, m.Active, m.Verb = true, true, verb
		models = append(models, m)
	}
	return models, page.Next, nil
}

// verbOf is what a model is for, by its name; 0 if it is for nothing that is served.
func verbOf(id string) llm.Verb {
	switch {
	case strings.HasPrefix(id, "claude-"), strings.HasSuffix(id, "-maas") && !strings.Contains(id, "-ocr-"), isMistral(id) && !strings.Contains(id, "-ocr"):
		return llm.VerbChat
	case strings.HasPrefix(id, "text-embedding-"), strings.HasPrefix(id, "text-multilingual-embedding-"), strings.HasPrefix(id, "gemini-embedding-"):
		return llm.VerbEmbed
	case !strings.HasPrefix(id, "gemini-"):
		return 0
	}
	for _, other := range [...]string{"-image", "-tts", "-audio", "-live"} {
		if strings.Contains(id, other) {
			return 0
		}
	}
	return llm.VerbChat
}

// Models returns the models of the list, as far as it has been read.
func (d *deployment) Models() []provider.Model { return d.listed.Models() }

// Refresh reads the list, for a deployment with a wildcard.
func (d *deployment) Refresh(ctx context.Context, after time.Time) []provider.List {
	return d.listed.RefreshFor(ctx, d.params.Model, after)
}

// Describe returns what is known of a model without a call.
func (d *deployment) Describe(model string) provider.Model {
	model = ownName(model)
	if known, ok := d.listed.Find(model); ok {
		return known
	}
	return d.unlisted(model)
}

func (d *deployment) unlisted(model string) provider.Model {
	m := provider.Model{ID: model, Names: []string{model}, Base: model, Owner: "Google", Target: llm.Destination{Provider: "vertex_ai", API: genai.Generate, Region: d.location, ID: model, Note: d.params.Note}}
	switch {
	case isOpen(model):
		m.Target.API = string(openaicompat.APIChat)
		if m.Owner = "mistralai"; !isMistral(model) {
			m.Owner, _, _ = strings.Cut(model, "/")
		}
	case strings.HasPrefix(model, "claude"):
		m.Owner, m.Target.API = "Anthropic", "messages"
	case verbOf(model) == llm.VerbEmbed:
		m.Verb, m.Target.API = llm.VerbEmbed, genai.Predict
	}
	m.Anywhere = d.location == "global"
	if !m.Anywhere {
		m.Serves = []string{d.location}
	}
	return m
}

// originOf says where the credentials come from.
func originOf(p provider.Params) string {
	switch {
	case p.Values["vertex_credentials"] != "":
		return "vertex_credentials"
	case p.Environ("GOOGLE_APPLICATION_CREDENTIALS") != "":
		return "GOOGLE_APPLICATION_CREDENTIALS"
	default:
		return "the machine's default credentials"
	}
}

// Identity identifies the credentials, the project and the address.
func (d *deployment) Identity() (who string, places []string) {
	return strings.Join([]string{"vertex_ai", d.base.Host, d.location, d.project, d.who}, " "), []string{d.location}
}

// checkTimeout bounds each check by default.
const checkTimeout = 15 * time.Second

// countModel is whose tokens are counted where the configured model cannot count.
const countModel = "gemini-2.5-flash"

// Check gets a token, reads the lists, and counts the tokens of a word, which is free of charge and
// needs the permission of every call: aiplatform.endpoints.predict in the project.
func (d *deployment) Check(ctx context.Context, opt provider.CheckOptions, report func(provider.Finding)) {
	limited, cancel := context.WithTimeout(ctx, cmp.Or(opt.Timeout, checkTimeout))
	defer cancel()
	f := provider.Finding{Check: provider.CheckIdentity, Subject: service, Location: d.location, State: provider.StateOK}
	f.Identity.Origin, f.Detail = d.origin, "Google Cloud credentials"
	start := time.Now()
	project, err := d.checkCredentials(limited)
	if ctx.Err() != nil {
		return
	}
	f.Took = time.Since(start)
	if err != nil {
		f.State, f.Err = provider.StateFail, llm.AsError(err)
		if limited.Err() != nil {
			f.Err = &llm.Error{
				Code: llm.CodeUnreachable, Status: 503, Message: "Google has not given a token in time.", Err: err,
				Fix: "Check the network route from the gateway to Google's token service or the machine's metadata server; without either, set vertex_credentials.",
			}
		}
		report(f)
		return
	}
	if d.key != nil {
		f.Identity.Credential, f.Detail = provider.CredentialAPIKey, "Google Cloud API key"
	}
	if project != "" {
		f.Detail += " for the project " + project
	}
	report(f)
	if count, ok := d.checkCount(limited); ok && ctx.Err() == nil {
		report(count)
	}
	if opt.Brief || ctx.Err() != nil {
		return
	}
	start = time.Now()
	status := d.listed.Refresh(limited, opt.Since)
	if ctx.Err() != nil {
		return
	}
	list := provider.Finding{Check: provider.CheckLists, Subject: "models", Location: d.location, State: provider.StateOK, Took: time.Since(start), Count: status.Models}
	if status.Err != nil { // calls work without it
		list.State, list.Err = provider.StateWarn, llm.AsError(status.Err)
	}
	report(list)
}

// checkCredentials gets a token, unless there is a key, and returns the project.
func (d *deployment) checkCredentials(ctx context.Context) (project string, err error) {
	if d.key != nil {
		return d.project, nil
	}
	_, project, err = d.authorize(ctx)
	return project, err
}

// checkCount counts the tokens of a word. A model that cannot count is not checked.
func (d *deployment) checkCount(ctx context.Context) (provider.Finding, bool) {
	model := ownName(d.params.Model)
	if strings.Contains(model, "*") || isOpen(model) || verbOf(model) == llm.VerbEmbed {
		model = countModel
	}
	f := provider.Finding{Check: provider.CheckLists, Subject: "countTokens", Location: d.location, State: provider.StateOK}
	targets, err := d.Targets(llm.VerbCount, model)
	if err != nil {
		return f, false
	}
	counter, ok := targets[0].(provider.Counter)
	if !ok {
		return f, false
	}
	start := time.Now()
	word := llm.Block{Kind: llm.BlockText, Text: "Hi"}
	_, err = counter.CountTokens(ctx, &llm.Request{Call: llm.Call{Model: model}, Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{word}}}})
	f.Took = time.Since(start)
	if err == nil {
		f.Detail = "counted with " + model
		return f, true
	}
	f.Err = llm.AsError(err)
	if f.State = provider.StateWarn; f.Err.Code.Persistent() || f.Err.Code == llm.CodeBilling || f.Err.Code == llm.CodeRegionBlocked {
		f.State = provider.StateFail
	}
	return f, true
}

// Candidates are models for test calls: those of the list that the wildcard matches.
func (d *deployment) Candidates(all bool) []string { return d.listed.Candidates(d.params.Model, all) }

var (
	_ provider.Lister   = (*deployment)(nil)
	_ provider.Reviewer = (*deployment)(nil)
	_ provider.Checker  = (*deployment)(nil)
)
