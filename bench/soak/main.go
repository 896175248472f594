// Command soak calls the built program for a long time, with all kinds of call at once
// and the emulator as its upstream, and compares what clients saw with the log and the
// metrics:
//
//	make build && go run ./bench/soak -duration 20m -rate 40
//
// It prints memory and open files over time, and fails if any outcome was wrong.
package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const masterKey = "sk-soak"

const configuration = `
general_settings: {master_key: ` + masterKey + `}
router_settings: {num_retries: 0, timeout: 60}
outcrop_settings: {media: {allow: [127.0.0.1]}}
model_list:
  - model_name: granite
    litellm_params:
      model: bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0
      aws_access_key_id: AKIDEXAMPLE
      aws_secret_access_key: wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY
      aws_region_name: us-east-1
      aws_bedrock_runtime_endpoint: UPSTREAM
`

// timeout is longer than any call and any process takes if all is well.
const timeout = 90 * time.Second

func main() {
	duration := flag.Duration("duration", 20*time.Minute, "how long calls are made")
	rate := flag.Float64("rate", 40, "calls a second")
	binary := flag.String("binary", "bin/outcrop", "the program")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *binary, *duration, *rate, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

func run(ctx context.Context, binary string, duration time.Duration, rate float64, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "outcrop-soak-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	media, stopMedia, err := serveImage(ctx)
	if err != nil {
		return err
	}
	defer stopMedia()
	emulator, err := launch(ctx, nil, "outcrop: emulating AWS Bedrock on ", binary, "emulate", "bedrock", "--port", "0", "--any-credentials")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, emulator.stop()) }()
	config := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(config, []byte(strings.ReplaceAll(configuration, "UPSTREAM", emulator.url)), 0o600); err != nil {
		return err
	}
	b := newBooks()
	gateway, err := launch(ctx, b.read, "outcrop: listening on ", binary, "serve", "--config", config, "--port", "0", "--data-dir", filepath.Join(dir, "data"))
	if err != nil {
		return err
	}
	soak(ctx, gateway, b, kinds(media), duration, rate, out)
	metrics, err := settled(context.WithoutCancel(ctx), gateway.url)
	if err = errors.Join(err, gateway.stop()); err != nil {
		return err
	}
	faults := b.check(metrics)
	b.report(out)
	for _, fault := range faults[:min(len(faults), maxShown)] {
		fmt.Fprintln(out, "WRONG:", fault)
	}
	if len(faults) > 0 {
		return fmt.Errorf("%d outcomes are wrong", len(faults))
	}
	fmt.Fprintln(out, "calls = lines = metrics, and no outcome is wrong")
	return nil
}

// soak makes calls of all kinds in turn, and prints the gateway's memory and open files
// at intervals.
func soak(ctx context.Context, gateway *process, b *books, kinds [][]kind, duration time.Duration, rate float64, out io.Writer) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}, Timeout: timeout}
	defer client.CloseIdleConnections()
	call := time.NewTicker(time.Duration(float64(time.Second) / rate))
	defer call.Stop()
	report := time.NewTicker(max(time.Second, duration/20))
	defer report.Stop()
	end := time.NewTimer(duration)
	defer end.Stop()
	begin := time.Now()
	var open sync.WaitGroup
	defer open.Wait()
	for i := 0; ; {
		select {
		case <-call.C:
			group := kinds[i%len(kinds)]
			k := &group[i/len(kinds)%len(group)]
			i++
			open.Go(func() { callOnce(ctx, client, gateway.url, k, b) })
		case <-report.C:
			rss, files := gateway.size()
			fmt.Fprintf(out, "%6.0f s: %d calls begun, %.1f MB resident, %d files open\n", time.Since(begin).Seconds(), i, rss, files)
		case <-end.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// callOnce makes a call and records its outcome.
func callOnce(ctx context.Context, client *http.Client, url string, k *kind, b *books) {
	ctx, abandon := context.WithCancel(ctx)
	defer abandon()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/chat/completions", strings.NewReader(k.body))
	if err != nil {
		b.faultf("%s: %v", k.name, err)
		return
	}
	req.Header.Set("Content-Type", "application/json")
	if !k.noKey {
		req.Header.Set("Authorization", "Bearer "+masterKey)
	}
	resp, err := client.Do(req)
	if err != nil {
		b.call(k, "", 0)
		b.faultf("%s: %v", k.name, err)
		return
	}
	defer resp.Body.Close()
	logged := k.logged
	if logged == 0 {
		logged = resp.StatusCode
	}
	b.call(k, resp.Header.Get("X-Request-Id"), logged)
	var body []byte
	if k.abandon {
		abandon()
	} else if body, err = io.ReadAll(resp.Body); err != nil {
		b.faultf("%s: %v", k.name, err)
	}
	if text := k.wrong(resp.StatusCode, string(body)); text != "" {
		b.faultf("%s", text)
	}
}

// settled waits until no call is open, and returns the metrics.
func settled(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/metrics", nil)
		if err != nil {
			return "", err
		}
		req.Header.Set("Authorization", "Bearer "+masterKey)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return "", err
		}
		text, err := io.ReadAll(resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err != nil {
			return "", err
		}
		if strings.Contains(string(text), "\noutcrop_open_requests 0\n") {
			return string(text), nil
		}
		<-tick.C
	}
}

// serveImage serves an image on this machine.
func serveImage(ctx context.Context) (url string, stop func(), err error) {
	png, err := base64.StdEncoding.DecodeString(pixel)
	if err != nil {
		return "", nil, err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{ReadHeaderTimeout: timeout, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		_, _ = w.Write(png) // an error shows in the client's own call
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // returns after Close
	}()
	return "http://" + l.Addr().String() + "/pixel.png", func() { _ = server.Close(); <-done }, nil
}

// process is a running program.
type process struct {
	cmd *exec.Cmd
	url string
	end sync.WaitGroup
}

// launch starts the program and waits until it prints its address after a greeting. Its
// log goes to log; it is discarded if that is nil.
func launch(ctx context.Context, log func(io.Reader), greeting, binary string, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(context.WithoutCancel(ctx), binary, args...)}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	logged, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if log == nil {
		log = func(r io.Reader) { _, _ = io.Copy(io.Discard, r) }
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.end.Go(func() { log(logged) })
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	p.end.Go(func() { _, _ = io.Copy(io.Discard, lines) })
	url, ok := strings.CutPrefix(strings.TrimSpace(line), greeting)
	if err != nil || !ok {
		return nil, errors.Join(fmt.Errorf("%s did not print its address: %q", binary, line), err, p.stop())
	}
	p.url = url
	return p, nil
}

// stop ends the program.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	p.end.Wait()
	return p.cmd.Wait()
}

// size returns the resident memory of the program in MB and its number of open files;
// zero on a system without /proc.
func (p *process) size() (rss float64, files int) {
	proc := filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid))
	status, err := os.ReadFile(filepath.Join(proc, "status"))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64) // 0 if it is not a number
			rss = kb / 1024
		}
	}
	entries, err := os.ReadDir(filepath.Join(proc, "fd"))
	if err != nil {
		return rss, 0
	}
	return rss, len(entries)
}
