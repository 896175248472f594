package outcrop

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"outcrop/llm"
	"outcrop/provider"
)

// CheckOptions control which calls of a client are checked.
type CheckOptions struct {
	// Models are the names to check, as in a Request. If empty, and All is not set, every
	// configured model is called, and for a name with * a small model behind it.
	Models []string
	// All calls every model that the account lists, in addition to the configured ones.
	All bool
	// Free calls no model.
	Free bool
	// Brief skips checks that are not worth a call at each start.
	Brief bool
	// Since is how recently the lists of models must have been read; if zero, they are read now.
	Since time.Time
	// Timeout bounds each check and each call; if 0, their own bounds apply.
	Timeout time.Duration
	// Parallel is how many models are called at once; 4 if 0.
	Parallel int
	// Planned is called before the first call of a model with the maximum number of calls; may be
	// nil.
	Planned func(calls int)
}

// Finding is the result of one check for the deployments that it applies to.
type Finding struct {
	// CallerIndex distinguishes identities: 1 is the first one of the configuration.
	CallerIndex int
	// Names are the affected names: the configured names of an identity, or the names of a model.
	Names []string
	// Model is the model string of a call; Call is a number that the non-streaming and the
	// streaming call of the same deployment share.
	Model string
	Call  int
	// Verb is what the model was called for: llm.VerbChat, llm.VerbEmbed or llm.VerbRerank; 0 unless
	// it was called.
	Verb llm.Verb
	provider.Finding
}

// Check finds problems before they affect calls: first by free checks, once per identity, then by
// calling models: chat models with one non-streaming and one streaming call each, a one-word prompt
// and a response of at most one token, and models for embeddings and reranking with one call of a
// word. These calls are routed like those of a Request, but not recorded.
// report receives the findings as they come, never concurrently.
//
// If ctx ends, no further call is made, and Check returns ctx's cause when the open calls have
// ended; otherwise it returns nil, whatever was found.
func (c *Client) Check(ctx context.Context, e CheckOptions, report func(Finding)) error {
	if e.Since.IsZero() {
		e.Since = time.Now()
	}
	x := &check{c: c, s: c.served(), CheckOptions: e, report: report}
	x.identify()
	x.check(ctx)
	if !e.Free && ctx.Err() == nil && !x.noCredentials() {
		x.probe(ctx)
	}
	return context.Cause(ctx)
}

// noCredentials reports whether no deployment has credentials: then every call would repeat the findings
// of the checks.
func (x *check) noCredentials() bool {
	return len(x.subjects) > 0 && len(x.missing) == len(x.subjects)
}

// check is one run of Check.
type check struct {
	c *Client
	s *served
	CheckOptions

	subjects  []*subject
	of        []*subject // by deployment; nil for one that is not a provider.Checker
	locations [][]string // by deployment

	mu      sync.Mutex
	report  func(Finding)
	missing map[int]bool // identities without credentials, by number
}

// subject is one identity, with the deployments that use it.
type subject struct {
	number    int
	checker   provider.Checker // the first of its deployments
	locations []string
	names     []string
}

func (x *check) found(f Finding) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if f.Check == provider.CheckIdentity && f.Err != nil && f.Err.Code == llm.CodeCredentialsMissing {
		if x.missing == nil {
			x.missing = map[int]bool{}
		}
		x.missing[f.CallerIndex] = true
	}
	x.report(f)
}

// identify finds out which deployments have the same identity at the provider.
func (x *check) identify() {
	byWho := map[string]*subject{}
	x.of, x.locations = make([]*subject, len(x.s.deployments)), make([][]string, len(x.s.deployments))
	for i, d := range x.s.deployments {
		ex, ok := d.(provider.Checker)
		if !ok {
			continue
		}
		who, locations := ex.Identity()
		s := byWho[who]
		if s == nil {
			s = &subject{number: len(x.subjects) + 1, checker: ex}
			byWho[who] = s
			x.subjects = append(x.subjects, s)
		}
		x.of[i], x.locations[i] = s, locations
		s.locations = union(s.locations, locations...)
		s.names = union(s.names, x.s.models[i].Name)
	}
}

// checker returns the provider.Checker of a deployment that has a subject.
func (x *check) checker(i int) provider.Checker {
	ex, _ := x.s.deployments[i].(provider.Checker)
	return ex
}

// union appends the missing elements.
func union(all []string, more ...string) []string {
	for _, s := range more {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// check runs the free checks.
func (x *check) check(ctx context.Context) {
	var checks sync.WaitGroup
	for _, s := range x.subjects {
		checks.Go(func() {
			s.checker.Check(ctx, provider.CheckOptions{Locations: s.locations, Since: x.Since, Timeout: x.Timeout, Brief: x.Brief}, func(f provider.Finding) {
				x.found(Finding{CallerIndex: s.number, Names: s.names, Finding: f})
			})
		})
	}
	checks.Wait()
}

// capture returns the part of a name that the * of a pattern matches.
func capture(pattern, name string) (string, bool) {
	before, after, ok := strings.Cut(pattern, "*")
	if !ok || len(name) < len(before)+len(after) || !strings.HasPrefix(name, before) || !strings.HasSuffix(name, after) {
		return "", false
	}
	return name[len(before) : len(name)-len(after)], true
}
