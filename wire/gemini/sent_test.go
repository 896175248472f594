package gemini

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"outcrop/internal/jsonx"
)

// The events of streams, with what makes them unusual.
var sentEvents = []string{
	`{"candidates":[{"content":{"parts":[{"text":" größer\n"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":61,"promptTokensDetails":[{"modality":"TEXT","tokenCount":61}]},"modelVersion":"gemini-2.5-flash","responseId":"r9E1"}`,
	`{"candidates": [{"content": {"parts": [{"text": "a","thought": true},{"text": ""},{"text": "b","thoughtSignature": "CiQ="}],"role": "model"},"finishReason": "STOP","safetyRatings": [{"category": "X","probability": "LOW"}],"avgLogprobs": -0.21}],"createTime": "x"}`,
	`{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a":1}}},{"text":"a"}]},"finishMessage":"m"}]}`,
	`{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"AA=="}}]},"groundingMetadata":{"a":1},"index":1}]}`,
	`{"candidates":[{"content":null,"finishReason":null}],"modelVersion":null}`,
	`{"candidates":[{"content":{"parts":[{"text":null},{"text":"a","text":"b"}]}}]}`,
	`{"promptFeedback":{"blockReason":"SAFETY"}}`,
	`{"error":{"code":503,"message":"m"}}`,
	`{"candidates":[{}],"usageMetadata":{}}`,
}

// samePlain holds that an event that is read as plain is read as UnmarshalJSONFrom reads it, even in used
// memory.
func samePlain(t *testing.T, data string) (plain bool) {
	t.Helper()
	used := sent{}
	for _, before := range sentEvents {
		_ = used.decode([]byte(before)) // some are errors
		used.forget()
	}
	used.Model, used.ID = "", "" // which stay, for want of others
	if !used.plain([]byte(data)) {
		return false
	}
	var want sent
	if err := jsonx.Unmarshal([]byte(data), &want); err != nil {
		t.Fatalf("%s is plain, and is refused: %v", data, err)
	}
	if diff := cmp.Diff(want.Candidates, used.Candidates, cmp.AllowUnexported(sentPart{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", data, diff)
	}
	if used.Feedback != nil || used.Error != nil || string(want.Usage) != string(used.Usage) || want.Model != used.Model || want.ID != used.ID {
		t.Errorf("%s is read as %+v", data, used)
	}
	return true
}

func TestEventsOfTextArePlain(t *testing.T) {
	for i, data := range sentEvents {
		plain := samePlain(t, data)
		if want := i < 2 || i == len(sentEvents)-1; plain != want {
			t.Errorf("plain %v: %s", plain, data)
		}
	}
}

// TestAnEventLeavesNothingToTheNext reads events one after the other in the same memory.
func TestAnEventLeavesNothingToTheNext(t *testing.T) {
	var s sent
	for _, data := range append(sentEvents, sentEvents...) {
		var want sent
		wantErr := jsonx.Unmarshal([]byte(data), &want)
		if err := s.decode([]byte(data)); (err == nil) != (wantErr == nil) {
			t.Fatalf("%s: %v, want %v", data, err, wantErr)
		}
		for i := range want.Candidates {
			if c := &s.Candidates[i]; len(c.Parts) != len(want.Candidates[i].Parts) || c.Finish != want.Candidates[i].Finish || string(c.Safety) != string(want.Candidates[i].Safety) {
				t.Errorf("%s: %+v", data, c)
			}
		}
		if s.Error != nil != (want.Error != nil) || string(s.Usage) != string(want.Usage) || want.Model != "" && s.Model != want.Model {
			t.Errorf("%s: %+v", data, s)
		}
		s.forget()
	}
}

// FuzzPlainEvent holds samePlain for any event.
func FuzzPlainEvent(f *testing.F) {
	for _, data := range sentEvents {
		f.Add(data)
		f.Add(strings.ReplaceAll(data, " ", ""))
	}
	f.Fuzz(func(t *testing.T, data string) { samePlain(t, data) })
}

// FuzzPlainUsage holds that usage which is read plainly is read as by the JSON library.
func FuzzPlainUsage(f *testing.F) {
	for _, data := range []string{
		`{"promptTokenCount":61,"candidatesTokenCount":12,"totalTokenCount":73,"promptTokensDetails":[{"modality":"TEXT","tokenCount":61}]}`,
		`{"promptTokenCount": 9, "cachedContentTokenCount": 4, "thoughtsTokenCount": 30, "toolUsePromptTokenCount": 2, "trafficType": "ON_DEMAND", "x": null}`,
		`{"candidatesTokensDetails":[{"modality":"AUDIO","tokenCount":25},{"modality":"IMAGE","tokenCount":1290}]}`,
		`{"promptTokenCount":null,"cachedContentTokenCount":null}`, `{"totalTokenCount":-1}`, `{"totalTokenCount":1e2}`, `{}`, `[]`,
	} {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data string) {
		var plain, want usageReader
		if !plain.plain([]byte(data)) {
			return
		}
		if err := jsonx.Unmarshal([]byte(data), &want); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if !reflect.DeepEqual(plain, want) {
			t.Errorf("%s: %+v, want %+v", data, plain, want)
		}
	})
}
