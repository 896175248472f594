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
	"strconv"
	"strings"
	"syscall"
	"time"
)

// greeting stands before the address in the first line of each process.
const greeting = "outcrop: listening on "

// process is a server that runs beside this one.
type process struct {
	cmd     *exec.Cmd
	address string        // host and port
	start   time.Duration // from its birth to the first healthy answer
}

// launch starts a server and waits until it answers. What it logs goes to log.
func launch(ctx context.Context, log *os.File, health, name string, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, name, args...)}
	p.cmd.Stderr = log
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), greeting+"http://")
	if err != nil || !ok {
		return nil, errors.Join(fmt.Errorf("%s did not say where it listens: %q", name, line), err, p.stop())
	}
	p.address = address
	if health != "" {
		if err := healthy(ctx, "http://"+address+health); err != nil {
			return nil, errors.Join(err, p.stop())
		}
	}
	p.start = time.Since(begin)
	return p, nil
}

// healthy waits for a first answer with status 200.
func healthy(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
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
		case <-ctx.Done():
			return fmt.Errorf("%s gives no healthy answer: %w", url, err)
		case <-time.After(time.Millisecond):
		}
	}
}

// stop ends the process and waits for its end.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && !exit.Exited() {
		return nil // by the signal, as was asked
	}
	return err
}

// clockTick is the unit of processor time in /proc, 1/100 s on every Linux that
// Go runs on (proc_pid_stat(5), sysconf(_SC_CLK_TCK)).
const clockTick = 10 * time.Millisecond

// cpu is the processor time that the process has used, in user and in system
// mode, all threads together: fields 14 and 15 of /proc/PID/stat. The kernel
// counts it exactly and shows it in clock ticks.
func (p *process) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	return parseStat(string(stat))
}

func parseStat(stat string) (time.Duration, error) {
	behind := strings.LastIndexByte(stat, ')') // the name before it may hold anything
	fields := strings.Fields(stat[behind+1:])
	if behind < 0 || len(fields) < 13 {
		return 0, fmt.Errorf("unexpected /proc/PID/stat: %q", stat)
	}
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick, nil
}

// rss is the memory of the process that is resident, in bytes: VmRSS of
// /proc/PID/status.
func (p *process) rss() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			return kb << 10, err
		}
	}
	return 0, errors.New("no VmRSS in /proc/PID/status")
}
