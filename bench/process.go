package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// greeting precedes the address in the first line of each of our processes.
const greeting = "outcrop: listening on "

// How long a server may take for its first healthy answer, and to end after the signal.
const (
	startTimeout = 10 * time.Minute
	stopTimeout  = 2 * time.Minute
)

// process is a server running alongside this process.
type process struct {
	cmd     *exec.Cmd
	address string        // host and port
	start   time.Duration // from the start of the process to the first healthy answer
	ended   chan struct{} // closed when it has ended
	err     error         // how it ended; read after ended is closed
}

// launch starts a server that prints its address in its first line, and waits until it
// answers. Its log goes to log, and environ is added to its environment.
func launch(ctx context.Context, log *os.File, environ []string, health, name string, args ...string) (*process, error) {
	p := newProcess(ctx, log, name, args...)
	p.cmd.Env = append(os.Environ(), environ...)
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	p.watch()
	address, ok := strings.CutPrefix(strings.TrimSpace(line), greeting+"http://")
	if err != nil || !ok {
		return nil, errors.Join(fmt.Errorf("%s did not print its address: %q", name, line), err, p.stop())
	}
	p.address = address
	return p, p.ready(ctx, begin, health)
}

// launchAt starts a server on a given address, and waits until it answers. Its
// environment is environ alone, and its working directory is dir.
func launchAt(ctx context.Context, log *os.File, address, health, dir string, environ []string, name string, args ...string) (*process, error) {
	p := newProcess(ctx, log, name, args...)
	p.cmd.Stdout, p.cmd.Dir, p.cmd.Env = log, dir, environ
	p.address = address
	begin := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.watch()
	return p, p.ready(ctx, begin, health)
}

func newProcess(ctx context.Context, log *os.File, name string, args ...string) *process {
	p := &process{cmd: exec.CommandContext(ctx, name, args...), ended: make(chan struct{})}
	p.cmd.Stderr = log
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	return p
}

// watch waits for the end of a started process.
func (p *process) watch() {
	go func() {
		defer close(p.ended)
		p.err = p.cmd.Wait()
	}()
}

// ready waits for a first answer with status 200 at the path health, if there is one,
// and stops the process if none arrives.
func (p *process) ready(ctx context.Context, begin time.Time, health string) error {
	if health != "" {
		if err := p.healthy(ctx, begin, "http://"+p.address+health); err != nil {
			return errors.Join(err, p.stop())
		}
	}
	p.start = time.Since(begin)
	return nil
}

func (p *process) healthy(ctx context.Context, begin time.Time, url string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if err == nil && resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s exited unexpectedly: %w", p.cmd.Path, errors.Join(p.err, err))
		case <-ctx.Done():
			return fmt.Errorf("%s is not healthy: %w", url, err)
		case <-time.After(max(time.Millisecond, time.Since(begin)/100)): // polling must not slow the start
		}
	}
}

// stop ends the process and waits for its end.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.ended:
	case <-time.After(stopTimeout):
		_ = p.cmd.Process.Kill()
		<-p.ended
		return fmt.Errorf("%s did not stop on request", p.cmd.Path)
	}
	var exit *exec.ExitError
	if errors.As(p.err, &exit) && !exit.Exited() {
		return nil // by the signal, as intended
	}
	return p.err
}
