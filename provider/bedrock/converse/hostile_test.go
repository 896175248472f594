package converse_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	emulator "outcrop/emulator/bedrock"
	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	"outcrop/wire/openaichat"
)

// hostileSeed makes TestHostileRequestsAreMendedOrNamed begin elsewhere.
var hostileSeed = flag.Uint64("hostile-seed", 1, "seed of the hostile requests")

// hostile writes chat requests that OpenAI's schema allows and that AWS would refuse in
// one way or another if they were passed on as they are. Each part of a request is a
// method; a further kind of trouble is a further choice in one of them.
type hostile struct {
	r     *rand.Rand
	calls int
}

func (h *hostile) chance(of int) bool { return h.r.IntN(of) == 0 }

func pick[T any](h *hostile, of ...T) T { return of[h.r.IntN(len(of))] }

// maybe gives one of the choices, or nothing in one of two cases.
func (h *hostile) maybe(of ...string) string {
	if h.chance(2) {
		return ""
	}
	return pick(h, of...)
}

// request writes a request for a model.
func (h *hostile) request(model string) string {
	return `{"model":"` + model + `","messages":[` + strings.Join(h.messages(), ",") + `]` +
		h.tools() + h.format() + h.settings() + `}`
}

func (h *hostile) settings() string {
	return h.maybe(`,"temperature":2`, `,"temperature":1.5,"top_p":0.5`, `,"temperature":0`, `,"top_p":1`) +
		h.maybe(`,"prompt_cache_retention":"24h"`, `,"prompt_cache_retention":"in_memory"`) +
		h.maybe(`,"output_config":{"effort":"low"}`, `,"additionalModelRequestFields":{"anthropic_beta":["context-1m-2025-08-07"]}`) +
		h.maybe(`,"stop":["END"]`, `,"stop":[""]`, `,"stop":"\n"`) +
		h.maybe(`,"max_tokens":200`, `,"max_completion_tokens":1`) +
		h.maybe(`,"drop_params":true`) + h.maybe(`,"stream":true`) +
		h.maybe(`,"user":"ü"`, `,"metadata":{"bad!":"x","good":"y"}`) +
		h.maybe(`,"cache_control":{"type":"ephemeral"}`)
}

// point is a mark that what ends there may be cached.
func (h *hostile) point() string {
	if !h.chance(3) {
		return ""
	}
	return `,"cache_control":` + pick(h, `{"type":"ephemeral"}`, `{"type":"ephemeral","ttl":"1h"}`, `{"type":"ephemeral","ttl":"5m"}`)
}

// content is what a message says: some of it blank, some marked.
func (h *hostile) content() string {
	if h.chance(3) {
		return pick(h, `""`, `" \n"`, `"word"`, `"word  "`)
	}
	var parts []string
	for range 1 + h.r.IntN(3) {
		parts = append(parts, `{"type":"text","text":`+pick(h, `""`, `" "`, `"word"`, `"more"`)+h.point()+`}`)
	}
	return `[` + strings.Join(parts, ",") + `]`
}

func (h *hostile) said(role string) string {
	return `{"role":"` + role + `","content":` + h.content() + h.point() + `}`
}

// messages is a conversation with tool calls that have results, have none, have too
// many, or have those of others.
func (h *hostile) messages() []string {
	var all []string
	if h.chance(2) {
		all = append(all, h.said(pick(h, "system", "developer")))
	}
	if h.chance(8) {
		all = append(all, h.said("assistant"))
	}
	all = append(all, `{"role":"user","content":"word"}`)
	for range h.r.IntN(4) {
		switch h.r.IntN(5) {
		case 0:
			all = append(all, h.said("assistant"), `{"role":"user","content":"again"}`)
		case 1:
			all = append(all, h.result(h.id())) // which may answer nothing
		case 2:
			all = append(all, h.said("system"))
		default:
			all = append(all, h.round()...)
		}
	}
	if h.chance(2) {
		all = append(all, `{"role":"user","content":[{"type":"text","text":"end"`+h.point()+`}]}`)
	}
	return all
}

// round is a message of the assistant's with tool calls, and their results.
func (h *hostile) round() []string {
	var ids, calls []string
	for range 1 + h.r.IntN(3) {
		ids = append(ids, h.id())
		calls = append(calls, `{"id":"`+ids[len(ids)-1]+`","type":"function","function":{"name":"`+h.name()+`","arguments":`+
			pick(h, `"{}"`, `""`, `"{\"a\":1}"`, `"[1]"`, `"{\"a\":"`, `"{\"a\":99999999999999999999}"`)+`}`+h.point()+`}`)
	}
	text := `"content":` + pick(h, `null`, `""`, h.content())
	all := []string{`{"role":"assistant",` + text + h.thoughts() + `,"tool_calls":[` + strings.Join(calls, ",") + `]}`}
	if h.chance(8) {
		all = append(all, all[0]) // the same turn twice
	}
	if h.chance(4) {
		h.r.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	}
	for _, id := range ids {
		if h.chance(6) {
			continue // it has no result
		}
		if h.chance(6) {
			all = append(all, h.said("user"))
		}
		all = append(all, h.result(id))
		if h.chance(6) {
			all = append(all, h.result(id)) // twice
		}
	}
	return all
}

// thoughts are those of another family, or none.
func (h *hostile) thoughts() string {
	return h.maybe(`,"reasoning_content":"hm"`, `,"thinking_blocks":[{"type":"thinking","thinking":"hm"}]`)
}

func (h *hostile) result(id string) string {
	return `{"role":"tool","tool_call_id":"` + id + `","content":` + h.content() + pick(h, "", "", `,"is_error":true`) + h.point() + `}`
}

// id is one of few, so that calls have the same, or a new one.
func (h *hostile) id() string {
	if h.chance(3) {
		h.calls++
		return fmt.Sprintf(pick(h, "call_%d", "functions.weigh:%d", "tooluse_abcdefghijklmnopqrs%d", "%d", "id with space %d"), h.calls)
	}
	return pick(h, "a", "b", "c1", "weighing1", strings.Repeat("long", 20))
}

func (h *hostile) name() string { return pick(h, "weigh", "look", "größe", "mcp/read", "files.read") }

func (h *hostile) tools() string {
	names := []string{"weigh", "look", "größe", "files.read"}
	if h.chance(20) { // more strict tools than AWS takes
		for i := range 21 {
			names = append(names, fmt.Sprintf("tool%d", i))
		}
	}
	n := h.r.IntN(len(names) + 1)
	if n == 0 {
		return ""
	}
	tools := make([]string, n)
	for i := range tools {
		tools[i] = `{"type":"function","function":{"name":"` + names[i] + `"` + h.maybe(`,"description":"Does it."`, `,"description":""`, `,"description":null`) +
			h.maybe(`,"strict":true`, `,"strict":true`, `,"strict":false`, `,"strict":null`) + `,"parameters":` + pick(h, `null`, h.top(), h.top(), h.top()) + `}` + h.point() + `}`
	}
	return `,"tools":[` + strings.Join(tools, ",") + `]` +
		h.maybe(`,"tool_choice":"auto"`, `,"tool_choice":"none"`, `,"tool_choice":"required"`, `,"tool_choice":{"type":"function","function":{"name":"weigh"}}`) +
		h.maybe(`,"parallel_tool_calls":false`, `,"parallel_tool_calls":true`)
}

func (h *hostile) format() string {
	if !h.chance(3) {
		return ""
	}
	if h.chance(4) {
		return `,"response_format":{"type":"json_object"}`
	}
	return `,"response_format":{"type":"json_schema","json_schema":{"name":"stone"` + h.maybe(`,"strict":true`) + `,"schema":` + h.top() + `}}`
}

// top is the schema of an object.
func (h *hostile) top() string {
	switch h.r.IntN(10) {
	case 0:
		return `{"` + pick(h, "anyOf", "oneOf", "allOf") + `":[` + h.object(1) + `,` + h.object(1) + `]` + h.maybe(`,"type":"object"`) + `}`
	case 1:
		return `{"type":"object","properties":` + pick(h, `null`, `[]`) + `,"required":` + pick(h, `null`, `{}`, `["a",null]`) + `}`
	case 2:
		return `{"type":` + pick(h, `null`, `["object"]`, `["object","null"]`, `"object"`) + `,"properties":{},"additionalProperties":` + pick(h, `null`, `true`, `false`) + `}`
	case 3:
		return `{}`
	case 4:
		return `{"type":"object","properties":{"p":{"$ref":"#/$defs/d"},"q":{"$ref":"#/$defs/d"}},"required":["p"],"$defs":{"d":` + h.schema(2) + `}}`
	case 5:
		if h.chance(2) {
			return `{"$ref":"#/$defs/d","$defs":{"d":` + h.object(1) + `}}`
		}
		return `{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"p":{"$ref":"#"}}}`
	case 6:
		properties := make([]string, pick(h, 10, 17, 26))
		property := pick(h, `{"type":["string","null"]}`, `{"anyOf":[{"type":"string"},{"type":"null"}]}`, `{"type":"string"}`)
		for i := range properties {
			properties[i] = fmt.Sprintf(`"p%d":%s`, i, property)
		}
		return `{"type":"object","properties":{` + strings.Join(properties, ",") + `}` + h.maybe(`,"required":["p0","p1","p2"]`) + `,"additionalProperties":false}`
	default:
		return h.object(0)
	}
}

func (h *hostile) object(depth int) string {
	properties := make([]string, h.r.IntN(4))
	for i := range properties {
		properties[i] = `"` + pick(h, "a", "b", "required", "enum", "type")[:1] + fmt.Sprint(i) + `":` + h.schema(depth+1)
	}
	return `{"type":"object","properties":{` + strings.Join(properties, ",") + `}` +
		h.maybe(`,"required":[]`, `,"required":null`, `,"required":true`, `,"required":["a0"]`) +
		h.maybe(`,"additionalProperties":false`, `,"additionalProperties":true`, `,"additionalProperties":{"type":"string"}`, `,"additionalProperties":null`) +
		h.maybe(`,"description":null`, `,"description":"An object"`, `,"minProperties":1`, `,"patternProperties":{"^x":{}}`) + `}`
}

// schema is any schema.
func (h *hostile) schema(depth int) string {
	if depth > 3 {
		return `{"type":"string"}`
	}
	rest := h.maybe(`,"description":"d"`, `,"description":null`, `,"title":null`, `,"default":null`, `,"nullable":true`, `,"x-own":{"a":1}`, `,"examples":[1]`, `,"deprecated":true`)
	switch h.r.IntN(12) {
	case 0:
		return pick(h, `true`, `null`, `{}`, `false`)
	case 1:
		return `{"type":"string"` + h.maybe(`,"minLength":1`, `,"maxLength":5`, `,"format":"phone"`, `,"format":"date"`, `,"pattern":"^(?=a)b"`, `,"pattern":"a\\b"`, `,"pattern":"^a+$"`) + rest + `}`
	case 2:
		return `{"type":` + pick(h, `"integer"`, `"number"`, `["integer","null"]`, `["integer",null]`) + h.maybe(`,"minimum":1`, `,"maximum":9223372036854775807`, `,"exclusiveMaximum":1e400`, `,"multipleOf":0.5`, `,"minimum":null`, `,"maximum":"5"`) + rest + `}`
	case 3:
		return `{"type":"array","items":` + pick(h, h.schema(depth+1), `null`, `true`, `[{"type":"string"}]`) + h.maybe(`,"minItems":2`, `,"minItems":1`, `,"maxItems":3`, `,"uniqueItems":true`) + rest + `}`
	case 4:
		return `{"enum":[` + pick(h, `"a","b"`, `"a",null`, `1,18446744073709551616`, `{"a":1}`, `true,false`) + `]` + h.maybe(`,"type":"string"`, `,"type":["string","null"]`, `,"type":null`) + rest + `}`
	case 5:
		return `{"const":` + pick(h, `"a"`, `null`, `1e999`, `[1]`) + rest + `}`
	case 6:
		return `{"` + pick(h, "anyOf", "oneOf", "allOf") + `":[` + h.schema(depth+1) + `,` + pick(h, `null`, h.schema(depth+1)) + `]` + rest + `}`
	case 7:
		return `{"anyOf":[` + h.schema(depth+1) + `],"type":"string"` + rest + `}`
	case 8:
		return `{"allOf":[{"type":"string"}]` + rest + `}`
	case 9:
		return `{"not":` + h.schema(depth+1) + `,"if":{},"then":{"minimum":1}` + rest + `}`
	default:
		return h.object(depth)
	}
}

// beyondMending are refusals that the gateway cannot foresee or that are not about what
// it makes of a request. It is never written to.
var beyondMending = []string{
	"The provided model identifier is invalid", "with on-demand throughput isn",
	"support the stopSequences field", // of Qwen, by one report of 2025: AWS is left to say so
}

// twoPoints finds a cache point right behind another.
var twoPoints = regexp.MustCompile(`\{"cachePoint":\{[^}]*\}\},\{"cachePoint"`)

// TestHostileRequestsAreMendedOrNamed sends what is made of hostile requests to the
// emulator, for every family that it has: none is refused there. What cannot be mended
// the gateway refuses itself, by the name of a field.
func TestHostileRequestsAreMendedOrNamed(t *testing.T) {
	const perModel = 60
	e, err := emulator.New(emulator.Options{AnyCredentials: true})
	if err != nil {
		t.Fatal(err)
	}
	known := catalog.Embedded()
	taken, named, failed := 0, map[string]int{}, 0
	for _, m := range known.Models() {
		if m.Kind != catalog.KindChat || m.Converse == catalog.No {
			continue
		}
		id := m.ID
		if profiles := known.ProfilesOf(m.ID); len(profiles) > 0 {
			id = profiles[len(profiles)-1].ID
		}
		to := model(t, m.ID)
		h := &hostile{r: rand.New(rand.NewPCG(*hostileSeed, uint64(len(m.ID))<<8|uint64(m.ID[len(m.ID)-4])))}
		for range perModel {
			body := h.request(m.ID)
			req, err := openaichat.Decode([]byte(body), openaichat.Options{})
			var refusal *llm.Error
			if errors.As(err, &refusal) {
				if refusal.Param == "" {
					t.Errorf("%s: refused without a field: %v\n%s", m.ID, refusal, body)
				}
				named[refusal.Param]++
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			out, _, f, refusal := sent(t, to, &req.LLM, req.LLM.Stream)
			if refusal != nil {
				if refusal.Param == "" {
					t.Errorf("%s: refused without a field: %v\n%s", m.ID, refusal, body)
				}
				named[refusal.Param]++
				continue
			}
			if twoPoints.MatchString(out) {
				t.Errorf("%s: a cache point behind another: %s\n%s", m.ID, body, out)
			}
			path := "/model/" + url.PathEscape(id) + "/converse"
			if req.LLM.Stream && !f.Whole {
				path += "-stream"
			}
			r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(out))
			r.Header.Set("Authorization", "Bearer x")
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			e.ServeHTTP(w, r)
			answer := w.Body.String()
			switch {
			case w.Code == http.StatusOK:
				taken++
			case !slices.ContainsFunc(beyondMending, func(words string) bool { return strings.Contains(answer, words) }):
				if failed++; failed <= 5 {
					t.Errorf("%s: %d %s\n%s\n%s", id, w.Code, answer, body, out)
				}
			}
		}
	}
	t.Logf("%d taken, %d refused by AWS, refused by field: %v", taken, failed, named)
	if taken < 2000 {
		t.Errorf("only %d requests were taken", taken)
	}
}
