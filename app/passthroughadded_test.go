package app_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"outcrop/app"
	"outcrop/internal/need"
	"outcrop/internal/postgres"
)

// endpointsOf is a configuration with an endpoint of the file, which endpoints of the store stand beside.
func endpointsOf(target string) string {
	return `
general_settings:
  master_key: sk-master
  store_model_in_db: true
  pass_through_endpoints:
    - {path: /file, target: "` + target + `/file?api_key=sk-query-0123456789", headers: {Authorization: Bearer sk-file-0123456789}, timeout: 5}
`
}

func TestEndpointsAreAddedChangedAndDeletedWhileTheGatewayRuns(t *testing.T) {
	target, got := echoing(t)
	t.Setenv("LITELLM_SALT_KEY", "salt-0123456789")
	dir, log := t.TempDir(), &journal{}
	opt := app.Options{Config: load(t, "http://127.0.0.1:1", endpointsOf(target)), DataDir: dir, Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	a, err := app.New(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	const at = "/config/pass_through_endpoint"
	const secret = "sk-target-0123456789"
	reaches := func(a *app.App, method, path, authorization, want string) {
		t.Helper()
		if status, body := asks(t, a, "sk-master", method, path, ""); status != http.StatusOK {
			t.Errorf("%s %s: %d %s", method, path, status, body)
			return
		}
		r, _ := got()
		if r.URL.String() != want || r.Header.Get("Authorization") != authorization {
			t.Errorf("%s %s: the target got %s with %q, want %s", method, path, r.URL, r.Header.Get("Authorization"), want)
		}
	}
	said := tell(t, a,
		exchange{"POST", "/v9/one", `{}`, 404, "not an endpoint"},
		exchange{
			"POST", at, `{"path":"/v9/one","target":"` + target + `/one","headers":{"Authorization":"Bearer ` + secret + `"},"id":"one","methods":["POST"],"cost_per_request":0.5}`, 200,
			`{"endpoints":[{"id":"one","path":"/v9/one","target":"` + target + `/one","headers":{"Authorization":"Be****89"},"default_query_params":{},"include_subpath":false,"cost_per_request":0.5,"timeout":null,"auth":true,"guardrails":null,"is_from_config":false,"methods":["POST"]}]}`,
		},
	)
	reaches(a, "POST", "/v9/one", "Bearer "+secret, "/one")
	said += tell(t, a,
		exchange{"GET", "/v9/one", ``, 405, "POST"},
		exchange{"GET", at, ``, 200, `"path":"/file","target":"` + target + `/file?api_key=%2A%2A%2A%2A","headers":{"Authorization":"Be****89"}`},
		exchange{"GET", at, ``, 200, `"timeout":5,"auth":true,"guardrails":null,"is_from_config":true,"methods":["GET","POST","PUT","DELETE","PATCH"]},{"id":"one"`},
		exchange{"GET", at + "?endpoint_id=one", ``, 200, `{"endpoints":[{"id":"one"`},
		exchange{"GET", at + "?endpoint_id=two", ``, 200, `{"endpoints":[]}`},
		exchange{"POST", at, `{"id":"one","path":"/v9/other","target":"` + target + `"}`, 400, "already"},
		exchange{"POST", at, `{"path":"/v9/one","target":"` + target + `"}`, 400, "one of the methods"},
		exchange{"POST", at, `{"path":"/v9/{x}","target":"` + target + `"}`, 400, `"param":"path"`},
		exchange{"POST", at, `{"path":"/v9/two","target":"ftp://x"}`, 400, `"param":"target"`},
		exchange{"POST", at, `{"path":"/v9/two","target":"` + target + `","headers":{"Host":"x"}}`, 400, `"param":"headers.Host"`},
		exchange{"POST", at, `{"path":"/v9/two","target":"` + target + `","guardrails":{"pii":{}}}`, 400, "cannot be checked"},
		exchange{"POST", at, `{"path":"/v9/two","target":"` + target + `","headers":{"X":"os.file//etc/passwd"}}`, 400, "only the configuration file"},
		exchange{"POST", at, `{"target":"` + target + `"}`, 422, "path must be given"},
		// What was read can be sent back, and says nothing of the secret.
		exchange{"POST", at + "/one", `{"headers":{"Authorization":"Be****89","X-Mode":"fast"},"auth":null,"include_subpath":true}`, 200, `"X-Mode":"*****"`},
	)
	reaches(a, "POST", "/v9/one/below", "Bearer "+secret, "/one/below")
	said += tell(t, a, exchange{"POST", at + "/one", `{"target":"` + target + `/moved","methods":["GET"],"path":"/v9/three"}`, 200, `/moved`})
	reaches(a, "GET", "/v9/three", "Bearer "+secret, "/moved")
	said += tell(t, a,
		exchange{"POST", "/v9/one", `{}`, 404, "not an endpoint"},
		exchange{"POST", at + "/none", `{}`, 404, "not found"},
		exchange{"POST", at + "//file", `{}`, 404, ""},
		exchange{"DELETE", at + "?endpoint_id=/file", ``, 400, "configuration's file"},
		exchange{"DELETE", at + "?endpoint_id=none", ``, 400, "not found"},
		exchange{"DELETE", at, ``, 422, "endpoint_id must be given"},
	)
	reaches(a, "GET", "/file", "Bearer sk-file-0123456789", "/file?api_key=sk-query-0123456789")
	said += tell(t, a, exchange{"POST", at, `{"id":"over","path":"/file","target":"` + target + `/over"}`, 200, `"id":"over"`})
	reaches(a, "GET", "/file", "", "/over")
	if _, list := asks(t, a, "sk-master", "GET", at, ""); strings.Contains(list, `"is_from_config":true`) {
		t.Errorf("the file's endpoint is listed, which another replaces: %s", list)
	}
	said += tell(t, a, exchange{"DELETE", at + "?endpoint_id=over", ``, 200, `"id":"over"`})
	reaches(a, "GET", "/file", "Bearer sk-file-0123456789", "/file?api_key=sk-query-0123456789")
	said += tell(t, a, exchange{"GET", "/audit", ``, 200, `"table_name":"LiteLLM_Config"`},
		exchange{"POST", "/team/new", `{"team_id":"t","metadata":{"allowed_passthrough_routes":["/v9/three"]}}`, 200, ""},
		exchange{"GET", at + "/team/t", ``, 200, `{"endpoints":[{"id":"one"`},
		exchange{"GET", at + "/team/none", ``, 404, "no team"},
		exchange{"POST", "/key/generate", `{"key":"sk-of-a-member-0001"}`, 200, ""},
	)
	if status, body := asks(t, a, "sk-of-a-member-0001", "GET", at, ""); status != http.StatusForbidden && status != http.StatusUnauthorized {
		t.Errorf("a key of nobody reads the list: %d %s", status, body)
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(said+log.String(), secret) || strings.Contains(said+log.String(), "sk-query-0123456789") {
		t.Errorf("a secret of an endpoint was shown")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal("there is no database", err)
	}
	for _, name := range files {
		if f, err := os.Open(name); err == nil {
			content, _ := io.ReadAll(f)
			_ = f.Close()
			if strings.Contains(string(content), secret) {
				t.Errorf("%s has a secret in clear", name)
			}
		}
	}
	again := start(t, opt) // what is stored is served from the start
	reaches(again, "GET", "/v9/three", "Bearer "+secret, "/moved")
}

func TestEndpointsOfTheStoreReachAllReplicas(t *testing.T) {
	machine, err := postgres.Start(t.Context(), "")
	need.Server(t, machine, err)
	target, got := echoing(t)
	config := endpointsOf(target) + `  database_url: "` + machine.URL() + "\"\n"
	replica := func() *app.App {
		return start(t, app.Options{DataDir: t.TempDir(), Config: load(t, "http://127.0.0.1:1", config)})
	}
	a, b := replica(), replica()
	answers := func(want int) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		for ctx.Err() == nil {
			status, _ := asks(t, b, "sk-master", "GET", "/v9/one", "")
			if status == http.StatusOK {
				_, _ = got()
			}
			if status == want {
				return
			}
		}
		t.Errorf("the other replica does not answer with %d", want)
	}
	answers(http.StatusNotFound)
	tell(t, a, exchange{"POST", "/config/pass_through_endpoint", `{"path":"/v9/one","target":"` + target + `/one","id":"one"}`, 200, ""})
	answers(http.StatusOK)
	tell(t, b, exchange{"DELETE", "/config/pass_through_endpoint?endpoint_id=one", ``, 200, ""})
	answers(http.StatusNotFound)
}

func TestEndpointsAreNotStoredWithoutTheSetting(t *testing.T) {
	target, _ := echoing(t)
	a := start(t, app.Options{Config: load(t, "http://127.0.0.1:1", strings.Replace(endpointsOf(target), "store_model_in_db: true", "store_model_in_db: false", 1)), DataDir: t.TempDir()})
	tell(t, a,
		exchange{"POST", "/config/pass_through_endpoint", `{"path":"/v9/one","target":"` + target + `/one"}`, 500, "STORE_MODEL_IN_DB"},
		exchange{"GET", "/config/pass_through_endpoint", ``, 200, `"path":"/file"`},
	)
}
