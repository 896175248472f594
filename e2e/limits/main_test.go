package limits

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outcrop/internal/need"
	"outcrop/internal/postgres"
	"outcrop/store"
)

// patience limits how long a test waits; only a failure takes that long. It must be long enough for a busy machine.
const patience = time.Minute

// The program, and the PostgreSQL of all tests, which is nil if it is not installed.
var (
	program string
	machine *postgres.Server
	schemas atomic.Int64
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	code, err := prepared(m)
	if err = errors.Join(err, goleak.Find()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}

// prepared runs the tests with a program and a PostgreSQL.
func prepared(m *testing.M) (code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "limits")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program = filepath.Join(dir, "outcrop")
	// Built as make build does, and so of packages that Go has in its cache.
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "outcrop/cmd/outcrop")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("go build: %w\n%s", err, out)
	}
	switch machine, err = postgres.Start(ctx, ""); {
	case err == nil:
		defer func() { err = errors.Join(err, machine.Stop()) }()
	case !errors.Is(err, postgres.ErrNotInstalled):
		return 0, err
	}
	return m.Run(), nil
}

// database returns the address of an empty database on PostgreSQL.
func database(t testing.TB) string {
	t.Helper()
	if machine == nil {
		need.Missing(t, postgres.ErrNotInstalled.Error())
	}
	name := fmt.Sprint("test", schemas.Add(1))
	db, err := sql.Open("pgx", machine.URL())
	if err == nil {
		_, err = db.ExecContext(t.Context(), "CREATE SCHEMA "+name)
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return machine.URL() + "&schema=" + name
}

// openStore opens the database of the gateways.
func openStore(t testing.TB, opt store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// eventually waits until something holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	within(t, patience, what, holds)
}

func within(t testing.TB, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	for began := time.Now(); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > limit {
			t.Fatalf("in %v it did not happen that %s", limit, what)
		}
	}
}
