package limits

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"outcrop/e2e/roughbedrock"
)

// What a call costs: input costs nothing, and each token of the answer price, in 10⁻¹² USD. A whole answer has as many
// tokens as the question allows, so that a reservation is what the call costs.
const (
	price  = 15_000_000
	tokens = 8
	cost   = price * tokens
)

// dollars are units of 10⁻¹² USD as JSON has them.
func dollars(units int64) string { return fmt.Sprintf("%d.%012d", units/1e12, units%1e12) }

// upstream is a Bedrock that counts.
type upstream struct {
	url string

	mu      sync.Mutex
	scripts []*script
}

// script is how the upstream answers some calls, and what it saw of them. The exported functions may be called
// concurrently.
type script struct {
	prompt string // marks its calls
	tokens int    // of an answer
	hold   bool   // whether answers wait for release
	most   int    // if more calls come, those that wait are released; 0 for no bound
	pause  int    // after so many tokens a stream waits for release or until the gateway hangs up; 0 for never
	pace   time.Duration

	released chan struct{}
	release  func()

	mu                                sync.Mutex
	arrived, inFlight, peak, left, at int // left: the gateway has hung up; at: tokens that were sent
}

func startUpstream(t testing.TB) *upstream {
	t.Helper()
	u := &upstream{}
	s := httptest.NewServer(u)
	u.url = s.URL
	t.Cleanup(func() {
		u.mu.Lock()
		for _, s := range u.scripts {
			s.release()
		}
		u.mu.Unlock()
		s.Close()
	})
	return u
}

// add makes the upstream answer by a script, of which only the plain fields are set.
func (u *upstream) add(s *script) *script {
	u.mu.Lock()
	defer u.mu.Unlock()
	s.prompt = fmt.Sprintf("script-%d-", len(u.scripts))
	s.released = make(chan struct{})
	s.release = sync.OnceFunc(func() { close(s.released) })
	if s.tokens == 0 {
		s.tokens = tokens
	}
	u.scripts = append(u.scripts, s)
	return s
}

var mark = regexp.MustCompile(`script-(\d+)-`)

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	found := mark.FindSubmatch(body)
	if err != nil || found == nil {
		http.Error(w, `{"message":"no such model"}`, http.StatusNotFound)
		return
	}
	n, _ := strconv.Atoi(string(found[1])) // digits
	u.mu.Lock()
	s := u.scripts[n]
	u.mu.Unlock()
	s.answer(w, r)
}

// count changes what was counted.
func (s *script) count(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *script) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.arrived
}

// wait waits for release, and reports whether the gateway still is there.
func (s *script) wait(r *http.Request) bool {
	select {
	case <-s.released:
		return true
	case <-r.Context().Done():
		s.count(func() { s.left++ })
		return false
	}
}

// answer answers a call, which is in flight until just before its last byte.
func (s *script) answer(w http.ResponseWriter, r *http.Request) {
	landed := sync.OnceFunc(func() { s.count(func() { s.inFlight-- }) })
	s.count(func() {
		s.arrived++
		s.inFlight++
		s.peak = max(s.peak, s.inFlight)
		if s.most > 0 && s.arrived > s.most {
			s.release()
		}
	})
	defer landed()
	if s.hold && !s.wait(r) {
		return
	}
	usage := fmt.Sprintf(`{"inputTokens":2,"outputTokens":%d,"totalTokens":%d}`, s.tokens, s.tokens+2)
	if !strings.HasSuffix(r.URL.Path, "-stream") {
		w.Header().Set("Content-Type", "application/json")
		landed()
		fmt.Fprintf(w, `{"metrics":{"latencyMs":1},"output":{"message":{"role":"assistant","content":[{"text":%q}]}},"stopReason":"end_turn","usage":%s}`,
			strings.Repeat(" ore", s.tokens), usage)
		return
	}
	w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	send := func(frame []byte) {
		_, _ = w.Write(frame) // the gateway may have hung up
		_ = http.NewResponseController(w).Flush()
	}
	send(roughbedrock.Start())
	for i := range s.tokens {
		if s.pause > 0 && i == s.pause && !s.wait(r) {
			return
		}
		send(roughbedrock.Delta(" ore"))
		s.count(func() { s.at++ })
		if s.pace > 0 {
			select {
			case <-time.After(s.pace):
			case <-r.Context().Done():
				return
			}
		}
	}
	send(roughbedrock.BlockStop())
	send(roughbedrock.MessageStop("end_turn"))
	landed()
	send(roughbedrock.Event("metadata", `{"metrics":{"latencyMs":1},"usage":`+usage+`}`))
}
