package ui

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// spendRow is a call in the spend log, as the API has it.
type spendRow struct {
	ID       string    `json:"request_id"`
	CallType string    `json:"call_type"`
	Key      string    `json:"api_key"`
	Spend    float64   `json:"spend"`
	Start    time.Time `json:"startTime"`
	End      time.Time `json:"endTime"`
	Model    string    `json:"model"`
	Group    string    `json:"model_group"`
	Provider string    `json:"custom_llm_provider"`
	User     string    `json:"user"`
	Team     string    `json:"team_id"`
	Customer string    `json:"end_user"`
	Input    int64     `json:"prompt_tokens"`
	Output   int64     `json:"completion_tokens"`
	Status   string    `json:"status"`
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
func (r *spendRow) shown() row {
	m := r.meta()
	out := row{
		ID: r.ID, Iso: r.Start.UTC().Format(time.RFC3339Nano), Clock: r.Start.UTC().Format("01-02 15:04:05"), Status: http.StatusOK, Model: r.Group, Key: m.Alias,
		Cached: r.Cached == "True", Cost: dollars(r.Spend), Took: took(r.End.Sub(r.Start)),
	}
	if out.Model == "" {
		out.Model = r.Model
	}
	if out.Key == "" {
		out.Key = llm.Clip(r.Key, 10)
	}
	if r.Status == "failure" {
		out.Status, out.Code = http.StatusInternalServerError, m.Error.Class
		if n, err := strconv.Atoi(m.Error.Code); err == nil {
			out.Status = n
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
	From, To, Model, Status string
	Rows                    []row
	Page, Pages             int
	Total                   int
	Capped                  bool
	Next, Before            string
}

// earlier shows calls of the spend log, by pages.
func (x *exchange) earlier() error {
	q := x.r.URL.Query()
	now := x.h.opt.Now().UTC()
	d := earlierData{From: day(q.Get("from"), now.AddDate(0, 0, -7)), To: day(q.Get("to"), now), Model: q.Get("model"), Status: q.Get("status"), Page: 1}
	if n, err := strconv.Atoi(q.Get("page")); err == nil && n > 0 {
		d.Page = n
	}
	to, _ := time.Parse(time.DateOnly, d.To) // day has made it
	ask := url.Values{"start_date": {d.From + " 00:00:00"}, "end_date": {to.Format(time.DateOnly) + " 23:59:59"}, "page": {strconv.Itoa(d.Page)}, "page_size": {"100"}}
	if d.Model != "" {
		ask.Set("model_group", d.Model)
	}
	if d.Status == "success" || d.Status == "failure" {
		ask.Set("status_filter", d.Status)
	}
	if x.person.Role == Member {
		ask.Set("user_id", x.person.UserID)
	}
	var page struct {
		Data   []spendRow `json:"data"`
		Total  int        `json:"total"`
		Pages  int        `json:"total_pages"`
		Capped bool       `json:"total_is_capped"`
	}
	if err := x.call(http.MethodGet, "/spend/logs/v2", ask, nil, &page); err != nil {
		return err
	}
	for i := range page.Data {
		d.Rows = append(d.Rows, page.Data[i].shown())
	}
	d.Total, d.Pages, d.Capped = page.Total, page.Pages, page.Capped
	turn := func(n int) string {
		own := url.Values{"from": {d.From}, "to": {d.To}, "model": {d.Model}, "status": {d.Status}, "page": {strconv.Itoa(n)}}
		return "?" + own.Encode()
	}
	if d.Page > 1 {
		d.Before = turn(d.Page - 1)
	}
	if d.Page < d.Pages {
		d.Next = turn(d.Page + 1)
	}
	return x.show(http.StatusOK, "earlier", "Earlier calls", &d)
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
	d := callData{Row: r.shown()}
	d.Who = facts("Key", d.Row.Key, "User", r.User, "Team", r.Team, "Customer", r.Customer)
	d.Facts = facts("Endpoint", r.CallType, "Started", stamp(r.Start), "Model id", r.Model, "Provider", r.Provider, "Prompt tokens", d.Row.Input, "Output tokens", d.Row.Output, "Cost", d.Row.Cost)
	if m.Error.Message != "" {
		d.Problem = &problem{Code: m.Error.Class, Message: m.Error.Message}
	}
	return x.show(http.StatusOK, "call", "Call "+r.ID, &d)
}
