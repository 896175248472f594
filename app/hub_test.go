package app_test

import (
	"context"
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
