package valkey_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	client "github.com/valkey-io/valkey-go"
	"go.uber.org/goleak"

	"outcrop/cache/cachetest"
	"outcrop/cache/valkey"
	"outcrop/internal/need"
	server "outcrop/internal/valkey"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func startServer(t *testing.T) *server.Server {
	t.Helper()
	s, err := server.Start(t.Context(), t.TempDir())
	need.Server(t, s, err)
	return s
}

func open(t *testing.T, address, prefix string) *valkey.Store {
	t.Helper()
	s, err := valkey.Open(valkey.Options{Address: "redis://" + address, Prefix: prefix})
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
	address := startServer(t).Address()
	others := open(t, address, "others:")
	if err := others.Set(t.Context(), "k", []byte("theirs"), 0); err != nil {
		t.Fatal(err)
	}
	// The server has its own clock.
	cachetest.Run(t, open(t, address, "outcrop:[cache]*:"), cachetest.Options{Pass: time.Sleep, Another: open(t, address, "outcrop:[cache]*:")})
	if value, err := others.Get(t.Context(), "k"); string(value) != "theirs" || err != nil {
		t.Errorf("flushing has deleted what is somebody else's: %q, %v", value, err)
	}
}

func TestTheServerTellsOfItself(t *testing.T) {
	s := open(t, startServer(t).Address(), "p:")
	names, values, clients, err := s.Info(t.Context())
	if err != nil || len(names) < 10 || values["tcp_port"] == "" || len(clients) == 0 || !strings.Contains(clients[0], "addr=") {
		t.Errorf("%v %v %v %v", names, values, clients, err)
	}
}

// A server that is away is an error within the caller's time, and is found again when it is back.
func TestAServerThatIsAway(t *testing.T) {
	srv := startServer(t)
	s := open(t, srv.Address(), "p:")
	if err := srv.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), "k"); err == nil {
		t.Error("a server that is away has answered")
	}
	if err := srv.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Set(t.Context(), "k", []byte("v"), 0); err != nil {
		t.Fatal(err)
	}
	if err := srv.Kill(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := s.Ping(ctx); err == nil {
		t.Error("a server that is away has answered")
	}
}

// A server that accepts connections and says nothing holds callers no longer than they want.
func TestASilentServerHoldsNobody(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := open(t, l.Addr().String(), "p:")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Get(ctx, "k"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestAnAddressThatCannotBeReadIsNotShown(t *testing.T) {
	if _, err := valkey.Open(valkey.Options{Address: "nothing://user:secret@host"}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

func TestAClosedStore(t *testing.T) {
	s, err := valkey.Open(valkey.Options{Address: "redis://" + startServer(t).Address()})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Ping(t.Context()), s.Close()); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{s.Ping(t.Context()), s.Set(t.Context(), "k", nil, 0), s.Delete(t.Context(), []string{"k"}), s.Flush(t.Context())} {
		if err == nil || client.IsValkeyNil(err) {
			t.Errorf("got %v", err)
		}
	}
}
