package simulation

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"
)

// scenario is a load and the deployments that serve it.
type scenario struct {
	name, title, about string
	deployments        []spec
	load               []load
}

// load are calls that arrive at random, so many a second.
type load struct {
	from, to time.Duration
	rate     float64
}

// most of the scenarios last for this long.
const lasts = 2 * time.Minute

// normal is the usual load.
func normal() []load { return []load{{0, lasts, 16}} }

// alike are deployments of the usual size, after those that are given.
func alike(n int, first ...spec) (all []spec) {
	for i := range n {
		s := spec{id: string(rune('A' + i)), group: main, slots: 24, price: float64(i + 1)}
		if i < len(first) {
			own := first[i]
			s.limit, s.phases, s.weight = own.limit, own.phases, own.weight
			s.slots = cmp.Or(own.slots, s.slots)
			s.price = cmp.Or(own.price, s.price)
		}
		all = append(all, s)
	}
	return all
}

func during(from, to time.Duration, p phase) []phase {
	p.from, p.to = from, to
	return []phase{p}
}

const always = time.Hour

func scenarios() []scenario {
	down := phase{fails: 1, status: 503}
	uneven := func(weights ...float64) []spec {
		all := alike(4, spec{slots: 40}, spec{slots: 16}, spec{slots: 8}, spec{slots: 8})
		for i, w := range weights {
			all[i].weight = w
		}
		return all
	}
	away := alike(3, spec{phases: during(40*time.Second, 110*time.Second, down)}, spec{phases: during(40*time.Second, 110*time.Second, down)}, spec{slots: 48})
	away[2].group, away[2].id = spare, "spare"
	return []scenario{
		{"well", "All well", "Four deployments of the same size, none of which fails.", alike(4), normal()},
		{"slow", "One slow", "A takes ten times as long as the others, all the time.", alike(4, spec{phases: during(0, always, phase{slow: 10})}), normal()},
		{"slowing", "One slow for a minute", "A takes ten times as long from 0:40 to 1:40.", alike(4, spec{phases: during(40*time.Second, 100*time.Second, phase{slow: 10})}), normal()},
		{"half", "One fails half of its calls", "A answers half of its calls with 500, all the time.", alike(4, spec{phases: during(0, always, phase{fails: 0.5, status: 500})}), normal()},
		{"dead", "One away for a minute", "A answers 503 from 0:40 to 1:40.", alike(4, spec{phases: during(40*time.Second, 100*time.Second, down)}), normal()},
		{"hanging", "One silent for a minute", "A accepts calls from 0:40 to 1:40, and answers none of them.", alike(4, spec{phases: during(40*time.Second, 100*time.Second, phase{hangs: true})}), normal()},
		{"throttling", "One throttles", "A takes two calls a second, and refuses the others with 429 and a Retry-After of two seconds.", alike(4, spec{limit: 2}), normal()},
		{"throttled", "All throttle", "Each takes five calls a second, and refuses the others likewise: all in all a quarter more than there are calls.", alike(4, spec{limit: 5}, spec{limit: 5}, spec{limit: 5}, spec{limit: 5}), normal()},
		{"uneven", "Uneven capacities without weights", "The four serve 40, 16, 8 and 8 calls at once, and nobody has told the router.", uneven(), []load{{0, lasts, 24}}},
		{"weighted", "Uneven capacities with weights", "As before, with weights of 5, 2, 1 and 1.", uneven(5, 2, 1, 1), []load{{0, lasts, 24}}},
		{"group", "A whole group away", "Both deployments of the name answer 503 from 0:40 to 1:50; it has a fallback.", away, normal()},
		{"sporadic", "1 % of errors", "Each of the four answers 1 % of its calls with 500, at twice the usual rate and with twice the usual capacity.", alike(4, sporadic(), sporadic(), sporadic(), sporadic()), []load{{0, lasts, 32}}},
		{"burst", "A correlated burst", "From 1:00 to 1:15, four times as many calls as usual arrive, and each deployment answers 30 % with 500.", alike(4, bursting(), bursting(), bursting(), bursting()), []load{{0, time.Minute, 16}, {time.Minute, 75 * time.Second, 64}, {75 * time.Second, lasts, 16}}},
		{"alone", "A single deployment", "The name has one deployment, which answers 503 from 0:40 to 0:42 and otherwise 2 % of its calls with 500.", alike(1, spec{slots: 48, phases: []phase{{from: 40 * time.Second, to: 42 * time.Second, fails: 1, status: 503}, {to: always, fails: 0.02, status: 500}}}), normal()},
	}
}

func sporadic() spec {
	return spec{slots: 48, phases: during(0, always, phase{fails: 0.01, status: 500})}
}

func bursting() spec {
	return spec{phases: during(time.Minute, 75*time.Second, phase{fails: 0.3, status: 500})}
}

// calls are those of the scenario, the same for each router. Half of them are streams.
func (s *scenario) calls(seed uint64) (all []*call) {
	random := rand.New(rand.NewPCG(seed, 1))
	for _, l := range s.load {
		for at := l.from; ; {
			at += times(time.Second, random.ExpFloat64()/l.rate)
			if at >= l.to {
				break
			}
			all = append(all, &call{
				number: uint64(len(all)), at: at, stream: random.Float64() < 0.5, asked: map[string]int{},
				tokens: int64(max(1, lognormal(random, tokensMedian*time.Nanosecond, tokensSpread))),
			})
		}
	}
	slices.SortStableFunc(all, func(a, b *call) int { return cmp.Compare(a.at, b.at) })
	return all
}
