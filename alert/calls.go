package alert

import (
	"fmt"
	"strconv"
	"sync"
	"time"
)

// Call is a call that has ended.
type Call struct {
	// Model is the configured name, and Deployment which of its deployments served the call.
	Model, Deployment, Provider string
	Duration                    time.Duration
	// Status is the HTTP status, and Code and Message the failure; empty for success.
	Status        int
	Code, Message string
	// Provider's is whether the failure is the provider's or the operator's, and not the client's.
	Theirs bool
}

// CallOptions are the settings of Calls.
type CallOptions struct {
	Sink Sink
	// Slow is from which duration a call is slow: LiteLLM's alerting_threshold.
	Slow time.Duration
	// Window is the time in which failures of a deployment are an outage: a minor one from Minor failures on, and a
	// major one from Major on (LiteLLM's alerting_args).
	Window       time.Duration
	Minor, Major int
	Now          func() time.Time // time.Now if nil
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
	outages map[string]*outage
}

// mark is something that was told.
type mark struct {
	until time.Time
	more  int // since then
}

// outage are the failures of a deployment.
type outage struct {
	begun                time.Time
	timeouts, faults     int
	minorTold, majorTold bool
}

// WatchCalls makes a Calls.
func WatchCalls(opt CallOptions) *Calls {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return &Calls{opt: opt, marks: map[string]*mark{}, outages: map[string]*outage{}}
}

// Ended is called when a call has ended. It does not block.
func (c *Calls) Ended(call *Call) {
	switch {
	case call.Code == "" && call.Duration > c.opt.Slow:
		c.once("slow/"+call.Model, &Alert{
			Type: LLMTooSlow, Level: Low,
			Text: fmt.Sprintf("`Responses are slow - %ss response time > Alerting threshold: %ss`\nRequest Model: `%s`", number(call.Duration), number(c.opt.Slow), Plain(call.Model)),
		})
	case call.Code != "" && call.Theirs:
		c.once("failed/"+call.Model+"/"+call.Code, &Alert{
			Type: LLMExceptions, Level: High,
			Text: fmt.Sprintf("LLM API call failed: `%s`\nRequest Model: `%s`\nCode: `%s`, status `%d`", Plain(call.Message), Plain(call.Model), call.Code, call.Status),
		})
		c.failed(call)
	}
}

// DatabaseFailed is called when the database has failed.
func (c *Calls) DatabaseFailed(err error) {
	c.once("database", &Alert{Type: DBExceptions, Level: High, Text: "DB read/write call failed: `" + Plain(err.Error()) + "`"})
}

// number is a duration in seconds.
func number(d time.Duration) string {
	return strconv.FormatFloat(d.Round(10*time.Millisecond).Seconds(), 'f', -1, 64)
}

// once sends an alert unless the same was sent a moment ago.
func (c *Calls) once(what string, a *Alert) {
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
	c.marks[what] = &mark{until: now.Add(sameWithin)}
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
	o := c.outages[call.Deployment]
	if o == nil || now.Sub(o.begun) > c.opt.Window {
		if len(c.outages) >= mostMarks {
			clear(c.outages)
		}
		o = &outage{begun: now}
		c.outages[call.Deployment] = o
	}
	if call.Status == 408 {
		o.timeouts++
	} else {
		o.faults++
	}
	kind, level := "", Medium
	switch n := o.timeouts + o.faults; {
	case n >= c.opt.Minor && !o.minorTold:
		kind, o.minorTold = "Minor", true
	case n >= c.opt.Major && !o.majorTold:
		kind, level, o.majorTold = "Major", High, true
	}
	text := fmt.Sprintf("\n*⚠️ %s Service Outage*\n\n*Model Name:* `%s`\n*Provider:* `%s`\n*Deployment:* `%s`\n\n*Errors:*\nTimeout Errors: %d\nAPI Errors: %d\n",
		kind, Plain(call.Model), Plain(call.Provider), Plain(call.Deployment), o.timeouts, o.faults)
	c.mu.Unlock()
	if kind != "" {
		c.opt.Sink.Send(Alert{Type: OutageAlerts, Level: level, Text: text})
	}
}
