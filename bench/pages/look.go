package main

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// look measures pages.
func look(ctx context.Context, s *settings, g *gateway, out io.Writer) error {
	c, err := g.browser(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "\nms: median, longest")
	for _, path := range []string{"/ui", "/ui/logs", "/ui/logs/earlier", "/ui/usage", "/ui/usage?by=region", "/ui/usage?by=key", "/ui/models", "/ui/keys", "/ui/audit"} {
		var times []time.Duration
		for range s.looks {
			r, err := get(ctx, c, g.url+path)
			if err != nil || r.status != http.StatusOK {
				return fmt.Errorf("%s: %+v, %w", path, r, err)
			}
			times = append(times, r.took)
		}
		report(out, path, times, "")
	}
	for _, f := range []string{"", "model=sonnet", "status=failed", "code=throttled", "warning=rare_field", "text=please+wait", "key=key-7", "text=nowhere"} {
		times, rows, err := scroll(ctx, c, g, f)
		if err != nil {
			return err
		}
		report(out, "scrolled to the end: "+f, times, fmt.Sprintf("%d requests, %d calls", len(times), rows))
	}
	return nil
}

var (
	older = regexp.MustCompile(`hx-get="(/ui/logs/earlier/older\?[^"]+)"`)
	aRow  = regexp.MustCompile(`<tr data-id=`)
)

// scroll loads the table of earlier calls to its end.
func scroll(ctx context.Context, c *http.Client, g *gateway, filter string) (times []time.Duration, rows int, err error) {
	from := time.Now().UTC().AddDate(0, 0, -8).Format(time.DateOnly)
	next := "/ui/logs/earlier/rows?from=" + from + "&" + filter
	for next != "" {
		r, err := get(ctx, c, g.url+next)
		if err != nil || r.status != http.StatusOK {
			return nil, 0, fmt.Errorf("%s: %+v, %w", next, r, err)
		}
		times = append(times, r.took)
		rows += len(aRow.FindAllString(r.body, -1))
		next = ""
		if m := older.FindStringSubmatch(r.body); m != nil {
			next = html.UnescapeString(m[1])
		}
	}
	return times, rows, nil
}

func report(out io.Writer, what string, times []time.Duration, more string) {
	slices.Sort(times)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	fmt.Fprintf(out, "%-42s %8.1f %8.1f  %s\n", what, ms(times[len(times)/2]), ms(times[len(times)-1]), more)
}

// compare measures the processor time of calls without and with an open page of live calls, in turns.
func compare(ctx context.Context, s *settings, g *gateway, out io.Writer) error {
	c, err := g.browser(ctx)
	if err != nil {
		return err
	}
	if _, err := g.round(ctx, s); err != nil { // to warm up
		return err
	}
	fmt.Fprintln(out, "\nprocessor time of the gateway for a call, in µs: without an open page, with it")
	var quotients, seconds []float64
	for n := range s.rounds {
		var both [2]float64
		rows := 0
		for turn := range 2 {
			open := (turn + n) % 2 // which is first changes, so that what drifts is in both
			watching, stop := context.WithCancel(ctx)
			var over sync.WaitGroup
			if open == 1 {
				over.Go(func() { rows, _ = watch(watching, c, g) })
			}
			took, err := g.round(ctx, s)
			stop()
			over.Wait()
			if err != nil {
				return err
			}
			both[open] = float64(took.Nanoseconds()) / 1000 / float64(s.calls)
		}
		quotients = append(quotients, both[1]/both[0])
		seconds = append(seconds, both[0])
		fmt.Fprintf(out, "%8.2f %8.2f  %+.1f %%, %d rows shown\n", both[0], both[1], 100*(both[1]/both[0]-1), rows)
	}
	slices.Sort(quotients)
	slices.Sort(seconds)
	fmt.Fprintf(out, "median of %d pairs: %+.1f %% of %.2f µs\n", s.rounds, 100*(quotients[len(quotients)/2]-1), seconds[len(seconds)/2])
	return nil
}

// round makes the calls of a round, and returns the processor time that the gateway took for them.
func (g *gateway) round(ctx context.Context, s *settings) (time.Duration, error) {
	before, err := g.cpu()
	if err != nil {
		return 0, err
	}
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: s.clients}}
	defer c.CloseIdleConnections()
	var over sync.WaitGroup
	errs := make([]error, s.clients)
	for i := range s.clients {
		over.Go(func() {
			for range s.calls / s.clients {
				if errs[i] = g.call(ctx, c); errs[i] != nil {
					return
				}
			}
		})
	}
	over.Wait()
	if err := errors.Join(errs...); err != nil {
		return 0, err
	}
	after, err := g.cpu()
	return after - before, err
}

func (g *gateway) call(ctx context.Context, c *http.Client) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, g.url+"/v1/chat/completions", strings.NewReader(`{"model":"m","messages":[{"role":"user","content":"What is granite?"}]}`))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+master)
	r.Header.Set("Content-Type", "application/json")
	resp, err := c.Do(r)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	return err
}
