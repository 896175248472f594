package route

import (
	"testing"
	"time"

	"outcrop/llm"
	"outcrop/provider"
)

// fakeHost is a deployment that is another one for requests with settings.
type fakeHost struct {
	*fake
	guest *fake
	left  int
}

func (h *fakeHost) WithOverrides(access *llm.ClientSettings) (provider.Deployment, func(), error) {
	if access.Get("api_key") == "" {
		return nil, nil, llm.Unsupported(access.Names()[0], "no")
	}
	return h.guest, func() { h.left++ }, nil
}

func newHost(name string, override step) (*fakeHost, Entry) {
	h := &fakeHost{fake: &fake{name: name, steps: []step{{}}}, guest: &fake{name: name + " as guest", steps: []step{override}}}
	e := entry("granite", h.fake)
	e.Deployment = h
	return h, e
}

func bring(name string) *llm.Request {
	return &llm.Request{Call: llm.Call{Model: "granite", ClientSettings: llm.NewClientSettings(map[string]string{name: "x"})}}
}

func TestACallWithSettingsGoesToTheDeploymentThatTheyMake(t *testing.T) {
	h, e := newHost("a", step{events: []llm.Event{start, text("hi")}})
	var pauses []time.Duration
	r := instant(&pauses, e)
	resp, err := r.Complete(t.Context(), bring("api_key"))
	if err != nil || resp.RawStop != "a as guest" || resp.Meta.Deployment != "a" {
		t.Errorf("got %+v, %v", resp, err)
	}
	s, err := r.Stream(t.Context(), bring("api_key"))
	if err != nil {
		t.Fatal(err)
	}
	if said, _ := drain(s); said != "hi" {
		t.Errorf("said %q", said)
	}
	s.Close()
	if len(h.guest.calls) != 2 || h.left != 2 || len(h.calls) != 0 {
		t.Errorf("the guest was called %d times and left %d times, the host called %d times", len(h.guest.calls), h.left, len(h.calls))
	}
}

// A caller whose own account or address fails, however often, changes nothing for
// the others: which deployment is tried first, how often, and after which pause.
func TestHowACallersOwnSettingsFareIsNothingToTheOthers(t *testing.T) {
	for _, failure := range []*llm.Error{unavailable(), {Code: llm.CodeLimitRequests, Status: 429, Upstream: true}, {Code: llm.CodeCredentialsInvalid, Status: 403, Upstream: true}} {
		a, first := newHost("a", step{err: failure})
		b, second := newHost("b", step{err: failure})
		var pauses []time.Duration
		r := instant(&pauses, first, second)
		for range 200 {
			if _, err := r.Complete(t.Context(), bring("api_key")); statusOf(err) != failure.Status {
				t.Fatalf("got %v", err)
			}
		}
		pauses = nil
		for range 10 {
			if _, err := r.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "granite"}}); err != nil {
				t.Fatal(err)
			}
		}
		if len(a.calls) != 5 || len(b.calls) != 5 || len(pauses) != 0 {
			t.Errorf("%s: %d and %d calls", failure.Code, len(a.calls), len(b.calls))
		}
		a.steps, b.steps = []step{{err: unavailable()}}, []step{{err: unavailable()}}
		_, _ = r.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "granite"}})
		if len(a.calls)+len(b.calls) != 13 {
			t.Errorf("%s: the others' tries were spent: %d", failure.Code, len(a.calls)+len(b.calls)-10)
		}
	}
}

func TestSettingsThatAreNotTakenEndTheCall(t *testing.T) {
	plain := &fake{name: "plain", steps: []step{{}}}
	h, e := newHost("a", step{})
	var pauses []time.Duration
	for _, r := range []*Router{instant(&pauses, entry("granite", plain)), instant(&pauses, e)} {
		_, err := r.Complete(t.Context(), bring("aws_region_name"))
		if e := llm.AsError(err); e.Code != llm.CodeUnsupported || e.Param != "aws_region_name" || len(pauses) != 0 {
			t.Errorf("got %v after %d pauses", err, len(pauses))
		}
	}
	if len(plain.calls)+len(h.calls)+len(h.guest.calls) != 0 {
		t.Error("a deployment was called")
	}
}
