package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"outcrop/app"
	"outcrop/cache/cachetest"
	"outcrop/internal/need"
	"outcrop/internal/port"
	"outcrop/internal/postgres"
	"outcrop/internal/process"
	"outcrop/internal/valkey"
)

// thinker is a fake of OpenAI's API: its embeddings of texts with the same words are similar.
type thinker struct {
	*httptest.Server
	chats, embeddings atomic.Int64
	broken            atomic.Bool
	silent            atomic.Pointer[chan struct{}] // embeddings wait for it
}

// dimensions are those of the fake's vectors.
const dimensions = 64

func embedded(text string) []float64 {
	v := make([]float64, dimensions)
	for word := range strings.FieldsSeq(strings.ToLower(strings.Trim(text, "?!."))) {
		h := fnv.New32a()
		_, _ = h.Write([]byte(word))
		v[h.Sum32()%dimensions]++
	}
	return v
}

func newThinker(t *testing.T) *thinker {
	m := &thinker{}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch {
		case r.Method == http.MethodGet:
			_, _ = io.WriteString(w, `{"object":"list","data":[]}`)
		case r.URL.Path == "/v1/embeddings":
			m.embeddings.Add(1)
			if wait := m.silent.Load(); wait != nil {
				select {
				case <-*wait:
				case <-r.Context().Done():
				}
			}
			var asked struct {
				Input []string `json:"input"`
			}
			err := json.Unmarshal(body, &asked)
			if m.broken.Load() || err != nil || len(asked.Input) != 1 {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			if strings.Contains(asked.Input[0], "unspeakable") {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, `{"error":{"message":"no","type":"invalid_request_error"}}`)
				return
			}
			v, _ := json.Marshal(embedded(asked.Input[0]))
			_, _ = fmt.Fprintf(w, `{"object":"list","data":[{"object":"embedding","index":0,"embedding":%s}],"usage":{"prompt_tokens":7,"total_tokens":7}}`, v)
		case strings.Contains(string(body), `"stream":true`):
			n := m.chats.Add(1)
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, piece("streamed "+strconv.FormatInt(n, 10))+lastWords)
		default:
			_, _ = fmt.Fprintf(w, `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"answer %d"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}`, m.chats.Add(1))
		}
	}))
	t.Cleanup(m.Close)
	return m
}

// patient gives stores and embeddings the time that a busy machine needs.
const patient = "\noutcrop_settings: {cache: {timeout: 60}}"

// thinking starts an app with a cache that answers similar requests.
func thinking(t *testing.T, m *thinker, params, more string) *app.App {
	t.Helper()
	return caching(t, &maker{Server: m.Server}, `
  - model_name: embedder
    litellm_params: {model: openai/text-embedding-3-small, api_base: "`+m.URL+`/v1", api_key: sk-test, input_cost_per_token: 0.001}
litellm_settings: {cache: true, cache_params: {similarity_threshold: 0.8, `+params+`}}
`+more)
}

func searching(t *testing.T) *valkey.Server {
	t.Helper()
	tools := cachetest.Need(t, "..")
	s, err := valkey.StartProgram(t.Context(), tools.Redis, t.TempDir(), "--loadmodule", tools.Search)
	need.Server(t, s, err)
	return s
}

// indexes are the servers with vectors, and the settings for them.
func indexes(t *testing.T) map[string]func(t *testing.T) (params, more string) {
	t.Helper()
	tools := cachetest.Need(t, "..")
	return map[string]func(t *testing.T) (params, more string){
		"redis-semantic": func(t *testing.T) (string, string) {
			return `type: redis-semantic, redis_semantic_cache_embedding_model: embedder, url: "redis://` + searching(t).Address() + `"`, ""
		},
		"pgvector": func(t *testing.T) (string, string) {
			s, err := postgres.StartIn(t.Context(), tools.Postgres, "")
			need.Server(t, s, err)
			return `type: pgvector, pgvector_embedding_model: embedder`, `general_settings: {database_url: "` + s.URL() + `", master_key: sk-master}`
		},
		"qdrant-semantic": func(t *testing.T) (string, string) {
			reserved, err := port.Reserve()
			if err != nil {
				t.Fatal(err)
			}
			_, number, _ := strings.Cut(reserved.Address(), ":")
			p := &process.Process{}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(context.WithoutCancel(t.Context()), tools.Python, "../cache/qdrant/testdata/qdrant.py", number, "k")
			if err := p.Launch(ctx, cmd, 50*time.Millisecond, func() bool {
				conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", reserved.Address())
				return err == nil && conn.Close() == nil
			}); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := errors.Join(p.End(os.Kill), reserved.Release()); err != nil {
					t.Error(err)
				}
			})
			return `type: qdrant-semantic, qdrant_semantic_cache_embedding_model: embedder, qdrant_collection_name: answers, qdrant_api_key: k, qdrant_semantic_cache_vector_size: 64, qdrant_api_base: "http://` + reserved.Address() + `"`, ""
		},
	}
}

// moonBody is the body of a call.
func moonBody(text, more string) string {
	return fmt.Sprintf(`{"model":"gpt","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":%q}]%s}`, text, more)
}

// askWith sends a question with a key.
func askWith(t *testing.T, a *app.App, key, body string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL()+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	status, text := read(t, resp)
	return status, resp.Header, text
}

// written waits until all answers are in the store: before, they are found by the same question, and not by similar ones.
func written(t *testing.T, a *app.App, m *thinker) {
	t.Helper()
	until(t, "all answers are kept", func() bool {
		_, metrics := asks(t, a, "sk-master", "GET", "/metrics", "")
		return strings.Contains(metrics, fmt.Sprintf("outcrop_cache_commands_total{command=\"set\",result=\"ok\"} %d\n", m.chats.Load()))
	})
}

// Similar questions have one answer, as long as everything else is the same. It costs nothing, and says how similar the question was.
func TestSimilarQuestionsHaveOneAnswer(t *testing.T) {
	for name, prepare := range indexes(t) {
		t.Run(name, func(t *testing.T) {
			m := newThinker(t)
			params, more := prepare(t)
			params += ", semantic_cache_embedding_timeout: 60"
			a := thinking(t, m, params, more+patient)
			for _, stream := range []string{"", `,"stream":true`} {
				status, h, first := askWith(t, a, "sk-master", moonBody("how big is the moon?", stream))
				if status != 200 || h.Get("X-Litellm-Cache-Key") != "" {
					t.Fatalf("%d %v %s", status, h, first)
				}
				written(t, a, m)
				before := m.chats.Load()
				status, h, similar := askWith(t, a, "sk-master", moonBody("Moon: how big is the moon", stream))
				if f, err := strconv.ParseFloat(h.Get("X-Litellm-Semantic-Similarity"), 64); err != nil || f < 0.8 || f >= 1 || math.Abs(f-4/math.Sqrt(5*6)) > 0.2 {
					t.Errorf("similarity %v: %v", f, h)
				}
				_, exact, same := askWith(t, a, "sk-master", moonBody("how big is the moon?", stream))
				if status != 200 || similar != same || h.Get("X-Litellm-Cache-Key") != exact.Get("X-Litellm-Cache-Key") || h.Get("X-Litellm-Response-Cost") != "0" || m.chats.Load() != before {
					t.Errorf("%d %v %s\n%v %s", status, h, similar, exact, same)
				}
				if exact.Get("X-Litellm-Semantic-Similarity") != "1.0" {
					t.Errorf("%v", exact)
				}
				for _, another := range []string{
					moonBody("how big is the sun and why does it shine", stream), moonBody("how big is the moon", `,"temperature":0.5`+stream),
					strings.ReplaceAll(moonBody("how big is the moon", stream), "brief", "verbose"), strings.ReplaceAll(moonBody("how big is the moon", stream), `"gpt"`, `"other"`),
				} {
					if _, h, body := askWith(t, a, "sk-master", another); h.Get("X-Litellm-Cache-Key") != "" {
						t.Errorf("%s is answered by %v %s", another, h, body)
					}
				}
				// What has tools must be the same word for word, and no embedding is made of it.
				const tool = `,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]`
				embeddings := m.embeddings.Load()
				for range 2 {
					if _, h, _ := askWith(t, a, "sk-master", moonBody("how big is the moon?", tool+stream)); h.Get("X-Litellm-Semantic-Similarity") != "" {
						t.Errorf("%v", h)
					}
				}
				if _, h, _ := askWith(t, a, "sk-master", moonBody("how big is the moon", tool+stream)); h.Get("X-Litellm-Cache-Key") != "" || m.embeddings.Load() != embeddings {
					t.Errorf("%v, %d embeddings", h, m.embeddings.Load()-embeddings)
				}
			}
			// The answer is deleted by the key that a similar question was told.
			_, h, _ := askWith(t, a, "sk-master", moonBody("how big is the moon", ""))
			if status, body := asks(t, a, "sk-master", "POST", "/cache/delete", `{"keys":["`+h.Get("X-Litellm-Cache-Key")+`"]}`); status != 200 {
				t.Errorf("%d %s", status, body)
			}
			if _, h, _ = askWith(t, a, "sk-master", moonBody("is the moon how big", "")); h.Get("X-Litellm-Cache-Key") != "" {
				t.Errorf("%v", h)
			}
			if status, body := asks(t, a, "sk-master", "GET", "/health/readiness", ""); status != 200 || !strings.Contains(body, `"cache":"`+name+`","cache_status":"healthy","cache_embedding_status":"healthy"`) {
				t.Errorf("%d %s", status, body)
			}
			if status, body := asks(t, a, "sk-master", "GET", "/cache/ping", ""); status != 200 || !strings.Contains(body, `"cache_type":"`+name+`"`) {
				t.Errorf("%d %s", status, body)
			}
			_, metrics := asks(t, a, "sk-master", "GET", "/metrics", "")
			if !strings.Contains(metrics, `outcrop_cache_requests_total{result="similar"} 3`) || !strings.Contains(metrics, `outcrop_cache_commands_total{command="embed",result="failed"} 0`) {
				t.Errorf("%s", metrics)
			}
		})
	}
}

// Keys do not share answers, and embeddings are the operator's: their cost is in the spend log.
func TestSimilarQuestionsOfOthers(t *testing.T) {
	m := newThinker(t)
	a := thinking(t, m, `type: valkey-semantic, semantic_cache_scope: end_user, semantic_cache_embedding_timeout: 60, valkey_semantic_cache_embedding_model: embedder, url: "redis://`+searching(t).Address()+`"`, `general_settings: {master_key: sk-master}`+patient)
	for _, key := range []string{`{"key":"sk-of-the-test-first"}`, `{"key":"sk-of-the-test-other"}`} {
		if status, body := asks(t, a, "sk-master", "POST", "/key/generate", key); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
	}
	hit := func(key, text, more string) bool {
		t.Helper()
		status, h, body := askWith(t, a, key, moonBody(text, more))
		if status != 200 {
			t.Errorf("%d %s", status, body)
		}
		return h.Get("X-Litellm-Cache-Key") != ""
	}
	hit("sk-of-the-test-first", "how big is the moon", "")
	written(t, a, m)
	if !hit("sk-of-the-test-first", "how big is the moon?", "") {
		t.Error("a similar question of the same key has no answer")
	}
	if hit("sk-of-the-test-other", "how big is the moon", "") {
		t.Error("another key has the answer")
	}
	if hit("sk-of-the-test-first", "how big is the moon", `,"user":"u"`) {
		t.Error("another end user has the answer")
	}
	var rows []struct {
		Spend float64 `json:"spend"`
		Key   string  `json:"api_key"`
		Group string  `json:"model_group"`
		Hit   string  `json:"cache_hit"`
	}
	until(t, "the rows are in the log", func() bool {
		_, body := asks(t, a, "sk-master", "GET", "/spend/logs", "")
		rows = nil
		if err := json.Unmarshal([]byte(body), &rows); err != nil {
			t.Fatalf("%v %s", err, body)
		}
		n := 0
		for _, r := range rows {
			if r.Group == "embedder" {
				n++
			}
		}
		return n == int(m.embeddings.Load())
	})
	keys := map[string]bool{}
	for _, r := range rows {
		if r.Group == "embedder" {
			keys[r.Key] = true
			if math.Abs(r.Spend-0.007) > 1e-9 || r.Hit == "True" {
				t.Errorf("%+v", r)
			}
		} else if (r.Hit == "True") != (r.Spend == 0) {
			t.Errorf("%+v", r)
		}
	}
	if len(keys) != 1 {
		t.Errorf("embeddings are of the keys %v", keys)
	}
}

// Calls go on without embeddings, and without a server for vectors.
func TestEmbeddingsThatFail(t *testing.T) {
	m := newThinker(t)
	a := thinking(t, m, `type: redis-semantic, semantic_cache_embedding_timeout: 2, redis_semantic_cache_embedding_model: embedder, url: "redis://`+searching(t).Address()+`"`, "")
	answered := func(text string, hit bool) {
		t.Helper()
		if status, h, body := send(t, a, "/v1/chat/completions", moonBody(text, "")); status != 200 || hit != (h.Get("X-Litellm-Cache-Key") != "") {
			t.Errorf("%s: %d %v %s", text, status, h, body)
		}
	}
	state := func(readiness string, metrics ...string) {
		t.Helper()
		if status, body := get(t, a.URL()+"/health/readiness"); status != 200 || !strings.Contains(body, readiness) {
			t.Errorf("%d %s", status, body)
		}
		_, text := get(t, a.URL()+"/metrics")
		for _, line := range metrics {
			if !strings.Contains(text, line+"\n") {
				t.Errorf("/metrics lacks %s", line)
			}
		}
	}
	// A text that cannot be embedded says nothing of others.
	answered("unspeakable", false)
	state(`"cache_status":"healthy","cache_embedding_status":"healthy"`, `outcrop_cache_commands_total{command="embed",result="refused"} 1`)
	wait := make(chan struct{})
	defer close(wait)
	m.silent.Store(&wait)
	answered("one", false)
	state(`"cache_status":"healthy","cache_embedding_status":"away"`, `outcrop_cache_commands_total{command="embed",result="failed"} 1`, `outcrop_cache_up 1`)
	until(t, "identical questions are answered by the cache", func() bool {
		_, h, _ := send(t, a, "/v1/chat/completions", moonBody("one", ""))
		return h.Get("X-Litellm-Cache-Key") != ""
	})
	answered("two", false)
	if n := m.embeddings.Load(); n != 2 {
		t.Errorf("%d embeddings while they fail", n)
	}
	// Neither an embedding model nor a server.
	b := thinking(t, m, `type: redis-semantic, redis_semantic_cache_embedding_model: embedder, host: 127.0.0.1, port: 1`, "")
	for range 2 {
		if status, h, body := send(t, b, "/v1/chat/completions", moonBody("one", "")); status != 200 || h.Get("X-Litellm-Cache-Key") != "" {
			t.Errorf("%d %v %s", status, h, body)
		}
	}
}

// What a request keeps without a look-up is found by similar ones.
func TestAnAnswerThatWasAskedForAnewIsFound(t *testing.T) {
	m := newThinker(t)
	a := thinking(t, m, `type: redis-semantic, semantic_cache_embedding_timeout: 60, redis_semantic_cache_embedding_model: embedder, url: "redis://`+searching(t).Address()+`"`, patient)
	if status, h, _ := send(t, a, "/v1/chat/completions", moonBody("how big is the moon", `,"cache":{"no-cache":true}`)); status != 200 || h.Get("X-Litellm-Cache-Key") != "" {
		t.Errorf("%d %v", status, h)
	}
	until(t, "the answer is kept", func() bool {
		_, h, _ := send(t, a, "/v1/chat/completions", moonBody("how big is the moon?", `,"cache":{"no-store":true}`)) // which is not kept itself
		f, _ := strconv.ParseFloat(h.Get("X-Litellm-Semantic-Similarity"), 64)
		return f > 0.999
	})
}
