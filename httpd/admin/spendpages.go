package admin

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/store"
)

// spendPages serves /spend/logs/v2 and /spend/logs/ui: a page of the calls that a query selects. Both dates are needed,
// except for ui with a request_id.
func (x *exchange) spendPages(dated bool) ([]byte, error) {
	q := x.r.URL.Query()
	if (dated || q.Get("request_id") == "") && (q.Get("start_date") == "" || q.Get("end_date") == "") {
		return nil, refused("start_date", "Start date and end date are required.")
	}
	p, err := pages(q, "page_size", 50, 1000)
	if err != nil {
		return nil, err
	}
	c, err := choiceOf(q)
	if err != nil {
		return nil, err
	}
	f, some, err := x.rowFilter(q)
	if err != nil {
		return nil, err
	}
	var rows []store.Row
	total := 0
	if c.simple() { // the database has the page
		f.Offset, f.Limit = (p.number-1)*p.size, p.size
	}
	if some {
		if rows, total, err = x.store.Rows(x.r.Context(), f); err != nil {
			return nil, err
		}
	}
	capped := total > store.MostCounted
	total = min(total, store.MostCounted)
	if !c.simple() {
		x.truncated = total > len(rows)
		capped = x.truncated
		rows = slices.DeleteFunc(rows, func(r store.Row) bool { return !c.takes(&r) })
		c.sort(rows)
		total, rows = len(rows), of(p, rows)
	}
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("data")
		w.Array()
		for i := range rows {
			rowShown(w, &rows[i], nil)
		}
		w.EndArray()
		p.numbers(w, total)
		w.Key("total_is_capped")
		w.Bool(capped)
		w.EndObject()
	}), nil
}

// choice is what a query selects that the database does not, and the order.
type choice struct {
	texts             url.Values // parameters that name a value of a column
	least, most       llm.Opt[llm.Cost]
	failures, success bool
	by                string
	ascending         bool
}

// choiceOf reads the choice of a query.
func choiceOf(q url.Values) (c choice, err error) {
	c = choice{texts: url.Values{}, by: cmp.Or(q.Get("sort_by"), "startTime")}
	for _, name := range [...]string{"model", "model_id", "model_group", "session_id", "key_alias", "error_code"} {
		if q.Get(name) != "" {
			c.texts[name] = q[name]
		}
	}
	for _, v := range []struct {
		name string
		to   *llm.Opt[llm.Cost]
	}{{"min_spend", &c.least}, {"max_spend", &c.most}} {
		text := q.Get(v.name)
		if text == "" {
			continue
		}
		cost, ok := llm.ParseCost(text)
		if !ok {
			return c, invalid(v.name, "%s must be an amount in US dollars, such as 0.01.", v.name)
		}
		*v.to = llm.Some(cost)
	}
	switch status := q.Get("status_filter"); status {
	case "":
	case "success":
		c.success = true
	case "failure":
		c.failures = true
	default:
		return c, refused("status_filter", "Invalid status_filter: %s. Must be one of: failure, success.", clip(status))
	}
	if c.order() == nil {
		return c, refused("sort_by", "Invalid sort_by: %s. Must be one of: endTime, model, request_duration_ms, spend, startTime, total_tokens, ttft_ms.", clip(c.by))
	}
	switch order := strings.ToLower(q.Get("sort_order")); order {
	case "", "desc":
	case "asc":
		c.ascending = true
	default:
		return c, refused("sort_order", "Invalid sort_order: %s. Must be one of: asc, desc.", clip(order))
	}
	return c, nil
}

// simple reports whether the database selects and sorts as the query wants it.
func (c *choice) simple() bool {
	return len(c.texts) == 0 && !c.least.Set && !c.most.Set && !c.failures && !c.success && c.by == "startTime" && !c.ascending
}

// takes reports whether a row is selected.
func (c *choice) takes(r *store.Row) bool {
	has := func(name, value string) bool { return !c.texts.Has(name) || c.texts.Get(name) == value }
	failed := r.Code != "" || r.Status >= 400
	code := c.texts.Get("error_code")
	return has("model", r.Model) && has("model_id", r.Deployment) && has("model_group", r.Group) &&
		strings.Contains(r.Session, c.texts.Get("session_id")) && strings.Contains(r.KeyAlias, c.texts.Get("key_alias")) &&
		(code == "" || failed && (code == r.Code || code == strconv.Itoa(r.Status))) &&
		(!c.least.Set || r.Cost >= int64(c.least.Value)) && (!c.most.Set || r.Cost <= int64(c.most.Value)) &&
		(!c.failures || failed) && (!c.success || !failed)
}

// order compares rows; nil for a column by which none are sorted.
func (c *choice) order() func(a, b store.Row) int {
	switch c.by {
	case "startTime":
		return func(a, b store.Row) int { return a.Start.Compare(b.Start) }
	case "endTime":
		return func(a, b store.Row) int { return a.End.Compare(b.End) }
	case "spend":
		return func(a, b store.Row) int { return cmp.Compare(a.Cost, b.Cost) }
	case "total_tokens":
		return func(a, b store.Row) int { return cmp.Compare(a.Input+a.Output, b.Input+b.Output) }
	case "request_duration_ms":
		return func(a, b store.Row) int { return cmp.Compare(a.End.Sub(a.Start), b.End.Sub(b.Start)) }
	case "model":
		return func(a, b store.Row) int { return cmp.Compare(a.Model, b.Model) }
	case "ttft_ms":
		return func(a, b store.Row) int { return cmp.Compare(a.First.Sub(a.Start), b.First.Sub(b.Start)) }
	default:
		return nil
	}
}

// sort sorts rows. Those without a first token are behind the others when they are sorted by it, as in LiteLLM.
func (c *choice) sort(rows []store.Row) {
	compare := c.order()
	slices.SortStableFunc(rows, func(a, b store.Row) int {
		if c.by == "ttft_ms" && (a.First.IsZero() || b.First.IsZero()) {
			return cmp.Compare(boolInt(a.First.IsZero()), boolInt(b.First.IsZero()))
		}
		if c.ascending {
			return compare(a, b)
		}
		return compare(b, a)
	})
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// activityModels serves /global/activity/model: how many requests and tokens each day had, by the ten names that were
// called most.
func (x *exchange) activityModels() ([]byte, error) {
	q := x.r.URL.Query()
	if q.Get("start_date") == "" || q.Get("end_date") == "" {
		return nil, refused("start_date", "Please provide start_date and end_date.")
	}
	found, err := x.sums(store.KindKey, false, store.ByDay, store.ByGroup)
	if err != nil {
		return nil, err
	}
	days, requests, tokens := map[string][]*store.DailySum{}, map[string]int64{}, map[string]int64{}
	for i := range found {
		s := &found[i]
		days[s.Group] = append(days[s.Group], s)
		requests[s.Group] += s.Requests
		tokens[s.Group] += s.Input + s.Output
	}
	return encode(func(w *jsonx.Writer) {
		w.Array()
		for _, group := range dearest(requests, 10) {
			w.Object()
			w.Key("model")
			w.String(group)
			w.Key("daily_data")
			w.Array()
			for _, s := range days[group] {
				w.Object()
				w.Key("model_group")
				w.String(group)
				dayOf(w, s)
				w.EndObject()
			}
			w.EndArray()
			w.Key("sum_api_requests")
			w.Int(requests[group])
			w.Key("sum_total_tokens")
			w.Int(tokens[group])
			w.EndObject()
		}
		w.EndArray()
	}), nil
}

// calculation is the request of /spend/calculate.
type calculation struct {
	Model    string      `json:"model"`
	Messages []jsonx.Raw `json:"messages"`
	Response *struct {
		Model string `json:"model"`
		Usage struct {
			Input   int64 `json:"prompt_tokens"`
			Output  int64 `json:"completion_tokens"`
			Details struct {
				Cached int64 `json:"cached_tokens"`
			} `json:"prompt_tokens_details"`
		} `json:"usage"`
	} `json:"completion_response"`
}

// calculate serves /spend/calculate: what a prompt will cost, of which the tokens are estimated, or what a response has
// cost.
func (x *exchange) calculate() ([]byte, error) {
	var req calculation
	if _, err := x.object(); err != nil {
		return nil, err
	}
	if err := jsonx.Unmarshal(x.body, &req); err != nil {
		return nil, &Error{Status: 422, Type: typeBadRequest, Message: "The request cannot be read: " + err.Error() + "."}
	}
	model, u := req.Model, &llm.Usage{}
	switch {
	case model != "" && req.Messages == nil:
		return nil, refused("messages", "Bad Request - messages must be provided if 'model' is provided.")
	case model != "":
		for _, m := range req.Messages {
			u.Input += (textIn(m) + 3) / 4
		}
	case req.Response != nil:
		model = req.Response.Model
		said := &req.Response.Usage
		if said.Input < 0 || said.Output < 0 || said.Details.Cached < 0 || said.Details.Cached > said.Input {
			return nil, refused("completion_response", "completion_response.usage must have numbers of tokens from 0, and not more cached_tokens than prompt_tokens.")
		}
		u.Input, u.Output = said.Input-said.Details.Cached, said.Output
		if said.Details.Cached > 0 {
			u.CacheRead = llm.Some(said.Details.Cached)
		}
	default:
		return nil, refused("model", "Bad Request - Either 'model' or 'completion_response' must be provided.")
	}
	if x.h.opt.Price != nil {
		if cost, ok := x.h.opt.Price(model, u); ok {
			return encode(func(w *jsonx.Writer) {
				w.Object()
				w.Key("cost")
				w.Raw(dollars(int64(cost)))
				w.EndObject()
			}), nil
		}
	}
	return nil, &Error{Status: 400, Type: "invalid_request_error", Param: "model", Message: "The price of the model " + strconv.Quote(clip(model)) + " is not known. Name one that GET /v1/models lists, or set its prices in model_list."}
}

// textIn is the length of the texts in a message.
func textIn(v jsonx.Raw) (n int64) {
	switch v.Kind() {
	case '"':
		text := ""
		if jsonx.Unmarshal(v, &text) == nil {
			n = int64(len(text))
		}
	case '{':
		members, err := jsonx.Members(v)
		if err != nil {
			return 0
		}
		for _, name := range [...]string{"role", "content", "text", "name"} {
			n += textIn(jsonx.Find(members, name))
		}
	case '[':
		var items []jsonx.Raw
		if jsonx.Unmarshal(v, &items) != nil {
			return 0
		}
		for _, item := range items {
			n += textIn(item)
		}
	default:
	}
	return n
}
