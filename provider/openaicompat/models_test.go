package openaicompat_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outcrop/llm"
	"outcrop/provider"
)

// listed opens a deployment behind a wildcard, whose vendor answers with a list of models.
func listed(t *testing.T, status int, list string) (provider.Deployment, *int) {
	t.Helper()
	reads := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/models" {
			reads++
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, list)
	}))
	t.Cleanup(s.Close)
	d, err := open(t, vendor(t, "openai"), "*", map[string]string{"api_base": s.URL + "/v1", "api_key": "k"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d, &reads
}

func TestTheListOfAVendorSaysWhatItsModelsAreFor(t *testing.T) {
	d, reads := listed(t, 200, `{"object":"list","data":[{"id":"gpt-5","owned_by":"openai","context_window":400000,"max_completion_tokens":128000},{"id":"text-embedding-3-large","context_length":8191},{"id":"whisper-1","owned_by":null},{"id":"rerank-1"}]}`)
	before := time.Now().Add(-time.Minute)
	if l := d.(provider.Lister).Refresh(t.Context(), before); len(l) != 1 || l[0].Err != nil || l[0].Models != 4 {
		t.Fatalf("read %+v", l)
	}
	if d.(provider.Lister).Refresh(t.Context(), before); *reads != 1 {
		t.Errorf("the list was read %d times within a minute", *reads)
	}
	type row struct {
		ID, Owner          string
		Context, MaxOutput int64
		Verb               llm.Verb
	}
	var got []row
	for _, m := range d.(provider.Lister).Models() {
		got = append(got, row{m.ID, m.Owner, m.Context, m.MaxOutput, m.Verb})
	}
	want := []row{{"gpt-5", "openai", 400000, 128000, llm.VerbChat}, {"rerank-1", "openai", 0, 0, llm.VerbRerank}, {"text-embedding-3-large", "openai", 8191, 0, llm.VerbEmbed}, {"whisper-1", "openai", 0, 0, 0}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"gpt-5"}, d.(provider.Checker).Candidates(false)); diff != "" {
		t.Error(diff)
	}
}

func TestACheckShowsAWrongKeyAndAMissingList(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		list   string
		want   []string
	}{
		{"a list", 200, `[{"id":"m"}]`, []string{"identity ok", "lists ok"}},
		{"a wrong key", 401, `{"error":{"message":"Incorrect API key provided","code":"invalid_api_key"}}`, []string{"identity fail credentials.api_key_invalid"}},
		{"no list", 404, `not found`, []string{"identity ok", "lists warn model.wrong_surface"}},
		{"not a list", 200, `<html>`, []string{"identity ok", "lists warn stream.interrupted"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, _ := listed(t, tt.status, tt.list)
			var got []string
			d.(provider.Checker).Check(t.Context(), provider.CheckOptions{Since: time.Now()}, func(f provider.Finding) {
				line := string(f.Check) + " " + string(f.State)
				if f.Err != nil {
					line += " " + string(f.Err.Code)
				}
				got = append(got, line)
			})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestStreamsLeaveTheirConnectionForTheNextCall makes several streaming calls, in both lanes, whose
// responses end a moment after their mark.
func TestStreamsLeaveTheirConnectionForTheNextCall(t *testing.T) {
	var mu sync.Mutex
	conns := map[string]bool{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		mu.Lock()
		conns[r.RemoteAddr] = true
		mu.Unlock()
		for _, event := range []string{`{"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}`, "[DONE]"} {
			_, _ = io.WriteString(w, "data: "+event+"\n\n")
			_ = http.NewResponseController(w).Flush()
		}
	}))
	defer s.Close()
	d, err := open(t, vendor(t, "openai"), "m", map[string]string{"api_base": s.URL, "api_key": "k"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	targets, _ := d.Targets(llm.VerbChat, "m")
	for range 3 {
		req := &llm.Request{Call: llm.Call{Stream: true}, Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Hi"}}}}}
		translated, err := targets[0].(provider.Chatter).Stream(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			err = translated.Next(&llm.Event{})
		}
		_ = translated.Close()
		passed, err := targets[0].(provider.Passer).PassStream(t.Context(), &llm.Raw{Body: []byte(`{"model":"m","messages":[],"stream":true}`)})
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			err = passed.Next(&llm.RawEvent{})
		}
		_ = passed.Close()
	}
	if len(conns) != 1 {
		t.Errorf("six streams took %d connections", len(conns))
	}
}
