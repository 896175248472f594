package app_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outcrop/app"
	"outcrop/internal/need"
	"outcrop/internal/valkey"
)

// storingCache is a configuration of reloadable that has settings in the database.
const storingCache = "general_settings: {master_key: " + reloadedMaster + ", store_model_in_db: true}\n"

func TestWhereAnswersAreKeptIsSetWhileTheGatewayRuns(t *testing.T) {
	const password = "a-password-of-the-test"
	server, err := valkey.Start(t.Context(), t.TempDir(), "--requirepass", password)
	need.Server(t, server, err)
	host, port, _ := strings.Cut(server.Address(), ":")
	r := reloadable(t, storingCache)
	calls := func(a *app.App, want int64) {
		t.Helper()
		before := r.called.Load()
		if status, body := asks(t, a, r.master, "POST", "/v1/chat/completions", `{"model":"stone","messages":[{"role":"user","content":"hi"}]}`); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		if n := r.called.Load() - before; n != want {
			t.Errorf("the provider was called %d times, want %d", n, want)
		}
	}
	says := func(method, path, settings string, want int, has ...string) string {
		t.Helper()
		if settings != "" {
			settings = `{"cache_settings":` + settings + `}`
		}
		status, body := asks(t, r.a, r.master, method, path, settings)
		for _, word := range append(has, "") {
			if status != want || !strings.Contains(body, word) {
				t.Errorf("%s %s %s: %d %s, want %d and %q", method, path, settings, status, body, want, word)
			}
		}
		if strings.Contains(body, password) {
			t.Errorf("%s %s tells the password: %s", method, path, body)
		}
		return body
	}
	at := `"type":"redis","redis_type":"node","host":"` + host + `","port":"` + port + `"`
	says("GET", "/cache/settings", "", 200, `"current_values":{}`, `"field_name":"host"`)
	says("POST", "/cache/settings/test", `{`+at+`,"password":"`+password+`"}`, 200, `"status":"success"`)
	says("POST", "/cache/settings/test", `{`+at+`,"password":"wrong"}`, 200, `"status":"failed"`, "WRONGPASS")
	calls(r.a, 1)
	calls(r.a, 1)
	says("POST", "/cache/settings", `{`+at+`,"password":"`+password+`","namespace":"n","db":null,"username":""}`, 200, `"status":"success","settings":{"type":"redis","host":`, `"password":"***REDACTED***"`)
	calls(r.a, 1)
	calls(r.a, 0)
	says("GET", "/cache/settings", "", 200, `"current_values":{"type":"redis","host":"`+host+`","port":"`+port+`","password":"***REDACTED***","namespace":"n","redis_type":"node"}`)

	// A secret that is left as it is stays, for the same server only.
	says("POST", "/cache/settings", `{`+at+`,"password":"***REDACTED***","namespace":"m"}`, 200, `"password":"***REDACTED***"`)
	calls(r.a, 1)
	calls(r.a, 0)
	says("POST", "/cache/settings/test", `{`+at+`}`, 200, `"status":"success"`)
	says("POST", "/cache/settings/test", `{`+strings.Replace(at, host, "localhost", 1)+`}`, 200, `"status":"failed"`, "NOAUTH")
	says("POST", "/cache/settings/test", `{`+at+`,"ssl":false}`, 200, `"status":"success"`)
	says("POST", "/cache/settings/test", `{`+at+`,"ssl_cert_reqs":"none"}`, 200, `"status":"failed"`, "NOAUTH")
	says("POST", "/cache/settings/test", `{"type":"redis","url":"redis://:`+password+`@`+server.Address()+`/2"}`, 200, `"status":"success"`)

	// What only the file can have, and what leads to where an administrator has no business.
	for settings, word := range map[string]string{
		`{"type":"disk"}`:                                               "only be set in the configuration's file",
		`{"type":"s3","s3_bucket_name":"b"}`:                            "only be set in the configuration's file",
		`{"host":"h","ssl_ca_certs":"/etc/passwd"}`:                     "only be set in the configuration's file",
		`{"host":"h","password":"os.environ/HOME"}`:                     "is a reference",
		`{"redis_startup_nodes":[{"host":"os.file//x"}]}`:               "is a reference",
		`{"url":"unix:///run/x.sock"}`:                                  "not the address of a Valkey or Redis",
		`{"url":"http://h"}`:                                            "not the address of a Valkey or Redis",
		`{"host":"h","port":"p"}`:                                       "is not a number",
		`{"type":"redis","gcp_service_account":"a"}`:                    "only be set in the configuration's file",
		`{"sentinel_nodes":[["h",1]]}`:                                  "service_name is missing",
		`{"type":"redis-semantic","host":"h","similarity_threshold":7}`: "similarity_threshold",
	} {
		says("POST", "/cache/settings", settings, 400, word)
	}
	for host, word := range map[string]string{"169.254.169.254": "metadata", "[fd00:ec2::254]": "AWS's services"} {
		says("POST", "/cache/settings/test", `{"type":"redis","url":"redis://`+host+`:6379/0"}`, 200, `"status":"failed"`, word)
	}
	says("POST", "/cache/settings/test", `{"type":"local"}`, 200, `"status":"failed"`, "can be tried")
	if status, body := asks(t, r.a, r.master, "POST", "/cache/settings", `{}`); status != 422 || !strings.Contains(body, "must be given") {
		t.Errorf("%d %s", status, body)
	}
	calls(r.a, 0) // nothing of this has changed it

	// What the file says belongs to the file.
	r.reload(storingCache + "litellm_settings: {cache: true, cache_params: {type: local, namespace: file}}")
	calls(r.a, 1)
	calls(r.a, 0)
	says("GET", "/cache/settings", "", 200, `"current_values":{"type":"local","namespace":"file"`)
	says("POST", "/cache/settings", `{"type":"local"}`, 400, "configuration's file")
	r.reload(storingCache)
	says("GET", "/cache/settings", "", 200, `"namespace":"m"`)
	calls(r.a, 0)

	says("POST", "/cache/settings", `{"type":"local","ttl":60}`, 200, `"settings":{"type":"local","ttl":60}`)
	calls(r.a, 1)
	calls(r.a, 0)
	says("POST", "/cache/settings", `{}`, 200, `"settings":{}`)
	calls(r.a, 1)
	calls(r.a, 1)
	if status, body := asks(t, r.a, r.master, "GET", "/audit", ""); status != 200 || !strings.Contains(body, "/cache/settings") || strings.Contains(body, password) {
		t.Errorf("%d %s", status, body)
	}
}

func TestStoredSettingsOfTheCacheAreEncryptedAndInForceAgainAfterARestart(t *testing.T) {
	const password = "a-password-of-the-test"
	server, err := valkey.Start(t.Context(), t.TempDir(), "--requirepass", password)
	need.Server(t, server, err)
	m, dir := newMaker(t), t.TempDir()
	_, cfg := cachingWith(t, m, storingCache, func(string) (string, bool) { return "", false })
	opt := app.Options{Config: cfg, DataDir: dir, Environ: func(string) string { return "" }}
	a, err := app.New(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	settings, err := json.Marshal(map[string]map[string]string{"cache_settings": {"url": "redis://:" + password + "@" + server.Address() + "/0"}})
	if err != nil {
		t.Fatal(err)
	}
	if status, body := asks(t, a, reloadedMaster, "POST", "/cache/settings", string(settings)); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	ask := func(a *app.App, calls int64) {
		t.Helper()
		before := m.calls.Load()
		if status, body := asks(t, a, reloadedMaster, "POST", "/v1/chat/completions", `{"model":"gpt","messages":[{"role":"user","content":"hi"}]}`); status != 200 || m.calls.Load()-before != calls {
			t.Errorf("%d %s, after %d calls", status, body, m.calls.Load()-before)
		}
	}
	ask(a, 1)
	ask(a, 0)
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	entries, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(entries) == 0 {
		t.Fatal(entries, err)
	}
	for _, name := range entries {
		if data, err := os.ReadFile(name); err == nil && strings.Contains(string(data), password) {
			t.Errorf("%s has the password", name)
		}
	}
	ask(start(t, opt), 0)
}
