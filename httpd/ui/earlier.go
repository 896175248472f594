package ui

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/telemetry"
)

// spendRow is a call in the spend log, as the API has it.
type spendRow struct {
	ID       string    `json:"request_id"`
	CallType string    `json:"call_type"`
	Key      string    `json:"api_key"`
	Alias    string    `json:"key_alias"`
	Spend    float64   `json:"spend"`
	Start    time.Time `json:"startTime"`
	First    time.Time `json:"completionStartTime"`
	End      time.Time `json:"endTime"`
	Model    string    `json:"model"`
	Group    string    `json:"model_group"`
	Provider string    `json:"custom_llm_provider"`
	Region   string    `json:"region"`
	User     string    `json:"user"`
	Team     string    `json:"team_id"`
	Customer string    `json:"end_user"`
	Session  string    `json:"session_id"`
	Address  string    `json:"requester_ip_address"`
	Input    int64     `json:"prompt_tokens"`
	Output   int64     `json:"completion_tokens"`
	Read     int64     `json:"cache_read_input_tokens"`
	Written  int64     `json:"cache_creation_input_tokens"`
	Status   string    `json:"status"`
	HTTP     int       `json:"status_code"`
	Code     string    `json:"error_code"`
	Cached   string    `json:"cache_hit"`
	Metadata jsonx.Raw `json:"metadata"`
}

// spendMeta is what the page reads of a row's metadata.
type spendMeta struct {
	Alias string `json:"user_api_key_alias"`
	Error struct {
		Code    string `json:"error_code"`
		Class   string `json:"error_class"`
		Message string `json:"error_message"`
	} `json:"error_information"`
	Own struct {
		Cause    string `json:"cause"`
		Fix      string `json:"fix"`
		Reason   string `json:"reason"`
		Fallback string `json:"fallback"`
		Sent     int64  `json:"sent_us"`
		Upstream int64  `json:"upstream_us"`
		Tries    []struct {
			ID     string `json:"id"`
			Region string `json:"region"`
			Reason string `json:"reason"`
			Code   string `json:"code"`
			At     int64  `json:"at_us"`
		} `json:"tries"`
		Warnings []struct {
			Code   string `json:"code"`
			Field  string `json:"field"`
			Detail string `json:"detail"`
		} `json:"warnings"`
	} `json:"outcrop"`
}

// meta reads a row's metadata, an object or a text that has one.
func (r *spendRow) meta() (m spendMeta) {
	raw := r.Metadata
	if text := ""; raw.Kind() == '"' && jsonx.Unmarshal(raw, &text) == nil {
		raw = jsonx.Raw(text)
	}
	if jsonx.Unmarshal(raw, &m) != nil {
		return spendMeta{}
	}
	return m
}

// shown is the call in a table.
func (r *spendRow) shown(m *spendMeta) row {
	out := row{
		ID: r.ID, Iso: r.Start.UTC().Format(time.RFC3339Nano), Clock: r.Start.UTC().Format("01-02 15:04:05"), Status: http.StatusOK, Model: r.Group, Key: cmp.Or(r.Alias, m.Alias),
		Region: r.Region, Retries: len(m.Own.Tries), Warnings: len(m.Own.Warnings), Fallback: m.Own.Fallback,
		Cached: r.Cached == "True", Cost: dollars(r.Spend), Took: took(r.End.Sub(r.Start)),
	}
	if out.Model == "" || out.Model == "*" {
		out.Model = r.Model
	}
	if out.Key == "" {
		out.Key = keyOf(&telemetry.Who{KeyHash: r.Key})
	}
	if r.Alias == telemetry.MasterKey {
		out.Key = "master key"
	}
	if !r.End.After(r.Start) { // the API's times are in milliseconds
		out.Took = "< 1 ms"
	}
	if r.HTTP > 0 {
		out.Status = r.HTTP
	}
	if r.Status == "failure" {
		if out.Code = r.Code; out.Code == "" { // of a call that was taken over
			out.Code = m.Error.Class
		}
		if n, err := strconv.Atoi(m.Error.Code); err == nil && r.HTTP == 0 {
			out.Status = n
		}
		if out.Status < http.StatusBadRequest {
			out.Status = http.StatusInternalServerError
		}
	}
	if r.Input > 0 {
		out.Input = num(r.Input)
	}
	if r.Output > 0 {
		out.Output = num(r.Output)
	}
	return out
}

// earlierData is what the page of earlier calls shows.
type earlierData struct {
	From, To string
	Filter   filter
	Statuses []string
	Rows     []row
	// Next is where older calls are; empty at the end. Looked is how many calls were looked at for this part, and Back the time
	// back to which.
	Next   string
	Looked int
	Back   string
	// First is whether these are the newest.
	First bool
}

// readEarlier reads a part of the spend log.
func (x *exchange) readEarlier() (*earlierData, error) {
	q := x.r.URL.Query()
	now := x.h.opt.Now().UTC()
	f := x.filterOf(q)
	d := &earlierData{From: day(q.Get("from"), now.AddDate(0, 0, -7)), To: day(q.Get("to"), now), Filter: f, Statuses: statuses(), First: q.Get("at") == ""}
	ask := url.Values{"start_date": {d.From}, "end_date": {d.To}, "limit": {"100"}}
	own := url.Values{"from": {d.From}, "to": {d.To}}
	for name, v := range f.query() {
		own[name] = v
		if name == "code" {
			name = "error_code"
		}
		ask[name] = v
	}
	if at := q.Get("at"); at != "" {
		ask.Set("from", at)
	}
	if x.person.Role == Member {
		ask.Set("user_id", x.person.UserID)
	}
	var page struct {
		Data   []spendRow `json:"data"`
		Looked int        `json:"looked_at"`
		Next   *string    `json:"next"`
	}
	if err := x.call(http.MethodGet, "/spend/logs/search", ask, nil, &page); err != nil {
		return nil, err
	}
	for i := range page.Data {
		m := page.Data[i].meta()
		d.Rows = append(d.Rows, page.Data[i].shown(&m))
	}
	d.Looked = page.Looked
	if page.Next != nil {
		own.Set("at", *page.Next)
		d.Next = own.Encode()
		if ns, err := strconv.ParseInt(before(*page.Next, '.'), 10, 64); err == nil {
			d.Back = time.Unix(0, ns).UTC().Format("2006-01-02 15:04:05")
		}
	}
	return d, nil
}

// before is the part of a text before a character.
func before(text string, c byte) string {
	for i := range len(text) {
		if text[i] == c {
			return text[:i]
		}
	}
	return text
}

// earlier shows calls of the spend log.
func (x *exchange) earlier() error {
	d, err := x.readEarlier()
	if err != nil {
		return err
	}
	return x.show(http.StatusOK, "earlier", "Earlier calls", d)
}

// earlierRows shows the table alone, for another filter.
func (x *exchange) earlierRows() error {
	d, err := x.readEarlier()
	if err != nil {
		return err
	}
	return x.part("earlier", "found", d)
}

// olderRows shows the rows that follow.
func (x *exchange) olderRows() error {
	d, err := x.readEarlier()
	if err != nil {
		return err
	}
	return x.part("earlier", "older", d)
}

// day is a date of a query, or another.
func day(text string, otherwise time.Time) string {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t.Format(time.DateOnly)
	}
	return otherwise.UTC().Format(time.DateOnly)
}

// earlierCall shows what the spend log has of a call that is not kept in memory any more.
func (x *exchange) earlierCall(id string) error {
	missing := &Error{Status: http.StatusNotFound, Message: "There is no such call.", Fix: "The page Earlier calls has those of the spend log."}
	if of(x.person.Role)&people == 0 || len(id) > 200 {
		return missing
	}
	var page struct {
		Data []spendRow `json:"data"`
	}
	ask := url.Values{"request_id": {id}}
	if x.person.Role == Member {
		ask.Set("user_id", x.person.UserID)
	}
	if err := x.call(http.MethodGet, "/spend/logs/ui", ask, nil, &page); err != nil {
		return err
	}
	if len(page.Data) == 0 || x.person.Role == Member && page.Data[0].User != x.person.UserID {
		return missing
	}
	r := &page.Data[0]
	m := r.meta()
	d := callData{Row: r.shown(&m), Spans: r.spans(&m), Tries: r.tries(&m)}
	for _, w := range m.Own.Warnings {
		d.Warnings = append(d.Warnings, llm.Warning{Code: w.Code, Field: w.Field, Detail: w.Detail})
	}
	d.Who = facts("Key", d.Row.Key, "User", r.User, "Team", r.Team, "Customer", r.Customer, "Session", r.Session, "Address", r.Address)
	count := func(n int64) string {
		if n == 0 {
			return ""
		}
		return num(n)
	}
	d.Facts = facts("Endpoint", r.CallType, "Started", stamp(r.Start), "Model id", r.Model, "Provider", r.Provider, "Region", r.Region, "Prompt tokens", d.Row.Input,
		"of these read from the cache", count(r.Read), "of these written to the cache", count(r.Written), "Output tokens", d.Row.Output, "Cost", d.Row.Cost)
	if d.Row.Code != "" {
		d.Problem = &problem{Code: d.Row.Code, Message: m.Error.Message, Cause: m.Own.Cause, Fix: m.Own.Fix}
		if d.Problem.Message == "" {
			d.Problem.Message = llm.Code(d.Row.Code).Info().Meaning
		}
	}
	x.readContent(&d)
	return x.show(http.StatusOK, "call", "Call "+r.ID, &d)
}

// spans are the parts of the call's time, as far as they are known.
func (r *spendRow) spans(m *spendMeta) []span {
	us := time.Microsecond
	s := split{whole: r.End.Sub(r.Start), sent: time.Duration(m.Own.Sent) * us, upstream: time.Duration(m.Own.Upstream) * us}
	if !r.First.IsZero() {
		s.first = r.First.Sub(r.Start)
	}
	s.whole = max(s.whole, s.sent+s.upstream) // the API's times are in milliseconds
	return s.spans()
}

// tries are the attempts of the call: those that have failed, and the last.
func (r *spendRow) tries(m *spendMeta) (all []try) {
	for _, t := range m.Own.Tries {
		all = append(all, try{len(all) + 1, t.ID, t.Region, t.Reason, t.Code, took(time.Duration(t.At) * time.Microsecond), false})
	}
	if r.Model == "" || r.Cached == "True" || r.Region == "" && len(all) == 0 && r.Status == "failure" {
		return all
	}
	return append(all, try{len(all) + 1, r.Model, r.Region, m.Own.Reason, r.Code, took(r.End.Sub(r.Start)), r.Status != "failure"})
}
