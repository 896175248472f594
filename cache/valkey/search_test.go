package valkey_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	client "github.com/valkey-io/valkey-go"

	"outcrop/cache"
	"outcrop/cache/cachetest"
	"outcrop/cache/valkey"
	"outcrop/internal/need"
	server "outcrop/internal/valkey"
)

// startSearching starts a Redis that can search vectors.
func startSearching(t *testing.T) *server.Server {
	t.Helper()
	tools := cachetest.Need(t, "../..")
	s, err := server.StartProgram(t.Context(), tools.Redis, t.TempDir(), "--loadmodule", tools.Search)
	need.Server(t, s, err)
	return s
}

func openIndex(t *testing.T, address string) *valkey.Index {
	t.Helper()
	s, err := valkey.OpenIndex(valkey.Options{Address: "redis://" + address, Prefix: "outcrop:"}, "answers")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestTheIndexIsOne(t *testing.T) {
	address := startSearching(t).Address()
	first, second := openIndex(t, address), openIndex(t, address)
	cachetest.Run(t, first, cachetest.Options{Pass: time.Sleep, Another: second})
	cachetest.RunIndex(t, second, cachetest.Options{Pass: time.Sleep}, func() {})
}

// Somebody deletes everything: the index is made anew.
func TestAnIndexThatWasDeletedIsMadeAnew(t *testing.T) {
	address := startSearching(t).Address()
	s := openIndex(t, address)
	at := cache.Place{Scope: "a", Vector: []float32{1, 2}}
	admin, err := client.NewClient(client.ClientOption{InitAddress: []string{address}, DisableCache: true})
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	for range 2 {
		if err := s.SetAt(t.Context(), "k", []byte("v"), 0, at); err != nil {
			t.Fatal(err)
		}
		if found, ok, err := s.Nearest(t.Context(), at); !ok || err != nil || found.Key != "k" {
			t.Fatalf("%+v %v %v", found, ok, err)
		}
		if err := admin.Do(t.Context(), admin.B().Arbitrary("FLUSHALL").Build()).Error(); err != nil {
			t.Fatal(err)
		}
		if found, ok, err := s.Nearest(t.Context(), at); ok || err != nil {
			t.Fatalf("%+v %v", found, err)
		}
	}
}

// A server that cannot search says what is needed.
func TestAServerWithoutSearches(t *testing.T) {
	s := openIndex(t, startServer(t).Address())
	at := cache.Place{Scope: "a", Vector: []float32{1, 2}}
	_, _, searched := s.Nearest(t.Context(), at)
	for _, err := range []error{s.Ping(t.Context()), s.SetAt(t.Context(), "k", []byte("v"), 0, at), searched} {
		if err == nil || !strings.Contains(err.Error(), "valkey-search") {
			t.Error(err)
		}
	}
	if _, _, err := s.Nearest(canceled(t), at); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func canceled(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
