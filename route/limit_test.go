package route

import (
	"testing"
	"testing/synctest"
	"time"

	"outcrop/llm"
)

// TestTheTimeLimitIsThatOfADeployment goes on with another deployment when one has been silent for its time limit, and gives that
// one as much time. So it is with a limit that the client sets, as with LiteLLM.
func TestTheTimeLimitIsThatOfADeployment(t *testing.T) {
	for _, tt := range []struct {
		about string
		call  llm.Call
		two   step
		want  string
		took  time.Duration
	}{
		{"the second answers", llm.Call{}, step{stall: 9 * time.Second}, "two", 19 * time.Second},
		{"the second is silent too", llm.Call{}, step{stall: time.Minute}, string(llm.CodeTimeout), 20 * time.Second},
		{"the client's limit", llm.Call{Routing: llm.Routing{Timeout: 10 * time.Second}}, step{}, "two", 10 * time.Second},
		{"no retries", llm.Call{Routing: llm.Routing{Retries: llm.Some[int64](0)}}, step{}, string(llm.CodeTimeout), 10 * time.Second},
	} {
		t.Run(tt.about, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				one, two := &fake{name: "one", steps: []step{{stall: time.Hour}}}, &fake{name: "two", steps: []step{tt.two}}
				of := func(f *fake) Entry {
					return Entry{Name: "a", ID: f.name, Model: "m", Deployment: f, Timeout: 10 * time.Second, StreamTimeout: 10 * time.Second, Retries: 1}
				}
				r := New(Plan{Entries: []Entry{of(one), of(two)}}, Options{})
				tt.call.Model = "a"
				began := time.Now()
				resp, err := r.Complete(t.Context(), &llm.Request{Call: tt.call})
				var got string
				if err != nil {
					got = string(llm.AsError(err).Code)
				} else {
					got = resp.RawStop
				}
				if took := time.Since(began); got != tt.want || took != tt.took {
					t.Errorf("%s after %v, want %s after %v (%v)", got, took, tt.want, tt.took, err)
				}
			})
		})
	}
}
