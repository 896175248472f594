package creds

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// counted makes a source of credentials that live as long as life says and
// counts its fetches; each fetch takes a second of the bubble's time.
func counted(life time.Duration, fail func(n int64) *Error) (*Source, *atomic.Int64) {
	var n atomic.Int64
	s := &Source{plan: &plan{kind: Role, environ: func(string) string { return "" }}, now: time.Now, logger: slog.New(slog.DiscardHandler)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.state.Store(&state{})
	s.fetch = func(ctx context.Context) (Credentials, *Error) {
		i := n.Add(1)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return Credentials{}, &Error{Kind: Unreachable, Message: "ended"}
		}
		if fail != nil {
			if err := fail(i); err != nil {
				return Credentials{}, err
			}
		}
		c := Credentials{AccessKey: fmt.Sprint("key", i), secrets: seal("s", "", "")}
		if life > 0 {
			c.Expires = time.Now().Add(life)
		}
		return c, nil
	}
	return s, &n
}

func mustGet(t *testing.T, s *Source) Credentials {
	t.Helper()
	c, err := s.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAFaultInARenewalIsSurvived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s, n := counted(time.Hour, func(n int64) *Error {
			if n == 2 {
				panic("a fault of the test's")
			}
			return nil
		})
		defer s.Close()
		s.logger = slog.New(slog.NewTextHandler(&log, nil))
		mustGet(t, s)
		time.Sleep(time.Hour - refreshAhead + time.Second)
		mustGet(t, s) // its renewal fails
		time.Sleep(time.Minute)
		mustGet(t, s) // so it is tried again
		time.Sleep(time.Minute)
		if c := mustGet(t, s); c.AccessKey != "key3" || n.Load() != 3 {
			t.Errorf("got %v after %d tries", c, n.Load())
		}
		if strings.Count(log.String(), "level=ERROR") != 1 || !strings.Contains(log.String(), "a fault of the test's") || !strings.Contains(log.String(), "source_test.go") {
			t.Errorf("the log is %s", &log)
		}
	})
}

func TestAThousandWaitingCallsMakeOneFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, n := counted(time.Hour, nil)
		defer s.Close()
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				if c, err := s.Get(t.Context()); err != nil || c.AccessKey != "key1" {
					t.Errorf("got %v, %v", c, err)
				}
			})
		}
		wg.Wait()
		if n.Load() != 1 {
			t.Errorf("%d fetches", n.Load())
		}
	})
}

func TestCredentialsAreRenewedAheadWithoutWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, n := counted(time.Hour, nil)
		defer s.Close()
		mustGet(t, s)
		time.Sleep(time.Hour - refreshAhead + time.Second)
		before := time.Now()
		for range 100 {
			if c := mustGet(t, s); c.AccessKey != "key1" {
				t.Fatalf("got %v while the renewal is under way", c)
			}
		}
		if !time.Now().Equal(before) {
			t.Error("a request waited for the renewal")
		}
		time.Sleep(2 * time.Second)
		if c := mustGet(t, s); c.AccessKey != "key2" || n.Load() != 2 {
			t.Errorf("got %v after %d fetches", c, n.Load())
		}
	})
}

func TestCredentialsThatRanOutAreNotGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := counted(time.Hour, nil)
		defer s.Close()
		mustGet(t, s)
		time.Sleep(time.Hour - margin)
		if c := mustGet(t, s); c.AccessKey != "key2" {
			t.Errorf("got %v", c)
		}
	})
}

func TestARenewalThatFailsLeavesWhatStillLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, n := counted(time.Hour, func(n int64) *Error {
			if n == 1 {
				return nil
			}
			return &Error{Kind: Unreachable, Message: "down"}
		})
		defer s.Close()
		mustGet(t, s)
		time.Sleep(time.Hour - refreshAhead)
		for range 9 * 60 { // nine minutes, a request a second
			if c := mustGet(t, s); c.AccessKey != "key1" {
				t.Fatalf("got %v", c)
			}
			time.Sleep(time.Second - time.Nanosecond)
		}
		if n := n.Load(); n < 10 || n > 30 {
			t.Errorf("%d fetches in nine minutes; they should be about half a minute apart", n)
		}
		time.Sleep(time.Minute)
		if _, err := s.Get(t.Context()); err == nil {
			t.Error("credentials that ran out were given")
		}
	})
}

func TestFailuresAreRememberedForLongerEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		s, n := counted(time.Hour, func(int64) *Error {
			if down {
				return &Error{Kind: Missing, Message: "none"}
			}
			return nil
		})
		defer s.Close()
		for i, seconds := range []int{1, 2, 4, 8, 16, 30, 30} {
			for range 50 {
				var e *Error
				if _, err := s.Get(t.Context()); !errors.As(err, &e) || e.Kind != Missing {
					t.Fatalf("got %v", err)
				}
			}
			if n.Load() != int64(i+1) {
				t.Fatalf("%d fetches, want %d", n.Load(), i+1)
			}
			time.Sleep(time.Duration(seconds)*time.Second - time.Millisecond)
			_, _ = s.Get(t.Context())
			if n.Load() != int64(i+1) {
				t.Fatalf("fetched again before %ds had passed", seconds)
			}
			time.Sleep(time.Millisecond)
		}
		down = false
		if c := mustGet(t, s); c.AccessKey != "key8" {
			t.Errorf("got %v", c)
		}
	})
}

func TestACallThatGoesAwayDoesNotEndTheFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, n := counted(time.Hour, nil)
		defer s.Close()
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, errors.New("gone"))
		defer cancel()
		if _, err := s.Get(ctx); err == nil || err.Error() != "gone" {
			t.Errorf("got %v", err)
		}
		if c := mustGet(t, s); c.AccessKey != "key1" || n.Load() != 1 {
			t.Errorf("got %v after %d fetches", c, n.Load())
		}
	})
}

func TestInvalidateRenewsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, n := counted(time.Hour, nil)
		defer s.Close()
		refused := mustGet(t, s)
		if s.Invalidate(refused) {
			t.Error("credentials that were just fetched are to be fetched again")
		}
		time.Sleep(minAge)
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				if !s.Invalidate(refused) {
					t.Error("another try is said not to help")
				}
				if c, err := s.Get(t.Context()); err != nil || c.AccessKey != "key2" {
					t.Errorf("got %v, %v", c, err)
				}
			})
		}
		wg.Wait()
		if n.Load() != 2 {
			t.Errorf("%d fetches", n.Load())
		}
	})
}

func TestCredentialsWithoutAnEndAreReadAgainNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := counted(0, nil)
		defer s.Close()
		mustGet(t, s)
		time.Sleep(rereadAfter)
		if c := mustGet(t, s); c.AccessKey != "key1" {
			t.Errorf("got %v", c)
		}
		time.Sleep(2 * time.Second)
		if c := mustGet(t, s); c.AccessKey != "key2" {
			t.Errorf("got %v", c)
		}
	})
}

func TestAClockThatIsAheadIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, n := counted(-time.Hour, nil)
		defer s.Close()
		s.fetch = func(context.Context) (Credentials, *Error) {
			n.Add(1)
			return Credentials{AccessKey: "k", Expires: time.Now().Add(-time.Hour), secrets: seal("", "", "")}, nil
		}
		for range 10 {
			var e *Error
			if _, err := s.Get(t.Context()); !errors.As(err, &e) || e.Kind != Expired || n.Load() != 1 {
				t.Errorf("got %v after %d fetches", err, n.Load())
			}
		}
	})
}

func TestCloseEndsARenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := counted(time.Hour, nil)
		got := make(chan error, 1)
		go func() {
			_, err := s.Get(context.Background())
			got <- err
		}()
		synctest.Wait()
		s.Close()
		if err := <-got; err == nil {
			t.Error("the waiting call got credentials")
		}
		time.Sleep(time.Minute)
		var e *Error
		if _, err := s.Get(t.Context()); !errors.As(err, &e) {
			t.Errorf("got %v", err)
		}
		s.Close()
	})
}

func BenchmarkGet(b *testing.B) {
	s, err := Open(Options{AccessKey: "a", SecretKey: "b"})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = s.Get(context.Background())
	}
}
