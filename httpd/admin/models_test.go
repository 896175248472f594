package admin_test

import (
	"context"
	"strings"
	"testing"

	"outcrop/httpd/admin"
	"outcrop/internal/jsonx"
)

// models serves none, and encrypts texts by turning them around.
type models struct{}

func (models) Stored() bool                          { return true }
func (models) Configured(id string) bool             { return id == "in-the-file" }
func (models) ConfiguredCredential(name string) bool { return name == "in-the-file" }

func (models) Seal(v jsonx.Raw) (jsonx.Raw, error) {
	if v.Kind() != '"' {
		return v, nil
	}
	letters := []byte(jsonx.Word(v))
	for i, j := 0, len(letters)-1; i < j; i, j = i+1, j-1 {
		letters[i], letters[j] = letters[j], letters[i]
	}
	return jsonx.AppendString(nil, string(letters)), nil
}

func (m models) Open(v jsonx.Raw) (jsonx.Raw, error) { return m.Seal(v) }

func (models) Check(_ context.Context, doc []byte) ([]admin.Fault, []string, error) {
	if strings.Contains(string(doc), `"dab"`) { // bad, and no id that was drawn
		return []admin.Fault{{Field: "litellm_params.model", Message: "litellm_params.model: it is bad; give another"}}, nil, nil
	}
	return nil, []string{"litellm_params.note"}, nil
}

func TestRequestsOfModelsAndCredentialsAreChecked(t *testing.T) {
	eachStore(t, func(w *world) {
		for _, tt := range []struct {
			method, path, body string
			status             int
			says               string
		}{
			{"POST", "/model/new", `{"litellm_params":{"model":"openai/a"}}`, 422, "model_name must be given"},
			{"POST", "/model/new", `{"model_name":"a"}`, 422, "litellm_params must be given"},
			{"POST", "/model/new", `{"model_name":"a","litellm_params":{"model":"bad"}}`, 400, `"param":"litellm_params.model"`},
			{"POST", "/model/new", `{"model_name":"a","litellm_params":{"model":"openai/a"},"model_info":{"team_id":"t"}}`, 400, "There is no team t"},
			{"POST", "/model/new", `{"model_name":"a","litellm_params":{"model":"openai/a","input_cost_per_token":1},"model_info":{"id":"one"}}`, 200, `"model":"a/ianepo"`},
			{"POST", "/model/new", `{"model_name":"a","litellm_params":{"model":"openai/a"},"model_info":{"id":"one"}}`, 400, "There is a model with the id one already"},
			{"POST", "/model/update", `{"litellm_params":{}}`, 400, "model_info.id must be given"},
			{"POST", "/model/update", `{"model_info":{"id":"one"}}`, 400, "litellm_params must be given"},
			{"POST", "/model/update", `{"model_info":{"id":"none"},"litellm_params":{}}`, 400, "No model has the id none"},
			{"POST", "/model/update", `{"model_info":{"id":"in-the-file"},"litellm_params":{}}`, 400, "is in the configuration's file"},
			{"PATCH", "/model/one/update", `{"litellm_params":{"model":"bad"}}`, 400, "it is bad"},
			{"PATCH", "/model/one/update", `{"model_name":"b","litellm_params":{"input_cost_per_token":null,"rpm":3,"tpm":4},"litellm_params_to_remove":["tpm"]}`, 200, `"litellm_params":{"model":"a/ianepo","rpm":3}`},
			{"PATCH", "/model/none/update", `{}`, 404, "No model has the id none"},
			{"PATCH", "/model/in-the-file/update", `{}`, 400, "is in the configuration's file"},
			{"PATCH", "/model/one/update", `{"litellm_params":{"api_key":"sk-0123456789","api_base":"https://a.example","timeout":3}}`, 200, `"timeout":3`},
			{"GET", "/credentials/by_model/one", ``, 200, `{"credential_name":"b-credential-one","credential_info":{},"credential_values":{"api_key":"sk****89","api_base":"https://a.example"}}`},
			{"GET", "/credentials/by_model/none", ``, 404, "No model of the database has the id none"},
			{"POST", "/model/block", `{}`, 422, "model_id must be given"},
			{"POST", "/model/block", `{"model_id":"none"}`, 404, "No model has the id none"},
			{"POST", "/model/block", `{"model_id":"in-the-file"}`, 400, "is in the configuration's file"},
			{"POST", "/model/block", `{"model_id":"one"}`, 200, `"blocked":true`},
			{"POST", "/model/unblock", `{"model_id":"one"}`, 200, `"blocked":false`},
			{"POST", "/model/delete", `{}`, 422, "id must be given"},
			{"POST", "/model/delete", `{"id":"none"}`, 400, "No model of the database has the id none"},
			{"POST", "/model/delete", `{"id":"in-the-file"}`, 400, "is in the configuration's file"},
			{"POST", "/model/delete", `{"id":"one"}`, 200, "Model: one deleted successfully"},
			{"POST", "/credentials", `{"credential_values":{"api_key":"sk-0123456789"}}`, 422, "credential_name must be given"},
			{"POST", "/credentials", `{"credential_name":"c"}`, 422, "credential_values must be given"},
			{"POST", "/credentials", `{"credential_name":"in-the-file","credential_values":{}}`, 409, "in the configuration's file"},
			{"POST", "/credentials", `{"credential_name":"c","credential_values":{"api_key":"sk-0123456789","pin_key":"1234","api_base":"https://a.example","extra":{"Authorization":["sk-abcdef"]}}}`, 200, `"success":true`},
			{"POST", "/credentials", `{"credential_name":"c","credential_values":{}}`, 409, "PATCH /credentials/c"},
			{"GET", "/credentials", ``, 200, `"credential_values":{"api_key":"sk****89","pin_key":"*****","api_base":"https://a.example","extra":{"Authorization":["sk****ef"]}}`},
			{"PATCH", "/credentials/c", `{"credential_name":"d"}`, 400, "credential_name cannot be changed"},
			{"PATCH", "/credentials/c", `{"credential_values":{"a":"b"},"credential_values_to_delete":["a"]}`, 400, "both have a"},
			{"PATCH", "/credentials/c", `{"display_name":"C","credential_values":{"api_key":"sk****89"},"credential_values_to_delete":["pin_key","extra"]}`, 200, `"success":true`},
			{"GET", "/credentials/by_name/c", ``, 200, `"display_name":"C","credential_info":{},"credential_values":{"api_key":"sk****89","api_base":"https://a.example"}`},
			{"GET", "/credentials/by_name/none", ``, 404, "There is no credential none"},
			{"DELETE", "/credentials/in-the-file", ``, 405, "in the configuration's file"},
			{"DELETE", "/credentials/c", ``, 200, "deleted successfully"},
			{"DELETE", "/credentials/c", ``, 404, "There is no credential c"},
		} {
			got := w.ask(masterKey, tt.method+" "+tt.path, tt.body)
			if got.status != tt.status || !strings.Contains(string(got.body), tt.says) {
				t.Errorf("%s %s %s: %d %s", tt.method, tt.path, tt.body, got.status, string(got.body))
			}
		}
	})
}
