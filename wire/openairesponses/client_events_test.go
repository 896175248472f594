package openairesponses

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// streamOf are the events of a stream with these items. how leaves out what servers leave out: deltas, starts of
// items, or all that the last event has.
func streamOf(how, status, reason string, items ...string) (events []string) {
	add := func(format string, args ...any) { events = append(events, fmt.Sprintf(format, args...)) }
	add(`{"type":"response.created","response":{"status":"in_progress","output":[]}}`)
	add(`{"type":"response.in_progress","response":{"status":"in_progress","output":[]}}`)
	for i, item := range items {
		if how == "only the end" {
			continue
		}
		var it sentItem
		_ = jsonx.Unmarshal([]byte(item), &it) // a constant
		if how != "no starts" {
			add(`{"type":"response.output_item.added","output_index":%d,"item":{"type":%q,"call_id":%q,"name":%q,"arguments":""}}`, i, it.Type, it.CallID.Value, it.Name.Value)
		}
		delta := func(kind, index string, at int, text string) {
			if how == "no deltas" {
				return
			}
			for _, piece := range []string{text[:len(text)/3], text[len(text)/3:]} {
				add(`{"type":%q,"output_index":%d,%q:%d,"delta":%s}`, kind, i, index, at, jsonx.AppendString(nil, piece))
			}
		}
		for j, p := range it.Summary {
			delta("response.reasoning_summary_text.delta", "summary_index", j, p.Text.Value)
		}
		for j, p := range it.Content {
			switch p.Type {
			case "reasoning_text":
				delta("response.reasoning_text.delta", "content_index", j, p.Text.Value)
			case "refusal":
				delta("response.refusal.delta", "content_index", j, p.Refusal.Value)
			default:
				delta("response.output_text.delta", "content_index", j, p.Text.Value)
				for _, a := range p.Annotations[:min(1, len(p.Annotations))] {
					add(`{"type":"response.output_text.annotation.added","output_index":%d,"content_index":%d,"annotation":%s}`, i, j, a)
				}
			}
		}
		delta("response.function_call_arguments.delta", "content_index", 0, string(it.Arguments))
		delta("response.custom_tool_call_input.delta", "content_index", 0, it.Input.Value)
		add(`{"type":"response.something_new","output_index":%d}`, i)
		add(`{"type":"response.output_item.done","output_index":%d,"item":%s}`, i, item)
	}
	add(`{"type":"response.%s","response":%s}`, status, responseOf(status, reason, items...))
	return events
}

// folded reads the events of a stream to its end, and checks their order.
func folded(t *testing.T, opt ReadOptions, data ...string) (*llm.Response, error) {
	t.Helper()
	r := EventReader{Options: opt}
	var fold llm.Fold
	open := map[int]bool{}
	for _, one := range data {
		events, err := r.Append(nil, []byte(one))
		if err != nil {
			return nil, err
		}
		for i := range events {
			ev := &events[i]
			switch ev.Kind {
			case llm.EventBlockStart:
				open[ev.Index] = true
			case llm.EventDelta:
				if !open[ev.Index] {
					t.Errorf("a delta of block %d, which is not open, of %s", ev.Index, one)
				}
			case llm.EventBlockEnd:
				if !open[ev.Index] {
					t.Errorf("block %d ends twice", ev.Index)
				}
				delete(open, ev.Index)
			default:
			}
			fold.Add(ev)
		}
	}
	if _, complete := r.End(nil); complete || !r.Ended() {
		return nil, errors.New("the stream has broken off")
	}
	if len(open) > 0 {
		t.Errorf("blocks %v do not end", open)
	}
	return fold.Answer(), nil
}

func TestAStreamSaysWhatTheWholeResponseDoes(t *testing.T) {
	for name, items := range map[string][]string{
		"everything": {thinkItem, searchItem, textItem, callItem, customItem}, "nothing": nil, "calls": {callItem, customItem, strings.Replace(callItem, "c1", "c3", 1)}, "thoughts alone": {thinkItem},
	} {
		for _, end := range [][2]string{{"completed", ""}, {"incomplete", "max_output_tokens"}} {
			want, err := DecodeResponse([]byte(responseOf(end[0], end[1], items...)), ReadOptions{Sealer: "me"})
			if err != nil {
				t.Fatal(err)
			}
			for _, how := range []string{"deltas", "no deltas", "no starts", "only the end"} {
				got, err := folded(t, ReadOptions{Sealer: "me"}, streamOf(how, end[0], end[1], items...)...)
				if err != nil {
					t.Errorf("%s, %s, %v: %v", name, how, end, err)
					continue
				}
				if diff := cmp.Diff(shown(want), shown(got)); diff != "" {
					t.Errorf("%s, %s, %v: %s", name, how, end, diff)
				}
				if got.Stop != want.Stop || got.RawStop != want.RawStop || cmp.Diff(got.Usage, want.Usage) != "" || got.ServiceTier != want.ServiceTier || cmp.Diff(got.Extra, want.Extra) != "" {
					t.Errorf("%s, %s: %+v, not %+v", name, how, got, want)
				}
			}
		}
	}
}

func TestAResponseThatIsCutShortInACall(t *testing.T) {
	got, err := folded(t, ReadOptions{},
		`{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","call_id":"c1","name":"find"}}`,
		`{"type":"response.function_call_arguments.delta","output_index":0,"delta":"{\"rock\":\"gra"}`,
		`{"type":"response.output_item.added","output_index":1,"item":{"type":"custom_tool_call","call_id":"c2","name":"patch"}}`,
		`{"type":"response.custom_tool_call_input.delta","output_index":1,"delta":"***"}`,
		`{"type":"response.incomplete","response":`+responseOf("incomplete", "max_output_tokens")+`}`)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{`call c1 find "{\"rock\":\"gra"`, `call c2 patch {"input":"***"}`}, shown(got)); diff != "" || got.Stop != llm.StopMaxTokens {
		t.Errorf("%s, stop %d", diff, got.Stop)
	}
}

func TestAStreamThatFails(t *testing.T) {
	begun := streamOf("deltas", "completed", "", textItem)
	for name, tt := range map[string]struct {
		events []string
		status int // 0 if an event is not valid, or missing
		says   string
	}{
		"an error":                  {append(begun[:3:3], `{"type":"error","code":"server_is_overloaded","message":"busy"}`), 503, "busy"},
		"an error inside one":       {append(begun[:3:3], `{"type":"error","error":{"code":"rate_limit_exceeded","message":"slow"}}`), 429, "slow"},
		"a failed response":         {append(begun[:3:3], `{"type":"response.failed","response":{"error":{"code":"invalid_prompt","message":"no"}}}`), 400, "no"},
		"a failed response without": {[]string{`{"type":"response.failed"}`}, 500, "without a reason"},
		"a cut stream":              {begun[:len(begun)-1], 0, "broken off"},
		"an event without a type":   {[]string{`{"delta":"x"}`}, 0, "no type"},
		"an event that is no JSON":  {[]string{`{"type":"response.out`}, 0, ""},
		"an end without a response": {[]string{`{"type":"response.completed"}`}, 0, "no response"},
		"a delta behind its item":   {append(begun[:len(begun)-1:len(begun)-1], `{"type":"response.output_text.delta","output_index":0,"delta":"x"}`), 0, "has ended"},
		"an item that ends twice":   {append(begun[:len(begun)-1:len(begun)-1], begun[len(begun)-2]), 0, "ended twice"},
		"an item that is no object": {[]string{`{"type":"response.output_item.added","item":7}`}, 0, "item"},
		"a call without a name":     {[]string{`{"type":"response.output_item.done","item":{"type":"function_call","call_id":"c"}}`}, 0, "no name"},
		"more blocks than a response": {func() (all []string) {
			for i := range maxSentItems + 1 {
				all = append(all, fmt.Sprintf(`{"type":"response.output_text.delta","output_index":%d,"delta":"x"}`, i))
			}
			return all
		}(), 0, "more than"},
	} {
		_, err := folded(t, ReadOptions{}, tt.events...)
		own, reported := errors.AsType[*FailedError](err)
		if err == nil || reported != (tt.status > 0) || reported && own.Status != tt.status || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzThoughtsComeBackAsTheyWere seals parts of reasoning, and reads them again.
func FuzzThoughtsComeBackAsTheyWere(f *testing.F) {
	f.Add("rs_1", "gAAA", "One.", "Two.\n\n", true)
	f.Add("", "a.b", "", "x", false)
	f.Fuzz(func(t *testing.T, id, encrypted, first, second string, raw bool) {
		parts := []thoughtPart{{summaryPart, first}, {summaryPart, second}}
		if raw {
			parts[1].kind = contentPart
		}
		sign := signatureOf("me", id, encrypted, parts)
		s, ok := readSignature(sign)
		if ok != (encrypted != "") {
			t.Fatalf("%q is read: %t", sign, ok)
		}
		if !ok {
			return
		}
		got := s.of(first + betweenParts + second)
		if s.sealer != "me" || s.encrypted != encrypted || s.id != id && !strings.Contains(id, ".") || len(got) != 2 || got[0] != parts[0] || got[1] != parts[1] {
			t.Errorf("%+v %+v of %q", s, got, sign)
		}
		if changed := s.of(first + second + "!"); len(changed) != 1 || changed[0].text != first+second+"!" {
			t.Errorf("a changed text is %+v", changed)
		}
		_, _ = readSignature(llm.ResponsesMark + encrypted) // it does not panic
	})
}

// FuzzAnEventIsReadOrRefused reads events of any form, which must not panic, and no delta may come before its block.
func FuzzAnEventIsReadOrRefused(f *testing.F) {
	for _, ev := range streamOf("deltas", "completed", "", thinkItem, searchItem, textItem, callItem, customItem) {
		f.Add([]byte(ev), []byte(ev))
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		r := EventReader{Options: ReadOptions{Sealer: "me"}}
		begun := map[int]bool{}
		for _, data := range [][]byte{first, second} {
			events, err := r.Append(nil, data)
			for i := range events {
				begun[events[i].Index] = begun[events[i].Index] || events[i].Kind == llm.EventBlockStart
				if events[i].Kind == llm.EventDelta && !begun[events[i].Index] {
					t.Errorf("a delta of block %d, which has not begun", events[i].Index)
				}
			}
			if err != nil {
				return
			}
		}
	})
}

// TestAStreamThatContradictsItselfFails has streams that end as if the response were complete, although a part of
// it is not, or the response says that it has failed.
func TestAStreamThatContradictsItselfFails(t *testing.T) {
	const (
		begun = `{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","id":"f","call_id":"c","name":"find","arguments":""}}`
		piece = `{"type":"response.function_call_arguments.delta","output_index":0,"delta":"{\"rock\":"}`
	)
	for name, events := range map[string][]string{
		"completed, and failed":     {`{"type":"response.completed","response":{"status":"failed","error":{"code":"server_error","message":"no"},"output":[]}}`},
		"completed, and cancelled":  {`{"type":"response.completed","response":{"status":"cancelled","output":[]}}`},
		"completed in a call":       {begun, piece, `{"type":"response.completed","response":{"status":"completed","output":[]}}`},
		"an item that begins twice": {begun, begun},
		"more values than is usual": {`{"type":"response.output_item.done","output_index":0,"item":{"type":"message","content":[` + strings.Repeat("{},", maxSentValues) + `{}]}}`},
	} {
		var r EventReader
		var err error
		for _, data := range events {
			if _, err = r.Append(nil, []byte(data)); err != nil {
				break
			}
		}
		if err == nil {
			t.Errorf("%s: the stream does not fail", name)
		}
	}
}

// TestWhatDeltasHaveLeftOutIsTakenFromTheItem has an item that is longer than its deltas.
func TestWhatDeltasHaveLeftOutIsTakenFromTheItem(t *testing.T) {
	for want, events := range map[string][]string{
		`{"rock":"granite"}`: {
			`{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","id":"f","call_id":"c","name":"find","arguments":""}}`,
			`{"type":"response.function_call_arguments.delta","output_index":0,"delta":"{\"rock\":"}`,
			`{"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","id":"f","call_id":"c","name":"find","arguments":"{\"rock\":\"granite\"}"}}`,
		},
		"Granite.": {
			`{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"Gran"}`,
			`{"type":"response.output_item.done","output_index":0,"item":{"type":"message","content":[{"type":"output_text","text":"Granite."}]}}`,
		},
	} {
		var r EventReader
		got := ""
		for _, data := range events {
			made, err := r.Append(nil, []byte(data))
			if err != nil {
				t.Fatal(err)
			}
			for _, ev := range made {
				got += ev.Text
			}
		}
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
