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

// CheckOptions says what to find out about the calls that a client can make.
type CheckOptions struct {
	// Models are names as a Request has them. Without any, and without All, every
	// configured model is called, and of those behind a name with * a small one.
	Models []string
	// All calls every model that can be talked to of those that the account lists,
	// besides the configured ones.
	All bool
	// Free calls no model.
	Free bool
	// Brief leaves out what is not worth a call at each start.
	Brief bool
	// Since is when the lists of models must have been read to be new enough; zero
	// has them read now.
	Since time.Time
	// Timeout bounds each check and each call; their own bounds count if 0.
	Timeout time.Duration
	// Parallel is how many models are called at once; 4 if 0.
	Parallel int
	// Planned is told, before the first call of a model, how many calls there will be
	// at most; nil for nobody.
	Planned func(calls int)
}

// Finding is what one check found about the deployments that it holds for.
type Finding struct {
	// CallerIndex tells those who call apart: 1 is the first one of the configuration.
	CallerIndex int
	// Names are the names that the finding is about: those of the configuration that
	// an identity serves, or those that a model is called by.
	Names []string
	// Model is the model string of a call, and Call a number that only the whole and
	// the streamed call by the same deployment share.
	Model string
	Call  int
	provider.Finding
}

// Check finds out what would stand in the way of calls: first by checks that
// cost nothing, of each identity once, then by calling models, one call for a
// whole answer and one for a stream, each with a one-word prompt and an answer of
// at most one token. A call of a model goes the way of a Request's, and is in no
// record. report is given each finding as it comes, from one goroutine at a time.
//
// When ctx ends no further call is made, and Examine returns its cause when those
// under way have ended; else it returns nil, whatever was found.
func (c *Client) Check(ctx context.Context, e CheckOptions, report func(Finding)) error {
	if e.Since.IsZero() {
		e.Since = time.Now()
	}
	x := &check{c: c, CheckOptions: e, report: report}
	x.identify()
	x.check(ctx)
	if !e.Free && ctx.Err() == nil && !x.nobody() {
		x.probe(ctx)
	}
	return context.Cause(ctx)
}

// nobody reports whether no deployment has any credentials: then every call would say
// what the checks have said.
func (x *check) nobody() bool {
	return len(x.subjects) > 0 && len(x.missing) == len(x.subjects)
}

// check is one run of Examine.
type check struct {
	c *Client
	CheckOptions

	subjects []*subject
	of       []*subject // by deployment; nil for one that is no Examiner
	places   [][]string // by deployment

	mu      sync.Mutex
	report  func(Finding)
	missing map[int]bool // those who have no credentials, by number
}

// subject is one who calls, with the deployments that call so.
type subject struct {
	number int
	by     provider.Checker // the first of its deployments
	places []string
	names  []string
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

// identify finds out which deployments are the same to the provider.
func (x *check) identify() {
	byWho := map[string]*subject{}
	x.of, x.places = make([]*subject, len(x.c.deployments)), make([][]string, len(x.c.deployments))
	for i, d := range x.c.deployments {
		ex, ok := d.(provider.Checker)
		if !ok {
			continue
		}
		who, places := ex.Identity()
		s := byWho[who]
		if s == nil {
			s = &subject{number: len(x.subjects) + 1, by: ex}
			byWho[who] = s
			x.subjects = append(x.subjects, s)
		}
		x.of[i], x.places[i] = s, places
		s.places = union(s.places, places...)
		s.names = union(s.names, x.c.cfg.Models[i].Name)
	}
}

// checker gives a deployment as what it is for all that has a subject.
func (x *check) checker(i int) provider.Checker {
	ex, _ := x.c.deployments[i].(provider.Checker)
	return ex
}

// union appends what is not there yet.
func union(all []string, more ...string) []string {
	for _, s := range more {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// check makes the checks that cost nothing.
func (x *check) check(ctx context.Context) {
	var checks sync.WaitGroup
	for _, s := range x.subjects {
		checks.Go(func() {
			s.by.Check(ctx, provider.CheckOptions{Locations: s.places, Since: x.Since, Timeout: x.Timeout, Brief: x.Brief}, func(f provider.Finding) {
				x.found(Finding{CallerIndex: s.number, Names: s.names, Finding: f})
			})
		})
	}
	checks.Wait()
}

// capture gives what the * of a pattern stands for in a name.
func capture(pattern, name string) (string, bool) {
	before, after, ok := strings.Cut(pattern, "*")
	if !ok || len(name) < len(before)+len(after) || !strings.HasPrefix(name, before) || !strings.HasSuffix(name, after) {
		return "", false
	}
	return name[len(before) : len(name)-len(after)], true
}
