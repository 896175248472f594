package app_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"outcrop/app"
	"outcrop/internal/need"
	"outcrop/internal/postgres"
)

const (
	publicModels = `
litellm_settings: {public_model_groups: [granite], public_model_groups_links: {Handbook: "https://example.com/handbook"}}`
	storedModels = `
general_settings: {master_key: sk-master, store_model_in_db: true`
)

func TestPublicModelsAreShownToEverybody(t *testing.T) {
	opt := app.Options{Config: load(t, "http://127.0.0.1:1", storedModels+"}\n"), DataDir: t.TempDir()}
	a := start(t, opt)
	shown := func(path string, want, absent string) {
		t.Helper()
		status, body := asks(t, a, "", "GET", path, "")
		if status != http.StatusOK || !strings.Contains(body, want) || absent != "" && strings.Contains(body, absent) {
			t.Errorf("%s: %d %s, want %q and not %q", path, status, body, want, absent)
		}
	}
	shown("/public/model_hub", "[]", "granite")
	shown("/public/model_hub/info", `"useful_links":{}`, "")
	tell(t, a,
		exchange{"POST", "/team/new", `{"team_id":"t"}`, 200, ""},
		exchange{"POST", "/model/new", `{"model_name":"basalt","litellm_params":{"model":"openai/m","api_base":"http://127.0.0.1:1"},"model_info":{"id":"own","team_id":"t"}}`, 200, ""},
		exchange{"POST", "/model_group/make_public", `{}`, 422, "model_groups must be given"},
		exchange{"POST", "/model_group/make_public", `{"model_groups":"granite"}`, 422, "list of texts"},
		exchange{"POST", "/model_group/make_public", `{"model_groups":["basalt","granite","absent","absent"]}`, 200, `{"message":"Successfully updated public model groups","public_model_groups":["basalt","granite","absent","absent"],"updated_by":"default_user_id"}`},
		exchange{"GET", "/model_group/info?model_group=granite", "", 200, `"is_public_model_group":true`},
		exchange{"GET", "/audit", "", 200, "/model_group/make_public"},
		exchange{"POST", "/model_hub/update_useful_links", `{"useful_links":{"A":3}}`, 422, "useful_links.A must be a text or an object"},
		exchange{"POST", "/model_hub/update_useful_links", `{"useful_links":{"A":{"url":"https://example.com/a","index":0}}}`, 200, `"useful_links":{"A":{"url":"https://example.com/a","index":0}}`},
	)
	// A team's own model has its name, and is not shown; a name is shown once; no address or credential is shown.
	shown("/public/model_hub", `[{"model_group":"basalt","providers":[],`, "127.0.0.1")
	shown("/public/model_hub", `{"model_group":"granite","providers":["`, "sk-")
	shown("/public/model_hub", `"is_public_model_group":true,"health_status":null`, "")
	if _, body := asks(t, a, "", "GET", "/public/model_hub", ""); strings.Count(body, "absent") != 1 {
		t.Errorf("%s", body)
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	a = start(t, opt)
	shown("/public/model_hub", `"model_group":"absent"`, "")
	shown("/public/model_hub/info", `"A":{`, "")
	tell(t, a, exchange{"POST", "/model_group/make_public", `{"model_groups":[]}`, 200, `"public_model_groups":[]`})
	shown("/public/model_hub", "[]", "granite")
}

// TestPublicModelsOfTheFileBelongToTheFile changes nothing of what the file sets, as LiteLLM.
func TestPublicModelsOfTheFileBelongToTheFile(t *testing.T) {
	a := start(t, app.Options{Config: load(t, "http://127.0.0.1:1", publicModels+storedModels+"}\n"), DataDir: t.TempDir()})
	tell(t, a,
		exchange{"POST", "/model_group/make_public", `{"model_groups":[]}`, 400, "only be changed there"},
		exchange{"POST", "/model_hub/update_useful_links", `{"useful_links":{}}`, 400, "only be changed there"},
		exchange{"GET", "/public/model_hub", "", 200, `[{"model_group":"granite","providers":["`},
		exchange{"GET", "/public/model_hub/info", "", 200, `"useful_links":{"Handbook":"https://example.com/handbook"}`},
		exchange{"GET", "/model_group/info?model_group=granite", "", 200, `"is_public_model_group":true`},
	)
}

func TestPublicModelsAreTheSameOnAllReplicas(t *testing.T) {
	machine, err := postgres.Start(t.Context(), "")
	need.Server(t, machine, err)
	replica := func() *app.App {
		return start(t, app.Options{DataDir: t.TempDir(), Config: load(t, "http://127.0.0.1:1", storedModels+`, database_url: "`+machine.URL()+"\"}\n")})
	}
	a, b := replica(), replica()
	tell(t, a, exchange{"POST", "/model_group/make_public", `{"model_groups":["slate"]}`, 200, ""})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		_, body := asks(t, b, "", "GET", "/public/model_hub", "")
		if strings.Contains(body, "slate") {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("the other replica shows %s", body)
		}
	}
}

func TestPublicModelsAreNotStoredWithoutTheSetting(t *testing.T) {
	a := start(t, app.Options{Config: load(t, "http://127.0.0.1:1", publicModels+strings.Replace(storedModels, "true", "false", 1)+"}\n"), DataDir: t.TempDir()})
	tell(t, a,
		exchange{"POST", "/model_group/make_public", `{"model_groups":[]}`, 500, "STORE_MODEL_IN_DB"},
		exchange{"GET", "/public/model_hub", "", 200, `"model_group":"granite"`},
	)
}

func TestPublicModelsAreListedByPages(t *testing.T) {
	entry := func(name, model, info string) string {
		return "\n  - {model_name: " + name + ", litellm_params: {model: " + model + ", api_base: \"http://127.0.0.1:1\", api_key: sk-a}, model_info: {" + info + "}}"
	}
	a := start(t, app.Options{Config: load(t, "http://127.0.0.1:1", entry("slate", "openai/m", "mode: chat, input_cost_per_token: 0.5, supports_vision: true")+
		entry("shale", "mistral/m", "mode: chat, input_cost_per_token: 0.25")+entry("chalk", "openai/e", "mode: embedding, supports_reasoning: true")+
		"\nlitellm_settings: {public_model_groups: [slate, shale, chalk, absent]}\ngeneral_settings: {master_key: sk-master}\n"), DataDir: t.TempDir()})
	for query, want := range map[string]string{
		"":                                                   "absent chalk shale slate",
		"sort=-model_group":                                  "slate shale chalk absent",
		"sort=input_cost_per_token":                          "shale slate absent chalk",
		"sort=-input_cost_per_token,model_group":             "slate shale absent chalk",
		"sort=mode,-model_group":                             "slate shale absent chalk",
		"q=HA":                                               "chalk shale",
		"filter[mode]=embedding":                             "chalk",
		"filter[mode][eq]=embedding":                         "chalk",
		"filter[mode][in]=embedding,%20chat&q=a":             "absent chalk shale slate",
		"filter[providers][in]=mistral":                      "shale",
		"filter[providers][contains]=PENA":                   "chalk slate",
		"filter[features][in]=vision,reasoning":              "chalk slate",
		"filter[features][in]=vision&filter[mode]=embedding": "",
		"page_size=2":                                        "absent chalk",
		"page_size=2&page=2":                                 "shale slate",
		"page=9":                                             "",
	} {
		status, body := asks(t, a, "", "GET", "/public/v1/model_hub?"+query, "")
		var page struct {
			Data []struct {
				Name string `json:"model_group"`
			}
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil || status != 200 {
			t.Errorf("%s: %d %s", query, status, body)
		}
		var names []string
		for _, m := range page.Data {
			names = append(names, m.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	for path, want := range map[string]string{
		"?page_size=3&q=a":             `"meta":{"total_count":4,"page":1,"page_size":3,"total_pages":2},"links":{"self":"/public/v1/model_hub?page_size=3\u0026q=a\u0026page=1","first":"`,
		"?page_size=500":               `"page_size":100,"total_pages":1}`,
		"?q=none":                      `{"data":[],"meta":{"total_count":0,"page":1,"page_size":50,"total_pages":0},"links":{"self":"/public/v1/model_hub?q=none\u0026page=1`,
		"/providers":                   `{"data":["mistral","openai"],"meta":{"page":1,"page_size":50,"has_more":false},"links":{"self":"/public/v1/model_hub/providers?page=1","prev":null,"next":null}}`,
		"/modes?filter[mode]=chat":     `{"data":["chat"],`,
		"/features?page_size=1":        `{"data":["reasoning"],"meta":{"page":1,"page_size":1,"has_more":true}`,
		"/features?page_size=1&page=2": `"has_more":false`,
	} {
		if status, body := asks(t, a, "", "GET", "/public/v1/model_hub"+path, ""); status != 200 || !strings.Contains(strings.ReplaceAll(body, "&", `\u0026`), want) {
			t.Errorf("%s: %d %s, want %s", path, status, body, want)
		}
	}
	for path, kind := range map[string]string{
		"?color=red": "unknown-query-parameter", "?page=0": "invalid-query-parameter", "?page=1&page=2": "duplicate-query-parameter", "?sort=color": "invalid-sort-field",
		"?sort=mode,mode": "duplicate-sort-field", "/modes?sort=mode": "unknown-query-parameter", "/colors": "invalid-query-parameter",
	} {
		if status, body := asks(t, a, "", "GET", "/public/v1/model_hub"+path, ""); status != 400 || !strings.Contains(body, `"type":"urn:litellm:error:`+kind+`"`) {
			t.Errorf("%s: %d %s, want %s", path, status, body, kind)
		}
	}
}
