package roundtrip

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// filterWords are the stops of a dialect that mean that a filter has stopped the response, or the model has
// refused.
func filterWords(dialect reads) []string {
	switch spoken(dialect).(type) {
	case messages, invoke:
		return []string{"refusal"}
	case converse:
		return []string{"guardrail_intervened", "content_filtered", "refusal"}
	case generate:
		return []string{"SAFETY", "PROHIBITED_CONTENT", "RECITATION", "BLOCKLIST", "SPII"}
	case cohereChat:
		return []string{"ERROR_TOXIC"}
	case ollamaChat, generation: // which have no filter
		return nil
	default:
		return []string{"content_filter"}
	}
}

func TestAFilteredResponseIsFilteredForEveryClient(t *testing.T) {
	t.Parallel()
	b := start(t, "litellm_settings: {num_retries: 1}")
	pairs(t, func(t *testing.T, d *door, u *upstreamKind) {
		t.Helper()
		for _, word := range filterWords(u.speaks(u.path(d))) {
			for _, said := range []string{"It is", ""} {
				for _, stream := range []bool{false, true} {
					reply := answer{parts: []part{text(said)}, stop: stopFilter, word: word, usage: map[string]int{countInput: 21, countOutput: 9}}
					if said == "" {
						reply.parts = nil
					}
					s := &script{answer: &reply}
					b.fake.set(u.name, s)
					got, err := b.call(t.Context(), d, u.name, stream, hello(d, u, stream))
					if err != nil {
						t.Fatal(err)
					}
					at := fmt.Sprintf("%s, %s, %q, stream %t: %d %s", d.name, word, said, stream, got.status, got.body)
					read, err := d.dialect.readAnswer(got.body, stream)
					if err != nil {
						t.Errorf("%s: %v", at, err)
						continue
					}
					if read.stop != stopFilter {
						t.Errorf("%s: the stop is %q", at, read.stop)
					}
					if f := read.facts(); f["text"] != said {
						t.Errorf("%s: the text is %q", at, f["text"])
					}
					if read.usage[countInput] != 21 || read.usage[countOutput] != 9 {
						t.Errorf("%s: the usage is %v", at, read.usage)
					}
					if n := len(s.taken()); n != 1 {
						t.Errorf("%s: %d attempts", at, n)
					}
				}
			}
		}
	})
}

// blockedBy reads a response of Gemini's API to a prompt that was blocked, whole or streamed: the reason, the
// message, and whether it is one.
func blockedBy(got *response, stream bool) (reason, said string, ok bool) {
	body := string(got.body)
	if array, found := strings.CutPrefix(body, "["); stream && found {
		if body, ok = strings.CutSuffix(array, "]\n"); !ok {
			return "", "", false
		}
	} else if stream {
		if body, ok = strings.CutPrefix(body, "data: "); !ok || strings.Count(body, "data: ") != 0 {
			return "", "", false
		}
	}
	var v struct {
		Candidates json.RawMessage `json:"candidates"`
		Feedback   struct {
			Reason  string `json:"blockReason"`
			Message string `json:"blockReasonMessage"`
		} `json:"promptFeedback"`
	}
	err := json.Unmarshal([]byte(body), &v)
	return v.Feedback.Reason, v.Feedback.Message, err == nil && got.status == http.StatusOK && got.broke == nil && v.Candidates == nil && v.Feedback.Reason != ""
}

// TestAPromptThatGeminiBlocksIsToldInTheFrontendsDialect looks for an error, and in Gemini's own API for the
// response that it has for this.
func TestAPromptThatGeminiBlocksIsToldInTheFrontendsDialect(t *testing.T) {
	t.Parallel()
	b := start(t, "litellm_settings: {num_retries: 1}")
	pairs(t, func(t *testing.T, d *door, u *upstreamKind) {
		t.Helper()
		if u.vocabulary() != "google" {
			return
		}
		for _, reason := range []string{"SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "OTHER"} {
			for _, stream := range []bool{false, true} {
				blocked := encoded(object{
					"promptFeedback": object{"blockReason": reason}, "usageMetadata": object{"promptTokenCount": 21, "totalTokenCount": 21}, "modelVersion": u.model, "responseId": "resp-1",
				})
				s := &script{body: blocked, events: []string{"data: " + blocked + "\r\n\r\n"}}
				b.fake.set(u.name, s)
				got, err := b.call(t.Context(), d, u.name, stream, hello(d, u, stream))
				if err != nil {
					t.Fatal(err)
				}
				at := fmt.Sprintf("%s, %s, stream %t: %d %s", d.name, reason, stream, got.status, got.body)
				if d.name == "gemini" {
					if r, _, ok := blockedBy(got, stream); !ok || r != reason || !strings.Contains(string(got.body), blocked) {
						t.Errorf("%s: is not what Google sent", at)
					}
				} else if e, ok := readError(d, got); !ok || got.status != 400 || e.code != "request.content_filtered" || !strings.Contains(e.said, reason) {
					t.Errorf("%s: %+v", at, e)
				}
				if line := b.logged(t, got); line.Code != "request.content_filtered" || line.Status != 400 {
					t.Errorf("%s: the log has %+v", at, line)
				}
				if n := len(s.taken()); n != 1 {
					t.Errorf("%s: %d attempts", at, n)
				}
			}
		}
	})
}
