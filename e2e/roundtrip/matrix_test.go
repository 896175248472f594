package roundtrip

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// exchange is one run of a conversation: what was asked and answered, in the order in which it happened.
type exchange struct {
	door, kind, name string
	stream           bool
	// bodies are what the client sent, what reached the provider, and what the client got.
	asked, sent, got []byte
	path             string // at the provider
}

// loss is a fact that did not arrive.
type loss struct {
	door, kind, name, label string
	answer                  bool
	want, got               string
	why                     string // the warning, or the refusal
}

// run is what the conversations of one pair came to.
type run struct {
	exchanges []exchange
	losses    []loss
	faults    []string
}

var oneWarning = regexp.MustCompile(`([a-z_]+);field=([^;,]*)(?:;detail="([^"]*)")?`)

// converseAll runs the conversations of one pair, streamed or not.
func (b *bench) converseAll(ctx context.Context, d *door, u *upstreamKind, stream bool) run {
	var out run
	for _, c := range conversations() {
		var calls []recorded
		b.converse(ctx, d, u, &c, stream, &out, &calls)
	}
	return out
}

// converse runs one conversation, and keeps what reached the provider in reached.
func (b *bench) converse(ctx context.Context, d *door, u *upstreamKind, c *conversation, stream bool, out *run, reached *[]recorded) {
	fault := func(format string, args ...any) {
		out.faults = append(out.faults, fmt.Sprintf("%s → %s, %s, streamed %t: ", d.name, u.name, c.name, stream)+fmt.Sprintf(format, args...))
	}
	ask, reply := c.ask, c.answer
	for round := 0; ; round++ {
		s := &script{answer: &reply}
		b.fake.set(u.name, s)
		x := exchange{door: d.name, kind: u.name, name: c.name, stream: stream, asked: d.dialect.writeRequest(&ask, u.name, stream)}
		resp, err := b.call(ctx, d, u.name, stream, x.asked)
		if err != nil {
			fault("%v", err)
			break
		}
		x.got = resp.body
		calls := s.taken()
		*reached = append(*reached, calls...)
		warned := strings.Join(resp.header.Values("X-Outcrop-Warnings"), ", ")
		for _, m := range oneWarning.FindAllStringSubmatch(warned, -1) {
			if !d.named(m[2]) {
				fault("a warning is about %q, which is no field of the client's API", m[2])
			}
		}
		if e, ok := readError(d, resp); resp.status == 400 && ok {
			if field, _, _ := strings.Cut(e.said, " "); !d.named(strings.TrimSuffix(field, ":")) {
				fault("an error is about %q, which is no field of the client's API", field)
			}
		}
		if l := refused(d, u, c.name, &ask, resp); l != nil {
			out.losses = append(out.losses, *l)
			break
		}
		if resp.status != 200 {
			fault("status %d: %s", resp.status, resp.body)
			break
		}
		if len(calls) != 1 {
			fault("%d requests reached the provider", len(calls))
			break
		}
		x.sent, x.path = calls[0].body, calls[0].path
		out.exchanges = append(out.exchanges, x)
		if strings.Contains(string(resp.body), secret) {
			fault("the response has the provider's key")
		}
		seen, err := u.speaks(x.path).readRequest(x.sent)
		if err != nil {
			fault("the provider cannot read the request: %v", err)
			break
		}
		if labels := calls[0].header.Get("X-Amzn-Bedrock-Request-Metadata"); labels != "" { // InvokeModel's place for it
			seen.settle(setUser, user1(labels))
		}
		want := ask.facts()
		if round > 0 { // the client has only what the door gave it; the provider wants its own again
			want = u.without(asSaid(c).facts())
		}
		out.compare(d, u, c.name, false, want, seen.facts(), warned)
		read, err := d.dialect.readAnswer(resp.body, stream)
		if err != nil {
			fault("the client cannot read the response: %v", err)
			break
		}
		out.compare(d, u, c.name, true, u.sayable(x.path, &reply), read.facts(), warned+string(resp.body))
		if round > 0 || c.results == nil {
			break
		}
		ask, reply = follow(&ask, read, c.results), c.then
	}
}

// sayable are the facts of an answer that the provider's dialect can say.
func (u *upstreamKind) sayable(path string, a *answer) facts {
	dialect := spoken(u.speaks(path))
	body := dialect.writeAnswer(a, "rock")
	var self writes
	switch dialect.(type) {
	case chat:
		self = chat{}
	case messages:
		self = messages{}
	case invoke:
		self = invoke{}
	case generate:
		self = generate{}
	case converse:
		self = converse{}
	case responses:
		self = responses{}
	default: // nobody reads it here
		said := u.without(a.facts())
		if len(filterWords(dialect)) == 0 && said["stop reason"] == stopFilter {
			said["stop reason"] = stopEnd
		}
		return said
	}
	read, err := self.readAnswer([]byte(body), false)
	if err != nil {
		panic(err) // the dialects here read what they write
	}
	return read.facts()
}

// without leaves out what the provider's responses have no place for.
func (u *upstreamKind) without(said facts) facts {
	for _, begin := range u.unsaid {
		maps.DeleteFunc(said, func(label, _ string) bool { return strings.HasPrefix(label, begin) })
	}
	return said
}

// follow is the request that goes on from an answer with the results of its calls.
func follow(ask *request, read *answer, results [][]part) request {
	next := *ask
	next.turns = append(slices.Clone(ask.turns), turn{"assistant", read.parts})
	var parts []part
	for i := range read.parts {
		p := &read.parts[i]
		if p.kind == kindCall && len(parts) < len(results) {
			parts = append(parts, part{kind: kindResult, id: p.id, name: p.name, parts: results[len(parts)]})
		}
	}
	next.turns = append(next.turns, user(parts...))
	return next
}

// asSaid is a follow-up with the assistant's turn as the provider said it.
func asSaid(c *conversation) *request {
	next := follow(&c.ask, &c.answer, c.results)
	return &next
}

// named reports whether a field is one of the door's API.
func (d *door) named(field string) bool {
	end := strings.IndexAny(field, ".[")
	if end < 0 {
		end = len(field)
	}
	return d.members == nil || slices.Contains(d.members, field[:end])
}

// placed is an error about a position in a conversation.
var placed = regexp.MustCompile(`^(?:messages|input|contents)[\[.]`)

// refused is the loss that a refusal names; nil if the response is none that names one.
func refused(d *door, u *upstreamKind, name string, ask *request, r *response) *loss {
	if r.status != 400 {
		return nil
	}
	var e struct {
		Message string `json:"message"`
		Error   struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(r.body, &e) != nil {
		return nil
	}
	said := e.Message + e.Error.Message
	about, _, _ := strings.Cut(said, " ")
	asked := ask.facts()
	labels := slices.SortedFunc(maps.Keys(asked), func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	for _, label := range labels { // the shortest is the most general
		for _, hint := range hints(label) {
			if (strings.Contains(strings.ToLower(about), hint) || placed.MatchString(said) && strings.Contains(said, hint)) && why(d.cannot, label) == "" {
				return &loss{d.name, u.name, name, label, false, asked[label], "", "refused: " + placeless.ReplaceAllString(said, "")}
			}
		}
	}
	return nil
}

// user1 is the user among the labels of a call.
func user1(labels string) rawJSON {
	var l struct {
		User string `json:"user"`
	}
	if json.Unmarshal([]byte(labels), &l) != nil || l.User == "" {
		return nil
	}
	return raw(l.User)
}

// compare takes the facts that did not arrive.
func (r *run) compare(d *door, u *upstreamKind, name string, answered bool, want, got facts, warned string) {
	if want["signature"] == "" && answered { // some doors sign what providers do not
		delete(got, "signature")
	}
	for _, label := range slices.Sorted(maps.Keys(want)) {
		if want[label] == got[label] {
			continue
		}
		if image := moved(label, want, got); image != "" {
			delete(got, image)
			continue
		}
		if strings.HasPrefix(label, kindResult) && got[label] == want[label]+"\n(the file follows in the next message)" {
			continue
		}
		l := loss{d.name, u.name, name, label, answered, want[label], got[label], ""}
		if why(d.cannot, label) != "" {
			continue
		}
		for _, m := range oneWarning.FindAllStringSubmatch(warned, -1) {
			for _, hint := range hints(label) {
				if strings.Contains(strings.ToLower(m[0]), strings.ToLower(hint)) && m[3] != "" {
					l.why = m[2] + ": " + m[3]
				}
			}
		}
		r.losses = append(r.losses, l)
	}
	for _, label := range slices.Sorted(maps.Keys(got)) {
		if _, said := want[label]; !said {
			r.losses = append(r.losses, loss{d.name, u.name, name, label, answered, "", got[label], ""})
		}
	}
}

// moved is the label of an image that stands behind the results instead of in one; empty if there is none.
func moved(label string, want, got facts) string {
	if !strings.HasPrefix(label, kindImage+" in ") {
		return ""
	}
	for other := range got {
		if strings.HasPrefix(other, kindImage+" ") && want[other] == "" && got[other] == want[label] {
			return other
		}
	}
	return ""
}

// missing is where a loss happened; rows of the report that have the same reason are joined.
type missing struct{ label, why string }

// placeless replaces the positions in the fields of warnings, which depend on the frontend.
var placeless = regexp.MustCompile(`^(?:messages|input|contents)[^ :]*: `)

func TestNothingIsLostThatBothSidesCanSay(t *testing.T) {
	b := start(t, "")
	total := len(conversations())
	cells := map[string]int{} // conversations without a loss, by pair
	lost := map[missing]map[string]map[string]bool{}
	for _, d := range doors() {
		for _, u := range upstreams() {
			if !d.served(u) {
				continue
			}
			incomplete := map[string]bool{}
			var whys [2]map[string]string // of each loss, by conversation and label
			for i, stream := range []bool{false, true} {
				r := b.converseAll(t.Context(), d, u, stream)
				for _, fault := range r.faults {
					t.Error(fault)
				}
				whys[i] = map[string]string{}
				for _, l := range r.losses {
					reason := l.why
					if quiet := why(u.quiet, l.label); quiet != "" && !l.answer {
						reason = quiet
					}
					switch {
					case reason == "":
						t.Errorf("%s → %s, %s, streamed %t: %s is %q, not %q, and no warning says why", d.name, u.name, l.name, stream, l.label, l.got, l.want)
					case why(u.cannot, l.label) == "" && why(u.quiet, l.label) == "":
						t.Errorf("%s → %s, %s, streamed %t: %s is lost (%s), but the provider's API has a place for it", d.name, u.name, l.name, stream, l.label, reason)
					}
					whys[i][l.name+"|"+l.label] = reason
					incomplete[l.name] = true
					m := missing{plainLabel(l.label), placeless.ReplaceAllString(reason, "")}
					if lost[m] == nil {
						lost[m] = map[string]map[string]bool{}
					}
					if lost[m][u.title] == nil {
						lost[m][u.title] = map[string]bool{}
					}
					lost[m][u.title][d.title] = true
				}
			}
			if !maps.Equal(whys[0], whys[1]) {
				t.Errorf("%s → %s: non-streaming loses %v, and streaming %v", d.name, u.name, whys[0], whys[1])
			}
			cells[d.name+u.name] = total - len(incomplete)
		}
	}
	checkPage(t, page(total, cells, lost))
}
