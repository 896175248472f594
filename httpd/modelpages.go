package httpd

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"outcrop/gateway"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// modelPages serves /v2/model/info: the entries that a caller may use by pages, as LiteLLM does. Its users' interface sends
// the parameters that select and sort them.
func (s *server) modelPages(w http.ResponseWriter, r *http.Request, caller gateway.Caller) {
	q := r.URL.Query()
	page, size, refusal := pageOf(q)
	keep, order := modelFilter(q), func(_, _ *Entry) int { return 0 }
	if refusal == nil {
		order, refusal = modelOrder(q)
	}
	if refusal != nil {
		s.refuse(w, r, refusal)
		return
	}
	entries := slices.DeleteFunc(s.entries(caller), func(e Entry) bool { return !keep(&e) })
	slices.SortStableFunc(entries, func(a, b Entry) int { return order(&a, &b) })
	var out jsonx.Writer
	out.Object()
	out.Key("data")
	out.Array()
	from := len(entries)
	if page-1 < len(entries)/size+1 { // the product does not overflow
		from = min((page-1)*size, len(entries))
	}
	for i := range entries[from:min(from+min(size, len(entries)), len(entries))] {
		entries[from+i].write(&out)
	}
	out.EndArray()
	for _, n := range [...]struct {
		name string
		n    int
	}{{"total_count", len(entries)}, {"current_page", page}, {"total_pages", (len(entries)-1)/size + min(len(entries), 1)}, {"size", size}} {
		out.Key(n.name)
		out.Int(int64(n.n))
	}
	out.EndObject()
	writeJSON(w, http.StatusOK, out.Buf)
}

// pageOf reads the number of the page, and how many entries one has.
func pageOf(q url.Values) (page, size int, refusal *llm.Error) {
	read := func(name string, otherwise int) int {
		n, err := strconv.Atoi(cmp.Or(q.Get(name), strconv.Itoa(otherwise)))
		if (err != nil || n < 1) && refusal == nil {
			refusal = badQuery(name, q.Get(name), "a whole number of 1 or more")
		}
		return n
	}
	page, size = read("page", 1), read("size", 50)
	return page, size, refusal
}

func badQuery(name, value, accepted string) *llm.Error {
	return &llm.Error{
		Code: llm.CodeBadRequest, Status: http.StatusBadRequest, Param: name, Message: fmt.Sprintf("%s is %q.", name, llm.Clip(value, 60)),
		Fix: "Give " + accepted + ".",
	}
}

// modelFilter says which entries the parameters select.
func modelFilter(q url.Values) func(e *Entry) bool {
	yes := func(name string) bool { return strings.EqualFold(q.Get(name), "true") }
	search := strings.ToLower(q.Get("search"))
	return func(e *Entry) bool {
		var groups []string
		if want := q.Get("access_group"); want != "" {
			_ = jsonx.Unmarshal(jsonx.Find(e.info(), "access_groups"), &groups) // none, if it is no list of texts
			if !slices.Contains(groups, want) {
				return false
			}
		}
		switch {
		case q.Has("model") && q.Get("model") != e.Name,
			q.Has("modelId") && q.Get("modelId") != e.ID,
			q.Has("blocked") && yes("blocked") != e.Blocked,
			yes("wildcard_only") && !strings.Contains(e.Name, "*"):
			return false
		default:
			return strings.Contains(strings.ToLower(e.Name), search)
		}
	}
}

// modelOrder is the order that the parameters name. Entries without a price or a time are behind the others.
func modelOrder(q url.Values) (order func(a, b *Entry) int, refusal *llm.Error) {
	down := false
	switch strings.ToLower(q.Get("sortOrder")) {
	case "", "asc":
	case "desc":
		down = true
	default:
		return nil, badQuery("sortOrder", q.Get("sortOrder"), "asc or desc")
	}
	switch by := q.Get("sortBy"); by {
	case "model_name":
		order = func(a, b *Entry) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) }
	case "created_at", "updated_at":
		order = func(a, b *Entry) int {
			x, y := jsonx.Word(jsonx.Find(a.info(), by)), jsonx.Word(jsonx.Find(b.info(), by))
			return behind(x == "", y == "", strings.Compare(x, y), down)
		}
	case "costs":
		order = func(a, b *Entry) int {
			x, y := a.tokenCost(), b.tokenCost()
			return behind(x == 0, y == 0, cmp.Compare(x, y), down)
		}
	case "status": // those of the file before those of the database
		order = func(a, b *Entry) int { return cmp.Compare(strconv.FormatBool(a.Stored), strconv.FormatBool(b.Stored)) }
	default:
		return func(_, _ *Entry) int { return 0 }, nil
	}
	if !down {
		return order, nil
	}
	up := order
	return func(a, b *Entry) int { return -up(a, b) }, nil
}

// behind puts those without a value last, also where the order is reversed.
func behind(x, y bool, otherwise int, down bool) int {
	switch {
	case x == y:
		return otherwise
	case x != down:
		return 1
	default:
		return -1
	}
}

// tokenCost is the price of a token of a prompt and one of a response.
func (e *Entry) tokenCost() float64 {
	var g modelGroup
	g.add(e)
	return g.input.Value + g.output.Value
}
