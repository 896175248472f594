package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"outcrop/e2e/roughbedrock"
	"outcrop/wire/eventstream"
)

// answering is a Bedrock that takes every request and answers as it is told.
type answering struct {
	url string

	mu     sync.Mutex
	answer string
	paths  []string
	bodies []string
}

func startAnswering(t *testing.T) *answering {
	t.Helper()
	a := &answering{}
	s := httptest.NewServer(a)
	t.Cleanup(s.Close)
	a.url = s.URL
	return a
}

func (a *answering) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || !strings.HasPrefix(r.URL.Path, "/model/") {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	a.mu.Lock()
	a.paths, a.bodies = append(a.paths, r.URL.EscapedPath()), append(a.bodies, string(body))
	answer := bedrockAnswers()[a.answer]
	a.mu.Unlock()
	if strings.HasSuffix(r.URL.Path, "/converse-stream") {
		w.Header().Set("Content-Type", eventstream.MediaType)
		for _, e := range answer.events {
			kind, payload, _ := strings.Cut(e, " ")
			_, _ = w.Write(roughbedrock.Event(kind, payload)) // a client that has gone needs no more
		}
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, answer.whole) // as above
}

// expect sets the next answers and forgets what has come.
func (a *answering) expect(answer string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if answer == "" {
		answer = "text"
	}
	a.answer, a.paths, a.bodies = answer, nil, nil
}

func (a *answering) came() (paths, bodies []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.paths), slices.Clone(a.bodies)
}
