package httpd

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
)

// hubRow is a public name as answers have it.
type hubRow struct {
	raw     jsonx.Raw
	members []jsonx.Member
}

// words are the texts of a field; none if it has no value. A name has a feature whose member supports_… is true.
func (r *hubRow) words(field string) (words []string) {
	if field == "features" {
		for _, m := range r.members {
			if feature, ok := strings.CutPrefix(m.Name, "supports_"); ok && string(m.Value) == "true" {
				words = append(words, feature)
			}
		}
		slices.Sort(words)
		return words
	}
	v := jsonx.Find(r.members, field)
	switch v.Kind() {
	case '"':
		return []string{jsonx.Word(v)}
	case '[':
		_ = jsonx.Unmarshal(v, &words) // the gateway has written it
	default: // null, or a number
	}
	return words
}

// compare orders two names by a field. Those without a value come last, whatever the direction is.
func (r *hubRow) compare(other *hubRow, field string, descending bool) int {
	a, b := jsonx.Find(r.members, field), jsonx.Find(other.members, field)
	var order int
	switch {
	case a.Kind() == 'n' && b.Kind() == 'n':
		return 0
	case a.Kind() == 'n':
		return 1
	case b.Kind() == 'n':
		return -1
	case a.Kind() == '0':
		x, _ := strconv.ParseFloat(string(a), 64) // the gateway has written it
		y, _ := strconv.ParseFloat(string(b), 64)
		order = cmp.Compare(x, y)
	default:
		order = slices.Compare(r.words(field), other.words(field))
	}
	if descending {
		return -order
	}
	return order
}

// hubFilters are the filters by their parameters, with their fields.
func hubFilters() map[string]string {
	return map[string]string{
		"filter[mode]": "mode", "filter[mode][eq]": "mode", "filter[mode][in]": "mode", "filter[providers][in]": "providers", "filter[providers][contains]": "providers", "filter[features][in]": "features",
	}
}

// hubSorts are the fields that names can be sorted by.
func hubSorts() []string {
	return []string{"input_cost_per_token", "max_input_tokens", "max_output_tokens", "mode", "model_group", "output_cost_per_token", "providers", "rpm", "tpm"}
}

// problem is an error in LiteLLM's form for these paths, that of RFC 9457 (1.110.2, litellm/proxy/list_api).
type problem struct {
	kind, title, detail string
	allowed             []string
}

func (p *problem) write(w http.ResponseWriter, status int) {
	var out jsonx.Writer
	out.Object()
	for _, m := range [...][2]string{{"type", "urn:litellm:error:" + p.kind}, {"title", p.title}, {"detail", p.detail}} {
		out.Key(m[0])
		out.String(m[1])
	}
	out.Key("status")
	out.Int(int64(status))
	if p.allowed != nil {
		slices.Sort(p.allowed)
		out.Key("allowed")
		out.Array()
		for _, name := range p.allowed {
			out.String(name)
		}
		out.EndArray()
	}
	out.EndObject()
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(out.Buf) // nobody can be told
}

// hubQuery is what a request asks of the public names.
type hubQuery struct {
	page, size int
	keys       []string // to sort by; one that begins with a hyphen is descending
	query      url.Values
}

// Sizes of pages, as in LiteLLM.
const (
	hubPageSize = 50
	mostHubPage = 100
)

// readHubQuery reads a query; sorted is whether it may say how to sort.
func readHubQuery(query url.Values, sorted bool) (*hubQuery, *problem) {
	q := &hubQuery{page: 1, size: hubPageSize, query: query}
	allowed := []string{"page", "page_size", "q", "filter[mode]", "filter[mode][in]", "filter[providers][in]", "filter[providers][contains]", "filter[features][in]"}
	if sorted {
		allowed = append(allowed, "sort")
	}
	for name, values := range query {
		switch {
		case !slices.Contains(allowed, name) && name != "filter[mode][eq]":
			return nil, &problem{"unknown-query-parameter", "Unknown query parameter", "There is no parameter " + strconv.Quote(name) + ".", allowed}
		case len(values) > 1:
			return nil, &problem{"duplicate-query-parameter", "Duplicate query parameter", name + " may be there once; separate several values by commas.", nil}
		case name == "page" || name == "page_size":
			n, err := strconv.Atoi(values[0])
			if err != nil || n < 1 {
				return nil, &problem{"invalid-query-parameter", "Invalid query parameter", name + " is an integer from 1, not " + strconv.Quote(values[0]) + ".", nil}
			}
			if name == "page" {
				q.page = min(n, 1<<20)
			} else {
				q.size = min(n, mostHubPage)
			}
		case name == "sort":
			if p := q.sort(values[0]); p != nil {
				return nil, p
			}
		}
	}
	return q, nil
}

func (q *hubQuery) sort(text string) *problem {
	var fields []string
	for key := range strings.SplitSeq(text, ",") {
		key = strings.TrimSpace(key)
		field := strings.TrimPrefix(key, "-")
		if !slices.Contains(hubSorts(), field) {
			return &problem{"invalid-sort-field", "Invalid sort field", "Models cannot be sorted by " + strconv.Quote(field) + ".", hubSorts()}
		}
		if slices.Contains(fields, field) {
			return &problem{"duplicate-sort-field", "Duplicate sort field", field + " may be there once.", hubSorts()}
		}
		fields, q.keys = append(fields, field), append(q.keys, key)
	}
	return nil
}

// rows are the public names that the query selects.
func (q *hubQuery) rows(all []jsonx.Raw) (rows []*hubRow) {
	search := strings.ToLower(q.query.Get("q"))
	for _, raw := range all {
		members, err := jsonx.Members(raw)
		if err != nil {
			continue
		}
		r := &hubRow{raw, members}
		if strings.Contains(strings.ToLower(jsonx.Word(jsonx.Find(members, "model_group"))), search) && q.selects(r) {
			rows = append(rows, r)
		}
	}
	return rows
}

// selects reports whether a name has what each filter asks for.
func (q *hubQuery) selects(r *hubRow) bool {
	for name, field := range hubFilters() {
		if !q.query.Has(name) {
			continue
		}
		wanted, words := q.query.Get(name), r.words(field)
		ok := false
		switch {
		case strings.HasSuffix(name, "[contains]"):
			ok = slices.ContainsFunc(words, func(word string) bool { return strings.Contains(strings.ToLower(word), strings.ToLower(wanted)) })
		case strings.HasSuffix(name, "[in]"):
			for one := range strings.SplitSeq(wanted, ",") {
				ok = ok || slices.Contains(words, strings.TrimSpace(one))
			}
		default:
			ok = slices.Contains(words, wanted)
		}
		if !ok {
			return false
		}
	}
	return true
}

// link is the address of a page, with everything else that the query has.
func (q *hubQuery) link(path string, page int) string {
	others := maps.Clone(q.query)
	delete(others, "page")
	query := "page=" + strconv.Itoa(page)
	if len(others) > 0 {
		query = others.Encode() + "&" + query
	}
	return path + "?" + query
}

// links writes the links between pages; last is the last one, or 0 if nobody knows.
func (q *hubQuery) links(out *jsonx.Writer, path string, more bool, last int) {
	link := func(name string, page int, there bool) {
		out.Key(name)
		if !there {
			out.Null()
			return
		}
		out.String(q.link(path, page))
	}
	out.Key("links")
	out.Object()
	link("self", q.page, true)
	if last > 0 {
		link("first", 1, true)
	}
	link("prev", q.page-1, q.page > 1)
	link("next", q.page+1, more)
	if last > 0 {
		link("last", last, true)
	}
	out.EndObject()
}

// slice is the page of a list.
func slice[T any](q *hubQuery, all []T) []T {
	from := min((q.page-1)*q.size, len(all))
	return all[from:min(from+q.size, len(all))]
}

func number(out *jsonx.Writer, name string, n int) {
	out.Key(name)
	out.Int(int64(n))
}

// hubPage serves GET /public/v1/model_hub.
func (s *server) hubPage(w http.ResponseWriter, r *http.Request) {
	q, wrong := readHubQuery(r.URL.Query(), true)
	if wrong != nil {
		wrong.write(w, http.StatusBadRequest)
		return
	}
	rows := q.rows(s.publicRows())
	slices.SortStableFunc(rows, func(a, b *hubRow) int {
		for _, key := range append(slices.Clip(q.keys), "model_group") {
			field, descending := strings.CutPrefix(key, "-")
			if order := a.compare(b, field, descending); order != 0 {
				return order
			}
		}
		return 0
	})
	var out jsonx.Writer
	out.Object()
	out.Key("data")
	out.Array()
	for _, row := range slice(q, rows) {
		out.Raw(row.raw)
	}
	out.EndArray()
	pages := (len(rows) + q.size - 1) / q.size
	out.Key("meta")
	out.Object()
	number(&out, "total_count", len(rows))
	number(&out, "page", q.page)
	number(&out, "page_size", q.size)
	number(&out, "total_pages", pages)
	out.EndObject()
	q.links(&out, r.URL.Path, q.page < pages, max(1, pages))
	out.EndObject()
	writeJSON(w, http.StatusOK, out.Buf)
}

// hubFacet serves GET /public/v1/model_hub/{facet}: the values that the names which a query selects have of a field.
func (s *server) hubFacet(w http.ResponseWriter, r *http.Request) {
	field := map[string]string{"providers": "providers", "modes": "mode", "features": "features"}[r.PathValue("facet")]
	if field == "" {
		p := &problem{"invalid-query-parameter", "Invalid query parameter", "There is no facet " + strconv.Quote(r.PathValue("facet")) + ".", []string{"providers", "modes", "features"}}
		p.write(w, http.StatusBadRequest)
		return
	}
	q, wrong := readHubQuery(r.URL.Query(), false)
	if wrong != nil {
		wrong.write(w, http.StatusBadRequest)
		return
	}
	values := []string{}
	for _, row := range q.rows(s.publicRows()) {
		values = append(values, row.words(field)...)
	}
	slices.Sort(values)
	values = slices.Compact(values)
	var out jsonx.Writer
	out.Object()
	out.Key("data")
	out.Array()
	page := slice(q, values)
	for _, value := range page {
		out.String(value)
	}
	out.EndArray()
	more := (q.page-1)*q.size+len(page) < len(values) && len(page) > 0
	out.Key("meta")
	out.Object()
	number(&out, "page", q.page)
	number(&out, "page_size", q.size)
	out.Key("has_more")
	out.Bool(more)
	out.EndObject()
	q.links(&out, r.URL.Path, more, 0)
	out.EndObject()
	writeJSON(w, http.StatusOK, out.Buf)
}
