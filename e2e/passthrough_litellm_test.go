package e2e

import (
	"fmt"
	"net/http"
	"testing"

	"outcrop/internal/jsonx"
)

// TestPassThroughEndpointsBesideLiteLLM manages endpoints of both gateways alike, and compares the statuses, the endpoints in the answers
// and what their targets get.
func TestPassThroughEndpointsBesideLiteLLM(t *testing.T) {
	t.Parallel()
	v := startVendor(t, func(w http.ResponseWriter, _ vendorCall) { _, _ = w.Write([]byte(`{"done":true}`)) })
	config := fmt.Sprintf("model_list:\n  - {model_name: ok, litellm_params: {model: openai/ok, api_base: %q, api_key: %s}}\ngeneral_settings: {master_key: %s, store_model_in_db: true}\n", v.URL+"/v1", vendorSecret, masterKey)
	proxy, _ := litellmOnDatabase(t, config)
	own := startApp(t, config, "", map[string]string{"LITELLM_SALT_KEY": litellmSalt}).URL()
	const at = "/config/pass_through_endpoint"
	endpoint := func(members string) string { return `{"target":"` + v.URL + `/api",` + members + `}` }
	for _, tt := range []struct {
		name, method, path, body string
		status                   int
		// hidden is which member of the endpoints in the answers differs on purpose.
		hidden string
	}{
		{name: "none yet", status: 200, method: "GET", path: at},
		{name: "a change of none", status: 404, method: "POST", path: at + "/one", body: endpoint(`"path":"/v9/one"`)},
		{name: "made", status: 200, method: "POST", path: at, body: endpoint(`"id":"one","path":"/v9/one","headers":{"Authorization":"Bearer sk-target"},"cost_per_request":0.5,"methods":["POST"]`), hidden: "headers"},
		{name: "made with defaults", status: 200, method: "POST", path: at, body: endpoint(`"id":"two","path":"/v9/two"`)},
		{name: "without a path", status: 422, method: "POST", path: at, body: `{"target":"` + v.URL + `"}`},
		{name: "one of them", status: 200, method: "GET", path: at + "?endpoint_id=two"},
		{name: "one that is none", status: 200, method: "GET", path: at + "?endpoint_id=none"},
		{name: "a call", status: 200, method: "POST", path: "/v9/one", body: `{"a":1}`},
		{name: "a call with another method", status: 405, method: "PUT", path: "/v9/one", body: `{"a":1}`},
		{name: "a call below", status: 404, method: "POST", path: "/v9/two/below", body: `{}`},
		{name: "changed", status: 200, method: "POST", path: at + "/two", body: endpoint(`"path":"/v9/two","include_subpath":true,"default_query_params":{"v":"1"}`)},
		{name: "a call below after the change", status: 200, method: "POST", path: "/v9/two/below", body: `{"a":1}`},
		{name: "deleted", status: 200, method: "DELETE", path: at + "?endpoint_id=two"},
		{name: "deleted again", status: 400, method: "DELETE", path: at + "?endpoint_id=two"},
		{name: "the rest", status: 200, method: "GET", path: at, hidden: "headers"},
		{name: "a call of what is deleted", status: 404, method: "POST", path: "/v9/two", body: `{}`},
	} {
		var statuses [2]int
		var endpoints, reached [2]string
		for side, base := range []string{proxy, own} {
			_ = v.taken()
			a := ask(t, base, tt.method, tt.path, masterKey, tt.body)
			statuses[side], endpoints[side] = a.status, endpointsIn(t, a.body, tt.hidden)
			for _, c := range v.taken() {
				reached[side] += fmt.Sprintf("%s %s %s %s; ", c.Method, c.Path, c.Header.Get("Authorization"), c.Body)
			}
		}
		if statuses != [2]int{tt.status, tt.status} || endpoints[0] != endpoints[1] || reached[0] != reached[1] {
			t.Errorf("%s, %d:\n LiteLLM %d %s %s\n Outcrop %d %s %s", tt.name, tt.status, statuses[0], endpoints[0], reached[0], statuses[1], endpoints[1], reached[1])
		}
	}
}

// endpointsIn are the endpoints in an answer, without a member and without the length of numbers.
func endpointsIn(t *testing.T, body []byte, without string) string {
	t.Helper()
	var answer struct {
		Endpoints []map[string]any `json:"endpoints"`
	}
	if jsonx.Unmarshal(body, &answer) != nil || answer.Endpoints == nil {
		return ""
	}
	for _, e := range answer.Endpoints {
		delete(e, without)
	}
	return fmt.Sprint(answer.Endpoints) // maps in the order of their names
}
