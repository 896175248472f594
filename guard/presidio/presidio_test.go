package presidio_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"go.uber.org/goleak"

	"outcrop/guard"
	"outcrop/guard/presidio"
	"outcrop/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service answers in the form of Presidio's analyzer and anonymizer. It finds words, and e2e has the real ones.
type service struct {
	*httptest.Server

	mu    sync.Mutex
	found map[string]finding // by word
	asked []map[string]any
}

type finding struct {
	Entity string  `json:"entity_type"`
	Start  int     `json:"start"`
	End    int     `json:"end"`
	Score  float64 `json:"score"`
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body map[string]any
	if json.NewDecoder(r.Body).Decode(&body) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.asked = append(s.asked, body)
	s.mu.Unlock()
	text, _ := body["text"].(string)
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/analyze":
		all := []finding{}
		for word, f := range s.found {
			if at := strings.Index(text, word); at >= 0 {
				f.Start = utf8.RuneCountInString(text[:at])
				f.End = f.Start + utf8.RuneCountInString(word)
				all = append(all, f)
			}
		}
		_ = json.NewEncoder(w).Encode(all)
	case "/anonymize":
		for word, f := range s.found {
			text = strings.ReplaceAll(text, word, "<"+f.Entity+">")
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"text": text, "items": []any{}})
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func serve(t *testing.T, found map[string]finding) *service {
	t.Helper()
	s := &service{found: found}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func open(t *testing.T, at string, s presidio.Settings) *presidio.Check {
	t.Helper()
	s.Analyzer, s.Anonymizer = strings.TrimPrefix(at, "http://"), at+"/"
	client := upstream.New()
	t.Cleanup(client.CloseIdle)
	c, err := presidio.New(s, client)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func rocks() map[string]finding {
	return map[string]finding{"jo@example.org": {Entity: "EMAIL_ADDRESS", Score: 1}, "Jo": {Entity: "PERSON", Score: 0.85}, "4111": {Entity: "CREDIT_CARD", Score: 0.3}}
}

func TestMasksAndBlocks(t *testing.T) {
	s := serve(t, rocks())
	c := open(t, s.URL, presidio.Settings{Language: "de", Entities: map[string]guard.Action{"EMAIL_ADDRESS": guard.ActionMask, "PERSON": guard.ActionBlock}, Scores: map[string]float64{"ALL": 0.4, "PERSON": 0.9}, Recognizers: `[{"name":"own"}]`})
	v, err := c.Check(t.Context(), &guard.Input{Side: guard.Request, Texts: []string{"ask jo@example.org, Jo, 4111", " ", "nothing"}})
	if err != nil || v.Block != nil || len(v.Texts) != 3 || !strings.HasPrefix(v.Texts[0], "ask <EMAIL_ADDRESS>") || v.Texts[1] != " " || v.Texts[2] != "nothing" {
		t.Errorf("%+v, %v", v, err)
	}
	for _, asked := range s.asked {
		if results, ok := asked["analyzer_results"].([]any); ok {
			if len(results) != 1 {
				t.Errorf("the anonymizer gets %v", results)
			}
			continue
		}
		if list, _ := json.Marshal([]any{asked["language"], asked["entities"], asked["ad_hoc_recognizers"]}); string(list) != `["de",["EMAIL_ADDRESS","PERSON"],[{"name":"own"}]]` {
			t.Errorf("the analyzer gets %s", list)
		}
	}
	c = open(t, s.URL, presidio.Settings{Entities: map[string]guard.Action{"PERSON": guard.ActionBlock}})
	if v, err = c.Check(t.Context(), &guard.Input{Side: guard.Response, Texts: []string{"a", "Jo"}}); err != nil || v.Block == nil || v.Block.Reason != "Blocked entity detected: PERSON" {
		t.Errorf("%+v, %v", v, err)
	}
	c = open(t, s.URL, presidio.Settings{Denied: []string{"PERSON"}, Side: guard.Request})
	for side, text := range map[guard.Side]string{guard.Request: "Jo", guard.Response: "jo@example.org"} {
		if v, err = c.Check(t.Context(), &guard.Input{Side: side, Texts: []string{text}}); err != nil || v.Texts != nil {
			t.Errorf("%s: %+v, %v", text, v, err)
		}
	}
}

// TestNumbers: places count characters, the same text has the same number, and a number that is in the text is not taken.
func TestNumbers(t *testing.T) {
	s := serve(t, map[string]finding{"Ann": {Entity: "PERSON", Score: 0.8}, "Ann Müller": {Entity: "PERSON", Score: 0.7}, "Bo": {Entity: "PERSON", Score: 0.8}})
	c := open(t, s.URL, presidio.Settings{Restore: true})
	v, err := c.Check(t.Context(), &guard.Input{Side: guard.Request, Texts: []string{"für 日本: Ann Müller & Bo", "Bo <PERSON_2>", "none"}})
	if err != nil || strings.Join(v.Texts, "|") != "für 日本: <PERSON_1> & <PERSON_3>|<PERSON_3> <PERSON_2>|none" {
		t.Fatalf("%v: got %q", err, v.Texts)
	}
	if len(v.Restore) != 2 || v.Restore[0] != (guard.Pair{Mask: "<PERSON_1>", Original: "Ann Müller"}) || v.Restore[1].Original != "Bo" {
		t.Errorf("got %q", v.Restore)
	}
	if v, err = c.Check(t.Context(), &guard.Input{Side: guard.Response, Texts: []string{"Bo"}}); err != nil || len(v.Texts) != 1 || v.Texts[0] != "<PERSON>" || v.Restore != nil {
		t.Errorf("a response: %+v, %v", v, err)
	}
}

func TestServicesThatDoNotAnswer(t *testing.T) {
	s := serve(t, rocks())
	c := open(t, s.URL+"/elsewhere", presidio.Settings{})
	if _, err := c.Check(t.Context(), &guard.Input{Texts: []string{"Jo"}}); err == nil || errors.Is(err, guard.ErrUnreachable) || !strings.Contains(err.Error(), "404") {
		t.Errorf("404: %v", err)
	}
	c = open(t, s.URL, presidio.Settings{})
	s.Close()
	if _, err := c.Check(t.Context(), &guard.Input{Texts: []string{"Jo"}}); !errors.Is(err, guard.ErrUnreachable) {
		t.Errorf("nobody: %v", err)
	}
}
