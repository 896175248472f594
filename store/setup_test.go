package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outcrop/internal/need"
	"outcrop/internal/postgres"
	"outcrop/store"
)

// machine is the PostgreSQL of all tests, and admin its first database; nil if it is not installed.
var (
	machine *postgres.Server
	admin   *store.Store
	schemas atomic.Int64
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute) // a busy machine takes long to start PostgreSQL
	defer cancel()
	var err error
	if machine, err = postgres.Start(ctx, ""); err == nil {
		admin, err = store.Open(ctx, store.Options{URL: machine.URL()})
	}
	if err != nil && !errors.Is(err, postgres.ErrNotInstalled) {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if machine != nil {
		if err := errors.Join(admin.Close(), machine.Stop()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// shared returns the options of an empty database on PostgreSQL.
func shared(t *testing.T) store.Options {
	t.Helper()
	if machine == nil {
		need.Missing(t, postgres.ErrNotInstalled.Error())
	}
	name := fmt.Sprint("test", schemas.Add(1))
	if _, err := admin.DB().ExecContext(t.Context(), "CREATE SCHEMA "+name); err != nil {
		t.Fatal(err)
	}
	return store.Options{URL: machine.URL() + "&schema=" + name}
}

func open(t *testing.T, opt store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), opt)
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

// eachKind runs a test on a database in memory, on one in a file, and on PostgreSQL.
func eachKind(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	t.Run("in memory", func(t *testing.T) { test(t, open(t, store.Options{})) })
	t.Run("in a file", func(t *testing.T) { test(t, open(t, store.Options{Dir: t.TempDir()})) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, open(t, shared(t))) })
}

// exec runs a statement on the database itself.
func exec(t *testing.T, s *store.Store, statement string, args ...any) {
	t.Helper()
	if _, err := s.DB().ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

func TestReplicasThatStartTogetherPrepareTheTablesOnce(t *testing.T) {
	opt := shared(t)
	const replicas = 5
	errs := make(chan error, replicas)
	for range replicas {
		go func() {
			s, err := store.Open(t.Context(), opt)
			if err == nil {
				err = s.Close()
			}
			errs <- err
		}()
	}
	for range replicas {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

func TestErrorsOfTheConnectionDoNotShowThePassword(t *testing.T) {
	for _, address := range []string{
		"postgres://user:se%cret@127.0.0.1:1/name",
		"postgres://user:secret@127.0.0.1:1/name?sslmode=disable&connect_timeout=1",
		"postgres://user:secret@127.0.0.1:1/name?sslmode=nonsense",
		"postgres://user:secret@127.0.0.1:x/name",
		"postgres://user:secret@127.0.0.1:1/name?connection_limit=many",
		"mysql://user:secret@127.0.0.1:1/name",
		"://secret",
	} {
		_, err := store.Open(t.Context(), store.Options{URL: address})
		if err == nil || strings.Contains(err.Error(), "cret") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestTheURLsOfPrismaAreUnderstood(t *testing.T) {
	opt := shared(t)
	opt.URL += "&connection_limit=3&pool_timeout=5&pgbouncer=true&socket_timeout=9&statement_cache_size=0&sslaccept=strict"
	s := open(t, opt)
	if got := s.DB().Stats().MaxOpenConnections; got != 3 {
		t.Errorf("%d connections", got)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}
