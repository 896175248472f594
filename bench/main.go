// Command bench measures what Outcrop costs compared with a do-nothing reverse proxy:
// httputil.ReverseProxy, on the same upstream, on the same machine, in the same run.
// Every figure is printed with its neighbour's, since a single figure depends more on
// the machine than on the gateway. nginx and LiteLLM's proxy are measured too if they
// are installed.
//
//	make bench                       build bin/outcrop and run every row
//	go run ./bench -quick            fewer and shorter rounds
//	go run ./bench -only chat,stream
//	go run ./bench -json result.json
//	go run ./bench -check            exit with 1 when a ratio is over its limit
//	go run ./bench -beside nginx     or none
//	go run ./bench -profile DIR -only chat
//	go run ./bench -only soak-streams   ten minutes of open streams, in no other run
//
// The upstream and everything that is measured are separate processes; this one
// generates the load. It needs Linux, since it reads the processor time and the memory
// of each from /proc. docs/benchmarks.md explains the rows.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// settings are the command line.
type settings struct {
	outcrop string // path of the binary
	quick   bool
	only    string
	json    string
	check   bool
	profile string
	rounds  int
	hold    time.Duration // how long soak-streams holds its streams
	every   time.Duration // between two events of each of them
	pooled  bool
	with    string // the neighbours, separated by commas, or none
	nginx   string // path of the binary, if set
	litellm string // as nginx
	portkey string // path of its start-server.js, if set
}

// run is the command line: one of the helper processes, or the benchmark.
func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case "upstream":
			return serveUpstream(ctx, args[1:], out)
		case "proxy":
			return serveProxy(ctx, args[1:], out)
		case "profiled":
			return serveProfiled(args[1:])
		}
	}
	var s settings
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&s.outcrop, "outcrop", filepath.Join("bin", "outcrop"), "the Outcrop `binary` to measure")
	flags.BoolVar(&s.quick, "quick", false, "fewer and shorter rounds, for a first look")
	flags.StringVar(&s.only, "only", "", "the `rows` to measure, separated by commas: "+strings.Join(rowNames(), ", "))
	flags.StringVar(&s.json, "json", "", "write the result as JSON to a `file`")
	flags.BoolVar(&s.check, "check", false, "exit with 1 when a row is over its limit")
	flags.StringVar(&s.profile, "profile", "", "write processor profiles of Outcrop to a `folder`, one for each process that ran; they cost a little themselves")
	flags.BoolVar(&s.pooled, "pooled", false, "give the proxy a pool of buffers, which httputil.ReverseProxy has not got by itself")
	flags.IntVar(&s.rounds, "rounds", 0, "how many rounds of each measurement; 0 for 7, or 3 with -quick")
	flags.DurationVar(&s.hold, "hold", 10*time.Minute, "how `long` the row soak-streams holds its streams")
	flags.DurationVar(&s.every, "every", 30*time.Second, "the `time` between two events of each of them")
	flags.StringVar(&s.with, "beside", nginx+","+litellm+","+portkey, "the `neighbours` to measure too where they are installed, separated by commas, or none")
	flags.StringVar(&s.nginx, "nginx", "", "the nginx `binary`, if it is not in PATH")
	flags.StringVar(&s.litellm, "litellm", "", "the litellm `command`, if it is neither in PATH nor in .cache/litellm, where make setup puts it")
	flags.StringVar(&s.portkey, "portkey", "", "the `file` build/start-server.js of npm's @portkey-ai/gateway, if npm has not put that below .cache/portkey")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if s.rounds == 0 {
		s.rounds = 7
		if s.quick {
			s.rounds = 3
		}
	}
	return measure(ctx, s, out)
}

// measure runs the rows and reports them.
func measure(ctx context.Context, s settings, out io.Writer) error {
	rows, err := chosen(s.only)
	if err != nil {
		return err
	}
	neighbours, missing, err := s.neighbours()
	if err != nil {
		return err
	}
	b, err := newBench(ctx, s, neighbours)
	if err != nil {
		return err
	}
	defer b.close()
	r := report{Go: runtime.Version(), OS: runtime.GOOS + "/" + runtime.GOARCH, Cores: runtime.NumCPU(), Rounds: s.rounds, Missing: missing}
	fmt.Fprintln(out, r.head())
	for _, row := range rows {
		lines, err := row.measure(ctx, b)
		if err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
		for _, l := range lines {
			l.Row = row.name
			r.Lines = append(r.Lines, l)
			fmt.Fprintln(out, l)
		}
	}
	if s.json != "" {
		if err := r.write(s.json); err != nil {
			return err
		}
	}
	if over := r.over(); s.check && len(over) > 0 {
		return fmt.Errorf("over the limit: %s", strings.Join(over, "; "))
	}
	return nil
}
