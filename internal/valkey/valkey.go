// Package valkey runs the Valkey or Redis that is installed on this machine, for tests and benchmarks that need a
// real one.
package valkey

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"outcrop/internal/need"
	"outcrop/internal/port"
	"outcrop/internal/process"
)

// ErrNotInstalled says that this machine has neither Valkey nor Redis.
var ErrNotInstalled = fmt.Errorf("a server, Valkey or Redis, is %w (on Debian: apt-get install redis-server)", need.ErrNotInstalled)

// Server is a running Valkey or Redis without data.
type Server struct {
	program, dir string
	args         []string
	port         *port.Reserved
	process      process.Process
}

// Start starts a server with its data in a folder, which must exist, on a free port of 127.0.0.1. args are
// further settings, such as --requirepass. ctx bounds the start. The error is ErrNotInstalled if there is no
// server.
func Start(ctx context.Context, dir string, args ...string) (*Server, error) {
	program, err := Program()
	if err != nil {
		return nil, err
	}
	return StartProgram(ctx, program, dir, args...)
}

// Program is the path of this machine's server, or the error ErrNotInstalled.
func Program() (string, error) {
	for _, name := range []string{"valkey-server", "redis-server"} {
		if program, err := exec.LookPath(name); err == nil {
			return program, nil
		}
	}
	return "", ErrNotInstalled
}

// StartProgram is Start with a certain program.
func StartProgram(ctx context.Context, program, dir string, args ...string) (*Server, error) {
	reserved, err := port.Reserve()
	if err != nil {
		return nil, err
	}
	s := &Server{program: program, dir: dir, args: args, port: reserved}
	if err := s.launch(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// Address is the host and the port.
func (s *Server) Address() string { return s.port.Address() }

// launch starts the server process, and waits until it answers.
func (s *Server) launch(ctx context.Context) error {
	host, number, err := net.SplitHostPort(s.Address())
	if err != nil {
		return err
	}
	// Each write is in the file before it is answered, so that a kill loses nothing.
	args := append([]string{"--bind", host, "--port", number, "--dir", s.dir, "--save", "", "--appendonly", "yes", "--appendfsync", "no"}, s.args...)
	cmd := exec.CommandContext(context.WithoutCancel(ctx), s.program, args...) //nolint:gosec // tests choose the settings
	if err := s.process.Launch(ctx, cmd, 20*time.Millisecond, func() bool { return s.answers(ctx) }); err != nil {
		return fmt.Errorf("valkey: %w", err)
	}
	return nil
}

// answers reports whether the server takes commands.
func (s *Server) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Address())
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }() // nothing is lost
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return false
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return err == nil && !strings.HasPrefix(line, "-LOADING")
}

// Kill kills the server as kill -9 does. Restart starts it again.
func (s *Server) Kill() error { return s.process.End(os.Kill) }

// Restart starts the server on the same port with the same data, after it has ended the one that runs.
// Connections to that are cut.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.Kill(); err != nil {
		return err
	}
	return s.launch(ctx)
}

// Stop ends the server.
func (s *Server) Stop() error { return errors.Join(s.Kill(), s.port.Release()) }
