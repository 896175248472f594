package vertex_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/providertest"
	"outcrop/provider/providertest/dialects"
	"outcrop/provider/vertex"
	"outcrop/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// google is Google's token service, and a service account that it knows.
type google struct {
	*httptest.Server
	account string // the JSON of the account's key
	asked   atomic.Int32
	status  atomic.Int32 // of answers, if not 0
	life    atomic.Int32 // of tokens, in seconds
}

// startGoogle starts a token service whose tokens are providertest.Key.
func startGoogle(t *testing.T) *google {
	t.Helper()
	g := &google{}
	g.life.Store(3600)
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.asked.Add(1)
		w.Header().Set("Content-Type", "application/json")
		if status := g.status.Load(); status != 0 {
			w.WriteHeader(int(status))
			_, _ = io.WriteString(w, `{"error":"invalid_grant","error_description":"Invalid JWT Signature."}`)
			return
		}
		if err := r.ParseForm(); err != nil || r.Form.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" || r.Form.Get("assertion") == "" {
			t.Errorf("asked for a token with %v", r.Form)
		}
		_, _ = fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":%d}`, providertest.Key, g.life.Load())
	}))
	t.Cleanup(g.Close)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	account, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "rocks-1", "private_key_id": "k1", "client_email": "gateway@rocks-1.iam.gserviceaccount.com",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": g.URL + "/token",
	})
	if err != nil {
		t.Fatal(err)
	}
	g.account = string(account)
	return g
}

// open opens a deployment.
func open(t *testing.T, model string, values, environ map[string]string) (provider.Deployment, error) {
	t.Helper()
	client := upstream.New()
	t.Cleanup(client.CloseIdle)
	return vertex.Provider().Open(t.Context(), provider.Params{Model: model, Values: values, Upstream: client, Environ: func(name string) string { return environ[name] }})
}

func TestGeminiAndClaudePassTheSuite(t *testing.T) {
	g := startGoogle(t)
	for _, tt := range []struct {
		model, dialect string
		upstream       providertest.Upstream
		without        map[string]string
	}{
		{"gemini-2.5-pro", "", dialects.Generate{}, map[string]string{"a tool's result": "Vertex AI has no ids of function calls, which the case compares"}},
		{"claude-sonnet-4-5@20250929", llm.DialectAnthropic, dialects.Messages{Model: "claude-sonnet-4-5@20250929", DefaultTokens: 64_000, Vertex: true}, nil},
	} {
		p := &providertest.Provider{
			Model: tt.model, Dialect: tt.dialect, Upstream: tt.upstream, Without: tt.without,
			Open: func(base string) (provider.Deployment, error) {
				return open(t, tt.model, map[string]string{"api_base": base, "vertex_credentials": g.account}, nil)
			},
		}
		t.Run(tt.model, func(t *testing.T) {
			for _, c := range providertest.Cases(p) {
				t.Run(c.Name, func(t *testing.T) {
					if err := c.Run(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
		})
	}
}

// api is Vertex AI's API, which keeps the last request.
type api struct {
	*httptest.Server
	path   string
	header http.Header
	body   map[string]any
	status int
	answer string
}

func startAPI(t *testing.T, status int, answer string) *api {
	t.Helper()
	a := &api{status: status, answer: answer}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		a.path, a.header, a.body = r.URL.RequestURI(), r.Header.Clone(), nil
		_ = json.Unmarshal(body, &a.body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.answer)
	}))
	t.Cleanup(a.Close)
	return a
}

func ask() *llm.Request {
	return &llm.Request{Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Hi"}}}}}
}

const (
	rock    = `{"candidates":[{"content":{"parts":[{"text":"Granite."}],"role":"model"},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2,"totalTokenCount":3}}`
	message = `{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[{"type":"text","text":"Granite."}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2}}`
)

func TestCallsGoToTheProjectAndLocation(t *testing.T) {
	g := startGoogle(t)
	for _, tt := range []struct {
		model           string
		values, environ map[string]string
		answer, want    string
	}{
		{"gemini-2.5-pro", nil, nil, rock, "/v1/projects/rocks-1/locations/us-central1/publishers/google/models/gemini-2.5-pro:generateContent"},
		{"gemini-3-pro-preview", map[string]string{"vertex_location": "global", "vertex_project": "other-2"}, nil, rock, "/v1/projects/other-2/locations/global/publishers/google/models/gemini-3-pro-preview:generateContent"},
		{"claude-opus-4-5@20251101", nil, map[string]string{"VERTEXAI_LOCATION": "us-east5", "VERTEXAI_PROJECT": "third-3"}, message, "/v1/projects/third-3/locations/us-east5/publishers/anthropic/models/claude-opus-4-5@20251101:rawPredict"},
	} {
		t.Run(tt.model, func(t *testing.T) {
			a := startAPI(t, 200, tt.answer)
			values := map[string]string{"api_base": a.URL, "vertex_credentials": g.account}
			maps.Copy(values, tt.values)
			d, err := open(t, tt.model, values, tt.environ)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			targets, err := d.Targets(llm.VerbChat, tt.model)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := targets[0].(provider.Chatter).Complete(t.Context(), ask())
			if err != nil || resp.Blocks[0].Text != "Granite." {
				t.Fatalf("%+v %v", resp, err)
			}
			if a.path != tt.want || a.header.Get("Authorization") != "Bearer "+providertest.Key {
				t.Errorf("called %s with %v", a.path, a.header)
			}
			if strings.HasPrefix(tt.model, "claude") && (a.body["anthropic_version"] != "vertex-2023-10-16" || a.body["model"] != nil || a.header.Get("Anthropic-Version") != "") {
				t.Errorf("sent %v", a.body)
			}
		})
	}
}

func TestClaudesTokensAreCountedByTheirOwnEndpoint(t *testing.T) {
	g := startGoogle(t)
	a := startAPI(t, 200, `{"input_tokens":42}`)
	d, err := open(t, "claude-opus-4-5", map[string]string{"api_base": a.URL, "vertex_credentials": g.account}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	targets, _ := d.Targets(llm.VerbCount, "claude-opus-4-5")
	n, err := targets[0].(provider.RawCounter).CountRaw(t.Context(), &llm.Raw{Dialect: llm.DialectAnthropic, Body: jsonx.Raw(`{"model":"mine","messages":[]}`)})
	if err != nil || n.Tokens != 42 || !strings.HasSuffix(a.path, "/models/count-tokens:rawPredict") || a.body["model"] != "claude-opus-4-5" {
		t.Errorf("%+v %v: %s %v", n, err, a.path, a.body)
	}
}

func TestOneTokenServesManyCallsAndDeployments(t *testing.T) {
	g := startGoogle(t)
	a := startAPI(t, 200, rock)
	client := upstream.New()
	t.Cleanup(client.CloseIdle)
	info := vertex.Provider()
	for range 3 {
		d, err := info.Open(t.Context(), provider.Params{Model: "gemini-2.5-pro", Upstream: client, Values: map[string]string{"api_base": a.URL, "vertex_credentials": g.account}})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		targets, _ := d.Targets(llm.VerbChat, "gemini-2.5-pro")
		for range 3 {
			if _, err := targets[0].(provider.Chatter).Complete(t.Context(), ask()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := g.asked.Load(); n != 1 {
		t.Errorf("%d tokens were fetched", n)
	}
}

func TestRefusedCredentialsAreTheOperators(t *testing.T) {
	g := startGoogle(t)
	g.status.Store(400)
	a := startAPI(t, 200, rock)
	d, err := open(t, "gemini-2.5-pro", map[string]string{"api_base": a.URL, "vertex_credentials": g.account}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	targets, _ := d.Targets(llm.VerbChat, "gemini-2.5-pro")
	_, err = targets[0].(provider.Chatter).Complete(t.Context(), ask())
	if e := llm.AsError(err); e.Code != llm.CodeCredentialsInvalid || e.Status != 403 || e.Responsible() != llm.ActorOperator || !strings.Contains(e.Message, "Invalid JWT Signature") || a.path != "" {
		t.Errorf("%v, called %q", err, a.path)
	}
	if err := d.(provider.Readier).Ready(t.Context()); llm.AsError(err).Code != llm.CodeCredentialsInvalid {
		t.Errorf("ready: %v", err)
	}
}

func TestGooglesErrorsAreReadForClaudeToo(t *testing.T) {
	g := startGoogle(t)
	a := startAPI(t, 403, `[{"error":{"code":403,"message":"Permission 'aiplatform.endpoints.predict' denied on resource.","status":"PERMISSION_DENIED"}}]`)
	for _, model := range []string{"claude-opus-4-5", "gemini-2.5-pro"} {
		d, err := open(t, model, map[string]string{"api_base": a.URL, "vertex_credentials": g.account}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		targets, _ := d.Targets(llm.VerbChat, model)
		_, err = targets[0].(provider.Chatter).Complete(t.Context(), ask())
		e := llm.AsError(err)
		if e.Code != llm.CodeNotGranted || !strings.Contains(e.Fix, "roles/aiplatform.user") || !strings.HasPrefix(e.Message, "Permission 'aiplatform") || e.Type != "PERMISSION_DENIED" || e.Destination.Region != "us-central1" {
			t.Errorf("%s: %+v", model, e)
		}
	}
}

func TestCredentialsComeFromSettingsFilesAndTheEnvironment(t *testing.T) {
	g := startGoogle(t)
	file := filepath.Join(t.TempDir(), "account.json")
	if err := os.WriteFile(file, []byte(g.account), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ values, environ map[string]string }{
		"JSON":        {map[string]string{"vertex_credentials": g.account}, nil},
		"a file":      {map[string]string{"vertex_credentials": file}, nil},
		"environment": {nil, map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": file}},
	} {
		d, err := open(t, "gemini-2.5-pro", tt.values, tt.environ)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := d.(provider.Readier).Ready(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_ = d.Close()
	}
}

func TestWrongSettingsNameTheOption(t *testing.T) {
	for _, tt := range []struct{ option, value, says string }{
		{"vertex_location", "US Central", "us-central1"},
		{"vertex_project", "my project", "rocks-123456"},
		{"api_base", "vertex", "https://"},
		{"vertex_credentials", "/none/a.json", "names a file that does not exist"},
		{"vertex_credentials", "~/a.json", "instead of ~"},
		{"vertex_credentials", "s3cr3t", "neither JSON nor the path of a file"},
		{"vertex_credentials", t.TempDir(), "a file that cannot be read"},
		{"vertex_credentials", `{"type":"magic","secret":"s3cr3t"}`, "service_account"},
		{"vertex_credentials", `{"type":"service_account","private_key":"s3cr3t"`, "not the JSON"},
		{"vertex_credentials", `{"type":"external_account","secret":"s3cr3t","credential_source":{}}`, "audience, subject_token_type and token_url are missing"},
		{"vertex_credentials", `{"type":"external_account","audience":"s3cr3t","subject_token_type":"t","token_url":"https://sts.googleapis.com/v1/token"}`, "credential_source"},
		{"vertex_credentials", `{"type":"service_account","client_email":"s3cr3t"}`, "private_key is missing"},
		{"vertex_credentials", `{"type":"service_account","client_email":"a@b","private_key":"-----BEGIN PRIVATE KEY-----s3cr3t"}`, "not a private key in PEM"},
		{"vertex_credentials", `{"type":"authorized_user","client_id":"a","client_secret":"s3cr3t"}`, "refresh_token is missing"},
	} {
		_, err := open(t, "gemini-2.5-pro", map[string]string{tt.option: tt.value}, nil)
		e, ok := errors.AsType[*provider.OptionError](err)
		if !ok || e.Option != tt.option || !strings.Contains(e.Reason, tt.says) || strings.Contains(e.Reason, "s3cr3t") {
			t.Errorf("%s %q: %v", tt.option, tt.value, err)
		}
	}
	d, err := open(t, "*", map[string]string{"vertex_credentials": startGoogle(t).account}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, model := range []string{"", "meta/", "meta/../x", "meta/llama/4", "mistralai/../x", "mistral-/../x", "../x", "a b"} {
		if _, err := d.Targets(llm.VerbChat, model); err == nil {
			t.Errorf("%q is called", model)
		}
	}
}

// TestCredentialsOfAnAdministratorLeadNowhere has the token service at a loopback address, which the strictest guard refuses.
func TestCredentialsOfAnAdministratorLeadNowhere(t *testing.T) {
	g := startGoogle(t)
	client := upstream.New()
	t.Cleanup(client.CloseIdle)
	for guard, reached := range map[upstream.Guard]bool{upstream.Anywhere: true, upstream.Administered: true, upstream.PublicOnly: false} {
		guarded, err := client.With(upstream.Settings{Guard: guard})
		if err != nil {
			t.Fatal(err)
		}
		provide := vertex.Provider()
		d, err := provide.Open(t.Context(), provider.Params{Model: "gemini-2.5-pro", Values: map[string]string{"vertex_credentials": g.account}, Upstream: guarded})
		if err != nil {
			t.Fatal(err)
		}
		before := g.asked.Load()
		err = d.(provider.Readier).Ready(t.Context())
		if reached != (err == nil) || reached != (g.asked.Load() > before) {
			t.Errorf("guard %d: %v, and %d tokens", guard, err, g.asked.Load()-before)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		for _, kind := range []string{"external_account", "external_account_authorized_user", "impersonated_service_account"} {
			text := `{"type":"` + kind + `","audience":"a","subject_token_type":"urn:ietf:params:oauth:token-type:jwt","token_url":"https://sts.googleapis.com/v1/token","credential_source":{"file":"/etc/hostname"}}`
			_, err := provide.Open(t.Context(), provider.Params{Model: "gemini-2.5-pro", Values: map[string]string{"vertex_credentials": text}, Upstream: guarded})
			if refused := err != nil && strings.Contains(err.Error(), "only the configuration's file"); refused != (guard != upstream.Anywhere) {
				t.Errorf("guard %d, %s: %v", guard, kind, err)
			}
		}
	}
}

func TestADeploymentDoesNotPrintItsCredentials(t *testing.T) {
	g := startGoogle(t)
	d, err := open(t, "gemini-2.5-pro", map[string]string{"vertex_credentials": g.account}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.(provider.Readier).Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	targets, _ := d.Targets(llm.VerbChat, "gemini-2.5-pro")
	open, _ := d.Targets(llm.VerbChat, "meta/llama-4-maverick")
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format+" "+format+" "+format, d, targets[0], open[0]); strings.Contains(text, "PRIVATE KEY") || strings.Contains(text, providertest.Key) {
			t.Errorf("%s prints %.200s", format, text)
		}
	}
}
