package secrets_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"outcrop/secrets"
)

// shelf is a manager that can be written to.
type shelf struct {
	mu     sync.Mutex
	values map[string]string
	full   error
	closed bool
}

func (s *shelf) Name() string { return "the shelf" }

func (s *shelf) Read(_ context.Context, name string) (string, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, ok := s.values[name]
	return value, ok, s.full
}

func (s *shelf) Members(context.Context, string) (map[string]string, bool, error) {
	return nil, false, nil
}

func (s *shelf) Write(_ context.Context, name, value string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full == nil {
		s.values[name] = value
	}
	return s.full
}

func (s *shelf) Delete(_ context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.values, name)
	return s.full
}

func (s *shelf) Close() { s.closed = true }

func TestKeeper(t *testing.T) {
	s := &shelf{values: map[string]string{"p/old": "sk-old", "p/renamed": "sk-renamed", "p/deleted": "sk-deleted", "p/same": "sk-1"}}
	var log bytes.Buffer
	k := secrets.NewKeeper(s, "p/", slog.New(slog.NewTextHandler(&log, nil)))
	k.Keep(t.Context(), []secrets.Change{
		{To: "new", Value: "sk-new"}, {From: "old", To: "replaced", Value: "sk-replaced"}, {From: "renamed", To: "other"}, {From: "deleted"}, {From: "same", To: "same", Value: "sk-2"},
	})
	if want := "map[p/new:sk-new p/other:sk-renamed p/replaced:sk-replaced p/same:sk-2]"; fmt.Sprint(s.values) != want || log.Len() > 0 {
		t.Errorf("%v, want %s; log %s", s.values, want, log.String())
	}
	k.Keep(t.Context(), []secrets.Change{{From: "unknown", To: "b"}, {To: "../../elsewhere", Value: "sk-hush"}})
	for _, want := range []string{`the secret \"p/unknown\" does not exist`, "/key/regenerate", `\"p/../../elsewhere\" is not the name of a secret`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%s has no %s", log.String(), want)
		}
	}
	if len(s.values) != 4 {
		t.Errorf("%v", s.values)
	}
	log.Reset()
	s.full = &secrets.Error{Message: "no room", Fix: "make room"}
	k.Keep(t.Context(), []secrets.Change{{To: "x", Value: "sk-hush"}, {From: "new", To: "y"}, {From: "new"}})
	if text := log.String(); strings.Count(text, "no room") != 3 || !strings.Contains(text, "fix=\"make room\"") || !strings.Contains(text, "to=p/x") || strings.Contains(text, "hush") {
		t.Error(text)
	}
	if k.Close(); !s.closed {
		t.Error("the manager is still open")
	}
	if text := fmt.Sprintf("%v %+v %#v", secrets.Change{Value: "hush"}, secrets.Change{Value: "hush"}, []secrets.Change{{Value: "hush"}}); strings.Contains(text, "hush") {
		t.Error(text)
	}
}
