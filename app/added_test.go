package app_test

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"outcrop/app"
	"outcrop/internal/need"
	"outcrop/internal/postgres"
)

// account is an upstream with OpenAI's API that answers with the key that it was called with.
func account(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		who := "other"
		switch r.Header.Get("Authorization") {
		case "Bearer sk-first-secret":
			who = "first"
		case "Bearer sk-second-secret":
			who = "second"
		}
		_, _ = io.WriteString(w, `{"id":"a","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"`+who+`"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/v1"
}

// exchange is a request with the master key, and what its answer has to be.
type exchange struct {
	method, path, body string
	status             int
	says               string
}

func tell(t *testing.T, a *app.App, all ...exchange) (answers string) {
	t.Helper()
	for _, x := range all {
		status, body := asks(t, a, "sk-master", x.method, x.path, x.body)
		if status != x.status || !strings.Contains(body, x.says) {
			t.Errorf("%s %s %s: %d %s, want %d and %q", x.method, x.path, x.body, status, body, x.status, x.says)
		}
		answers += body
	}
	return answers
}

const basalt = `{"model":"basalt","messages":[{"role":"user","content":"hi"}]}`

const storing = `
credential_list: [{credential_name: own, credential_values: {api_key: a}}]
general_settings: {master_key: sk-master, store_model_in_db: true}
`

// journal is a log that several goroutines write.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func TestModelsAreAddedChangedAndDeletedWhileTheGatewayRuns(t *testing.T) {
	base, dir, log := account(t), t.TempDir(), &journal{}
	opt := app.Options{Config: load(t, base, storing), DataDir: dir, Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	a, err := app.New(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	said := tell(t, a,
		exchange{"POST", "/v1/chat/completions", basalt, 404, "basalt"},
		exchange{"POST", "/model/new", `{"model_name":"basalt","litellm_params":{"model":"openai/m","api_base":"` + base + `","api_key":"sk-first-secret"},"model_info":{"id":"one","note":"n"}}`, 200, `"model_id":"one"`},
		exchange{"POST", "/v1/chat/completions", basalt, 200, `"content":"first"`},
		exchange{"GET", "/v1/models", "", 200, `"basalt"`},
		exchange{"GET", "/model/info?litellm_model_id=one", "", 200, `"db_model":true`},
		exchange{"POST", "/model/update", `{"model_info":{"id":"one"},"litellm_params":{"api_key":"sk-second-secret"}}`, 200, `"model_id":"one"`},
		exchange{"POST", "/v1/chat/completions", basalt, 200, `"content":"second"`},
		exchange{"PATCH", "/model/one/update", `{"litellm_params":{"timeout":"soon"}}`, 400, `litellm_params.timeout: \"soon\" is not a number; accepted: seconds above 0`},
		exchange{"PATCH", "/model/one/update", `{"litellm_params":{"litellm_credential_name":"none"}}`, 400, `\"none\"`},
		exchange{"POST", "/model/new", `{"model_name":"x","litellm_params":{"model":"nobody/m"}}`, 400, "litellm_params.model"},
		exchange{"POST", "/model/new", `{"model_name":"x","litellm_params":{"model":"openai/m","api_base":"nowhere"}}`, 400, "litellm_params.api_base"},
		exchange{"POST", "/v1/chat/completions", basalt, 200, `"content":"second"`},
		exchange{"POST", "/credentials", `{"credential_name":"key","credential_values":{"api_key":"sk-first-secret"},"credential_info":{}}`, 200, `"success":true`},
		exchange{"POST", "/credentials", `{"credential_name":"own","credential_values":{"api_key":"b"}}`, 409, "configuration"},
		exchange{"GET", "/credentials/by_name/key", "", 200, `"api_key":"sk****et"`},
		exchange{"PATCH", "/model/one/update", `{"litellm_params":{"litellm_credential_name":"key"},"litellm_params_to_remove":["api_key"]}`, 200, `"model_id":"one"`},
		exchange{"POST", "/v1/chat/completions", basalt, 200, `"content":"first"`},
		exchange{"PATCH", "/credentials/key", `{"credential_values":{"api_key":"sk-second-secret"},"credential_info":{}}`, 200, `"success":true`},
		exchange{"POST", "/v1/chat/completions", basalt, 200, `"content":"second"`},
		exchange{"POST", "/model/block", `{"model_id":"one"}`, 200, `"blocked":true`},
		exchange{"POST", "/v1/chat/completions", basalt, 404, "basalt"},
		exchange{"GET", "/model/info?litellm_model_id=one", "", 200, `"blocked":true`},
		exchange{"GET", "/v2/model/info?blocked=true", "", 200, `"total_count":1`},
		exchange{"POST", "/model/unblock", `{"model_id":"one"}`, 200, `"blocked":false`},
		exchange{"POST", "/v1/chat/completions", basalt, 200, `"content":"second"`},
		exchange{"GET", "/v2/model/info?modelId=one", "", 200, `"created_by":"default_user_id"`},
		exchange{"GET", "/model_group/info?model_group=basalt", "", 200, `{"data":[{"model_group":"basalt","providers":["openai"]`},
		exchange{"GET", "/audit", "", 200, "/model/new"},
		exchange{"POST", "/key/generate", `{"key":"sk-of-a-user-0001"}`, 200, "sk-of-a-user-0001"},
	)
	for _, path := range []string{"/model/new", "/model/update", "/credentials"} {
		if status, body := asks(t, a, "sk-of-a-user-0001", "POST", path, `{"model_name":"x","litellm_params":{"model":"openai/m","api_base":"http://169.254.169.254"}}`); status != 401 && status != 403 {
			t.Errorf("%s with the key of nobody: %d %s", path, status, body)
		}
	}
	if err := a.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		said += string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"sk-first-secret", "sk-second-secret"} {
		if strings.Contains(said, secret) || strings.Contains(log.String(), secret) {
			t.Errorf("an answer, a file or the log has %s", secret)
		}
	}

	b := start(t, opt)
	tell(t, b,
		exchange{"POST", "/v1/chat/completions", basalt, 200, `"content":"second"`},
		exchange{"POST", "/model/delete", `{"id":"one"}`, 200, "deleted successfully"},
		exchange{"POST", "/v1/chat/completions", basalt, 404, "basalt"},
		exchange{"DELETE", "/credentials/key", "", 200, "deleted successfully"},
		exchange{"GET", "/credentials", "", 200, `"credentials":[]`},
	)
}

func TestAModelThatCannotBeDecryptedLeavesTheOthers(t *testing.T) {
	base, dir, log := account(t), t.TempDir(), &journal{}
	environ := func(salt string) func(string) string {
		return func(name string) string {
			if name == "LITELLM_SALT_KEY" {
				return salt
			}
			return os.Getenv(name)
		}
	}
	opt := app.Options{Config: load(t, base, storing), DataDir: dir, Environ: environ("sk-salt"), Logger: slog.New(slog.NewTextHandler(log, nil))}
	for i, salt := range []string{"sk-salt", "sk-another"} {
		opt.Environ = environ(salt)
		a, err := app.New(t.Context(), opt)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		name := []string{"basalt", "gneiss"}[i]
		tell(t, a,
			exchange{"POST", "/model/new", `{"model_name":"` + name + `","litellm_params":{"model":"openai/m","api_base":"` + base + `","api_key":"sk-first-secret"},"model_info":{"id":"` + name + `"}}`, 200, name},
			exchange{"POST", "/v1/chat/completions", strings.Replace(basalt, "basalt", name, 1), 200, `"content":"first"`},
		)
		if i == 1 {
			tell(t, a, exchange{"POST", "/v1/chat/completions", basalt, 404, "basalt"})
		}
		if err := a.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"a model of the database cannot be served", "id=basalt", "LITELLM_SALT_KEY"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q: %s", want, log)
		}
	}
}

func TestModelsOfTheFileAreNotChanged(t *testing.T) {
	base := account(t)
	a := start(t, app.Options{Config: load(t, base, `
    model_info: {id: fixed}
`+storing), DataDir: t.TempDir()})
	tell(t, a,
		exchange{"POST", "/model/update", `{"model_info":{"id":"fixed"},"litellm_params":{"model":"openai/m"}}`, 400, "configuration's file"},
		exchange{"PATCH", "/model/fixed/update", `{"litellm_params":{"model":"openai/m"}}`, 400, "configuration's file"},
		exchange{"POST", "/model/delete", `{"id":"fixed"}`, 400, "configuration's file"},
		exchange{"POST", "/model/new", `{"model_name":"x","litellm_params":{"model":"openai/m"},"model_info":{"id":"fixed"}}`, 400, "model_info.id"},
	)
	b := start(t, app.Options{Config: load(t, base, "general_settings: {master_key: sk-master}\n"), DataDir: t.TempDir()})
	tell(t, b,
		exchange{"POST", "/model/new", `{"model_name":"x","litellm_params":{"model":"openai/m"}}`, 500, "STORE_MODEL_IN_DB='True'"},
		exchange{"PATCH", "/model/x/update", `{}`, 400, "Only models of the database can be changed"},
		exchange{"POST", "/credentials", `{"credential_name":"c","credential_values":{}}`, 500, "STORE_MODEL_IN_DB='True'"},
	)
}

func TestAReplicaServesTheModelsOfAnother(t *testing.T) {
	machine, err := postgres.Start(t.Context(), "")
	need.Server(t, machine, err)
	base := account(t)
	replica := func() *app.App {
		return start(t, app.Options{DataDir: t.TempDir(), Config: load(t, base, `
general_settings: {master_key: sk-master, store_model_in_db: true, database_url: "`+machine.URL()+`"}
`)})
	}
	a, b := replica(), replica()
	served := func(status int) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		for ctx.Err() == nil {
			if got, _ := asks(t, b, "sk-master", "POST", "/v1/chat/completions", basalt); got == status {
				return
			}
		}
		t.Errorf("the other replica does not answer with %d", status)
	}
	tell(t, a, exchange{"POST", "/model/new", `{"model_name":"basalt","litellm_params":{"model":"openai/m","api_base":"` + base + `","api_key":"sk-first-secret"},"model_info":{"id":"one"}}`, 200, "one"})
	served(200)
	tell(t, b, exchange{"POST", "/model/delete", `{"id":"one"}`, 200, "deleted"})
	served(404)
}
