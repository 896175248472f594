// Package process runs a server of this machine as a child, for tests and benchmarks that start it, kill it and start
// it again.
package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// Process is a server that runs or has ended. It is used by one goroutine.
type Process struct {
	cmd   *exec.Cmd     // nil unless it runs
	ended chan struct{} // closed when it has ended
	log   bytes.Buffer
}

// Launch starts a command, and waits until ready reports that it answers, which is asked every so often. It must not
// run yet. ctx bounds the wait: after it the command is killed.
func (p *Process) Launch(ctx context.Context, cmd *exec.Cmd, every time.Duration, ready func() bool) error {
	p.log.Reset()
	cmd.Stdout, cmd.Stderr = &p.log, &p.log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	ended := make(chan struct{})
	p.cmd, p.ended = cmd, ended
	go func() {
		_ = cmd.Wait() // the server is killed often, and then its status is not 0
		close(ended)
	}()
	for {
		if ready() {
			return nil
		}
		select {
		case <-ended:
			p.cmd = nil
			return fmt.Errorf("the server has ended: %s", bytes.TrimSpace(p.log.Bytes()))
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("the server does not answer: %w", context.Cause(ctx)), p.End(os.Kill))
		case <-time.After(every):
		}
	}
}

// End ends the command by a signal, and waits for it; nothing happens if it does not run.
func (p *Process) End(signal os.Signal) error {
	if p.cmd == nil {
		return nil
	}
	err := p.cmd.Process.Signal(signal)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	if err == nil {
		<-p.ended
		p.cmd = nil
	}
	return err
}

// Said reports whether the command has written a text since it was started. It must have ended.
func (p *Process) Said(text string) bool { return bytes.Contains(p.log.Bytes(), []byte(text)) }
