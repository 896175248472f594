package route

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"outcrop/llm"
)

func coded(code llm.Code, status int) step {
	return step{err: &llm.Error{Code: code, Status: status, Message: "no.", Upstream: true}}
}

func TestFallbacks(t *testing.T) {
	general := Fallbacks{General: map[string][]string{"a": {"b", "c"}, "*": {"d"}}, Window: map[string][]string{"a": {"c"}}, Content: map[string][]string{"a": {"d"}}}
	down, long, filtered := coded(llm.CodeUnavailable, 503), coded(llm.CodeTooLong, 400), coded(llm.CodeContentFiltered, 400)
	no := func(names ...string) func(context.Context, *llm.Call, string) error {
		return func(_ context.Context, _ *llm.Call, name string) error {
			if slices.Contains(names, name) {
				return errors.New("not allowed")
			}
			return nil
		}
	}
	for _, tt := range []struct {
		about  string
		policy Fallbacks
		most   int
		plays  map[string]step
		call   llm.Call
		want   string // who answers, or the error's code
		hops   int
	}{
		{"nothing fails", general, 0, nil, llm.Call{}, "a/1", 0},
		{"the first", general, 0, map[string]step{"a/1": down}, llm.Call{}, "b/1", 1},
		{"the second", general, 0, map[string]step{"a/1": down, "b/1": down}, llm.Call{}, "c/1", 2},
		{"what the provider refuses", general, 0, map[string]step{"a/1": coded(llm.CodeInvalid, 400)}, llm.Call{}, "b/1", 1},
		{"a prompt that is too long", general, 0, map[string]step{"a/1": long}, llm.Call{}, "c/1", 1},
		{"content that was filtered", general, 0, map[string]step{"a/1": filtered}, llm.Call{}, "d/1", 1},
		{"a special list that is not there", Fallbacks{General: general.General}, 0, map[string]step{"a/1": long}, llm.Call{}, "b/1", 1},
		{"a name for any", general, 0, map[string]step{"c/1": down}, llm.Call{Model: "c"}, "d/1", 1},
		{"the default", Fallbacks{Default: []string{"b"}}, 0, map[string]step{"a/1": down}, llm.Call{}, "b/1", 1},
		{"in a circle", Fallbacks{General: map[string][]string{"a": {"b"}, "b": {"a"}}}, 0, map[string]step{"a/1": down, "b/1": down}, llm.Call{}, "service.unavailable", 0},
		{"of a fallback", Fallbacks{General: map[string][]string{"a": {"b"}, "b": {"c"}}}, 0, map[string]step{"a/1": down, "b/1": down}, llm.Call{}, "c/1", 2},
		{"no deeper than allowed", Fallbacks{General: map[string][]string{"a": {"b"}, "b": {"c"}}}, 1, map[string]step{"a/1": down, "b/1": down}, llm.Call{}, "service.unavailable", 0},
		{"all of a list that is no deeper", general, 1, map[string]step{"a/1": down, "b/1": down}, llm.Call{}, "c/1", 2},
		{"one that the caller may not use", general, 0, map[string]step{"a/1": down}, llm.Call{Allow: no("b")}, "c/1", 1},
		{"none that the caller may use", general, 0, map[string]step{"a/1": down}, llm.Call{Allow: no("b", "c", "d")}, "service.unavailable", 0},
		{"the client's", general, 0, map[string]step{"a/1": down}, llm.Call{Routing: llm.Routing{Fallbacks: []string{"d"}}}, "d/1", 1},
		{"the client's for long prompts", general, 0, map[string]step{"a/1": long}, llm.Call{Routing: llm.Routing{WindowFallbacks: []string{"d"}}}, "d/1", 1},
		{"the client wants none", general, 0, map[string]step{"a/1": down}, llm.Call{Routing: llm.Routing{NoFallbacks: true}}, "service.unavailable", 0},
		{"a call of one deployment", general, 0, map[string]step{"a/1": down}, llm.Call{Deployment: "a/1"}, "service.unavailable", 0},
		{"a call that is made once", general, 0, map[string]step{"a/1": down}, llm.Call{Once: true}, "service.unavailable", 0},
		{"the gateway's own refusal", general, 0, map[string]step{"a/1": coded(llm.CodeBadRequest, 400)}, llm.Call{}, "gateway.bad_request", 0},
		{"a name that is not there", Fallbacks{General: map[string][]string{"a": {"nobody", "b"}}}, 0, map[string]step{"a/1": down}, llm.Call{}, "b/1", 1},
	} {
		t.Run(tt.about, func(t *testing.T) {
			w := newWorld(Policy{Fallbacks: tt.policy, MaxFallbacks: tt.most}, Entry{ID: "a/1"}, Entry{ID: "b/1"}, Entry{ID: "c/1"}, Entry{ID: "d/1"})
			for id, s := range tt.plays {
				w.plays(id, s)
			}
			if tt.call.Model == "" {
				tt.call.Model = "a"
			}
			resp, err := w.Complete(t.Context(), &llm.Request{Call: tt.call})
			var got string
			if err != nil {
				got = string(llm.AsError(err).Code)
			} else {
				got = resp.RawStop
				name := ""
				if tt.hops > 0 {
					name, _, _ = strings.Cut(got, "/")
				}
				if resp.Meta.Fallbacks != tt.hops || resp.Meta.Fallback != name {
					t.Errorf("%d fallbacks, the last is %q", resp.Meta.Fallbacks, resp.Meta.Fallback)
				}
			}
			if got != tt.want {
				t.Errorf("%s, want %s (%v)", got, tt.want, err)
			}
			for id, f := range w.fakes {
				if len(f.calls) > 1 {
					t.Errorf("%s was called %d times", id, len(f.calls))
				}
			}
		})
	}
}

func TestAClientIsToldTheFirstFailureAndThatFallbacksFailed(t *testing.T) {
	w := newWorld(Policy{Fallbacks: Fallbacks{General: map[string][]string{"a": {"b"}}}}, Entry{ID: "a/1"}, Entry{ID: "b/1"})
	w.plays("a/1", coded(llm.CodeUnavailable, 503))
	w.plays("b/1", coded(llm.CodeLimitTokens, 429))
	_, err := w.call(t, llm.Call{Model: "a"})
	if err == nil || err.Status != 503 || err.Message != "no. Fallbacks failed as well: b (limit.tokens)." {
		t.Errorf("%+v", err)
	}
}

func TestAFailureSaysWhoseItIsAndAfterWhat(t *testing.T) {
	w := newWorld(Policy{Fallbacks: Fallbacks{General: map[string][]string{"a": {"b"}}}}, Entry{ID: "a/1"}, Entry{ID: "b/1"})
	w.plays("a/1", coded(llm.CodeUnavailable, 503))
	w.plays("b/1", coded(llm.CodeUnavailable, 503))
	_, err := w.call(t, llm.Call{Model: "a", Routing: llm.Routing{Retries: llm.Some[int64](1)}})
	if err == nil || err.Deployment != "a/1" || err.Retries != 2 || err.Fallbacks != 1 {
		t.Errorf("%+v, want the failure of a/1 after a retry of each and one fallback", err)
	}
	if _, err = w.call(t, llm.Call{Model: "a", Routing: llm.Routing{NoFallbacks: true}}); err == nil || err.Deployment != "a/1" || err.Fallbacks != 0 {
		t.Errorf("%+v, want the failure of a/1 without a fallback", err)
	}
	if _, err = w.call(t, llm.Call{Model: "nobody"}); err == nil || err.Deployment != "" {
		t.Errorf("%+v, want no deployment of a name that is not there", err)
	}
}

// TestANameInCooldownIsPassedBy goes to the fallback without asking the name again, until its cooldown is over.
func TestANameInCooldownIsPassedBy(t *testing.T) {
	w := newWorld(Policy{Fallbacks: Fallbacks{General: map[string][]string{"a": {"b"}}}}, Entry{ID: "a/1"}, Entry{ID: "a/2"}, Entry{ID: "b/1"})
	w.plays("a/1", coded(llm.CodeUnavailable, 503))
	w.plays("a/2", coded(llm.CodeUnavailable, 503))
	for range 5 {
		if id, err := w.call(t, llm.Call{Model: "a", Routing: llm.Routing{Retries: llm.Some[int64](1)}}); err != nil || id != "b/1" {
			t.Fatalf("%s, %v", id, err)
		}
	}
	if n := len(w.fakes["a/1"].calls) + len(w.fakes["a/2"].calls); n != 2 {
		t.Errorf("the deployments in cooldown were called %d times, want once each", n)
	}
	w.plays("b/1", coded(llm.CodeUnavailable, 503))
	w.plays("a/1", step{})
	w.plays("a/2", step{})
	if id, err := w.call(t, llm.Call{Model: "a"}); err != nil || !strings.HasPrefix(id, "a/") {
		t.Errorf("%s, %v, want the name itself after its fallback failed", id, err)
	}
	w.now = w.now.Add(time.Minute)
	if id, err := w.call(t, llm.Call{Model: "a"}); err != nil || !strings.HasPrefix(id, "a/") {
		t.Errorf("%s, %v, want the name itself after the cooldown", id, err)
	}
}

func TestRetryPolicies(t *testing.T) {
	two := 2
	for _, tt := range []struct {
		about  string
		policy Policy
		own    llm.Opt[int64]
		code   llm.Code
		status int
		want   int // calls
	}{
		{"the deployment's", Policy{}, llm.Opt[int64]{}, llm.CodeUnavailable, 503, 1},
		{"of the class", Policy{Retries: RetryPolicy{ByClass: map[Class]int{ServiceUnavailable: 3}}}, llm.Opt[int64]{}, llm.CodeUnavailable, 503, 4},
		{"of another class", Policy{Retries: RetryPolicy{ByClass: map[Class]int{TimedOut: 3}}}, llm.Opt[int64]{}, llm.CodeUnavailable, 503, 1},
		{"of all others", Policy{Retries: RetryPolicy{ByClass: map[Class]int{TimedOut: 3}, Default: &two}}, llm.Opt[int64]{}, llm.CodeUnavailable, 503, 3},
		{"the name's", Policy{Retries: RetryPolicy{Default: &two}, NameRetries: map[string]RetryPolicy{"a": {ByClass: map[Class]int{ServiceUnavailable: 1}}}}, llm.Opt[int64]{}, llm.CodeUnavailable, 503, 2},
		{"the client's", Policy{Retries: RetryPolicy{Default: &two}}, llm.Some[int64](4), llm.CodeUnavailable, 503, 5},
		{"an invalid request", Policy{Retries: RetryPolicy{Default: &two}}, llm.Some[int64](4), llm.CodeInvalid, 400, 1},
		{"an invalid request that the policy names", Policy{Retries: RetryPolicy{ByClass: map[Class]int{BadRequest: 2}}}, llm.Opt[int64]{}, llm.CodeInvalid, 400, 3},
	} {
		t.Run(tt.about, func(t *testing.T) {
			w := newWorld(tt.policy, Entry{ID: "a/1"})
			w.plays("a/1", coded(tt.code, tt.status))
			_, _ = w.call(t, llm.Call{Model: "a", Routing: llm.Routing{Retries: tt.own}})
			if n := len(w.fakes["a/1"].calls); n != tt.want {
				t.Errorf("%d calls, want %d", n, tt.want)
			}
		})
	}
}

// TestTheNextOrderServesWhatTheFirstRefuses goes on for failures that are no reason for a retry: the next deployment may be of
// another model.
func TestTheNextOrderServesWhatTheFirstRefuses(t *testing.T) {
	for _, code := range []llm.Code{llm.CodeInvalid, llm.CodeTooLong, llm.CodeModelUnknown, llm.CodeAPIKeyInvalid, llm.CodeUnavailable} {
		w := newWorld(Policy{}, Entry{ID: "a/1", Order: 1}, Entry{ID: "a/2", Order: 1}, Entry{ID: "a/3", Order: 2})
		for _, id := range []string{"a/1", "a/2"} {
			w.plays(id, coded(code, 400))
		}
		id, err := w.call(t, llm.Call{Model: "a"})
		if n := len(w.fakes["a/1"].calls) + len(w.fakes["a/2"].calls); err != nil || id != "a/3" || n != 1 {
			t.Errorf("%s: %s, %v, after %d calls of the first order", code, id, err, n)
		}
	}
	w := newWorld(Policy{}, Entry{ID: "a/1", Order: 1}, Entry{ID: "a/2", Order: 2})
	w.plays("a/1", coded(llm.CodeBadRequest, 400))
	if _, err := w.call(t, llm.Call{Model: "a"}); err == nil || len(w.fakes["a/2"].calls) > 0 {
		t.Errorf("what the gateway itself refuses goes on: %v", err)
	}
}

func TestAModelThatIsMissingInOneDeploymentIsAskedForInAnother(t *testing.T) {
	w := newWorld(Policy{}, Entry{ID: "a/1", Retries: 1}, Entry{ID: "a/2", Retries: 1})
	w.plays("a/1", coded(llm.CodeModelUnknown, 404))
	for range 6 {
		if id, err := w.call(t, llm.Call{Model: "a"}); err != nil || id != "a/2" {
			t.Fatalf("%s, %v", id, err)
		}
	}
	if n := len(w.fakes["a/1"].calls); n != 1 {
		t.Errorf("the deployment without the model was asked %d times", n)
	}
}

func TestAliases(t *testing.T) {
	w := newWorld(Policy{Aliases: map[string]Alias{"old": {Name: "a"}, "lost": {Name: "nobody"}, "b": {Name: "a"}}}, Entry{ID: "a/1"}, Entry{ID: "b/1"})
	for name, want := range map[string]string{"old": "a/1", "b": "b/1", "lost": "gateway.model_not_found"} {
		id, err := w.call(t, llm.Call{Model: name})
		if err != nil {
			id = string(err.Code)
		}
		if id != want {
			t.Errorf("%s: %s, want %s", name, id, want)
		}
	}
	if g := w.Group("old"); g != "a" {
		t.Errorf("the group is %q", g)
	}
}

func TestStreamsFallBackBeforeTheirFirstContentOnly(t *testing.T) {
	w := newWorld(Policy{Fallbacks: Fallbacks{General: map[string][]string{"a": {"b"}}}}, Entry{ID: "a/1"}, Entry{ID: "b/1"})
	w.plays("b/1", step{events: []llm.Event{start, text("from b")}})
	for _, tt := range []struct {
		about string
		first step
		want  string
	}{
		{"before", step{events: []llm.Event{start}, then: unavailable()}, "from b, EOF"},
		{"after", step{events: []llm.Event{start, text("from a")}, then: unavailable()}, "from a, down"},
	} {
		w.plays("a/1", tt.first)
		s, err := w.Stream(t.Context(), &llm.Request{Call: llm.Call{Model: "a", Stream: true}})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		var ev llm.Event
		for err = s.Next(&ev); err == nil; err = s.Next(&ev) {
			got += ev.Text
		}
		if got = fmt.Sprintf("%s, %v", got, err); !strings.HasPrefix(got, strings.TrimSuffix(tt.want, "down")) {
			t.Errorf("%s: %s, want %s", tt.about, got, tt.want)
		}
		_ = s.Close()
		w.now = w.now.Add(time.Hour)
	}
	for _, g := range w.table().all {
		if n := g.deployments[0].inFlight.Load(); n != 0 {
			t.Errorf("%d calls of %s are left in flight", n, g.name)
		}
	}
}
