package qdrant_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outcrop/cache"
	"outcrop/cache/cachetest"
	"outcrop/cache/qdrant"
	"outcrop/internal/port"
	"outcrop/internal/process"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "key-of-the-test"

// clock is a clock that the test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// serve starts the local mode of Qdrant's client, which knows nothing of Outcrop, as a server.
func serve(t *testing.T) (url string) {
	t.Helper()
	tools := cachetest.Need(t, "../..")
	reserved, err := port.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	_, number, _ := strings.Cut(reserved.Address(), ":")
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), tools.Python, "testdata/qdrant.py", number, key)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p := &process.Process{}
	if err := p.Launch(ctx, cmd, 50*time.Millisecond, func() bool {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", reserved.Address())
		return err == nil && conn.Close() == nil
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(p.End(os.Kill), reserved.Release()); err != nil {
			t.Error(err)
		}
	})
	return "http://" + reserved.Address()
}

func open(t *testing.T, opt qdrant.Options) *qdrant.Store {
	t.Helper()
	opt.MaxAnswer = 1 << 20
	s, err := qdrant.Open(opt)
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

func TestTheStoreIsOne(t *testing.T) {
	url, c := serve(t), &clock{at: time.Now()}
	opt := qdrant.Options{URL: url, Key: key, Collection: "answers", Size: 4, Quantization: "scalar", Now: c.now}
	first, second := open(t, opt), open(t, opt)
	pass := func(d time.Duration) { c.at = c.at.Add(d) }
	cachetest.Run(t, first, cachetest.Options{Pass: pass, Another: second})
	pass(2 * time.Minute) // so that the next write deletes what is over
	cachetest.RunIndex(t, second, cachetest.Options{Pass: pass}, func() {})
	if err := first.SetAt(t.Context(), "k", nil, 0, cache.Place{Scope: "s", Vector: []float32{1}}); err == nil || !strings.Contains(err.Error(), "have 4 numbers, and those of the embedding model 1") {
		t.Error(err)
	}
}

func TestWrongSettings(t *testing.T) {
	for _, url := range []string{"", "localhost:6333", "grpc://localhost:6334"} {
		if _, err := qdrant.Open(qdrant.Options{URL: url}); err == nil || !strings.Contains(err.Error(), "http://localhost:6333") {
			t.Errorf("%s: %v", url, err)
		}
	}
	if err := open(t, qdrant.Options{URL: serve(t), Key: "wrong", Collection: "a"}).Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "401") {
		t.Error(err)
	}
}
