package e2e

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"outcrop/app"
	"outcrop/config"
	"outcrop/provider/all"
)

// mood is what an upstream does with the calls that arrive.
type mood int32

const (
	well mood = iota
	dead
	stalled
	throttled
	failing500
	moods
)

// trail says of each call where it was tried, and how that was.
type trail struct {
	began time.Time
	mu    sync.Mutex
	tries map[string][]string // by the question
}

func (t *trail) add(body []byte, what string) {
	_, question, _ := strings.Cut(string(body), "Question ")
	question, _, _ = strings.Cut(question, ":")
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tries[question] = append(t.tries[question], fmt.Sprintf("%.3f s %s", time.Since(t.began).Seconds(), what))
}

func (m mood) String() string {
	return [...]string{well: "well", dead: "dead", stalled: "stalled", throttled: "throttled", failing500: "500"}[m]
}

// moody is an upstream of OpenAI's API whose mood changes.
type moody struct {
	*httptest.Server
	name     string
	trail    *trail
	mood     atomic.Int32
	answered atomic.Int64
}

func startMoody(t *testing.T, name string, tr *trail) *moody {
	t.Helper()
	m := &moody{name: name, trail: tr}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		feels := mood(m.mood.Load())
		m.trail.add(body, fmt.Sprintf("%s %s", m.name, feels))
		switch feels {
		case dead:
			panic(http.ErrAbortHandler)
		case stalled:
			<-r.Context().Done()
			return
		case throttled:
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		case failing500:
			w.WriteHeader(http.StatusInternalServerError)
			return
		case well, moods:
		}
		m.answered.Add(1)
		if strings.Contains(string(body), `"stream":true`) {
			w.Header().Set("Content-Type", "text/event-stream")
			for _, word := range []string{"granite ", "gneiss ", "slate."} {
				fmt.Fprintf(w, "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%q},\"finish_reason\":null}]}\n\n", word)
				_ = http.NewResponseController(w).Flush()
			}
			fmt.Fprint(w, "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"granite gneiss slate."},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
	}))
	t.Cleanup(m.Close)
	return m
}

// TestNoCallIsLostWhileDeploymentsFail makes calls, half of them streaming, while deployments are killed, stalled, throttled, broken and
// restored, and the configuration is reloaded. At each time one deployment of the name is well, and it stays so until the calls have
// ended that were under way when it became the one: a call that has been refused everywhere finds it in its second round. What
// drives the changes is the number of calls, with a fixed seed.
func TestNoCallIsLostWhileDeploymentsFail(t *testing.T) {
	t.Parallel()
	const calls, clients = 1000, 8
	upstreams := make([]*moody, 4)
	tries := &trail{began: time.Now(), tries: map[string][]string{}}
	for i := range upstreams {
		upstreams[i] = startMoody(t, fmt.Sprintf("d%d", i), tries)
	}
	var version atomic.Int64
	load := func(context.Context) (*config.Config, []config.Problem, error) {
		var b strings.Builder
		b.WriteString("model_list:\n")
		for i, u := range upstreams {
			fmt.Fprintf(&b, "  - {model_name: stone, litellm_params: {model: openai/m, api_base: %q, api_key: sk-upstream, weight: %d}, model_info: {id: d%d}}\n", u.URL+"/v1", 1+(version.Load()+int64(i))%3, i)
		}
		if version.Load()%2 == 1 { // an entry that comes and goes
			fmt.Fprintf(&b, "  - {model_name: sand, litellm_params: {model: openai/m, api_base: %q, api_key: sk-upstream}}\n", upstreams[0].URL+"/v1")
		}
		b.WriteString("router_settings: {num_retries: 7, timeout: 2}\n")
		cfg, problems := config.Load(config.Source{Name: "config.yaml", Data: []byte(b.String()), Providers: all.Providers()})
		return cfg, problems, nil
	}
	cfg, problems, _ := load(t.Context())
	if cfg == nil {
		t.Fatal(problems)
	}
	a, err := app.New(t.Context(), app.Options{Config: cfg, Reload: load, Logger: slog.New(slog.DiscardHandler), Environ: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	g := &gateway{App: a}
	t.Cleanup(func() { g.stop(t) })

	random := rand.New(rand.NewPCG(16, 4))
	var mu sync.Mutex
	safe, moved, moves := 0, 0, 0
	running, ended := map[int]bool{}, sync.NewCond(&mu)
	settled := func() bool { // whether all calls have ended that began before the last move
		for n := range running {
			if n < moved {
				return false
			}
		}
		return true
	}
	change := func(n int) {
		mu.Lock()
		defer mu.Unlock()
		if n >= moved+40 && settled() { // the next one is well before the last one may fail
			next := (safe + 1) % len(upstreams)
			upstreams[next].mood.Store(int32(well))
			safe, moved = next, n
			moves++
		}
		if i := random.IntN(len(upstreams)); i != safe {
			upstreams[i].mood.Store(random.Int32N(int32(moods)))
		}
		if n%25 == 0 {
			version.Add(1)
			if _, err := a.Reload(t.Context()); err != nil {
				t.Errorf("reload: %v", err)
			}
		}
	}
	var made atomic.Int64
	var lost sync.Map
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for {
				n := int(made.Add(1))
				if n > calls {
					return
				}
				mu.Lock()
				for n >= moved+80 && !settled() { // or one call that is stalled would see no change of many
					ended.Wait()
				}
				running[n] = true
				mu.Unlock()
				if n%5 == 0 {
					change(n)
				}
				if what := chaosCall(t, a.URL(), n); what != "" {
					tries.mu.Lock()
					lost.Store(n, fmt.Sprintf("%s\n  ended %.3f tried: %s", what, time.Since(tries.began).Seconds(), strings.Join(tries.tries[strconv.Itoa(n)], "; ")))
					tries.mu.Unlock()
				}
				mu.Lock()
				delete(running, n)
				ended.Broadcast()
				mu.Unlock()
			}
		})
	}
	all.Wait()
	n := 0
	lost.Range(func(_, what any) bool {
		if n++; n <= 5 {
			t.Errorf("a call was lost: %v", what)
		}
		return true
	})
	answered := int64(0)
	for _, u := range upstreams {
		answered += u.answered.Load()
	}
	if answered < calls {
		t.Errorf("the upstreams have answered %d times, which is less than the %d calls", answered, calls)
	}
	if moves < 4 {
		t.Errorf("which deployment is well has changed %d times, want 4 or more", moves)
	}
	t.Logf("%d calls, %d reloads, %d moves, %d lost, %d answers of upstreams", calls, version.Load(), moves, n, answered)
}

// chaosCall makes a call, and says what is wrong with its answer; empty if nothing is.
func chaosCall(t *testing.T, address string, n int) string {
	t.Helper()
	stream := n%2 == 0
	body := fmt.Sprintf(`{"model":"stone","stream":%t,"messages":[{"role":"user","content":"Question %d: name three rocks."}]}`, stream, n)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	text := string(data)
	whole := strings.Count(text, "granite") == 1 && strings.Count(text, "slate.") == 1
	if stream {
		whole = whole && strings.HasSuffix(text, "data: [DONE]\n\n")
	}
	if err != nil || resp.StatusCode != http.StatusOK || !whole {
		return fmt.Sprintf("stream %t: %d %v %.400s", stream, resp.StatusCode, err, text)
	}
	return ""
}
