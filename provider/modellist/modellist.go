// Package modellist keeps the list of models that a provider's API returns, and checks credentials by
// reading it, which costs nothing.
package modellist

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
)

// Times of a read.
const (
	readTimeout  = 30 * time.Second
	checkTimeout = 15 * time.Second // of one that a check makes, by default
)

// Source is where a list comes from.
type Source struct {
	// Title is the provider's name for people.
	Title string
	// Location is the host or region that is called, and Account the provider's name.
	Location, Account string
	// Now is the clock.
	Now func() time.Time
	// Rank orders models for test calls, best first; nil if all are equal.
	Rank func(id string) int
	// Read reads the whole list. A failure is an *llm.Error. Nil if there is no list.
	Read func(ctx context.Context) ([]provider.Model, error)
}

// List is a provider's list of models, as it was last read.
type List struct {
	from    Source
	reading sync.Mutex // held while it is read
	mu      sync.Mutex
	tried   time.Time
	status  provider.List
	models  []provider.Model
}

// New makes a List that has not been read.
func New(from Source) *List {
	return &List{from: from, status: provider.List{Location: from.Location, Account: from.Account}}
}

// Models returns the models that were last read, by id.
func (l *List) Models() []provider.Model {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.models)
}

// Find returns the model with an id, and whether it is in the list.
func (l *List) Find(id string) (provider.Model, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, ok := slices.BinarySearchFunc(l.models, id, func(m provider.Model, id string) int { return cmp.Compare(m.ID, id) })
	if !ok {
		return provider.Model{}, false
	}
	return l.models[i], true
}

// RefreshFor is what a provider.Lister's Refresh returns for a model string: the list says nothing
// that is needed for one without a wildcard.
func (l *List) RefreshFor(ctx context.Context, model string, after time.Time) []provider.List {
	if !strings.Contains(model, "*") || l.from.Read == nil {
		return nil
	}
	return []provider.List{l.Refresh(ctx, after)}
}

// Refresh reads the list, unless that was tried after a time.
func (l *List) Refresh(ctx context.Context, after time.Time) provider.List {
	l.reading.Lock()
	defer l.reading.Unlock()
	l.mu.Lock()
	if status := l.status; l.tried.After(after) {
		l.mu.Unlock()
		return status
	}
	l.mu.Unlock()
	limited, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	found, err := l.from.Read(limited)
	slices.SortFunc(found, func(a, b provider.Model) int { return cmp.Compare(a.ID, b.ID) })
	now := l.from.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tried, l.status.Err = now, err
	if err == nil {
		l.status.At, l.status.Models, l.models = now, len(found), found
	}
	return l.status
}

// Credentials are what a check is about.
type Credentials struct {
	// Kind is their kind, and What their name for people if they are not an API key.
	Kind provider.Credential
	What string
	// Origin is where they come from, for people, such as api_key.
	Origin string
	// Missing is the error of every call without any; nil if there are some.
	Missing *llm.Error
}

// Check reads the list, which shows whether the address responds and the credentials are valid, and
// reports what it found. A list that the provider refuses for another reason is a warning, because
// calls may work without it.
func (l *List) Check(ctx context.Context, c Credentials, opt provider.CheckOptions, report func(provider.Finding)) {
	f := provider.Finding{Check: provider.CheckIdentity, Subject: l.from.Title, Location: l.from.Location, State: provider.StateOK}
	f.Identity.Credential, f.Identity.Origin = c.Kind, c.Origin
	f.Detail = cmp.Or(c.What, "API key")
	if c.Missing != nil {
		f.State, f.Err = provider.StateFail, c.Missing
		report(f)
		return
	}
	if l.from.Read == nil {
		f.Detail += "; the vendor has no list of models to check it with"
		report(f)
		return
	}
	limited, cancel := context.WithTimeout(ctx, cmp.Or(opt.Timeout, checkTimeout))
	defer cancel()
	start := time.Now()
	status := l.Refresh(limited, opt.Since)
	if ctx.Err() != nil {
		return
	}
	f.Took = time.Since(start)
	list := provider.Finding{Check: provider.CheckLists, Subject: "models", Location: l.from.Location, State: provider.StateOK, Took: f.Took, Count: status.Models}
	if status.Err != nil {
		e := llm.AsError(status.Err)
		if e.Code.Persistent() || e.Code == llm.CodeBilling || e.Code == llm.CodeRegionBlocked || e.Code == llm.CodeUnreachable {
			f.State, f.Err = provider.StateFail, e
		} else { // not every server has a list
			list.State, list.Err = provider.StateWarn, e
		}
	}
	report(f)
	if f.State == provider.StateOK {
		report(list)
	}
}

// few is how many models for test calls stand for all.
const few = 3

// Candidates are the models for test calls of a model string: chat models of the list that its
// wildcard matches; a few of them unless all is set.
func (l *List) Candidates(model string, all bool) []string {
	before, after, wild := strings.Cut(model, "*")
	if !wild {
		return nil
	}
	var out []string
	for _, m := range l.Models() {
		if len(m.ID) >= len(before)+len(after) && strings.HasPrefix(m.ID, before) && strings.HasSuffix(m.ID, after) && m.Verb == llm.VerbChat {
			out = append(out, m.ID)
		}
	}
	if rank := l.from.Rank; rank != nil {
		slices.SortStableFunc(out, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	}
	if !all {
		out = out[:min(few, len(out))]
	}
	return out
}

// maxPages bounds the pages of a list.
const maxPages = 50

// Pages reads a list page by page: get returns the body of the page with a token, empty for the
// first, and read appends a page's models and returns the token of the next one; empty for none. A
// failure is an *llm.Error of a call to a destination of the provider called title.
func Pages(ctx context.Context, title string, to llm.Destination, get func(ctx context.Context, token string) ([]byte, error), read func(models []provider.Model, body []byte) ([]provider.Model, string, error)) ([]provider.Model, error) {
	var models []provider.Model
	token := ""
	for range maxPages {
		body, err := get(ctx, token)
		if err != nil {
			return nil, err
		}
		found, next, err := read(models, body)
		if err != nil {
			return nil, Invalid(title, to, err)
		}
		if models = found; next == "" || next == token {
			return models, nil
		}
		token = next
	}
	return models, nil
}

// Invalid is the error for a list that cannot be read.
func Invalid(title string, to llm.Destination, err error) *llm.Error {
	return &llm.Error{
		Code: llm.CodeInterrupted, Status: http.StatusBadGateway, Actor: llm.ActorProvider, Destination: to, Err: err,
		Message: "the list of models of " + title + " is not valid: " + llm.Clip(err.Error(), 300) + ".",
	}
}

// Text is a member that should be a string; empty if it is something else. Number is one that should
// be a whole number; 0 if it is something else.
func Text(raw jsonx.Raw) (s string) {
	if len(raw) > 0 && raw.Kind() == '"' {
		_ = jsonx.Unmarshal(raw, &s) // it is valid
	}
	return s
}

// Number is described at Text.
func Number(raw jsonx.Raw) (n int64) {
	if len(raw) > 0 && raw.Kind() == '0' && jsonx.Unmarshal(raw, &n) != nil {
		return 0
	}
	return n
}
