package app_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"outcrop/app"
)

// internal is a service of the gateway's own network, which nobody who calls the gateway may reach.
func internal(t *testing.T) (url string, calls *atomic.Int64) {
	t.Helper()
	calls = new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"secret":"of the network"}`)
	}))
	t.Cleanup(s.Close)
	return s.URL, calls
}

// TestNoCallerReachesAnAddressOfItsOwn names an address of the gateway's network wherever a request can, at every door: the
// request is refused, and the address sees no call.
func TestNoCallerReachesAnAddressOfItsOwn(t *testing.T) {
	own := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	}))
	defer own.Close()
	inside, calls := internal(t)
	host := strings.TrimPrefix(inside, "http://")
	keys := `aws_access_key_id: AKIDEXAMPLE, aws_secret_access_key: secret`
	models := `
  - {model_name: gpt, litellm_params: {model: openai/gpt-5, api_base: "` + own.URL + `/v1", api_key: sk-test-0123456789, num_retries: 0}}
  - {model_name: claude, litellm_params: {model: anthropic/claude-sonnet-5, api_base: "` + own.URL + `", api_key: sk-test-0123456789, num_retries: 0}}
  - {model_name: stone, litellm_params: {model: bedrock/cohere.embed-v4:0, aws_region_name: us-east-1, ` + keys + `, aws_bedrock_runtime_endpoint: "` + own.URL + `"}}
  - {model_name: "far/*", litellm_params: {model: "bedrock/*", aws_region_name: us-east-1, ` + keys + `, num_retries: 0}}
  - {model_name: "end/*", litellm_params: {model: "sagemaker/*", aws_region_name: us-east-1, ` + keys + `, num_retries: 0}}
`
	for name, settings := range map[string]string{
		"by default":               "general_settings: {master_key: sk-master}\n",
		"with clients' addresses":  "general_settings: {master_key: sk-master, allow_client_side_credentials: true}\n",
		"and what is fetched too":  "general_settings: {master_key: sk-master, allow_client_side_credentials: true}\noutcrop_settings: {media: {allow: [files.corp.example, 10.0.0.0/8]}}\n",
		"and nothing that fetches": "general_settings: {master_key: sk-master}\noutcrop_settings: {media: {fetch: false}}\n",
	} {
		t.Run(name, func(t *testing.T) {
			a := start(t, app.Options{Config: load(t, own.URL, models+settings)})
			if status, body := asks(t, a, "sk-master", "POST", "/key/generate", `{"key":"sk-of-a-caller-0001"}`); status != 200 {
				t.Fatalf("%d %s", status, body)
			}
			for _, r := range requestsThatName(inside, host) {
				status, body := asks(t, a, "sk-of-a-caller-0001", "POST", r.path, r.body)
				if (status < 400) != r.served || strings.Contains(body, "of the network") {
					t.Errorf("%s %s: %d %s", r.path, r.body, status, body)
				}
				if n := calls.Swap(0); n > 0 {
					t.Errorf("%s %s: %d calls", r.path, r.body, n)
				}
			}
			elsewhere(t, a, host)
			if n := calls.Swap(0); n > 0 {
				t.Errorf("headers and paths made %d calls", n)
			}
		})
	}
}

type naming struct {
	path, body string
	served     bool // not refused, because what has the address means nothing to the gateway
}

// requestsThatName are requests with an address.
func requestsThatName(inside, host string) (all []naming) {
	add := func(path string, bodies ...string) {
		for _, body := range bodies {
			body = strings.NewReplacer("URL", inside+"/a.png", "HOST", host).Replace(body)
			all = append(all, naming{path: path, body: body})
		}
	}
	for _, model := range []string{"granite", "gpt", "claude"} {
		part := func(part string) string {
			return `{"model":"` + model + `","messages":[{"role":"user","content":[` + part + `]}]}`
		}
		add("/v1/chat/completions",
			part(`{"type":"image_url","image_url":{"url":"URL"}}`), part(`{"type":"image_url","image_url":"URL"}`), part(`{"type":"file","file":{"file_id":"URL"}}`),
			part(`{"type":"video_url","video_url":{"url":"URL"}}`), part(`{"type":"image","source":{"type":"url","url":"URL"}}`), part(`{"type":"document","source":{"type":"url","url":"URL"}}`),
			part(`{"type":"image_url","image_url":{"url":"http://169.254.169.254/latest/meta-data/"}}`), part(`{"type":"image_url","image_url":{"url":"http://localhost:1/"}}`),
			`{"model":"`+model+`","messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"a1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"a1","content":[{"type":"image_url","image_url":{"url":"URL"}}]}],"tools":[{"type":"function","function":{"name":"f"}}]}`)
		for _, name := range []string{"api_base", "base_url", "aws_bedrock_runtime_endpoint", "aws_sts_endpoint"} {
			call := `{"model":"` + model + `","messages":[{"role":"user","content":"hi"}],"` + name + `":"` + inside + `"`
			add("/v1/chat/completions", call+`}`, call+`,"api_key":"sk-callers-own-0001"}`, call+`,"aws_access_key_id":"AKIDCALLER","aws_secret_access_key":"own"}`)
		}
		add("/v1/responses",
			`{"model":"`+model+`","input":[{"role":"user","content":[{"type":"input_image","image_url":"URL"}]}]}`, `{"model":"`+model+`","input":[{"role":"user","content":[{"type":"input_file","file_url":"URL"}]}]}`)
		add("/v1/messages",
			`{"model":"`+model+`","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"URL"}}]}]}`, `{"model":"`+model+`","max_tokens":9,"messages":[{"role":"user","content":[{"type":"document","source":{"type":"url","url":"URL"}}]}]}`)
		add("/v1beta/models/"+model+":generateContent", `{"contents":[{"role":"user","parts":[{"fileData":{"mimeType":"image/png","fileUri":"URL"}}]}]}`)
	}
	add("/v1/embeddings", `{"model":"stone","input":[{"type":"image_url","image_url":{"url":"URL"}}]}`, `{"model":"stone","input":[{"content":[{"type":"image_url","image_url":{"url":"URL"}}]}]}`)
	all = append(
		all,
		naming{"/model/granite/converse", `{"messages":[{"role":"user","content":[{"image":{"format":"png","source":{"s3Location":{"uri":"` + inside + `"}}}}]}]}`, true},
		naming{"/v1/chat/completions", `{"model":"granite","messages":[{"role":"user","content":"hi"}],"sagemaker_base_url":"` + inside + `"}`, true},
	)
	for _, region := range []string{"HOST/#", "us-east-1.HOST/", "x@HOST", "127.0.0.1"} {
		add("/v1/chat/completions", `{"model":"granite","messages":[{"role":"user","content":"hi"}],"aws_region_name":"`+region+`","aws_access_key_id":"AKIDCALLER","aws_secret_access_key":"own"}`)
	}
	for _, model := range []string{
		"far/URL", "far/@HOST", "far/HOST/x.y", "far/arn:aws:bedrock:HOST/#:123456789012:inference-profile/us.amazon.nova-lite-v1:0", "far/arn:aws:bedrock:a@HOST:123456789012:application-inference-profile/abcdefghijkl",
		"end/URL", "end/../HOST", "end/@HOST", "http://HOST/v1", "openai/URL", "../HOST",
	} {
		add("/v1/chat/completions", `{"model":"`+model+`","messages":[{"role":"user","content":"hi"}]}`)
	}
	return all
}

// elsewhere sends what could lead a call to another host without being refused: headers, and paths of a provider's API.
func elsewhere(t *testing.T, a *app.App, host string) {
	t.Helper()
	send := func(method, path, body string, header map[string]string) {
		req, err := http.NewRequestWithContext(t.Context(), method, a.URL(), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.URL.Opaque = path // as it is written
		req.Header.Set("Authorization", "Bearer sk-of-a-caller-0001")
		req.Header.Set("Content-Type", "application/json")
		for name, value := range header {
			if req.Header.Set(name, value); name == "Host" {
				req.Host = value
			}
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		read(t, resp)
	}
	for _, name := range []string{"Host", "X-Forwarded-Host", "Forwarded", "X-Original-Url", "X-Litellm-Api-Base", "Api-Base", "X-Amz-Target", "Location", "Referer", "Origin"} {
		send("POST", "/v1/chat/completions", `{"model":"granite","messages":[{"role":"user","content":"hi"}]}`, map[string]string{name: host})
		send("GET", "/openai/v1/models", "", map[string]string{name: host})
	}
	send("POST", "/v1/chat/completions", `{"model":"granite","messages":[{"role":"user","content":"hi"}],"extra_headers":{"Host":"`+host+`","X-Forwarded-Host":"`+host+`"}}`, nil)
	for _, path := range []string{"//" + host + "/a", "/@" + host + "/a", "/http://" + host + "/a", "/..//" + host, "/%2f%2f" + host + "/a", "/v1/%5c%5c" + host, "/v1?url=http://" + host, "/:80@" + host} {
		send("GET", "/openai"+path, "", nil)
		send("GET", "/anthropic"+path, "", nil)
	}
}

// TestAnAdministratorsModelReachesNoMetadataService adds a model of each kind of provider, at a private address, which is
// called, and at that of the machine's metadata service, which is not.
func TestAnAdministratorsModelReachesNoMetadataService(t *testing.T) {
	const role = `"aws_role_name":"arn:aws:iam::123456789012:role/a","aws_access_key_id":"AKIDEXAMPLE","aws_secret_access_key":"s","aws_region_name":"us-east-1"`
	const keys = `"aws_access_key_id":"AKIDEXAMPLE","aws_secret_access_key":"s","aws_region_name":"us-east-1"`
	inside, calls := internal(t)
	a := start(t, app.Options{DataDir: t.TempDir(), Config: load(t, inside, storing)})
	for name, params := range map[string]string{
		"openai":       `"model":"openai/gpt-5","api_key":"k","api_base":"BASE/v1"`,
		"anthropic":    `"model":"anthropic/claude-sonnet-5","api_key":"k","api_base":"BASE"`,
		"gemini":       `"model":"gemini/gemini-2.5-pro","api_key":"k","api_base":"BASE"`,
		"vertex":       `"model":"vertex_ai/gemini-2.5-pro","api_key":"k","api_base":"BASE"`,
		"azure":        `"model":"azure/gpt","api_key":"k","api_base":"BASE"`,
		"cohere":       `"model":"cohere_chat/command-a-03-2025","api_key":"k","api_base":"BASE"`,
		"ollama":       `"model":"ollama_chat/llama3","api_base":"BASE"`,
		"bedrock":      `"model":"bedrock/us.amazon.nova-lite-v1:0",` + keys + `,"aws_bedrock_runtime_endpoint":"BASE"`,
		"bedrock base": `"model":"bedrock/us.amazon.nova-lite-v1:0",` + keys + `,"api_base":"BASE"`,
		"sagemaker":    `"model":"sagemaker_chat/one",` + keys + `,"sagemaker_base_url":"BASE"`,
		"sts":          `"model":"bedrock/us.amazon.nova-lite-v1:0",` + role + `,"aws_sts_endpoint":"BASE"`,
		"a credential": `"model":"openai/gpt-5","litellm_credential_name":"NAME"`,
	} {
		for base, reached := range map[string]bool{inside: true, "http://169.254.169.254": false} {
			name := strings.ReplaceAll(name, " ", "-")
			if reached {
				name += "-private"
			}
			if status, body := asks(t, a, "sk-master", "POST", "/credentials", `{"credential_name":"of-`+name+`","credential_values":{"api_key":"k","api_base":"`+base+`/v1"}}`); status != 200 {
				t.Fatalf("%d %s", status, body)
			}
			params := strings.NewReplacer("BASE", base, "NAME", "of-"+name).Replace(params)
			if status, body := asks(t, a, "sk-master", "POST", "/model/new", `{"model_name":"`+name+`","litellm_params":{`+params+`,"num_retries":0}}`); status != 200 {
				t.Fatalf("%s: %d %s", name, status, body)
			}
			calls.Store(0)
			call := `{"model":"` + name + `","messages":[{"role":"user","content":"hi"}]}`
			status, body := asks(t, a, "sk-master", "POST", "/v1/chat/completions", call)
			for status == 404 || status == 400 && strings.Contains(body, "unknown") { // until the model is served
				status, body = asks(t, a, "sk-master", "POST", "/v1/chat/completions", call)
			}
			if called := calls.Load() > 0; called != reached {
				t.Errorf("%s at %s: called is %v; %d %s", name, base, called, status, body)
			}
			if !reached && (status < 500 || !strings.Contains(body, "metadata service")) && !strings.HasPrefix(name, "sts") {
				t.Errorf("%s at %s: %d %s", name, base, status, body)
			}
		}
	}
}
