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

// Examination says what to find out about the calls that a client can make.
type Examination struct {
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
	// Patience bounds each check and each call; their own bounds count if 0.
	Patience time.Duration
	// Parallel is how many models are called at once; 4 if 0.
	Parallel int
	// Planned is told, before the first call of a model, how many calls there will be
	// at most; nil for nobody.
	Planned func(calls int)
}

// Finding is what one check found about the deployments that it holds for.
type Finding struct {
	// Who tells those who call apart: 1 is the first one of the configuration.
	Who int
	// Names are the names that the finding is about: those of the configuration that
	// an identity serves, or those that a model is called by.
	Names []string
	// Model is the model string of a call, and Call a number that only the whole and
	// the streamed call by the same deployment share.
	Model string
	Call  int
	provider.Finding
}

// Examine finds out what would stand in the way of calls: first by checks that
// cost nothing, of each identity once, then by calling models, one call for a
// whole answer and one for a stream, each with a one-word prompt and an answer of
// at most one token. A call of a model goes the way of a Request's, and is in no
// record. report is given each finding as it comes, from one goroutine at a time.
//
// When ctx ends no further call is made, and Examine returns its cause when those
// under way have ended; else it returns nil, whatever was found.
func (c *Client) Examine(ctx context.Context, e Examination, report func(Finding)) error {
	if e.Since.IsZero() {
		e.Since = time.Now()
	}
	x := &examiner{c: c, Examination: e, report: report}
	x.identify()
	x.check(ctx)
	if !e.Free && ctx.Err() == nil && !x.nobody() {
		x.probe(ctx)
	}
	return context.Cause(ctx)
}

// nobody reports whether no deployment has any credentials: then every call would say
// what the checks have said.
func (x *examiner) nobody() bool {
	return len(x.subjects) > 0 && len(x.missing) == len(x.subjects)
}

// examiner is one run of Examine.
type examiner struct {
	c *Client
	Examination

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
	by     provider.Examiner // the first of its deployments
	places []string
	names  []string
}

func (x *examiner) found(f Finding) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if f.Check == provider.CheckIdentity && f.Err != nil && f.Err.Code == llm.CodeCredentialsMissing {
		if x.missing == nil {
			x.missing = map[int]bool{}
		}
		x.missing[f.Who] = true
	}
	x.report(f)
}

// identify finds out which deployments are the same to the provider.
func (x *examiner) identify() {
	byWho := map[string]*subject{}
	x.of, x.places = make([]*subject, len(x.c.deployments)), make([][]string, len(x.c.deployments))
	for i, d := range x.c.deployments {
		ex, ok := d.(provider.Examiner)
		if !ok {
			continue
		}
		who, places := ex.Examined()
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

// examiner gives a deployment as what it is for all that has a subject.
func (x *examiner) examiner(i int) provider.Examiner {
	ex, _ := x.c.deployments[i].(provider.Examiner)
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
func (x *examiner) check(ctx context.Context) {
	var checks sync.WaitGroup
	for _, s := range x.subjects {
		checks.Go(func() {
			s.by.Examine(ctx, provider.Examination{Places: s.places, Since: x.Since, Patience: x.Patience, Brief: x.Brief}, func(f provider.Finding) {
				x.found(Finding{Who: s.number, Names: s.names, Finding: f})
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
