package roundtrip

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
)

// long is a body of the Responses API with a member that only a translation understands, so that it does not reach
// the provider as it is.
func long(t *testing.T, body []byte) []byte {
	t.Helper()
	var q map[string]json.RawMessage
	if err := json.Unmarshal(body, &q); err != nil {
		t.Fatal(err)
	}
	q["seed"] = json.RawMessage("7")
	return raw(q)
}

// TestTheResponsesLaneAndItsTranslationSayTheSame sends every conversation to models that have the Responses API
// alone: as it is, and by the common language.
func TestTheResponsesLaneAndItsTranslationSayTheSame(t *testing.T) {
	b := start(t, "")
	var door *door
	for _, d := range doors() {
		if d.name == "responses" {
			door = d
		}
	}
	for _, u := range upstreams() {
		if u.name != "openai-responses" && u.name != "bedrock-responses" {
			continue
		}
		for _, c := range conversations() {
			for _, stream := range []bool{false, true} {
				asks := [2]request{c.ask, c.ask}
				reply := c.answer
				for round := range 2 {
					var asked, answered [2]facts
					for i := range asks {
						body := door.dialect.writeRequest(&asks[i], u.name, stream)
						if i == 1 {
							body = long(t, body)
						}
						s := &script{answer: &reply}
						b.fake.set(u.name, s)
						resp, err := b.call(t.Context(), door, u.name, stream, body)
						if err != nil {
							t.Fatal(err)
						}
						calls := s.taken()
						if resp.status != 200 || len(calls) != 1 || strings.Contains(string(calls[0].body), `"seed"`) {
							t.Fatalf("%s, %s, streamed %t: status %d with %d calls: %s", u.name, c.name, stream, resp.status, len(calls), resp.body)
						}
						if warned := resp.header.Values("X-Outcrop-Warnings"); strings.Contains(strings.Join(warned, ""), "seed") != (i == 1) {
							t.Errorf("%s, %s: way %d warns %v", u.name, c.name, i, warned)
						}
						seen, err := u.dialect.readRequest(calls[0].body)
						if err != nil {
							t.Fatal(err)
						}
						read, err := door.dialect.readAnswer(resp.body, stream)
						if err != nil {
							t.Fatal(err)
						}
						asked[i], answered[i] = seen.facts(), read.facts()
						delete(answered[i], "signature") // the translation seals it once more, which the second round sees
						if round == 0 && c.results != nil {
							asks[i] = follow(&asks[i], read, c.results)
						}
					}
					if !maps.Equal(asked[0], asked[1]) {
						t.Errorf("%s, %s, streamed %t, round %d: the provider gets\n%v, and by the translation\n%v", u.name, c.name, stream, round, asked[0], asked[1])
					}
					if !maps.Equal(answered[0], answered[1]) {
						t.Errorf("%s, %s, streamed %t, round %d: the client gets\n%v, and by the translation\n%v", u.name, c.name, stream, round, answered[0], answered[1])
					}
					if c.results == nil {
						break
					}
					reply = c.then
				}
			}
		}
	}
}
