package pgvector_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outcrop/cache"
	"outcrop/cache/cachetest"
	"outcrop/cache/pgvector"
	"outcrop/internal/need"
	"outcrop/internal/postgres"
	"outcrop/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// startServer starts a PostgreSQL with the extension.
func startServer(t *testing.T) *postgres.Server {
	t.Helper()
	tools := cachetest.Need(t, "../..")
	s, err := postgres.StartIn(t.Context(), tools.Postgres, "")
	need.Server(t, s, err)
	return s
}

func open(t *testing.T, url string) *pgvector.Store {
	t.Helper()
	config, _, err := store.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	s := pgvector.Open(config)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := s.Get(context.Background(), "k"); err == nil {
			t.Error("a store that is closed answers")
		}
	})
	return s
}

func TestTheStoreIsOne(t *testing.T) {
	url := startServer(t).URL()
	first, second := open(t, url), open(t, url) // which make the table at the same time
	cachetest.Run(t, first, cachetest.Options{Pass: time.Sleep, Another: second})
	cachetest.RunIndex(t, second, cachetest.Options{Pass: time.Sleep}, func() {})
}

// A server that is away is an error in time, and is used once it is there.
func TestAServerThatIsAway(t *testing.T) {
	server := startServer(t)
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	s := open(t, server.URL())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, _, err := s.Nearest(ctx, cache.Place{Scope: "a", Vector: []float32{1}}); err == nil || ctx.Err() != nil {
		t.Errorf("%v, %v", err, ctx.Err())
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

// A database without the extension says what to do.
func TestADatabaseWithoutTheExtension(t *testing.T) {
	server, err := postgres.Start(t.Context(), "")
	need.Server(t, server, err)
	if err := open(t, server.URL()).Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "CREATE EXTENSION vector") {
		t.Error(err)
	}
}
