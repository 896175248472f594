package ui

import (
	"bytes"
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/httpd/inbound"
	"outcrop/llm"
	"outcrop/telemetry"
)

// filter selects calls.
type filter struct {
	Model, Key, Status, Code, Warning, Text string
	// person is who looks: who does not see everything sees what is its own.
	person *Person
}

// statuses are the choices of the filter by status.
func statuses() []string { return []string{"ok", "failed", "4xx", "5xx"} }

// filterOf reads a filter from a query.
func (x *exchange) filterOf(q url.Values) filter {
	text := func(name string) string { return strings.ToLower(strings.TrimSpace(llm.Clip(q.Get(name), 200))) }
	return filter{text("model"), text("key"), q.Get("status"), text("code"), text("warning"), text("text"), &x.person}
}

// query is the filter as a query.
func (f *filter) query() url.Values {
	q := url.Values{}
	for _, p := range [...]struct{ name, value string }{{"model", f.Model}, {"key", f.Key}, {"status", f.Status}, {"code", f.Code}, {"warning", f.Warning}, {"text", f.Text}} {
		if p.value != "" {
			q.Set(p.name, p.value)
		}
	}
	return q
}

// owns reports whether the person may see a call.
func owns(p *Person, c *telemetry.Call) bool {
	return p.sees() || p.UserID != "" && c.Who.UserID == p.UserID || p.Key != "" && c.Who.KeyHash == p.Key
}

// takes reports whether a call is selected.
func (f *filter) takes(c *telemetry.Call) bool {
	if !owns(f.person, c) {
		return false
	}
	has := func(part string, texts ...string) bool {
		return part == "" || slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(strings.ToLower(t), part) })
	}
	switch f.Status {
	case "ok":
		if c.Status >= http.StatusBadRequest {
			return false
		}
	case "failed":
		if c.Status < http.StatusBadRequest {
			return false
		}
	case "4xx":
		if c.Status/100 != 4 {
			return false
		}
	case "5xx":
		if c.Status/100 != 5 {
			return false
		}
	}
	code, message := "", ""
	if c.Err != nil {
		code, message = string(c.Err.Code), c.Err.Message
	}
	if f.Warning != "" && !slices.ContainsFunc(c.Meta.Warnings, func(w llm.Warning) bool { return has(f.Warning, w.Code, w.Field, w.Detail) }) {
		return false
	}
	return has(f.Model, c.Model, c.Group) && has(f.Key, c.Who.KeyAlias, c.Who.KeyHash) && has(f.Code, code) &&
		has(f.Text, c.ID, c.Model, message, c.Door, c.Meta.Destination.ID, c.Meta.Destination.Region, c.Meta.UpstreamID, c.Who.UserID, c.Who.TeamAlias, c.Who.Customer)
}

// row is a call in a table.
type row struct {
	ID, Iso, Clock            string
	Status                    int
	Model, Code, Key, Region  string
	Retries, Warnings         int
	Fallback                  string
	Cached                    bool
	Input, Output, Cost, Took string
}

// modelOf is the name of a call's model; a request that was refused before it was read has none.
func modelOf(c *telemetry.Call) string { return cmp.Or(llm.Clip(c.Model, 120), "("+c.Door+")") }

// keyOf is what people know the key of a call by.
func keyOf(w *telemetry.Who) string {
	switch {
	case w.KeyAlias != "":
		return w.KeyAlias
	case w.KeyHash == telemetry.MasterKey:
		return "master key"
	default:
		return llm.Clip(w.KeyHash, 10)
	}
}

// rowOf is a call in a table.
func rowOf(c *telemetry.Call) row {
	r := row{
		ID: c.ID, Iso: c.Started.UTC().Format(time.RFC3339Nano), Clock: clock(c.Started), Status: c.Status, Model: modelOf(c), Key: keyOf(&c.Who), Region: c.Meta.Destination.Region,
		Retries: c.Meta.Retries, Warnings: len(c.Meta.Warnings), Fallback: c.Meta.Fallback, Cached: c.Cached, Cost: usd(c.Usage.Cost), Took: took(c.Duration),
	}
	if n := c.Usage.Prompt(); n > 0 {
		r.Input = num(n)
	}
	if c.Usage.Output > 0 {
		r.Output = num(c.Usage.Output)
	}
	if c.Err != nil {
		r.Code = string(c.Err.Code)
		if r.Region == "" {
			r.Region = c.Err.Destination.Region
		}
	}
	return r
}

func rowsOf(calls []telemetry.Call) []row {
	rows := make([]row, len(calls))
	for i := range calls {
		rows[i] = rowOf(&calls[i])
	}
	return rows
}

// mostRows is how many calls the live table has.
const mostRows = 200

// logsData is what the page of live calls shows.
type logsData struct {
	Filter   filter
	Statuses []string
	Rows     []row
	// Last is the number of the last call, after which new ones come.
	Last    uint64
	Query   string
	More    bool
	Earlier bool // whether the person may see earlier calls
}

func (x *exchange) liveData() *logsData {
	f := x.filterOf(x.r.URL.Query())
	p := x.h.opt.Calls.Read(0, mostRows, f.takes)
	return &logsData{Filter: f, Statuses: statuses(), Rows: rowsOf(p.Calls), Last: p.Last, Query: f.query().Encode(), More: p.More, Earlier: of(x.person.Role)&people != 0}
}

// logs shows the calls as they come.
func (x *exchange) logs() error { return x.show(http.StatusOK, "logs", "Logs", x.liveData()) }

// logRows shows the table alone, for another filter.
func (x *exchange) logRows() error { return x.part("logs", "live", x.liveData()) }

// Times of the live table.
const (
	// lookEvery is how often the table gets what is new. A burst of calls becomes one event. After an event that took long to
	// make, the next is later, restFactor times that but at most lookLatest: a page never takes more than half a per cent of a
	// processor from calls, however many there are.
	lookEvery  = 400 * time.Millisecond
	lookLatest = 2 * time.Second
	restFactor = 200
	keepAlive  = 15 * time.Second
	// askAgain is how often it is asked whether the key is still valid.
	askAgain = time.Minute
	// mostNew is how many calls an event has; of more, the newest.
	mostNew = 100
)

// logEvents sends calls as they end. Between two looks nothing is queued: a browser that does not read keeps this goroutine
// waiting, and then gets the newest calls.
func (x *exchange) logEvents() error {
	q := x.r.URL.Query()
	f := x.filterOf(q)
	after, err := strconv.ParseUint(cmp.Or(x.r.Header.Get("Last-Event-Id"), q.Get("after")), 10, 64)
	if err != nil {
		after = x.h.opt.Calls.Read(0, 0, f.takes).Last
	}
	x.w.Header().Set("X-Accel-Buffering", "no")
	events := inbound.NewEvents(x.w, ": ping\n\n", keepAlive)
	defer events.Close()
	if err := events.Write([]byte("retry: 2000\n\n"), false); err != nil {
		return nil // the browser has gone
	}
	next := time.NewTimer(lookEvery)
	defer next.Stop()
	asked := x.h.opt.Now()
	for {
		select {
		case <-x.r.Context().Done():
			return nil
		case <-x.h.base.Done():
			return nil
		case <-next.C:
		}
		began := time.Now()
		if now := x.h.opt.Now(); now.Sub(asked) >= askAgain {
			asked = now
			if !x.stillIn() {
				return nil
			}
		}
		p := x.h.opt.Calls.Read(after, mostNew, f.takes)
		after = p.Last
		if len(p.Calls) == 0 {
			next.Reset(lookEvery)
			continue
		}
		made := event(p.Last, string(rowsHTML(rowsOf(p.Calls))))
		next.Reset(min(max(lookEvery, restFactor*time.Since(began)), lookLatest))
		if err := events.Write(made, false); err != nil {
			return nil // the browser has gone
		}
	}
}

// stillIn reports whether the session is still valid.
func (x *exchange) stillIn() bool {
	if _, ok := x.h.read(x.r); !ok {
		return false
	}
	probe, err := x.request(x.r.Context(), http.MethodGet, Path, nil, nil)
	if err != nil {
		return false
	}
	_, err = x.h.opt.Identify(probe)
	return err == nil
}

// event is a server-sent event with a text of several lines.
func event(id uint64, text string) []byte {
	var b bytes.Buffer
	b.WriteString("id: " + strconv.FormatUint(id, 10) + "\n")
	for line := range strings.Lines(strings.ReplaceAll(text, "\r", " ")) { // a carriage return ends a line too
		b.WriteString("data: " + strings.TrimRight(line, "\n") + "\n")
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// span is a part of a call's time, in thousandths of it.
type span struct {
	Name, Took, Class string
	From, Width       int
}

// callData is what the page of one call shows.
type callData struct {
	Row      row
	Call     *telemetry.Call
	Target   string
	Reason   string
	Who      []fact
	Facts    []fact
	Spans    []span
	Problem  *problem
	Tries    []try
	Warnings []llm.Warning
	// Content is what was asked and answered; nil if it is not kept, or not for the person.
	Content *content
}

type fact struct{ Name, Value string }

// try is one attempt of a call.
type try struct {
	Number                       int
	Target, Region, Reason, Code string
	Took                         string
	OK                           bool
}

// oneCall shows one call.
func (x *exchange) oneCall() error {
	c, ok := x.h.opt.Calls.Find(x.r.PathValue("id"))
	if !ok || !owns(&x.person, &c) {
		return x.earlierCall(x.r.PathValue("id"))
	}
	to := c.Meta.Destination
	if c.Err != nil && to == (llm.Destination{}) {
		to = c.Err.Destination
	}
	d := callData{Row: rowOf(&c), Call: &c, Target: to.String(), Reason: to.Reason, Spans: spans(&c), Tries: tries(&c, to), Warnings: c.Meta.Warnings}
	d.Who = facts("Key", keyOf(&c.Who), "User", c.Who.UserID, "Team", cmp.Or(c.Who.TeamAlias, c.Who.TeamID), "Organization", cmp.Or(c.Who.OrganizationAlias, c.Who.OrganizationID),
		"Customer", c.Who.Customer, "Tags", strings.Join(c.Who.Tags, ", "), "Address", c.From.Address, "Client", c.From.UserAgent, "Client's call id", c.ClientCall)
	u := &c.Usage
	count := func(n int64) string {
		if n == 0 {
			return ""
		}
		return num(n)
	}
	cost := usd(u.Cost)
	if c.Estimated {
		cost += " (estimated)"
	}
	d.Facts = facts("Endpoint", c.Door, "Started", stamp(c.Started), "Streaming", yes(c.Stream), "Deployment", c.Meta.Deployment, "Model id", to.ID, "Provider's request id", c.Meta.UpstreamID, "Stop reason", c.Stop,
		"Prompt tokens", count(u.Prompt()), "of these read from the cache", count(u.CacheRead.Value), "of these written to the cache", count(u.CacheWrite.Value),
		"Output tokens", count(u.Output), "of these reasoning", count(u.Reasoning.Value), "Cost", cost, "Cost is unknown because", c.CostUnknown)
	if c.Err != nil {
		d.Problem = &problem{string(c.Err.Code), c.Err.Message, c.Err.Cause, c.Err.Fix, c.Err.Docs, statements(c.Err), nil}
	}
	x.readContent(&d)
	return x.show(http.StatusOK, "call", "Call "+c.ID, &d)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

// facts are pairs of names and values without those that have none.
func facts(pairs ...string) (all []fact) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			all = append(all, fact{pairs[i], pairs[i+1]})
		}
	}
	return all
}

// split is how a call's time is split up. Parts that are not known are 0.
type split struct{ whole, sent, first, upstream time.Duration }

// spans are the parts of a call's time.
func spans(c *telemetry.Call) []span {
	s := split{c.Duration, c.Sent, c.FirstToken, c.Upstream}
	return s.spans()
}

func (s *split) spans() []span {
	if s.whole <= 0 {
		return nil
	}
	part := func(name, class string, from, to time.Duration) span {
		from, to = min(max(from, 0), s.whole), min(max(to, 0), s.whole)
		at := int(1000 * from / s.whole)
		return span{name, took(to - from), class, at, max(2, int(1000*to/s.whole)-at)}
	}
	all := []span{part("Whole call", "whole", 0, s.whole)}
	if s.sent == 0 && s.upstream == 0 && s.first == 0 {
		return all
	}
	if s.sent > 0 {
		all = append(all, part("Before the provider", "own", 0, s.sent))
	}
	if s.first > 0 {
		return append(all, part("Until the first token", "wait", s.sent, s.first), part("Streaming", "stream", s.first, s.whole))
	}
	end := s.sent + s.upstream
	return append(all, part("Provider", "wait", s.sent, end), part("After the response", "own", end, s.whole))
}

// tries are the attempts of a call: those that have failed, and the last.
func tries(c *telemetry.Call, last llm.Destination) (all []try) {
	failed := c.Meta.Tries
	if c.Err != nil && failed == nil {
		failed = c.Err.Tries
	}
	for i := range failed {
		t := &failed[i]
		all = append(all, try{len(all) + 1, t.Destination.ID, t.Destination.Region, t.Destination.Reason, string(t.Code), took(t.At), false})
	}
	if last == (llm.Destination{}) {
		return all
	}
	t := try{len(all) + 1, last.ID, last.Region, last.Reason, "", took(c.Duration), c.Err == nil}
	if c.Err != nil {
		t.Code = string(c.Err.Code)
	}
	return append(all, t)
}
