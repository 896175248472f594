package route

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"outcrop/catalog"
	"outcrop/llm"
)

// world is a router with deployments that play scripts, a clock that the test sets, and no pauses.
type world struct {
	*Router

	now   time.Time
	fakes map[string]*fake
}

// newWorld makes a world of entries whose deployments have answered each call until a test says otherwise. The name of an
// entry is before the slash of its id: a/1.
func newWorld(policy Policy, entries ...Entry) *world {
	w := &world{now: time.Unix(1_800_000_000, 0), fakes: map[string]*fake{}}
	for i := range entries {
		e := &entries[i]
		f := &fake{name: e.ID, steps: []step{{}}}
		w.fakes[e.ID] = f
		e.Name, _, _ = strings.Cut(e.ID, "/")
		e.Model, e.Deployment, e.Timeout, e.StreamTimeout = "m", f, time.Minute, time.Minute
	}
	seed := uint64(1)
	w.Router = New(Plan{Entries: entries, Policy: policy}, Options{
		Now:   func() time.Time { return w.now },
		Sleep: func(_ context.Context, d time.Duration) error { w.now = w.now.Add(d); return nil },
		Random: func() float64 {
			seed = mix(seed + golden)
			return float64(seed>>11) / (1 << 53)
		},
	})
	return w
}

// plays sets what a deployment does from now on.
func (w *world) plays(id string, s ...step) { w.fakes[id].steps, w.fakes[id].calls = s, nil }

// call makes a call, and returns the id of the deployment that has answered it, or the error.
func (w *world) call(t *testing.T, c llm.Call) (string, *llm.Error) {
	t.Helper()
	resp, err := w.Complete(t.Context(), &llm.Request{Call: c})
	if err != nil {
		return "", llm.AsError(err)
	}
	return resp.RawStop, nil
}

// shares makes calls of the name a, and counts who answers.
func (w *world) shares(t *testing.T, n int) string {
	t.Helper()
	got := map[string]int{}
	for range n {
		id, err := w.call(t, llm.Call{Model: "a"})
		if err != nil {
			t.Fatal(err)
		}
		got[id]++
	}
	var all []string
	for _, id := range slices.Sorted(maps.Keys(got)) {
		all = append(all, fmt.Sprintf("%s %d", id, got[id]))
	}
	return strings.Join(all, ", ")
}

func TestSharesFollowTheWeights(t *testing.T) {
	limit := func(requests, tokens int64) *llm.Limits {
		l := &llm.Limits{}
		if requests > 0 {
			l.Requests = llm.Some(requests)
		}
		if tokens > 0 {
			l.Tokens = llm.Some(tokens)
		}
		return l
	}
	for _, tt := range []struct {
		about   string
		entries []Entry
		want    string
	}{
		{"weights", []Entry{{ID: "a/1", Weight: 7}, {ID: "a/2", Weight: 2}, {ID: "a/3", Weight: 1}}, "a/1 700, a/2 200, a/3 100"},
		{"requests a minute", []Entry{{ID: "a/1", Limits: limit(900, 1)}, {ID: "a/2", Limits: limit(100, 99)}}, "a/1 900, a/2 100"},
		{"tokens a minute", []Entry{{ID: "a/1", Limits: limit(0, 250)}, {ID: "a/2", Limits: limit(0, 750)}}, "a/1 250, a/2 750"},
		{"weights before requests", []Entry{{ID: "a/1", Weight: 1, Limits: limit(900, 0)}, {ID: "a/2", Weight: 1, Limits: limit(100, 0)}}, "a/1 500, a/2 500"},
		{"one without a weight", []Entry{{ID: "a/1", Weight: 1}, {ID: "a/2"}}, "a/1 1000"},
	} {
		t.Run(tt.about, func(t *testing.T) {
			w := newWorld(Policy{}, tt.entries...)
			got := w.shares(t, 1000)
			var share, want int
			for i, part := range strings.Split(tt.want, ", ") { // one call more or less
				gotParts := strings.Split(got, ", ")
				if len(gotParts) <= i {
					t.Fatalf("%s, want %s", got, tt.want)
				}
				_, _ = fmt.Sscanf(strings.Fields(part)[1], "%d", &want)
				_, _ = fmt.Sscanf(strings.Fields(gotParts[i])[1], "%d", &share)
				if share < want-2 || share > want+2 {
					t.Errorf("%s, want %s, give or take 2", got, tt.want)
				}
			}
		})
	}
}

func TestTheShareOfOneInCooldownGoesToAllOthers(t *testing.T) {
	w := newWorld(Policy{}, Entry{ID: "a/1", Weight: 5}, Entry{ID: "a/2", Weight: 2}, Entry{ID: "a/3", Weight: 2}, Entry{ID: "a/4", Weight: 0})
	w.table().all[0].deployments[0].until.Store(w.now.Add(time.Hour).UnixNano())
	got := w.shares(t, 1000)
	var two, three int
	if _, err := fmt.Sscanf(got, "a/2 %d, a/3 %d", &two, &three); err != nil || two < 470 || two > 530 || two+three != 1000 {
		t.Errorf("%s, want half for each of a/2 and a/3", got)
	}
}

func TestAWeightOfNothingIsTheLastResort(t *testing.T) {
	w := newWorld(Policy{}, Entry{ID: "a/1", Weight: 1}, Entry{ID: "a/2", Weight: 0})
	w.plays("a/1", step{err: unavailable()})
	if id, err := w.call(t, llm.Call{Model: "a", Routing: llm.Routing{Retries: llm.Some[int64](1)}}); err != nil || id != "a/2" {
		t.Errorf("%s, %v", id, err)
	}
}

func TestTheLowestOrderServesAsLongAsItIsWell(t *testing.T) {
	w := newWorld(Policy{}, Entry{ID: "a/last", Order: 9}, Entry{ID: "a/second", Order: 2}, Entry{ID: "a/first", Order: 1}, Entry{ID: "a/zero", Order: 1})
	if got := w.shares(t, 100); got != "a/first 50, a/zero 50" {
		t.Errorf("%s", got)
	}
	w.plays("a/first", step{err: unavailable()})
	w.plays("a/zero", step{err: unavailable()})
	if id, err := w.call(t, llm.Call{Model: "a", Routing: llm.Routing{Retries: llm.Some[int64](2)}}); err != nil || id != "a/second" {
		t.Errorf("%s, %v, want the next order after both of the first have failed", id, err)
	}
	w.plays("a/first", step{})
	w.plays("a/zero", step{})
	for range 3 { // until the cooldowns end
		if _, err := w.call(t, llm.Call{Model: "a", Routing: llm.Routing{Retries: llm.Some[int64](2)}}); err != nil {
			t.Fatal(err)
		}
	}
	w.now = w.now.Add(cooldown + time.Second)
	if got := w.shares(t, 100); got != "a/first 50, a/zero 50" {
		t.Errorf("%s after the cooldown", got)
	}
}

func TestStrategies(t *testing.T) {
	busy := func(t *deployment, n int64) { t.inFlight.Store(n) }
	for _, tt := range []struct {
		strategy Strategy
		set      func(w *world, one, two *deployment)
		want     string
	}{
		{LeastBusy, func(_ *world, one, two *deployment) { busy(one, 5); busy(two, 4) }, "a/2 10"},
		{LeastBusy, func(*world, *deployment, *deployment) {}, "a/1 5, a/2 5"},
		{Usage, func(w *world, one, _ *deployment) { one.used(100, w.now) }, "a/2 10"},
		{UsageV2, func(w *world, _, two *deployment) { two.used(100, w.now) }, "a/1 10"},
		{Usage, func(w *world, one, _ *deployment) { one.used(100, w.now.Add(-time.Minute)) }, "a/1 5, a/2 5"},
		{Latency, func(w *world, one, two *deployment) {
			one.succeeded(sample{took: time.Second, tokens: 10}, w.now)
			two.succeeded(sample{took: time.Second, tokens: 5}, w.now)
		}, "a/1 10"},
		{Cost, func(*world, *deployment, *deployment) {}, "a/2 10"},
		{TwoChoices, func(w *world, one, two *deployment) {
			one.succeeded(sample{took: time.Second, tokens: 1}, w.now)
			two.succeeded(sample{took: time.Second, tokens: 1}, w.now)
			busy(one, 2)
		}, "a/2 10"},
	} {
		w := newWorld(Policy{Strategy: tt.strategy}, Entry{ID: "a/1", Price: price(2)}, Entry{ID: "a/2", Price: price(1)})
		d := w.table().all[0].deployments
		tt.set(w, d[0], d[1])
		got := ""
		counts := map[string]int{}
		for range 10 {
			from := candidates{r: w.Router, g: w.table().all[0], p: &w.table().policy, tiers: w.table().all[0].tiers, call: &llm.Call{Model: "a"}, model: func(t *deployment) string { return t.Model }}
			counts[from.next(w.now).ID]++
		}
		for _, id := range slices.Sorted(maps.Keys(counts)) {
			got += fmt.Sprintf(", %s %d", id, counts[id])
		}
		if got = strings.TrimPrefix(got, ", "); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.strategy, got, tt.want)
		}
	}
}

// price is a price of so many dollars for a million tokens.
type price int64

func (p price) Cost(_ string, u *llm.Usage) (llm.Cost, bool) {
	return llm.Cost(int64(p) * (u.Input + u.Output)), true
}

// TestAStuckDeploymentIsTheLastResort passes it by for one that is well, and for one whose cooldown will end.
func TestAStuckDeploymentIsTheLastResort(t *testing.T) {
	for _, strategy := range Strategies() {
		w := newWorld(Policy{Strategy: strategy}, Entry{ID: "a/1", Price: price(1)}, Entry{ID: "a/2", Price: price(2)})
		d := w.table().all[0].deployments
		d[0].succeeded(sample{took: time.Second, tokens: 1}, w.now)
		for range manyInRow {
			d[0].waiting.begin(w.now)
		}
		w.now = w.now.Add(lost*time.Second + 1)
		if got := w.shares(t, 10); got != "a/2 10" {
			t.Errorf("%s: %s beside one that is well", strategy, got)
		}
		d[1].until.Store(w.now.Add(cooldown).UnixNano())
		if got := w.shares(t, 1); got != "a/2 1" {
			t.Errorf("%s: %s beside one in cooldown", strategy, got)
		}
		if _, err := w.call(t, llm.Call{Model: "a", Deployment: "a/1"}); err != nil {
			t.Errorf("%s: %v, want it to be asked if there is no other", strategy, err)
		}
	}
}

// TestTwoChoicesGoByWhatAWeightCanTake counts calls in flight by the weight, and takes deployments without one as the last resort.
func TestTwoChoicesGoByWhatAWeightCanTake(t *testing.T) {
	w := newWorld(Policy{Strategy: TwoChoices}, Entry{ID: "a/1", Weight: 5}, Entry{ID: "a/2", Weight: 1}, Entry{ID: "a/3"})
	d := w.table().all[0].deployments
	for _, t := range d {
		t.succeeded(sample{took: time.Second, tokens: 1}, w.now)
	}
	for _, tt := range []struct {
		one, two int64
		want     string
	}{
		{3, 0, "a/1"}, {9, 0, "a/2"}, {0, 0, "a/1"},
	} {
		d[0].inFlight.Store(tt.one)
		d[1].inFlight.Store(tt.two)
		counts := map[string]int{}
		for range 100 {
			from := candidates{r: w.Router, g: w.table().all[0], p: &w.table().policy, tiers: w.table().all[0].tiers, call: &llm.Call{Model: "a"}}
			counts[from.next(w.now).ID]++
		}
		if counts["a/3"] > 0 || counts[tt.want] < 60 {
			t.Errorf("%d and %d in flight: %v, want mostly %s", tt.one, tt.two, counts, tt.want)
		}
	}
}

func TestWhatWasSlowLongAgoIsTriedAgain(t *testing.T) {
	w := newWorld(Policy{Strategy: Latency}, Entry{ID: "a/slow"}, Entry{ID: "a/fast"})
	d := w.table().all[0].deployments
	d[0].succeeded(sample{took: 10 * time.Second, tokens: 1}, w.now)
	for range 300 {
		d[1].succeeded(sample{took: time.Second, tokens: 1}, w.now)
		w.now = w.now.Add(time.Second)
		if id, _ := w.call(t, llm.Call{Model: "a"}); id == "a/slow" {
			return
		}
	}
	t.Error("the deployment that was slow once was not tried in five minutes")
}

func TestAllDeploymentsOfALargeNameAreUsed(t *testing.T) {
	for _, strategy := range Strategies() {
		var entries []Entry
		for i := range 300 {
			entries = append(entries, Entry{ID: fmt.Sprintf("a/%d", i), Price: price(1)})
		}
		w := newWorld(Policy{Strategy: strategy}, entries...)
		for i, d := range w.table().all[0].deployments { // all but one in cooldown
			if i != 271 {
				d.until.Store(w.now.Add(time.Hour).UnixNano())
			}
		}
		if got := w.shares(t, 20); got != "a/271 20" {
			t.Errorf("%s: %s", strategy, got)
		}
	}
}

func TestAffinityKeepsCallsTogetherAsLongAsItsDeploymentIsWell(t *testing.T) {
	entries := func() []Entry {
		var all []Entry
		for i := range 8 {
			all = append(all, Entry{ID: fmt.Sprintf("a/%d", i)})
		}
		return all
	}
	like := func(key uint64) llm.Call {
		return llm.Call{Model: "a", Alike: func(by string) (uint64, bool) { return key, by == string(ByPrompt) }}
	}
	w, other := newWorld(Policy{Affinity: ByPrompt}, entries()...), newWorld(Policy{Affinity: ByPrompt}, entries()...)
	homes := map[uint64]string{}
	used := map[string]bool{}
	for key := range uint64(64) {
		for range 5 {
			id, _ := w.call(t, like(key))
			same, _ := other.call(t, like(key))
			if id != same || homes[key] != "" && homes[key] != id {
				t.Fatalf("key %d went to %s, %s elsewhere, and %s before", key, id, same, homes[key])
			}
			homes[key] = id
		}
		used[homes[key]] = true
	}
	if len(used) != 8 {
		t.Errorf("64 keys use %d of 8 deployments", len(used))
	}
	for _, d := range w.table().all[0].deployments {
		if d.ID == homes[0] {
			d.until.Store(w.now.Add(time.Hour).UnixNano())
		}
	}
	for key, home := range homes {
		if id, _ := w.call(t, like(key)); (home == homes[0]) == (id == home) {
			t.Errorf("key %d goes to %s, and its home is %s, where %s is away", key, id, home, homes[0])
		}
	}
}

func TestTags(t *testing.T) {
	w := newWorld(Policy{ByTags: true}, Entry{ID: "a/free", Tags: []string{"free", "eu"}}, Entry{ID: "a/paid", Tags: []string{"paid"}}, Entry{ID: "a/any", Tags: []string{"default"}}, Entry{ID: "b/1"})
	all := newWorld(Policy{ByTags: true, AllTags: true}, Entry{ID: "a/free", Tags: []string{"free", "eu"}}, Entry{ID: "a/paid", Tags: []string{"paid"}})
	for _, tt := range []struct {
		w    *world
		name string
		tags string
		want string // ids, or the error's status
	}{
		{w, "a", "free", "a/free"},
		{w, "a", "free paid", "a/free a/paid"},
		{w, "a", "", "a/any"},
		{w, "a", "unknown", "a/any"},
		{w, "a", "!free !paid", "a/any"},
		{w, "a", "&eu", "a/free"},
		{w, "a", "&eu !free", "403"},
		{w, "a", "&nowhere", "403"},
		{w, "b", "", "b/1"},
		{w, "b", "free", "403"},
		{all, "a", "free eu", "a/free"},
		{all, "a", "free paid", "403"},
	} {
		got := map[string]bool{}
		for range 12 {
			id, err := tt.w.call(t, llm.Call{Model: tt.name, Routing: llm.Routing{Tags: strings.Fields(tt.tags)}})
			if err != nil {
				id = fmt.Sprint(err.Status)
			}
			got[id] = true
		}
		if ids := strings.Join(slices.Sorted(maps.Keys(got)), " "); ids != tt.want {
			t.Errorf("%s with %q: %s, want %s", tt.name, tt.tags, ids, tt.want)
		}
	}
}

func TestPromptsGoWhereTheyFit(t *testing.T) {
	window := func(n int64) func(string) *catalog.Model {
		return func(string) *catalog.Model { return &catalog.Model{Context: n} }
	}
	w := newWorld(Policy{FitWindow: true}, Entry{ID: "a/small", Facts: window(1000)}, Entry{ID: "a/large", Facts: window(9000)})
	for prompt, want := range map[int64]string{500: "a/large 5, a/small 5", 5000: "a/large 10", 50_000: "a/large 5, a/small 5"} {
		got := map[string]int{}
		for range 10 {
			id, _ := w.call(t, llm.Call{Model: "a", Prompt: func() int64 { return prompt }})
			got[id]++
		}
		if text := strings.Trim(strings.NewReplacer("map[", "", "]", "", ":", " ").Replace(fmt.Sprint(got)), " "); text != strings.ReplaceAll(want, ",", "") {
			t.Errorf("%d tokens: %s, want %s", prompt, text, want)
		}
	}
}
