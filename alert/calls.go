package alert

import (
	"fmt"
	"strconv"
	"sync"
	"time"
)

// Call is a call that has ended.
type Call struct {
	// Model is the configured name, Deployment which of its deployments served the call, and Region where; empty if that is not known.
	Model, Deployment, Provider, Region string
	Duration                            time.Duration
	// Status is the HTTP status, and Code and Message the failure; empty for success.
	Status        int
	Code, Message string
	// Theirs is whether the failure is the provider's or the operator's, and not the client's.
	Theirs bool
	// To is where the call went last, and Tries where it had failed before.
	To    Target
	Tries []Target
	// Asked is the model that the client has asked for if Model has answered in its place, as its fallback; empty otherwise.
	Asked string
	// Output is how many tokens were made.
	Output int64
	// NoCost is why there is no cost of a call that was billed by tokens; empty if there is one.
	NoCost string
}

// Target is where an attempt of a call went: the model as it was sent, its provider and the region. Empty fields are not known.
type Target struct{ Provider, Model, Region string }

// CallOptions are the settings of Calls.
type CallOptions struct {
	Sink Sink
	// Slow is from which duration a call is slow: LiteLLM's alerting_threshold.
	Slow time.Duration
	// Window is the time in which failures of a deployment are an outage: a minor one from Minor failures on, and a
	// major one from Major on (LiteLLM's alerting_args).
	Window       time.Duration
	Minor, Major int
	// RegionWindow is the same for the deployments of a provider in one region, of which several must have failed.
	RegionWindow time.Duration
	// CostAgain is after which time it is told again that the price of a model is not known: LiteLLM's budget_alert_ttl.
	CostAgain time.Duration
	// Gathers reports whether alerts of a type are gathered into one; nil for none. All of those are sent.
	Gathers func(Type) bool
	Now     func() time.Time // time.Now if nil
}

// sameWithin is how long the same is told of a model once.
const sameWithin = 5 * time.Minute

// mostMarks bounds what is remembered of what was told.
const mostMarks = 10_000

// Calls tells that calls fail or are slow. Each model's failure of one kind is told once in five minutes, and so is its
// slowness. Replicas do not know of each other. It is safe for concurrent use.
type Calls struct {
	opt CallOptions

	mu      sync.Mutex
	marks   map[string]*mark
	outages map[string]*outage // by deployment
	regions map[string]*outage // by provider and region
}

// mark is something that was told.
type mark struct {
	until time.Time
	more  int // since then
}

// outage are the failures of a deployment, or of those of a region.
type outage struct {
	begun                time.Time
	timeouts, faults     int
	minorTold, majorTold bool
	deployments          map[string]bool // of a region
}

// WatchCalls makes a Calls.
func WatchCalls(opt CallOptions) *Calls {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Gathers == nil {
		opt.Gathers = func(Type) bool { return false }
	}
	return &Calls{opt: opt, marks: map[string]*mark{}, outages: map[string]*outage{}, regions: map[string]*outage{}}
}

// Ended is called when a call has ended. It does not block.
func (c *Calls) Ended(call *Call) {
	switch {
	case call.Code == "" && call.Duration > c.opt.Slow:
		c.once("slow/"+call.Model, sameWithin, &Alert{
			Type: LLMTooSlow, Level: Low, Model: call.Model,
			Text: fmt.Sprintf("`Responses are slow - %ss response time > Alerting threshold: %ss`\nRequest Model: `%s`", number(call.Duration), number(c.opt.Slow), Plain(call.Model)),
		})
	case call.Code != "" && call.Theirs:
		c.once("failed/"+call.Model+"/"+call.Code, sameWithin, &Alert{
			Type: LLMExceptions, Level: High, Model: call.Model,
			Text: fmt.Sprintf("LLM API call failed: `%s`\nRequest Model: `%s`\nCode: `%s`, status `%d`", Plain(call.Message), Plain(call.Model), call.Code, call.Status),
		})
		c.failed(call)
	}
	if call.Code == "" && call.NoCost != "" {
		c.once("cost/"+call.Model, c.opt.CostAgain, &Alert{
			Type: NoCost, Level: High, Model: call.Model,
			Text: fmt.Sprintf("Failed Tracking Cost for `%s`: %s, so its calls count nothing for budgets.\nSet its prices, such as `input_cost_per_token` and `output_cost_per_token`, in its `model_info`.", Plain(call.Model), Plain(call.NoCost)),
		})
	}
}

// DatabaseFailed is called when the database has failed.
func (c *Calls) DatabaseFailed(err error) {
	c.once("database", sameWithin, &Alert{Type: DBExceptions, Level: High, Text: "DB read/write call failed: `" + Plain(err.Error()) + "`"})
}

// number is a duration in seconds.
func number(d time.Duration) string {
	return strconv.FormatFloat(d.Round(10*time.Millisecond).Seconds(), 'f', -1, 64)
}

// once sends an alert unless the same was sent within a time.
func (c *Calls) once(what string, within time.Duration, a *Alert) {
	if c.opt.Gathers(a.Type) {
		c.opt.Sink.Send(*a)
		return
	}
	now := c.opt.Now()
	c.mu.Lock()
	m := c.marks[what]
	if m != nil && now.Before(m.until) {
		m.more++
		c.mu.Unlock()
		return
	}
	if m != nil && m.more > 0 {
		a.Text += fmt.Sprintf("\n%d more like the last one before", m.more)
	}
	if len(c.marks) >= mostMarks {
		clear(c.marks)
	}
	c.marks[what] = &mark{until: now.Add(within)}
	c.mu.Unlock()
	c.opt.Sink.Send(*a)
}

// failed counts a failure that may be part of an outage: one of status 408 or from 500 on, as in LiteLLM.
func (c *Calls) failed(call *Call) {
	if call.Deployment == "" || call.Status != 408 && call.Status < 500 {
		return
	}
	now := c.opt.Now()
	c.mu.Lock()
	o := count(c.outages, call.Deployment, now, c.opt.Window, call.Status)
	kind, level := o.due(c.opt.Minor, c.opt.Major)
	text := fmt.Sprintf("\n*⚠️ %s Service Outage*\n\n*Model Name:* `%s`\n*Provider:* `%s`\n*Deployment:* `%s`\n\n*Errors:*\nTimeout Errors: %d\nAPI Errors: %d\n",
		kind, Plain(call.Model), Plain(call.Provider), Plain(call.Deployment), o.timeouts, o.faults)
	c.mu.Unlock()
	if kind != "" {
		c.opt.Sink.Send(Alert{Type: OutageAlerts, Level: level, Text: text, Model: call.Model})
	}
	if call.Region != "" {
		c.failedIn(call, now)
	}
}

// failedIn counts a failure that may be part of an outage of a region, in which more than one deployment must have failed.
func (c *Calls) failedIn(call *Call, now time.Time) {
	c.mu.Lock()
	o := count(c.regions, call.Provider+" "+call.Region, now, c.opt.RegionWindow, call.Status)
	if o.deployments == nil {
		o.deployments = map[string]bool{}
	}
	o.deployments[call.Deployment] = true
	kind, level := "", Medium
	if len(o.deployments) > 1 {
		kind, level = o.due(c.opt.Minor, c.opt.Major)
	}
	text := fmt.Sprintf("\n*⚠️ %s Service Outage*\n\n*Region:* `%s`\n*Provider:* `%s`\n*Deployments:* %d\n\n*Errors:*\nTimeout Errors: %d\nAPI Errors: %d\n",
		kind, Plain(call.Region), Plain(call.Provider), len(o.deployments), o.timeouts, o.faults)
	c.mu.Unlock()
	if kind != "" {
		c.opt.Sink.Send(Alert{Type: RegionOutages, Level: level, Text: text})
	}
}

// count counts a failure, among those before it that are in the same window.
func count(all map[string]*outage, of string, now time.Time, window time.Duration, status int) *outage {
	o := all[of]
	if o == nil || now.Sub(o.begun) > window {
		if len(all) >= mostMarks {
			clear(all)
		}
		o = &outage{begun: now}
		all[of] = o
	}
	if status == 408 {
		o.timeouts++
	} else {
		o.faults++
	}
	return o
}

// due is what is told of an outage now; empty for nothing.
func (o *outage) due(minor, major int) (kind string, level Level) {
	switch n := o.timeouts + o.faults; {
	case n >= minor && !o.minorTold:
		o.minorTold = true
		return "Minor", Medium
	case n >= major && !o.majorTold:
		o.majorTold = true
		return "Major", High
	}
	return "", Medium
}
