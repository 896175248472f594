// Command gotest runs go test and reports progress: every few seconds it prints how far the run is
// and which tests take the time, and at the end what failed, with the last lines of each, and what
// was skipped, with the reason.
//
//	go run ./scripts/gotest [-every 5s] [-json FILE] [-packages FILE] [-again REGEXP] [flags and packages of go test]
//
// With -again, up to three failed tests of the packages whose paths match are run once more with nothing beside them. If they pass,
// the run is good and names them as unsteady. Data races and panics are never forgiven.
//
// It exits as go test does. Its last line has the form "12 passed, 0 failed, 1 skipped".
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code, err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
	}
	os.Exit(code)
}

// settings are the command line.
type settings struct {
	every    time.Duration
	json     string // a file for the output of go test
	packages string // a file for the result of each package
	again    *regexp.Regexp
	program  string
	args     []string // of go test
}

var ownFlag = regexp.MustCompile(`^-(every|json|packages|again)=`)

func parse(args []string, errs io.Writer) (settings, error) {
	s := settings{program: "go"}
	flags := flag.NewFlagSet("gotest", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.DurationVar(&s.every, "every", 5*time.Second, "how often to say how far the run is")
	flags.StringVar(&s.json, "json", "", "write every event of go test -json to a `file`")
	flags.StringVar(&s.packages, "packages", "", "write the result line of each package to a `file`, as go test prints it")
	again := flags.String("again", "", "run a few failed tests of the packages that match `regexp` once more, alone")
	// The arguments of go test begin at the first one that is not one of these flags.
	own := 0
	for own < len(args) && ownFlag.MatchString(args[own]) {
		own++
	}
	if err := flags.Parse(args[:own]); err != nil {
		return settings{}, err
	}
	s.args = args[own:]
	if s.every <= 0 {
		return settings{}, fmt.Errorf("-every must be above zero, not %v", s.every)
	}
	if *again != "" {
		var err error
		if s.again, err = regexp.Compile(*again); err != nil {
			return settings{}, fmt.Errorf("-again: %w", err)
		}
	}
	if name := os.Getenv("GO"); name != "" {
		s.program = name
	}
	return s, nil
}

// run runs go test and returns its exit code.
func run(ctx context.Context, args []string, out, errs io.Writer) (code int, err error) {
	const failed = 2
	s, err := parse(args, errs)
	if err != nil {
		return failed, err
	}
	events, results := io.Discard, io.Discard
	for _, f := range []struct {
		name string
		to   *io.Writer
	}{{s.json, &events}, {s.packages, &results}} {
		if f.name == "" {
			continue
		}
		file, err := os.Create(f.name)
		if err != nil {
			return failed, err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		*f.to = file
	}
	began := time.Now()
	r := newReport(out, results)
	code, read, err := s.test(ctx, s.args, r, s.every, events, errs)
	if err != nil {
		return failed, err
	}
	if read == nil && code == 1 && r.runAgain(ctx, &s, events, errs) {
		code = 0
	}
	r.summarize(time.Since(began), code)
	if read != nil {
		return max(code, 1), fmt.Errorf("read the output of go test: %w", read)
	}
	return code, nil
}

// test runs go test with arguments, and adds its events to a report and to a file. It returns the exit code, and what went wrong with
// reading the events; err is why go test did not run.
func (s *settings) test(ctx context.Context, args []string, r *report, every time.Duration, events, errs io.Writer) (code int, read, err error) {
	cmd := exec.CommandContext(ctx, s.program, append([]string{"test", "-json"}, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Stderr = errs
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return 0, nil, err
	}
	if err := cmd.Start(); err != nil {
		return 0, nil, err
	}
	read = follow(io.TeeReader(stdout, events), r, time.Now(), every)
	ended := cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](ended); ok {
		return max(1, exit.ExitCode()), read, nil
	}
	return 0, read, ended
}

// follow reads events until there are no more, and prints the progress at intervals.
func follow(in io.Reader, r *report, began time.Time, every time.Duration) error {
	lines := make(chan []byte)
	ended := make(chan error, 1)
	go func() {
		defer close(lines)
		from := bufio.NewReaderSize(in, 1<<16)
		for {
			line, err := from.ReadBytes('\n')
			if len(line) > 0 {
				lines <- line
			}
			if err != nil {
				if errors.Is(err, io.EOF) {
					err = nil
				}
				ended <- err
				return
			}
		}
	}()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				return <-ended
			}
			r.take(line)
		case now := <-tick.C:
			r.progress(now.Sub(began), now)
		}
	}
}
