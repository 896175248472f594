package alert

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// ReportOptions are the settings of Reports.
type ReportOptions struct {
	Sink Sink
	// Wants reports whether alerts of a type are sent.
	Wants func(Type) bool
	// Every is how often it is told how deployments have done: LiteLLM's daily_report_frequency.
	Every time.Duration
	// Endings are the models whose end of life is known, the first ones first; nil for none.
	Endings func() []Ending
	// Claim reports whether this process is the first to claim something since the last claim of it has expired; nil if it is alone.
	Claim  func(ctx context.Context, what string, now, expires time.Time) (bool, error)
	Now    func() time.Time // time.Now if nil
	Logger *slog.Logger
}

// Ending is a model whose end of life is known. Successor is the model to move to; empty if none is known.
type Ending struct {
	Model, Provider, Successor string
	Day                        time.Time
}

const (
	// mostReported is how many deployments each list of a report has, as in LiteLLM.
	mostReported = 5
	// endingWithin is how long before its end a model is told of, as in LiteLLM.
	endingWithin = 30 * day
	checkEvery   = time.Hour
	// mostCounted bounds how many deployments, and how many pairs of models, are counted.
	mostCounted = 10_000
)

// Reports tells now and then what this process has seen of its calls, and once a day which models end soon. It is safe for concurrent use.
type Reports struct {
	opt  ReportOptions
	stop context.CancelFunc
	over sync.WaitGroup

	toldEndings time.Time // of the goroutine

	mu        sync.Mutex
	targets   map[Target]*tally
	fallbacks map[[2]string]int // by the model that was asked for, and that which has answered
}

// tally is what was seen of a deployment.
type tally struct {
	failed, timed int
	perToken      time.Duration // the sum of the calls that are in timed
}

// WatchReports starts to report, until Close.
func WatchReports(ctx context.Context, opt ReportOptions) *Reports {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	r := &Reports{opt: opt, stop: stop, targets: map[Target]*tally{}, fallbacks: map[[2]string]int{}}
	r.over.Go(func() { r.run(background) })
	return r
}

// Close ends the goroutine.
func (r *Reports) Close() {
	r.stop()
	r.over.Wait()
}

func (r *Reports) run(ctx context.Context) {
	report, daily, check := time.NewTicker(r.opt.Every), time.NewTicker(day), time.NewTicker(checkEvery)
	defer report.Stop()
	defer daily.Stop()
	defer check.Stop()
	for {
		if r.opt.Wants(Deprecations) {
			r.endings(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-check.C:
		case <-report.C:
			r.deployments()
		case <-daily.C:
			r.fellBack()
		}
	}
}

// Ended is called when a call has ended. It does not block.
func (r *Reports) Ended(call *Call) {
	timed := call.Code == "" && call.Output > 0
	failed := call.Code != "" && call.Theirs
	if !timed && !failed && len(call.Tries) == 0 && call.Asked == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range call.Tries {
		r.of(call.Tries[i]).failed++
	}
	switch {
	case timed:
		t := r.of(call.To)
		t.timed++
		t.perToken += call.Duration / time.Duration(call.Output)
	case failed && call.To.Model != "":
		r.of(call.To).failed++
	}
	if call.Code == "" && call.Asked != "" && len(r.fallbacks) < mostCounted {
		r.fallbacks[[2]string{call.Asked, call.Model}]++
	}
}

// of is the tally of a target.
func (r *Reports) of(to Target) *tally {
	t := r.targets[to]
	if t == nil {
		if len(r.targets) >= mostCounted {
			return &tally{}
		}
		t = &tally{}
		r.targets[to] = t
	}
	return t
}

// deployments tells which deployments have failed most and were slowest since the last time, unless there were none.
func (r *Reports) deployments() {
	r.mu.Lock()
	all := r.targets
	r.targets = map[Target]*tally{}
	r.mu.Unlock()
	if !r.opt.Wants(DailyReports) || len(all) == 0 {
		return
	}
	mean := func(t *tally) time.Duration { return t.perToken / time.Duration(max(t.timed, 1)) }
	failed := most(all, func(t *tally) int64 { return int64(t.failed) })
	slow := most(all, func(t *tally) int64 { return int64(mean(t)) })
	var b strings.Builder
	fmt.Fprintf(&b, "Here are the key metrics of the last %s 📈:\n\n*❗️ Top Deployments with Most Failed Requests:*\n\n", r.opt.Every)
	list := func(targets []Target, said func(t *tally) string) {
		if len(targets) == 0 {
			b.WriteString("\tNone\n")
		}
		for i, to := range targets {
			fmt.Fprintf(&b, "\t%d. Deployment: `%s`, %s,  Provider: `%s`, Region: `%s`\n", i+1, Plain(to.Model), said(all[to]), Plain(to.Provider), Plain(to.Region))
		}
	}
	list(failed, func(t *tally) string { return fmt.Sprintf("Failed Requests: `%d`", t.failed) })
	b.WriteString("\n*😅 Top Slowest Deployments:*\n\n")
	list(slow, func(t *tally) string {
		return fmt.Sprintf("Latency per output token: `%.3fs/token`", mean(t).Seconds())
	})
	fmt.Fprintf(&b, "\nNext Run is at: `%s`", r.opt.Now().Add(r.opt.Every).UTC().Format(time.DateTime))
	r.opt.Sink.Send(Alert{Type: DailyReports, Level: Low, Text: b.String()})
}

// most are the targets of which a figure is largest, and more than 0.
func most(all map[Target]*tally, figure func(*tally) int64) []Target {
	targets := slices.DeleteFunc(slices.Collect(maps.Keys(all)), func(to Target) bool { return figure(all[to]) <= 0 })
	slices.SortFunc(targets, func(a, b Target) int {
		return cmp.Or(cmp.Compare(figure(all[b]), figure(all[a])), cmp.Compare(a.Model, b.Model), cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Region, b.Region))
	})
	return targets[:min(mostReported, len(targets))]
}

// fellBack tells how many calls other models have answered since the last time, unless there were none.
func (r *Reports) fellBack() {
	r.mu.Lock()
	all := r.fallbacks
	r.fallbacks = map[[2]string]int{}
	r.mu.Unlock()
	if !r.opt.Wants(FallbackReports) || len(all) == 0 {
		return
	}
	pairs := slices.SortedFunc(maps.Keys(all), func(a, b [2]string) int {
		return cmp.Or(cmp.Compare(all[b], all[a]), cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
	})
	lines := make([]string, len(pairs))
	for i, p := range pairs {
		lines[i] = fmt.Sprintf("`%d successful fallback requests` with primary model=`%s` -> fallback model=`%s`", all[p], Plain(p[0]), Plain(p[1]))
	}
	r.opt.Sink.Send(Alert{Type: FallbackReports, Level: Low, Text: "*Fallback Statistics:*\n" + strings.Join(shortened(lines), "\n")})
}

// endings tells of the models that have ended or end soon, once a day, by one of the processes with one store.
func (r *Reports) endings(ctx context.Context) {
	now := r.opt.Now().UTC()
	if r.opt.Endings == nil || now.Sub(r.toldEndings) < day {
		return
	}
	today := now.Truncate(day)
	var ended, soon []string
	for _, e := range r.opt.Endings() {
		left := e.Day.Sub(today)
		days := int(left / day)
		said := fmt.Sprintf("in %dd", days)
		if days < 0 {
			said = fmt.Sprintf("already deprecated %dd ago", -days)
		}
		line := fmt.Sprintf("• `%s` (provider: %s, deprecates %s, %s", Plain(e.Model), Plain(cmp.Or(e.Provider, "unknown")), e.Day.Format(time.DateOnly), said)
		if e.Successor != "" {
			line += ", migrate to `" + Plain(e.Successor) + "`"
		}
		switch line += ")"; {
		case days < 0:
			ended = append(ended, line)
		case left <= endingWithin:
			soon = append(soon, line)
		}
	}
	if len(ended)+len(soon) == 0 {
		return
	}
	if r.opt.Claim != nil {
		within, done := context.WithTimeout(ctx, checkWithin)
		first, err := r.opt.Claim(within, "alert/model_deprecation_warnings", now, now.Add(day))
		done()
		if err != nil {
			if ctx.Err() == nil {
				r.opt.Logger.Warn("whether another replica has told of models that end cannot be read", slog.String("error", err.Error()))
			}
			return
		}
		if !first {
			return // in an hour it may be this one's turn
		}
	}
	r.toldEndings = now
	text, level := "*⚠️ Model Deprecation Warning*\n", Medium
	if len(ended) > 0 {
		text += "\n*Already deprecated:*\n" + strings.Join(shortened(ended), "\n") + "\n"
		level = High
	}
	if len(soon) > 0 {
		text += fmt.Sprintf("\n*Deprecating within %d days:*\n", int(endingWithin/day)) + strings.Join(shortened(soon), "\n") + "\n"
	}
	r.opt.Sink.Send(Alert{Type: Deprecations, Level: level, Text: text + "\nMove their callers to other models; `GET /model/deprecations` lists all."})
}
