package admin

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/store"
)

const (
	// mostFound is how many calls an answer of a search has at most, and mostLooked about how many are looked at for it.
	mostFound  = 500
	mostLooked = 4000
	// mostContents is of how many calls /spend/logs also has what was asked.
	mostContents = 1000
)

// searchSpend serves /spend/logs/search, which LiteLLM does not have: the calls that match all of a query, newest first, a part
// at a time. The parts are bounded by how many calls are looked at, so that a search for what is rare answers as fast as
// another; next, a place in the log, is where it goes on.
func (x *exchange) searchSpend() ([]byte, error) {
	q := x.r.URL.Query()
	limit := 100
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > mostFound {
			return nil, refused("limit", "limit must be a number from 1 to %d.", mostFound)
		}
		limit = n
	}
	from, ok := placeOf(q.Get("from"))
	if !ok {
		return nil, refused("from", "from must be the next of an earlier answer.")
	}
	match, ok := matcher(q)
	if !ok {
		return nil, refused("status", "status must be ok, failed, 4xx, 5xx or a number.")
	}
	f, some, err := x.rowFilter(q)
	if err != nil {
		return nil, err
	}
	f.Limit, f.RequestID = limit, ""
	var found store.Found
	if some {
		if found, err = x.store.Search(x.r.Context(), f, from, mostLooked, match); err != nil {
			return nil, err
		}
	}
	return encode(func(w *jsonx.Writer) {
		w.Object()
		w.Key("data")
		w.Array()
		for i := range found.Rows {
			rowShown(w, &found.Rows[i], nil)
		}
		w.EndArray()
		w.Key("looked_at")
		w.Int(int64(found.Looked))
		w.Key("next")
		if found.Next == nil {
			w.Null()
		} else {
			w.String(placeText(found.Next))
		}
		w.EndObject()
	}), nil
}

// placeText is a place of a search as answers have it: nanoseconds since 1970, and a request id.
func placeText(p *store.Place) string { return strconv.FormatInt(p.Start.UnixNano(), 10) + "." + p.ID }

func placeOf(text string) (p store.Place, ok bool) {
	if text == "" {
		return p, true
	}
	at, id, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt(at, 10, 64)
	return store.Place{Start: time.Unix(0, n).UTC(), ID: id}, err == nil && n > 0
}

// matcher is what a query looks for in rows, in any case of letters; false if its status is none.
func matcher(q url.Values) (m store.Match, ok bool) {
	want := func(name string) string {
		part := strings.ToLower(q.Get(name))
		if plain(part) {
			m.Hints = append(m.Hints, []string{part})
		}
		return part
	}
	model, key, code, warning, text := want("model"), want("key"), want("error_code"), want("warning"), want("text")
	word := q.Get("status")
	status, ok := statusRange(word)
	switch word {
	case "failed":
		m.Hints = append(m.Hints, []string{`"status":4`, `"status":5`, `"status": `})
	case "4xx", "5xx":
		m.Hints = append(m.Hints, []string{`"status":` + word[:1], `"status": `})
	}
	m.Takes = func(r *store.Row) bool {
		return r.Status >= status[0] && r.Status < status[1] && holds(model, r.Group, r.Model) && holds(key, r.KeyAlias, r.Key) && holds(code, r.Code) &&
			(warning == "" || len(r.Metadata) > 0 && warned(r.Metadata, warning)) &&
			holds(text, r.RequestID, r.Group, r.Model, r.CallType, r.Region, r.Provider, r.User, r.Team, r.Customer, r.Session, string(r.Metadata))
	}
	return m, ok
}

// plain reports whether a text is in JSON as it is, and something to look for: what JSON may escape is not.
func plain(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c > '~' || strings.ContainsRune(`"\/<>&'`, c) })
}

// statusRange are the statuses that a word is for: from the first to before the second.
func statusRange(word string) (status [2]int, ok bool) {
	const most = 1 << 20
	switch word {
	case "":
		return [2]int{0, most}, true
	case "ok":
		return [2]int{0, 400}, true
	case "failed":
		return [2]int{400, most}, true
	case "4xx":
		return [2]int{400, 500}, true
	case "5xx":
		return [2]int{500, 600}, true
	}
	n, err := strconv.Atoi(word)
	return [2]int{n, n + 1}, err == nil && n >= 0
}

// holds reports whether one of the texts has a part, which is in small letters.
func holds(part string, texts ...string) bool {
	if part == "" {
		return true
	}
	for _, t := range texts {
		if strings.Contains(strings.ToLower(t), part) {
			return true
		}
	}
	return false
}

// warned reports whether a row's metadata has a warning with a part in it.
func warned(metadata []byte, part string) bool {
	var m struct {
		Outcrop struct {
			Warnings []struct {
				Code   string `json:"code"`
				Field  string `json:"field"`
				Detail string `json:"detail"`
			} `json:"warnings"`
		} `json:"outcrop"`
	}
	if jsonx.Unmarshal(metadata, &m) != nil {
		return false
	}
	for _, w := range m.Outcrop.Warnings {
		if holds(part, w.Code, w.Field, w.Detail) {
			return true
		}
	}
	return false
}

// contentsOf is what rows have asked and were answered, by their request ids. It belongs to a row that began at the same time:
// ids of other gateways need not be unique.
func (x *exchange) contentsOf(rows []store.Row) (map[string]store.Content, error) {
	if len(rows) == 0 || len(rows) > mostContents {
		return map[string]store.Content{}, nil
	}
	ids := make([]string, len(rows))
	for i := range rows {
		ids[i] = rows[i].RequestID
	}
	all, err := x.store.Contents(x.r.Context(), ids)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if c, ok := all[rows[i].RequestID]; ok && !c.Start.Equal(rows[i].Start.Truncate(time.Microsecond)) {
			delete(all, rows[i].RequestID)
		}
	}
	return all, nil
}

// oneContent serves /spend/logs/ui/{request_id}: what a call has asked and was answered.
func (x *exchange) oneContent() ([]byte, error) {
	q := x.r.URL.Query()
	q.Set("request_id", x.r.PathValue("request_id"))
	rows, err := x.rowsOf(q)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, absent("request_id", "There is no call %s.", clip(q.Get("request_id")))
	}
	contents, err := x.contentsOf(rows[:1])
	if err != nil {
		return nil, err
	}
	c := contents[rows[0].RequestID]
	return encode(func(w *jsonx.Writer) {
		w.Object()
		contentShown(w, &c)
		w.EndObject()
	}), nil
}

// contentShown writes the members of a content, which are empty objects if it was not kept, as in LiteLLM.
func contentShown(w *jsonx.Writer, c *store.Content) {
	member := func(name string, value jsonx.Raw) {
		w.Key(name)
		if len(value) == 0 {
			value = jsonx.Raw("{}")
		}
		w.Raw(value)
	}
	var asked jsonx.Raw
	if members, err := jsonx.Members(c.Request); err == nil {
		for _, name := range [...]string{"messages", "input", "contents", "prompt"} {
			if asked == nil {
				asked = jsonx.Find(members, name)
			}
		}
	}
	member("messages", asked)
	member("response", c.Response)
	member("proxy_server_request", c.Request)
}
