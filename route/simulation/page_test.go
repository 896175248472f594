package simulation

import (
	"fmt"
	"math"
	"strings"
	"time"

	"outcrop/route"
)

// summary counts in how many pairs of strategies and scenarios Outcrop is better.
type summary struct{ pairs, betterPairs, scenarios, betterScenarios int }

// pages are the page and its plots, by their names in docs.
func pages(all []*outcome, told summary) map[string]string {
	return map[string]string{
		"routing-simulation.md": page(all, told),
		"routing-answered.svg":  answered(all),
		"routing-latency.svg":   latency(all),
		"routing-time.svg":      overTime(all),
		"routing-shares.svg":    shares(all),
	}
}

const introduction = `# Routing, simulated beside LiteLLM

What becomes of calls when a deployment is slow, fails, throttles or is away depends on the router. This page compares Outcrop's router with
LiteLLM's algorithm under the same calls and the same deployments.

It is generated: ` + "`go test ./route/simulation -update`" + ` plays everything, which takes some ten seconds, and writes the page and its plots. The same test, without
` + "`-update`" + `, fails if the page is not what the simulation shows, if Outcrop is worse than LiteLLM anywhere, or if it is not better in most scenarios.

## What is compared

- **Outcrop** is the real router (` + "`route.Router`" + `) with its real timers and contexts, on a virtual clock. **LiteLLM** is the algorithm of LiteLLM
  1.110.2, written anew from what its source and running it show: its choice among deployments, its cooldowns, its retries and its fallbacks.
  Neither what the two programs cost themselves nor Redis is part of it.
- Both have LiteLLM's defaults: two retries, cooldowns of 5 seconds. A deployment has 20 seconds to answer.
- Half of the calls are streams. A response takes 0.2 seconds and 8 milliseconds for each of its 100 tokens in the median, and both vary
  (log-normally). A deployment serves 24 calls at once, the others wait for it; what a router gives up still occupies its place. If nothing else is said, 16 calls
  arrive a second, at random, for two minutes, and there are four deployments: A, the cheapest, to D. Each scenario is played with two fixed seeds,
  and all routers get the same calls.
- **Answered** is the share of calls that were answered completely. **Times** are until the end of a response, and for streams also until the first
  token. They are of all calls, and a call that fails takes for ever: *fails* for p99 means that more than 1 % failed. **Attempts** are those that reached a
  deployment, for each call. **Shares** are of these attempts.
- Two results are **alike** if they differ by at most half a per cent of the calls answered, and in each time by at most 10 % (of p99, which few calls decide, 20 %) and 50 milliseconds. Where one router answers over
  5 % more of the calls than the other, only this counts: the other has less to do.

`

func page(all []*outcome, told summary) string {
	var b strings.Builder
	b.WriteString(introduction)
	b.WriteString("## Results\n\n")
	fmt.Fprintf(&b, "Outcrop is better in %d of %d scenarios, by %d of the %d pairs of scenario and strategy. In the others both are alike; it is worse in none. "+
		"Its own strategy, `two-choices`, is not worse than any of LiteLLM's five in any scenario.\n\n", told.betterScenarios, told.scenarios, told.betterPairs, told.pairs)
	b.WriteString("![Calls answered in each scenario](routing-answered.svg)\n\n![p99 of the time until the response is complete](routing-latency.svg)\n\n![What happens over time](routing-time.svg)\n\n![Shares of the deployments](routing-shares.svg)\n\n")
	b.WriteString(why)
	b.WriteString("## All numbers\n\nTimes are in seconds. A difference from LiteLLM beyond what is alike is named in the last column.\n")
	for _, o := range all {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n", o.title, o.about)
		b.WriteString("| Strategy | Router | Answered | p50 | p95 | p99 | First token p50 | p95 | Attempts | Shares of " + ids(o) + " | Outcrop is better in |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
		for _, s := range strategies() {
			better, _ := compare(o.ours[s], o.theirs[s])
			fmt.Fprintf(&b, "| %s | LiteLLM | %s | |\n", s, numbers(o, o.theirs[s]))
			fmt.Fprintf(&b, "| | Outcrop | %s | %s |\n", numbers(o, o.ours[s]), strings.Join(better, ", "))
		}
		fmt.Fprintf(&b, "| %s | Outcrop | %s | |\n", route.TwoChoices, numbers(o, o.ours[route.TwoChoices]))
	}
	return b.String()
}

const why = `## Why

- **A refused call is a certain failure.** When all deployments of a name are in cooldown, LiteLLM answers 429 without asking any of them. Outcrop asks the one whose
  cooldown ends first. This decides *All throttle* and *A correlated burst*.
- **A retry goes elsewhere.** LiteLLM chooses among all deployments that are not in cooldown, so that a retry can go to the one that has just failed, and three attempts can end
  there. Strategies that prefer what is idle make this likely: a deployment that fails at once is always the least busy, and the one with the fewest tokens.
- **Cooldowns begin sooner and end with one call.** LiteLLM compares the failures of a deployment with its successes in the minute on the clock: one that has answered 160 calls of the minute must fail 161
  before it is left alone, and after 5 seconds all calls are let in again. Outcrop needs three failures in a row, or more failures than successes lately, which has a half-life of 10 seconds; after the cooldown it lets
  in one call, while the others go elsewhere until that one is answered. This decides *One away for a minute*, and in *A whole group away* it is why LiteLLM makes more than ten times as many attempts in vain.
- **A silent deployment is noticed before its calls time out.** LiteLLM learns of a time limit when it has passed, which is after ten minutes by default. Outcrop leaves a deployment alone when several calls wait for it and none
  has been answered for five times as long as usual, until one of them is. With ` + "`latency-based-routing` and `two-choices`" + ` a deployment counts as slow as its silence even before that.
- **What is in flight counts.** LiteLLM counts tokens when calls have ended, so that for the time of a response all calls go to the same deployment. Outcrop's ` + "`usage-based-routing`" + ` adds what calls in flight and failed
  calls would have used.
- **A time limit is a deployment's.** With both, a call goes on with another deployment when one has been silent for its time limit, so that *One silent for a minute* costs time and no answers.

LiteLLM waits longer before it asks a single deployment again, and so survives an outage of two seconds a little more often; Outcrop's first retry follows within 0.2 seconds. Within what counts as alike, this is
where LiteLLM answers more calls.

`

func ids(o *outcome) string {
	var all []string
	for _, d := range o.deployments {
		all = append(all, d.id)
	}
	return strings.Join(all, ", ")
}

func numbers(o *outcome, r *result) string {
	cells := []string{fmt.Sprintf("%.2f %%", 100*r.goodput())}
	for _, p := range percentiles() {
		v := p.of(r)
		if math.IsInf(v, 1) {
			cells = append(cells, "fails")
		} else {
			cells = append(cells, fmt.Sprintf("%.2f", v))
		}
	}
	var all []string
	for _, d := range o.deployments {
		all = append(all, fmt.Sprintf("%.0f", 100*r.share[d.id]))
	}
	return strings.Join(append(cells, fmt.Sprintf("%.2f", float64(r.attempts)/float64(r.calls)), strings.Join(all, " / ")+" %"), " | ")
}

// rows are those of a dot plot of one number.
func rows(all []*outcome, of func(r *result) float64) (out []row) {
	for _, o := range all {
		r := row{label: o.title, two: of(o.ours[route.TwoChoices])}
		for _, s := range strategies() {
			r.theirs = append(r.theirs, of(o.theirs[s]))
			r.ours = append(r.ours, of(o.ours[s]))
		}
		out = append(out, r)
	}
	return out
}

func answered(all []*outcome) string {
	return dots("Calls answered", "For each scenario, the share of calls that were answered, with a dot for each strategy of LiteLLM and of Outcrop.",
		axis{label: "calls answered, in per cent; a dot for each strategy", from: 50, to: 100, ticks: []float64{50, 60, 70, 80, 90, 100}, format: "%.0f"}, "",
		rows(all, func(r *result) float64 { return 100 * r.goodput() }))
}

func latency(all []*outcome) string {
	return dots("The slowest of a hundred calls", "For each scenario, the 99th percentile of the time until a response is complete, with a dot for each strategy of LiteLLM and of Outcrop.",
		axis{label: "p99 of the time until the response is complete, in seconds (logarithmic)", from: 2, to: 100, ticks: []float64{2, 5, 10, 20, 50}, log: true, format: "%.0f"}, "fails",
		rows(all, func(r *result) float64 { return at(r.whole, 0.99) }))
}

// stepSeconds is how many seconds a point of a plot over time stands for.
const stepSeconds = 3

// series is a number over time.
func (r *result) series(of func(t tally) float64) (out []float64) {
	for i := 0; i < int(lasts.Seconds()); i += stepSeconds {
		var sum tally
		for j := i; j < min(i+stepSeconds, len(r.second)); j++ {
			sum.calls += r.second[j].calls
			sum.answered += r.second[j].answered
			sum.took += r.second[j].took
		}
		out = append(out, of(sum))
	}
	return out
}

func overTime(all []*outcome) string {
	share := func(t tally) float64 { return 100 * float64(t.answered) / float64(max(t.calls, 1)) }
	mean := func(t tally) float64 { return t.took / float64(max(t.answered, 1)) }
	percent := axis{label: "answered, per cent", from: 0, to: 100, ticks: []float64{0, 25, 50, 75, 100}, format: "%.0f"}
	seconds := axis{label: "mean time, seconds", from: 0, to: 24, ticks: []float64{0, 6, 12, 18, 24}, format: "%.0f"}
	var out []panel
	for _, p := range []struct {
		name     string
		strategy route.Strategy
		y        axis
		of       func(t tally) float64
		from, to time.Duration
	}{
		{"throttled", route.Shuffle, percent, share, 0, lasts},
		{"burst", route.Shuffle, percent, share, time.Minute, 75 * time.Second},
		{"dead", route.LeastBusy, percent, share, 40 * time.Second, 100 * time.Second},
		{"dead", route.Cost, percent, share, 40 * time.Second, 100 * time.Second},
		{"hanging", route.UsageV2, seconds, mean, 40 * time.Second, 100 * time.Second},
		{"slowing", route.Latency, seconds, mean, 40 * time.Second, 100 * time.Second},
	} {
		for _, o := range all {
			if o.name == p.name {
				out = append(out, panel{
					title: o.title + ", " + string(p.strategy), y: p.y,
					theirs: o.theirs[p.strategy].series(p.of), ours: o.ours[p.strategy].series(p.of),
					trouble: [2]float64{p.from.Seconds(), p.to.Seconds()},
				})
			}
		}
	}
	return panels("What happens over time, by when a call arrives (the trouble is grey)", "Plots of the share of calls answered, and of the mean time of responses, over the time of arrival, for LiteLLM and Outcrop.", stepSeconds, out)
}

func shares(all []*outcome) string {
	var headings []string
	var blocks [][]bar
	for _, o := range all {
		if o.name != "slow" && o.name != "dead" && o.name != "throttling" && o.name != "uneven" {
			continue
		}
		var block []bar
		add := func(who string, r *result) {
			b := bar{label: who}
			for _, d := range o.deployments {
				b.shares = append(b.shares, r.share[d.id])
			}
			block = append(block, b)
		}
		for _, s := range strategies() {
			add(string(s)+", LiteLLM", o.theirs[s])
			add("Outcrop", o.ours[s])
		}
		add(string(route.TwoChoices)+", Outcrop", o.ours[route.TwoChoices])
		headings, blocks = append(headings, o.title), append(blocks, block)
	}
	return bars("Which deployment is asked", "For four scenarios, the shares of the deployments A to D of all attempts, by strategy, for LiteLLM and Outcrop.", headings, blocks, []string{"A", "B", "C", "D"})
}
