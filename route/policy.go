package route

import (
	"slices"
	"time"

	"outcrop/llm"
)

// Plan is all that a router is told of names and deployments.
type Plan struct {
	Entries []Entry
	Policy  Policy
}

// Policy is how a router chooses, waits and gives up, as LiteLLM's router_settings have it
// (https://docs.litellm.ai/docs/routing). The zero value is usable.
type Policy struct {
	// Strategy chooses among the deployments of a name; Shuffle if empty.
	Strategy Strategy
	// LatencyBuffer is for Latency: deployments whose time is above the lowest by at most this share are as good.
	LatencyBuffer float64
	// Aliases are names for the names of entries.
	Aliases map[string]Alias
	// Fallbacks are the names that are tried when a name could not serve a call.
	Fallbacks Fallbacks
	// MaxFallbacks is how deep fallbacks of fallbacks are tried, 1 for those of the name alone; 5 if 0.
	MaxFallbacks int
	// Retries are how many retries follow which failure, and NameRetries those for one name, which replace them.
	Retries     RetryPolicy
	NameRetries map[string]RetryPolicy
	// RetryAfter is the least pause before a deployment is called again after a failure.
	RetryAfter time.Duration
	// Cooldown is how long a failed deployment is left alone; 5 s if 0.
	Cooldown time.Duration
	// NoCooldowns is whether deployments are never left alone.
	NoCooldowns bool
	// AllowedFails are how many failures a minute a deployment may have before it is left alone, by class.
	AllowedFails FailurePolicy
	// Affinity is which calls go to the same deployment of a name, as long as it is well; empty for none.
	Affinity Affinity
	// FitWindow is whether deployments whose context window is too small for a request are left out.
	FitWindow bool
	// ByTags is whether calls with tags only go to deployments with one of them (or with all of them, if AllTags is set), and calls
	// without to those with the tag default, if there are any.
	ByTags, AllTags bool
	// Names are strategies and affinities of names, in place of those above.
	Names map[string]Choice
	// Groups are names for all deployments of several names together. The name of an entry, a deployment or an alias precedes that of
	// a group.
	Groups map[string][]string
	// Queue is how calls wait for deployments that have as many calls as they may have at a time.
	Queue Queue
}

// Choice is how the deployments of a name are chosen.
type Choice struct {
	// Strategy is the policy's if it is empty; LatencyBuffer is for it.
	Strategy      Strategy
	LatencyBuffer float64
	// Affinity is the policy's if it is not set; empty for none.
	Affinity llm.Opt[Affinity]
}

// of is the policy for a name.
func (p *Policy) of(name string) *Policy {
	own, ok := p.Names[name]
	if !ok {
		return p
	}
	named := *p
	if own.Strategy != "" {
		named.Strategy, named.LatencyBuffer = own.Strategy, own.LatencyBuffer
	}
	if own.Affinity.Set {
		named.Affinity = own.Affinity.Value
	}
	return &named
}

// Strategy is how a deployment is chosen among the healthy ones of a name.
type Strategy string

// Strategies. The names are LiteLLM's routing_strategy, except for the last, which is Outcrop's own.
const (
	// Shuffle gives each deployment its share: by weight, else by requests a minute, else by tokens a minute, else the same.
	Shuffle Strategy = "simple-shuffle"
	// LeastBusy chooses the one with the fewest calls in flight.
	LeastBusy Strategy = "least-busy"
	// Usage chooses the one with the fewest tokens in this minute.
	Usage Strategy = "usage-based-routing"
	// UsageV2 is Usage; LiteLLM's two differ in where they count.
	UsageV2 Strategy = "usage-based-routing-v2"
	// Latency chooses the one that has lately been the fastest.
	Latency Strategy = "latency-based-routing"
	// Cost chooses the cheapest.
	Cost Strategy = "cost-based-routing"
	// TwoChoices takes two at random, and chooses the one with the shorter expected wait: its time, times its calls in flight.
	TwoChoices Strategy = "two-choices"
)

// Strategies lists all strategies.
func Strategies() []Strategy {
	return []Strategy{Shuffle, LeastBusy, Usage, UsageV2, Latency, Cost, TwoChoices}
}

// Affinity is what calls that go to the same deployment have in common.
type Affinity string

// Affinities. Calls without the one in question are distributed by the strategy.
const (
	ByPrompt  Affinity = "prompt"  // the beginning of the prompt, so that the provider finds it in its cache
	ByKey     Affinity = "key"     // who calls
	BySession Affinity = "session" // the session that the client names
)

// Alias is another name for a name of entries.
type Alias struct {
	Name   string
	Hidden bool // not listed
}

// Fallbacks are lists of names by the name that could not serve a call, which may be * for any, by why it could not.
type Fallbacks struct {
	General, Window, Content map[string][]string
	// Default is tried for names without a list of their own.
	Default []string
}

// Class is the kind of a failure, by which policies count.
type Class string

// Classes, as LiteLLM names them.
const (
	BadRequest         Class = "BadRequest"
	Authentication     Class = "Authentication"
	TimedOut           Class = "Timeout"
	RateLimit          Class = "RateLimit"
	ContentPolicy      Class = "ContentPolicyViolation"
	InternalServer     Class = "InternalServer"
	ServiceUnavailable Class = "ServiceUnavailable"
	BadGateway         Class = "BadGateway"
	NotFound           Class = "NotFound"
)

// Classes lists all classes.
func Classes() []Class {
	return []Class{BadRequest, Authentication, TimedOut, RateLimit, ContentPolicy, InternalServer, ServiceUnavailable, BadGateway, NotFound}
}

// classOf is the class of a failure: LiteLLM's, by the status that it would answer with.
func classOf(e *llm.Error) Class {
	switch {
	case e.Code == llm.CodeTimeout:
		return TimedOut
	case e.Code == llm.CodeContentFiltered:
		return ContentPolicy
	case limited(e):
		return RateLimit
	}
	switch e.Status {
	case 401, 403:
		return Authentication
	case 404:
		return NotFound
	case 408, 504:
		return TimedOut
	case 429:
		return RateLimit
	case 500:
		return InternalServer
	case 502:
		if !e.Upstream { // no answer came: LiteLLM's class of failed connections
			return InternalServer
		}
		return BadGateway
	case 503, 529:
		return ServiceUnavailable
	}
	if e.Status >= 500 {
		return InternalServer
	}
	return BadRequest
}

// RetryPolicy is how many retries follow a failure of a class. A class that is not there is not bounded by the policy, unless
// Default is set.
type RetryPolicy struct {
	ByClass map[Class]int
	Default *int
}

// FailurePolicy is how many failures a minute are allowed, of each class and of all others together. The zero value has no
// number for any.
type FailurePolicy struct {
	ByClass map[Class]int
	Others  *int
}

// allowed is the number for a failure and the class that it is counted in, which is empty for all others; false if there is none.
func (p *FailurePolicy) allowed(e *llm.Error) (int, Class, bool) {
	class := classOf(e)
	if n, ok := p.ByClass[class]; ok {
		return n, class, true
	}
	if p.Others != nil {
		return *p.Others, "", true
	}
	return 0, "", false
}

// named are the names that calls of others can lead to.
func (p *Policy) named() map[string]bool {
	all := map[string]bool{}
	add := func(names []string) {
		for _, name := range names {
			all[name] = true
		}
	}
	for _, lists := range []map[string][]string{p.Groups, p.Fallbacks.General, p.Fallbacks.Window, p.Fallbacks.Content} {
		for _, names := range lists {
			add(names)
		}
	}
	add(p.Fallbacks.Default)
	for name := range all {
		if a, ok := p.Aliases[name]; ok {
			all[a.Name] = true
		}
	}
	return all
}

// after lists the names to try after a failure of a name.
func (f *Fallbacks) after(name string, e *llm.Error) []string {
	special := map[llm.Code]map[string][]string{llm.CodeTooLong: f.Window, llm.CodeContentFiltered: f.Content}[e.Code]
	for _, list := range []map[string][]string{special, f.General} {
		for _, key := range []string{name, "*"} {
			if names, ok := list[key]; ok {
				return names
			}
		}
	}
	return f.Default
}

// reach lists the groups that calls of one may go on with, one after the other.
func (f *Fallbacks) reach(n *names, from *group) (all []*group) {
	for queue := []*group{from}; len(queue) > 0; queue = queue[1:] {
		for _, e := range []*llm.Error{{}, {Code: llm.CodeTooLong}, {Code: llm.CodeContentFiltered}} {
			for _, name := range f.after(queue[0].name, e) {
				g, _ := n.find(name)
				if g != nil && g != from && !slices.Contains(all, g) {
					all, queue = append(all, g), append(queue, g)
				}
			}
		}
	}
	return all
}
