package openaicompat

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"slices"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/wire/openaichat"
)

// Vendor is what is known of a company or server with OpenAI's API: a file in vendors.
type Vendor struct {
	Head

	// Hosts are the domains of the vendor's servers beside the host of BaseURL, such as those below which each
	// customer has one. They never are this gateway.
	Hosts []string `json:"hosts"`
	// Native is the path of its own API on the same host, for requests that are passed on as they are;
	// empty if that is below the base URL too.
	Native string `json:"native"`
	// BaseURLEndings are what users write at the end of the address that does not belong to it, such
	// as the path of one of the APIs. The first that fits is removed.
	BaseURLEndings []string `json:"base_url_endings"`
	// KeyHeader is the header with the key alone; if it is empty, Authorization has it as a bearer
	// token.
	KeyHeader string `json:"key_header"`
	// Headers are the headers of every call. HeaderOptions are those that have the value of a setting
	// of the deployment.
	Headers       map[string]string `json:"headers"`
	HeaderOptions map[string]string `json:"header_options"`
	// APIs are the paths of its APIs below the base URL.
	APIs APIs `json:"apis"`
	// Quirks are its differences from OpenAI's format.
	Quirks Quirks `json:"quirks"`
	// Docs is its documentation, and Source where the facts come from, read on Date.
	Docs   string `json:"docs"`
	Source string `json:"source"`
	Date   string `json:"date"`

	Rest jsonx.Raw `json:",embed"` // unknown members, which are mistakes

	addresses                    *addresses       // of its deployments
	dialect                      Dialect          // of its chats and embeddings; nil for OpenAI's
	edits, otherEdits, textEdits openaichat.Edits // of chat completions, of the other APIs, and of text completions
	responseEdits                openaichat.Edits // of Responses
	form                         openaichat.Form
	overrides                    Overrides // of its deployments
}

// APIs are paths below the base URL; empty for what the vendor does not have.
type APIs struct {
	Chat       string `json:"chat"`
	Responses  string `json:"responses"`
	Embeddings string `json:"embeddings"`
	Rerank     string `json:"rerank"`
	Models     string `json:"models"`

	Completions      string `json:"completions"`
	ImageGenerations string `json:"image_generations"`
	ImageEdits       string `json:"image_edits"`
	ImageVariations  string `json:"image_variations"`
	Speech           string `json:"speech"`
	Transcriptions   string `json:"transcriptions"`
	Translations     string `json:"translations"`
	Moderations      string `json:"moderations"`
	Files            string `json:"files"`
	Batches          string `json:"batches"`

	Rest jsonx.Raw `json:",embed"`
}

// Quirks are differences from OpenAI's format of chat completions as of 2026.
type Quirks struct {
	// Rename are parameters with another name at the vendor: {"max_completion_tokens":"max_tokens"}.
	Rename map[string]string `json:"rename"`
	// Remove are parameters that the vendor refuses although they change nothing about a response.
	Remove []string `json:"remove"`
	// Unsupported are parameters that the vendor is not known to take; they are removed under
	// drop_params. Values are the only values that it is known to take.
	Unsupported []string            `json:"unsupported"`
	Values      map[string][]string `json:"values"`
	// Roles are roles with another name: {"developer":"system"}.
	Roles map[string]string `json:"roles"`
	// Add are members of every request that does not have them.
	Add map[string]jsonx.Raw `json:"add"`
	// NoModel is whether the vendor refuses the model's name, because the address has it.
	NoModel bool `json:"no_model"`
	// NoStreamOptions is whether the vendor refuses stream_options.
	NoStreamOptions bool `json:"no_stream_options"`
	// Cost is the member of usage in which the vendor says what a call cost, such as cost, cost.total_cost or
	// cost_in_usd_ticks; empty if it does not. OpenCode Go's cost is what the prepaid balance has lost, 0 within
	// the plan, so its list_cost counts (litellm_core_utils/core_helpers.py of LiteLLM 1.110.2). Vercel's is in
	// recorded responses (charmbracelet/fantasy, providertests/testdata/TestVercelCommon), and is what it debits.
	Cost string `json:"cost"`
	// TextOnly is whether content must be a string.
	TextOnly bool `json:"text_only"`
	// ThinkTags is whether texts may begin with reasoning between <think> and </think>.
	ThinkTags bool `json:"think_tags"`
	// ReasoningBack is the member in which earlier reasoning is sent back; empty for none.
	ReasoningBack string `json:"reasoning_back"`
	// KeepsResponses is whether the vendor keeps responses of its Responses API, so that later ones can
	// continue them.
	KeepsResponses bool `json:"keeps_responses"`
	// CountsResponses is whether the vendor counts the tokens of requests for responses, at /input_tokens below
	// its Responses API.
	CountsResponses bool `json:"counts_responses"`
	// SealsReasoning is whether the vendor's Responses API gives the reasoning of models that reason in an
	// encrypted form in which it takes it back (include: reasoning.encrypted_content).
	SealsReasoning bool `json:"seals_reasoning"`
	// TextModels are parts of the ids of the models with text completions, where not all of the vendor's
	// have them.
	TextModels []string `json:"text_models"`
	// Base64Vectors is whether embeddings can be had as base64, which is smaller than numbers.
	Base64Vectors bool `json:"base64_vectors"`
	// Video, CachePoints and Thinking are what the vendor takes beyond OpenAI's format.
	Video       bool      `json:"video"`
	CachePoints bool      `json:"cache_points"`
	Thinking    bool      `json:"thinking"`
	Rest        jsonx.Raw `json:",embed"`
}

//go:embed vendors/*.json
var files embed.FS

// builtIn lists the files of the built-in vendors, in the order of their names.
func builtIn() []*File {
	all := make([]*File, len(heads))
	for i := range heads {
		h := &heads[i]
		all[i] = newFile(h, func() []byte { return must(files.ReadFile("vendors/" + h.Name + ".json")) })
	}
	return all
}

// Vendors lists the built-in vendors by name. It reads all of their files.
func Vendors() ([]*Vendor, error) { return ReadVendors(files) }

// ReadVendors reads every file of a folder, and of its folder vendors, whose name ends with .json. All
// mistakes are reported at once.
func ReadVendors(folder fs.FS) ([]*Vendor, error) {
	var all []*Vendor
	var errs []error
	err := fs.WalkDir(folder, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".json") {
			return err
		}
		text, err := fs.ReadFile(folder, path)
		if err != nil {
			return err
		}
		v, err := ParseVendor(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
			return nil
		}
		all = append(all, v)
		return nil
	})
	slices.SortFunc(all, func(a, b *Vendor) int { return strings.Compare(a.Name, b.Name) })
	return all, errors.Join(append(errs, err)...)
}

// ParseVendor reads a vendor's file, strictly: an unknown member is a mistake.
func ParseVendor(text []byte) (*Vendor, error) {
	v := &Vendor{}
	if err := jsonx.Unmarshal(text, v); err != nil {
		return nil, err
	}
	if err := v.check(); err != nil {
		return nil, err
	}
	v.addresses = &addresses{}
	q := &v.Quirks
	v.edits = openaichat.Edits{
		Rename: q.Rename, Remove: set(q.Remove), Unsupported: set(q.Unsupported), Values: q.Values, Roles: q.Roles,
		NoStreamOptions: q.NoStreamOptions, NoCachePoints: !q.CachePoints, TextOnly: q.TextOnly,
	}
	if q.NoModel {
		v.edits.Own = map[string]bool{"model": true}
	}
	v.overrides = Overrides{Options: v.options(), Own: sortedKeys(v.HeaderOptions), Open: v.open}
	v.edits.Ollamas = v.Name != "ollama"
	v.otherEdits = openaichat.Edits{Rename: q.Rename, Remove: v.edits.Remove, Unsupported: v.edits.Unsupported}
	v.responseEdits = openaichat.Edits{Remove: v.edits.Remove, Unsupported: set(slices.DeleteFunc(slices.Clone(q.Unsupported), func(name string) bool { return name == "store" }))}
	if !q.KeepsResponses {
		v.responseEdits.Own = map[string]bool{"store": true} // the gateway keeps the response
	}
	v.textEdits = openaichat.Edits{Rename: q.Rename, Remove: v.edits.Remove, NoStreamOptions: q.NoStreamOptions}
	for _, name := range sortedKeys(q.Add) {
		v.edits.Add = append(v.edits.Add, jsonx.Member{Name: name, Value: q.Add[name]})
	}
	v.form = openaichat.Form{Reasoning: q.ReasoningBack, Video: q.Video, CachePoints: q.CachePoints, Thinking: q.Thinking}
	return v, nil
}

// check reports what is wrong with a vendor.
func (v *Vendor) check() error {
	for _, rest := range []jsonx.Raw{v.Rest, v.APIs.Rest, v.Quirks.Rest} {
		if members, err := jsonx.Members(rest); err != nil || len(members) > 0 {
			return fmt.Errorf("%q is not a member of a vendor's file", members[0].Name)
		}
	}
	for _, part := range []struct{ name, value string }{{"name", v.Name}, {"title", v.Title}, {"apis.chat, apis.embeddings or apis.rerank", v.APIs.Chat + v.APIs.Embeddings + v.APIs.Rerank}, {"source", v.Source}, {"date", v.Date}} {
		if part.value == "" {
			return errors.New(part.name + " is missing")
		}
	}
	for _, name := range append([]string{v.Name}, v.Aliases...) {
		if strings.ContainsAny(name, "/* ") {
			return fmt.Errorf("%q is not a name: it has a slash, an asterisk or a space", name)
		}
	}
	if _, err := time.Parse(time.DateOnly, v.Date); err != nil {
		return fmt.Errorf("date: %w", err)
	}
	if v.BaseURL != "" {
		if u, err := url.Parse(v.BaseURL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return fmt.Errorf("base_url: %q is not a URL", v.BaseURL)
		}
	}
	if len(v.KeyVariables) == 0 && !v.KeyOptional {
		return errors.New("key_variables is missing")
	}
	for _, api := range apis() {
		if path := v.Path(api); path != "" && path[0] != '/' {
			return fmt.Errorf("apis: %q does not begin with a slash", path)
		}
	}
	return nil
}

func set(names []string) map[string]bool {
	if len(names) == 0 {
		return nil
	}
	s := make(map[string]bool, len(names))
	for _, name := range names {
		s[name] = true
	}
	return s
}

func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
