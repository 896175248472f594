// Package postgres runs the PostgreSQL that is installed on this machine, for tests and benchmarks that need
// a real one.
package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"outcrop/internal/need"
	"outcrop/internal/port"
	"outcrop/internal/process"
)

// ErrNotInstalled says that this machine has no PostgreSQL.
var ErrNotInstalled = fmt.Errorf("PostgreSQL is %w (on Debian: apt-get install postgresql)", need.ErrNotInstalled)

// name is that of the server's user and of its database.
const name = "outcrop"

// Server is a running PostgreSQL with one empty database.
type Server struct {
	bin, dir string
	port     *port.Reserved
	account  *syscall.SysProcAttr // whose processes it has
	process  process.Process
}

// Start starts a PostgreSQL with its data in a folder, which is made and must not exist, on a free port of 127.0.0.1.
// PostgreSQL refuses to run as root, so for root it runs as the user postgres, which must be able to reach the folder: the
// folders of tests are closed to others, so an empty dir is a new one beside them. ctx bounds the start. The error is
// ErrNotInstalled if there is no PostgreSQL.
func Start(ctx context.Context, dir string) (_ *Server, err error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	return StartIn(ctx, bin, dir)
}

// StartIn is Start with the programs in the folder bin.
func StartIn(ctx context.Context, bin, dir string) (_ *Server, err error) {
	if dir == "" {
		dir, err = os.MkdirTemp("", "postgres")
	} else {
		err = os.Mkdir(dir, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	s := &Server{bin: bin, dir: dir}
	if s.account, err = account(dir); err != nil {
		return nil, fmt.Errorf("postgres: prepare %s: %w", dir, err)
	}
	if s.port, err = port.Reserve(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop())
		}
	}()
	err = s.run(ctx, "initdb", "--pgdata", s.data(), "--username", name, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync")
	if err != nil {
		return nil, err
	}
	if err := s.launch(ctx); err != nil {
		return nil, err
	}
	host, number := s.address()
	if err := s.run(ctx, "createdb", "--host", host, "--port", number, "--username", name, name); err != nil {
		return nil, err
	}
	return s, nil
}

// programs returns the folder of PostgreSQL's newest programs.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres") // where Debian has them
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		return filepath.Dir(slices.Max(found)), nil
	}
	path, err := exec.LookPath("postgres")
	if err != nil {
		return "", ErrNotInstalled
	}
	return filepath.Dir(path), nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) address() (host, number string) {
	host, number, _ = strings.Cut(s.port.Address(), ":") // of 127.0.0.1
	return host, number
}

// URL is the address of the database, for a superuser without a password.
func (s *Server) URL() string {
	return "postgres://" + name + "@" + s.port.Address() + "/" + name + "?sslmode=disable"
}

// run runs one of PostgreSQL's programs to its end.
func (s *Server) run(ctx context.Context, program string, args ...string) error {
	cmd := s.command(ctx, program, args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("postgres: %s: %w: %s", program, err, bytes.TrimSpace(out))
	}
	return nil
}

func (s *Server) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, program), args...) //nolint:gosec // the machine's own programs
	cmd.Dir, cmd.SysProcAttr = s.dir, s.account
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	return cmd
}

// launch starts the server process, and waits until it answers.
func (s *Server) launch(ctx context.Context) error {
	host, number := s.address()
	cmd := s.command(context.WithoutCancel(ctx), "postgres", "-D", s.data(), "-p", number, "-k", s.dir,
		"-c", "listen_addresses="+host, "-c", "max_connections=300")
	err := s.process.Launch(ctx, cmd, 50*time.Millisecond, func() bool {
		return s.run(ctx, "pg_isready", "--quiet", "--host", host, "--port", number) == nil
	})
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	return nil
}

// Kill kills the server as kill -9 does. Restart starts it again.
func (s *Server) Kill() error { return s.process.End(os.Kill) }

// Restart starts the server on the same port with the same data, after it has ended the one that runs.
// Connections to that are cut.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.process.End(os.Interrupt); err != nil { // a fast shutdown: postgresql.org/docs/current/server-shutdown.html
		return err
	}
	for {
		err := s.launch(ctx)
		// After a kill, the server's other processes may still hold its memory for a moment.
		if err == nil || !s.process.Said("shared memory") {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Stop ends the server, and deletes its data.
func (s *Server) Stop() error {
	return errors.Join(s.process.End(os.Interrupt), s.port.Release(), os.RemoveAll(s.dir))
}
