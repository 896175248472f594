package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestPublicModelsBesideLiteLLM makes models public in both gateways alike, and compares the statuses and what everybody sees.
func TestPublicModelsBesideLiteLLM(t *testing.T) {
	t.Parallel()
	v := startVendor(t, func(w http.ResponseWriter, _ vendorCall) { _, _ = w.Write([]byte(`{}`)) })
	entry := func(name, info string) string {
		return fmt.Sprintf("  - {model_name: %s, litellm_params: {model: openai/gpt-4o-mini, api_base: %q, api_key: %s, rpm: 3}, model_info: {%s}}\n", name, v.URL+"/v1", vendorSecret, info)
	}
	config := "model_list:\n" + entry("ok", "description: For all, mode: chat") + entry("ok", "input_cost_per_token: 0.5") + entry("other", "mode: chat") +
		fmt.Sprintf("litellm_settings: {public_model_groups_links: {Docs: https://example.com}}\ngeneral_settings: {master_key: %s, store_model_in_db: true}\n", masterKey)
	proxy, _ := litellmOnDatabase(t, config)
	own := startApp(t, config, "", map[string]string{"LITELLM_SALT_KEY": litellmSalt}).URL()
	for _, tt := range []struct {
		name, method, path, key, body string
		status                        int
	}{
		{"none yet", "GET", "/public/model_hub", "", "", 200},
		{"which gateway it is", "GET", "/public/model_hub/info", "", "", 200},
		{"made public", "POST", "/model_group/make_public", masterKey, `{"model_groups":["ok","absent","ok"]}`, 200},
		{"without names", "POST", "/model_group/make_public", masterKey, `{}`, 422},
		{"no list", "POST", "/model_group/make_public", masterKey, `{"model_groups":"ok"}`, 422},
		{"without a key", "POST", "/model_group/make_public", "", `{"model_groups":["ok"]}`, 401},
		{"seen", "GET", "/public/model_hub", "", "", 200},
		{"a page", "GET", "/public/v1/model_hub?page_size=1&sort=-model_group", "", "", 200},
		{"filtered", "GET", "/public/v1/model_hub?filter[mode][in]=chat&filter[providers][contains]=OPEN&q=O", "", "", 200},
		{"sorted", "GET", "/public/v1/model_hub?sort=-rpm,model_group", "", "", 200},
		{"a page that is none", "GET", "/public/v1/model_hub?page=7", "", "", 200},
		{"providers", "GET", "/public/v1/model_hub/providers?page_size=1", "", "", 200},
		{"modes", "GET", "/public/v1/model_hub/modes", "", "", 200},
		{"a parameter that is none", "GET", "/public/v1/model_hub?color=red", "", "", 400},
		{"an operator that is none", "GET", "/public/v1/model_hub?filter[mode][gt]=a", "", "", 400},
		{"said of the names", "GET", "/model_group/info", masterKey, "", 200},
		{"links of the file", "POST", "/model_hub/update_useful_links", masterKey, `{"useful_links":{}}`, 400},
		{"links that are none", "POST", "/model_hub/update_useful_links", masterKey, `{"useful_links":[]}`, 422},
		{"links that are numbers", "POST", "/model_hub/update_useful_links", masterKey, `{"useful_links":{"Docs":1}}`, 422},
		{"links that are seen", "GET", "/public/model_hub/info", "", "", 200},
		{"none", "POST", "/model_group/make_public", masterKey, `{"model_groups":[]}`, 200},
		{"none that is seen", "GET", "/public/model_hub", "", "", 200},
	} {
		theirs, ours := ask(t, proxy, tt.method, tt.path, tt.key, tt.body), ask(t, own, tt.method, tt.path, tt.key, tt.body)
		if theirs.status != tt.status || ours.status != tt.status {
			t.Errorf("%s: LiteLLM %d %s, Outcrop %d %s, want %d", tt.name, theirs.status, theirs.body, ours.status, ours.body, tt.status)
			continue
		}
		if tt.status != http.StatusOK {
			continue
		}
		for _, d := range compareJSON("", theirs.decoded(), ours.decoded()) {
			switch name := d.path[strings.LastIndexByte(d.path, '.')+1:]; {
			case d.litellm == "null" && d.outcrop == "" || d.litellm == "[]" && d.outcrop == "": // nothing is said
			case strings.HasPrefix(name, "supported_") || strings.HasPrefix(name, "supports_") || name == "deployment_pricing", strings.HasPrefix(name, "max_"), strings.HasSuffix(name, "_cost_per_token") && strings.Contains(d.path, "other"):
				// They are the tables of either.
			case name == "docs_title" || name == "litellm_version":
			default:
				t.Errorf("%s: %s", tt.name, d)
			}
		}
	}
}
