package route

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"outcrop/llm"
	"outcrop/provider"
)

// scriptedDeployment is a deployment with several targets, each of which plays a script. What
// ReportRefusal reveals is the next list of targets.
type scriptedDeployment struct {
	fake     // never called
	targets  []provider.Target
	next     [][]provider.Target // after each observation
	none     *llm.Error          // why there are no targets
	reported []string            // the targets reported to ReportRefusal
	tried    []string            // in their order
}

// scriptedTarget is one target.
type scriptedTarget struct {
	fake
	d            *scriptedDeployment
	location, id string
}

func (d *scriptedDeployment) Targets(llm.Verb, string) ([]provider.Target, error) {
	if d.none != nil {
		return nil, d.none
	}
	return d.targets, nil
}

func (d *scriptedDeployment) ReportRefusal(_ context.Context, _ llm.Verb, _ string, refused provider.Target, e *llm.Error) bool {
	if e.Code != llm.CodeModelNeedsProfile {
		return false
	}
	d.reported = append(d.reported, refused.Location()+" "+refused.ID())
	if len(d.next) == 0 {
		return false
	}
	d.targets, d.next = d.next[0], d.next[1:]
	return true
}

func (p *scriptedTarget) Complete(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	p.d.tried = append(p.d.tried, p.location+" "+p.id)
	return p.fake.Complete(ctx, p.id, req)
}

func (p *scriptedTarget) Stream(ctx context.Context, req *llm.Request) (llm.Stream, error) {
	p.d.tried = append(p.d.tried, p.location+" "+p.id)
	return p.fake.Stream(ctx, p.id, req)
}

func (p *scriptedTarget) Location() string { return p.location }

func (p *scriptedTarget) ID() string { return p.id }

// target makes a target of d, such as "us-east-1 a".
func (d *scriptedDeployment) target(name string, steps ...step) provider.Target {
	location, id, _ := strings.Cut(name, " ")
	return &scriptedTarget{d: d, location: location, id: id, fake: fake{name: name, steps: steps}}
}

func needsProfile() *llm.Error {
	return &llm.Error{Code: llm.CodeModelNeedsProfile, Status: 400, Message: "on-demand", Upstream: true}
}

func throttled() *llm.Error {
	return &llm.Error{Code: llm.CodeLimitRequests, Status: 429, Message: "slow down", Upstream: true}
}

// both calls a name whole and streamed, each with a deployment of its own.
func both(t *testing.T, fresh func() (*scriptedDeployment, Entry), check func(t *testing.T, d *scriptedDeployment, err error, retries int)) {
	t.Helper()
	t.Run("whole", func(t *testing.T) {
		d, e := fresh()
		resp, err := instant(new([]time.Duration), e).Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "a"}})
		retries := 0
		if err == nil {
			retries = resp.Meta.Retries
		}
		check(t, d, err, retries)
	})
	t.Run("streamed", func(t *testing.T) {
		d, e := fresh()
		s, err := instant(new([]time.Duration), e).Stream(t.Context(), &llm.Request{Call: llm.Call{Model: "a", Stream: true}})
		retries := 0
		if err == nil {
			retries = s.Meta().Retries
			if _, err := drain(s); err != nil {
				t.Error(err)
			}
			_ = s.Close()
		}
		check(t, d, err, retries)
	})
}

func TestTargets(t *testing.T) {
	good := step{events: []llm.Event{start, text("granite"), {Kind: llm.EventStop}}}
	bad := func(e *llm.Error) step { return step{err: e} }
	for _, tt := range []struct {
		name    string
		make    func(d *scriptedDeployment)
		retries int // num_retries
		tried   string
		status  int
		failed  int // Meta.Retries
	}{
		{"the first one", func(d *scriptedDeployment) {
			d.targets = []provider.Target{d.target("r1 a", good), d.target("r2 a", good)}
		}, 0, "r1 a", 0, 0},
		{"the next region on an overload, though nothing is retried", func(d *scriptedDeployment) {
			d.targets = []provider.Target{d.target("r1 a", bad(unavailable())), d.target("r2 a", good)}
		}, 0, "r1 a, r2 a", 0, 1},
		{"the next region on a throttle", func(d *scriptedDeployment) {
			d.targets = []provider.Target{d.target("r1 a", bad(throttled())), d.target("r2 a", good)}
		}, 0, "r1 a, r2 a", 0, 1},
		{"all regions, in their order, once", func(d *scriptedDeployment) {
			d.targets = []provider.Target{d.target("r1 a", bad(unavailable())), d.target("r2 a", bad(throttled())), d.target("r3 a", bad(unavailable()))}
		}, 0, "r1 a, r2 a, r3 a", 503, 0},
		{"all regions, and again as often as is retried", func(d *scriptedDeployment) {
			d.targets = []provider.Target{d.target("r1 a", bad(unavailable()), bad(unavailable()), good), d.target("r2 a", bad(unavailable()))}
		}, 2, "r1 a, r2 a, r1 a, r2 a, r1 a", 0, 4},
		{"what is the caller's fault is so everywhere", func(d *scriptedDeployment) {
			d.targets = []provider.Target{d.target("r1 a", bad(refused())), d.target("r2 a", good)}
		}, 2, "r1 a", 400, 0},
		{"a right that is missing is not looked for elsewhere", func(d *scriptedDeployment) {
			d.targets = []provider.Target{d.target("r1 a", bad(&llm.Error{Code: llm.CodeDenied, Status: 403, Upstream: true})), d.target("r2 a", good)}
		}, 2, "r1 a", 403, 0},
		{"a lesson, which is no retry", func(d *scriptedDeployment) {
			d.targets = []provider.Target{d.target("r1 a", bad(needsProfile()))}
			d.next = [][]provider.Target{{d.target("r1 us.a", good)}}
		}, 0, "r1 a, r1 us.a", 0, 1},
		{"a lesson that leads to what was tried is none", func(d *scriptedDeployment) {
			d.targets = []provider.Target{d.target("r1 a", bad(needsProfile()))}
			d.next = [][]provider.Target{{d.target("r1 a", good)}}
		}, 0, "r1 a", 400, 0},
		{"lessons have an end", func(d *scriptedDeployment) {
			d.targets = []provider.Target{d.target("r1 a", bad(needsProfile()))}
			for _, id := range []string{"b", "c", "d", "e", "f"} {
				d.next = append(d.next, []provider.Target{d.target("r1 "+id, bad(needsProfile()))})
			}
		}, 0, "r1 a, r1 b, r1 c, r1 d", 400, 0},
		{"no target at all", func(d *scriptedDeployment) { d.none = &llm.Error{Code: llm.CodeModelWrongPlace, Status: 400} }, 2, "", 400, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			both(t, func() (*scriptedDeployment, Entry) {
				d := &scriptedDeployment{}
				tt.make(d)
				e := entry("a", &d.fake)
				e.Deployment, e.Retries = d, tt.retries
				return d, e
			}, func(t *testing.T, d *scriptedDeployment, err error, failed int) {
				if got := strings.Join(d.tried, ", "); got != tt.tried {
					t.Errorf("tried %s, want %s", got, tt.tried)
				}
				if got := statusOf(err); got != tt.status {
					t.Errorf("status %d, want %d: %v", got, tt.status, err)
				}
				if err == nil && failed != tt.failed {
					t.Errorf("%d tries are said to have failed, want %d", failed, tt.failed)
				}
			})
		})
	}
}

// A region that failed stands behind the others for a while, for every model;
// where a limit was reached, only the id that was called does.
func TestUnwellRegionsStandBehind(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	d := &scriptedDeployment{}
	e := entry("a", &d.fake)
	e.Deployment, e.Retries = d, 0
	r := New(Plan{Entries: []Entry{e}}, Options{Now: func() time.Time { return now }})
	call := func(want string) {
		t.Helper()
		d.tried = nil
		if _, err := r.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "a"}}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(d.tried, ", "); got != want {
			t.Errorf("tried %s, want %s", got, want)
		}
	}
	down := step{err: unavailable()}
	d.targets = []provider.Target{d.target("r1 a", down, step{}), d.target("r2 a", step{})}
	call("r1 a, r2 a")
	call("r2 a")
	other := d.targets
	d.targets = []provider.Target{d.target("r1 b", step{}), d.target("r2 b", step{})}
	call("r2 b") // the whole region is down, whatever the model
	d.targets = other
	now = now.Add(cooldown)
	call("r1 a")
	call("r1 a")

	d.targets = []provider.Target{d.target("r1 a", step{err: throttled()}, step{}), d.target("r2 a", step{})}
	call("r1 a, r2 a")
	call("r2 a")
	d.targets = []provider.Target{d.target("r1 b", step{}), d.target("r2 b", step{})}
	call("r1 b") // another model has limits of its own
}

// What one model may not do, or fails at, says nothing of the others in its region.
func TestOneModelsFailureIsNotItsRegions(t *testing.T) {
	for _, e := range []*llm.Error{
		{Code: llm.CodeDenied, Status: 403, Upstream: true},
		{Code: llm.CodeModelError, Status: 424, Upstream: true},
		{Code: llm.CodeServiceQuota, Status: 400, Upstream: true},
		{Code: llm.CodeTimeout, Status: 504},
	} {
		d := &scriptedDeployment{}
		entry := entry("a", &d.fake)
		entry.Deployment, entry.Retries = d, 0
		r := instant(new([]time.Duration), entry)
		d.targets = []provider.Target{d.target("r1 forbidden", step{err: e})}
		_, _ = r.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "a"}})
		d.tried = nil
		d.targets = []provider.Target{d.target("r1 a", step{}), d.target("r2 a", step{})}
		if _, err := r.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "a"}}); err != nil || d.tried[0] != "r1 a" {
			t.Errorf("after %s: tried %q, %v", e.Code, d.tried, err)
		}
	}
}

// An empty stream, one that breaks off before its first content, and silence go on
// in the next region; behind the first content nothing is tried again.
func TestStreamsFailOverBeforeTheirFirstContent(t *testing.T) {
	good := step{events: []llm.Event{start, text("granite"), {Kind: llm.EventStop}}}
	for _, tt := range []struct {
		name  string
		first step
		tried string
	}{
		{"empty", step{events: []llm.Event{start}}, "r1 a, r2 a"},
		{"broken off", step{events: []llm.Event{start}, then: &llm.Error{Code: llm.CodeInterrupted, Status: 502}}, "r1 a, r2 a"},
		{"silent", step{stall: time.Hour}, "r1 a, r2 a"},
		{"broken off behind content", step{events: []llm.Event{start, text("gra")}, then: &llm.Error{Code: llm.CodeInterrupted, Status: 502}}, "r1 a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := &scriptedDeployment{}
			d.targets = []provider.Target{d.target("r1 a", tt.first), d.target("r2 a", good)}
			e := entry("a", &d.fake)
			e.Deployment, e.Retries, e.StreamTimeout = d, 0, 20*time.Millisecond
			s, err := instant(new([]time.Duration), e).Stream(t.Context(), &llm.Request{Call: llm.Call{Model: "a", Stream: true}})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			_, err = drain(s)
			if got := strings.Join(d.tried, ", "); got != tt.tried {
				t.Errorf("tried %s, want %s", got, tt.tried)
			}
			if failed := err != nil; failed != (tt.tried == "r1 a") {
				t.Errorf("the stream ended with %v", err)
			}
		})
	}
}

// What is remembered of targets is bounded, though clients choose the ids.
func TestUnwellWaysAreBounded(t *testing.T) {
	var h cooldowns
	d := &scriptedDeployment{}
	for i := range 3 * maxCooldowns {
		h.failed(d.target("r1 "+strings.Repeat("x", i)), true, int64(i+1_000_000), 0)
	}
	if n := len(h.until); n > maxCooldowns {
		t.Errorf("%d targets are remembered", n)
	}
	last := d.target("r1 " + strings.Repeat("x", 3*maxCooldowns-1))
	if h.healthy(last, time.Unix(0, 1)) {
		t.Error("the last one is forgotten")
	}
	h.recovered(last)
	if !h.healthy(last, time.Unix(0, 1)) {
		t.Error("it has served and still counts as unwell")
	}
	targets := []provider.Target{d.target("r2 a"), d.target("r3 a")}
	if !slices.Equal(h.order(targets, time.Unix(0, 1)), targets) {
		t.Error("well targets change their order")
	}
}

// apis is a deployment that has another target after the refusal of an API.
type apis struct{ scriptedDeployment }

func (d *apis) ReportRefusal(_ context.Context, _ llm.Verb, _ string, _ provider.Target, e *llm.Error) bool {
	if e.Code != llm.CodeWrongSurface || len(d.next) == 0 {
		return false
	}
	d.targets, d.next = d.next[0], d.next[1:]
	return true
}

// A model that each API refuses has the first refusal as its answer, whatever else was tried.
func TestTheFirstRefusalOfAnAPIIsTheAnswer(t *testing.T) {
	wrong := func(words string) step {
		return step{err: &llm.Error{Code: llm.CodeWrongSurface, Status: 400, Message: words, Upstream: true}}
	}
	for _, tt := range []struct {
		second step
		want   string
	}{{wrong("not by B"), "not by A"}, {step{err: refused()}, "no"}} {
		d := &apis{}
		d.targets = []provider.Target{d.target("r a", wrong("not by A"))}
		d.next = [][]provider.Target{{d.target("r a without A", tt.second)}, {d.target("r a", wrong("again"))}}
		r := New(Plan{Entries: []Entry{{Name: "a", ID: "d", Model: "a", Deployment: d, Timeout: time.Minute}}}, Options{})
		_, err := r.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "a"}})
		if e := llm.AsError(err); e.Message != tt.want || len(d.tried) != 2 {
			t.Errorf("got %v after %v, want %s", err, d.tried, tt.want)
		}
	}
}

// reviewed is a deployment that knows its models by several names.
type reviewed struct {
	fake
	bases map[string]string // by name
	one   string            // the model that it calls whatever the name; empty for none
}

func (d *reviewed) Describe(model string) provider.Model {
	base := d.bases[model]
	if d.one != "" {
		base = d.one
	}
	return provider.Model{ID: model, Base: base, Known: base != ""}
}

func (*reviewed) Doubts() []provider.Doubt { return nil }

func TestAlternatives(t *testing.T) {
	bases := map[string]string{"small-1": "v.small", "v.small": "v.small", "large-1": "v.large", "us.v.large": "v.large", "other": "v.other"}
	entries := []Entry{
		{Name: "mine", Model: "anything", Deployment: &reviewed{bases: bases, one: "v.own"}},
		{Name: "small", Model: "v.small", Deployment: &reviewed{bases: bases}},
		{Name: "large", Model: "us.v.large", Deployment: &reviewed{bases: bases}},
		{Name: "again", Model: "v.small", Deployment: &reviewed{bases: bases}},
		{Name: "w/*", Model: "*", Deployment: &reviewed{bases: bases}},
	}
	r := New(Plan{Entries: entries}, Options{})
	for name, want := range map[string]string{"small-1": "small", "large-1": "large", "other": "w/other", "unknown": "", strings.Repeat("x", 1000): ""} {
		if got := r.Alternative(name); got != want {
			t.Errorf("%.20s: %q, want %q", name, got, want)
		}
	}
}
