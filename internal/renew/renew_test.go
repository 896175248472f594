package renew

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// giver gives tokens, or an error, when a test lets it.
type giver struct {
	asked chan struct{}
	gives chan answer
}

type answer struct {
	token   string
	expires time.Time
	err     error
}

func (g *giver) fetch(ctx context.Context) (string, time.Time, error) {
	g.asked <- struct{}{}
	select {
	case a := <-g.gives:
		return a.token, a.expires, a.err
	case <-ctx.Done():
		return "", time.Time{}, ctx.Err()
	}
}

func TestTokensAreRefreshedAheadInTheBackground(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	g := &giver{asked: make(chan struct{}, 10), gives: make(chan answer, 10)}
	s := New(g.fetch, func() time.Time { return now })
	defer s.Close()
	g.gives <- answer{token: "one", expires: now.Add(time.Hour)}
	get := func(want string) {
		t.Helper()
		if got, err := s.Get(t.Context()); err != nil || got != want {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	get("one")
	<-g.asked
	now = now.Add(50 * time.Minute)
	get("one")
	if len(g.asked) > 0 {
		t.Error("a token that lasts was refreshed")
	}
	now = now.Add(7 * time.Minute)
	get("one") // and a renewal begins, which nobody waits for
	<-g.asked
	get("one")
	g.gives <- answer{token: "two", expires: now.Add(time.Hour)}
	s.wait.Wait()
	get("two")
}

func TestAFailureIsTheCallersAndIsTriedAgain(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	g := &giver{asked: make(chan struct{}, 10), gives: make(chan answer, 10)}
	s := New(g.fetch, func() time.Time { return now })
	defer s.Close()
	refused := errors.New("refused")
	g.gives <- answer{err: refused}
	if _, err := s.Get(t.Context()); !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
	if _, err := s.Get(t.Context()); !errors.Is(err, refused) || len(g.asked) != 1 {
		t.Errorf("it was asked %d times within a moment: %v", len(g.asked), err)
	}
	now = now.Add(time.Minute)
	g.gives <- answer{token: "one", expires: now.Add(time.Hour)}
	if got, err := s.Get(t.Context()); err != nil || got != "one" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestClosingEndsARenewalUnderWay(t *testing.T) {
	g := &giver{asked: make(chan struct{}, 1), gives: make(chan answer)}
	s := New(g.fetch, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Get(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	<-g.asked
	s.Close()
	if _, err := s.Get(t.Context()); err == nil {
		t.Error("a closed source gives a token")
	}
}

func TestATokenWithoutAnEndIsFetchedOnce(t *testing.T) {
	g := &giver{asked: make(chan struct{}, 10), gives: make(chan answer, 10)}
	s := New(g.fetch, nil)
	defer s.Close()
	g.gives <- answer{token: "one"}
	for range 2 {
		if got, err := s.Get(t.Context()); got != "one" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if len(g.asked) != 1 {
		t.Errorf("it was asked %d times", len(g.asked))
	}
}
