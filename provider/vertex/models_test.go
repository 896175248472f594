package vertex_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outcrop/llm"
	"outcrop/provider"
)

func TestACheckGetsATokenCountsAWordAndReadsTheLists(t *testing.T) {
	const denied = `{"error":{"code":403,"message":"Permission 'aiplatform.endpoints.predict' denied on resource.","status":"PERMISSION_DENIED"}}`
	const disabled = `{"error":{"code":403,"message":"Vertex AI API has not been used in project rocks-1 before or it is disabled.","status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"SERVICE_DISABLED"}]}}`
	const unpaid = `{"error":{"code":403,"message":"This API method requires billing to be enabled.","status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"BILLING_DISABLED"}]}}`
	for _, tt := range []struct {
		name, model    string
		token, count   int
		counted, lists string
		want           []string
	}{
		{"all is well", "*", 0, 200, `{"totalTokens":1}`, "", []string{"identity ok", "lists countTokens ok", "lists models ok"}},
		{"claude", "claude-opus-4-5", 0, 200, `{"input_tokens":1}`, "", []string{"identity ok", "lists countTokens ok", "lists models ok"}},
		{"a revoked account", "*", 400, 200, "", "", []string{"identity fail credentials.invalid operator"}},
		{"no permission", "*", 0, 403, denied, "", []string{"identity ok", "lists countTokens fail access.not_granted operator", "lists models ok"}},
		{"an API that is off", "*", 0, 403, disabled, disabled, []string{"identity ok", "lists countTokens fail access.not_granted operator", "lists models warn access.not_granted operator"}},
		{"no billing", "*", 0, 403, unpaid, "", []string{"identity ok", "lists countTokens fail " + string(llm.CodeBilling) + " operator", "lists models ok"}},
		{"no model there", "*", 0, 404, `{"error":{"code":404,"message":"Publisher Model was not found.","status":"NOT_FOUND"}}`, "", []string{"identity ok", "lists countTokens warn " + string(llm.CodeModelUnknown) + " caller", "lists models ok"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := startGoogle(t)
			g.status.Store(int32(tt.token))
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == http.MethodPost:
					if !strings.HasPrefix(r.URL.Path, "/v1/projects/rocks-1/locations/us-central1/publishers/") {
						t.Errorf("counted at %s", r.URL)
					}
					w.WriteHeader(tt.count)
					_, _ = io.WriteString(w, tt.counted)
				case tt.lists != "":
					w.WriteHeader(http.StatusForbidden)
					_, _ = io.WriteString(w, tt.lists)
				case r.URL.Path == "/v1beta1/publishers/google/models":
					_, _ = io.WriteString(w, `{"publisherModels":[{"name":"publishers/google/models/gemini-2.5-pro"},{"name":"publishers/google/models/gemini-2.5-flash"},{"name":"publishers/google/models/imagen-4.0"}]}`)
				case r.URL.Path == "/v1beta1/publishers/anthropic/models":
					_, _ = io.WriteString(w, `{"publisherModels":[{"name":"publishers/anthropic/models/claude-opus-4-5"}]}`)
				default:
					_, _ = io.WriteString(w, `{}`)
				}
			}))
			defer s.Close()
			d, err := open(t, tt.model, map[string]string{"api_base": s.URL, "vertex_credentials": g.account}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			var got []string
			d.(provider.Checker).Check(t.Context(), provider.CheckOptions{Since: time.Now()}, func(f provider.Finding) {
				line := string(f.Check)
				if f.Check == provider.CheckLists {
					line += " " + f.Subject
				}
				if line += " " + string(f.State); f.Err != nil {
					line += " " + string(f.Err.Code) + " " + string(f.Err.Responsible())
					if f.Err.Fix == "" {
						t.Errorf("no next step: %+v", f.Err)
					}
				}
				got = append(got, line)
			})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if tt.name == "all is well" {
				if diff := cmp.Diff([]string{"gemini-2.5-flash", "gemini-2.5-pro", "claude-opus-4-5"}, d.(provider.Checker).Candidates(false)); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}
