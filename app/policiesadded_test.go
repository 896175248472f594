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

// policiesBeside are guardrails and a policy of the file, beside which the store can have others.
func policiesBeside(base, more string) string {
	return `
  - {model_name: sand, litellm_params: {model: openai/m, api_base: "` + base + `", api_key: sk-first-secret}}
general_settings: {master_key: sk-master, store_model_in_db: true` + more + `}
guardrails:
  - {guardrail_name: mud, litellm_params: {guardrail: litellm_content_filter, mode: pre_call, blocked_words: [{keyword: mud, action: BLOCK}]}}
  - {guardrail_name: clay, litellm_params: {guardrail: litellm_content_filter, mode: pre_call, blocked_words: [{keyword: clay, action: BLOCK}]}}
  - {guardrail_name: wash, litellm_params: {guardrail: litellm_content_filter, mode: post_call, blocked_words: [{keyword: loess, action: MASK}]}}
policies:
  file: {guardrails: {add: [mud]}}
policy_attachments:
  - {policy: file, tags: [dirt]}
`
}

// asksWith is a chat with tags.
func asksWith(t *testing.T, a *app.App, key, text, tags string) (int, string) {
	t.Helper()
	return asks(t, a, key, "POST", "/v1/chat/completions", `{"model":"sand","messages":[{"role":"user","content":"`+text+`"}],"metadata":{"tags":[`+tags+`]}}`)
}

// idIn is a member of an answer.
func idIn(t *testing.T, answer, name string) string {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal([]byte(answer), &members); err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	id, _ := members[name].(string)
	return id
}

func TestPoliciesAreAddedAndDeletedWhileTheGatewayRuns(t *testing.T) {
	dir := t.TempDir()
	opt := app.Options{Config: load(t, account(t), policiesBeside(account(t), "")), DataDir: dir}
	a, err := app.New(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	says := func(a *app.App, text, tags string, want int, has string) {
		t.Helper()
		if status, body := asksWith(t, a, "sk-master", text, tags); status != want || !strings.Contains(body, has) {
			t.Errorf("%s with [%s]: %d %s, want %d and %s", text, tags, status, body, want, has)
		}
	}
	says(a, "mud", `"dirt"`, 400, "mud")
	says(a, "clay", `"potters"`, 200, "")
	first := tell(t, a, exchange{"POST", "/policies", `{"policy_name":"potters","inherit":"file","description":"No clay.","guardrails_add":["clay"],"guardrails_remove":null,"condition":{"model":"sa.*"},"pipeline":null}`, 200, `"version_number":1,"version_status":"production"`})
	id := idIn(t, first, "policy_id")
	says(a, "clay", `"potters"`, 200, "") // it is attached to nothing yet
	attached := tell(t, a, exchange{"POST", "/policies/attachments", `{"policy_name":"potters","tags":["pott*"]}`, 200, `"policy_name":"potters","scope":null,"teams":[],"keys":[],"models":[],"tags":["pott*"],"priority":null,"default":false`})
	attachment := idIn(t, attached, "attachment_id")
	says(a, "clay", `"potters"`, 400, "clay")
	says(a, "mud", `"potters"`, 400, "mud") // which it inherits
	says(a, "clay", `"others"`, 200, "")
	tell(t, a,
		exchange{"POST", "/policies/resolve", `{"tags":["potters"],"model":"sand"}`, 200, `{"effective_guardrails":["clay","mud"],"matched_policies":[{"policy_name":"potters","matched_via":"tag:potters","guardrails_added":["mud","clay"]}]}`},
		exchange{"POST", "/policies/resolve", `{"tags":["potters"],"model":"gravel"}`, 200, `"effective_guardrails":["mud"]`},
		exchange{"POST", "/policies/resolve", `{}`, 200, `{"effective_guardrails":[],"matched_policies":[]}`},
		exchange{"GET", "/policies/list", "", 200, `"policy_name":"potters"`},
		exchange{"GET", "/policies/list", "", 200, `"policy_id":"file","policy_name":"file","version_number":1,"version_status":"production","inherit":null,"guardrails_add":["mud"],"guardrails_remove":[],"condition":null,"pipeline":null,"definition_location":"config"}],"total_count":2}`},
		exchange{"GET", "/policies/list?version_status=draft", "", 200, `{"policies":[],"total_count":0}`},
		exchange{"GET", "/policies/attachments/list", "", 200, `"attachment_id":"config-0","policy_name":"file","scope":null`},
		exchange{"GET", "/policies/attachments/" + attachment, "", 200, `"tags":["pott*"]`},
		exchange{"GET", "/policies/" + id, "", 200, `"description":"No clay."`},
		// What is wrong is refused.
		exchange{"POST", "/policies", `{"policy_name":"potters"}`, 400, "already exists"},
		exchange{"POST", "/policies", `{"guardrails_add":["mud"]}`, 422, "policy_name must be given"},
		exchange{"POST", "/policies", `{"policy_name":"two words"}`, 400, "must be a word"},
		exchange{"POST", "/policies", `{"policy_name":"p","guardrails_add":["none"]}`, 400, `there is no guardrail \"none\"`},
		exchange{"POST", "/policies", `{"policy_name":"p","inherit":"none"}`, 400, `there is no policy \"none\"`},
		exchange{"POST", "/policies", `{"policy_name":"p","inherit":"p"}`, 400, "inherit"},
		exchange{"POST", "/policies", `{"policy_name":"file","inherit":"potters"}`, 400, "inherits from itself"},
		exchange{"POST", "/policies", `{"policy_name":"p","pipeline":{"mode":"pre_call","steps":[{"guardrail":"mud","on_fail":"go"}]}}`, 400, "on_fail"},
		exchange{"POST", "/policies", `{"policy_name":"p","condition":{"model":"*"}}`, 400, "regular expression"},
		exchange{"POST", "/policies/attachments", `{"policy_name":"none","scope":"*"}`, 400, `there is no policy`},
		exchange{"POST", "/policies/attachments", `{"policy_name":"file","teams":["nobody"]}`, 400, "No team has the alias nobody"},
		exchange{"POST", "/policies/attachments", `{"policy_name":"file","scope":"all"}`, 400, "scope"},
		exchange{"PUT", "/policies/" + id, `{"description":"x"}`, 400, "Only drafts"},
		exchange{"GET", "/policies/none", "", 404, "not found"},
		exchange{"DELETE", "/policies/file", "", 404, "configuration's file"},
		exchange{"DELETE", "/policies/attachments/config-0", "", 404, "configuration's file"},
		exchange{"GET", "/audit", "", 200, `"table_name":"LiteLLM_PolicyTable"`},
		exchange{"GET", "/audit", "", 200, `"table_name":"LiteLLM_PolicyAttachmentTable"`},
		exchange{"POST", "/key/generate", `{"key":"sk-of-a-member-0001"}`, 200, ""},
	)
	if status, body := asks(t, a, "sk-of-a-member-0001", "POST", "/policies", `{"policy_name":"mine"}`); status != http.StatusForbidden && status != http.StatusUnauthorized {
		t.Errorf("a key of nobody makes a policy: %d %s", status, body)
	}

	// Versions.
	draft := idIn(t, tell(t, a, exchange{"POST", "/policies/name/potters/versions", `{}`, 200, `"version_number":2,"version_status":"draft","parent_version_id":"` + id + `","is_latest":true`}), "policy_id")
	tell(t, a,
		exchange{"PUT", "/policies/" + draft, `{"guardrails_add":[],"pipeline":{"mode":"pre_call","steps":[{"guardrail":"clay","on_fail":"modify_response","modify_response_message":"Ask about sand.","on_error":null,"pass_data":false}]}}`, 200, `"guardrails_add":[]`},
		exchange{"PUT", "/policies/" + draft + "/status", `{"version_status":"production"}`, 400, "Publish the version first"},
	)
	says(a, "clay", `"potters"`, 400, "clay") // a draft is not in force
	tell(t, a, exchange{"PUT", "/policies/" + draft + "/status", `{"version_status":"published"}`, 200, `"version_status":"published"`})
	says(a, "clay", `"potters"`, 400, "clay")
	tell(t, a, exchange{"PUT", "/policies/" + draft + "/status", `{"version_status":"production"}`, 200, `"version_status":"production"`})
	says(a, "clay", `"potters"`, 200, "Ask about sand.")
	tell(t, a,
		exchange{"GET", "/policies/" + id, "", 200, `"version_status":"published"`},
		exchange{"GET", "/policies/name/potters/versions", "", 200, `{"policy_name":"potters","versions":[{"policy_id":"` + draft},
		exchange{"GET", "/policies/compare?version_a=" + id + "&version_b=" + draft, "", 200, `"field_diffs":{"guardrails_add":{"version_a":["clay"],"version_b":[]},"pipeline":{"version_a":null,`},
		exchange{"PUT", "/policies/" + id + "/status", `{"version_status":"draft"}`, 400, "Invalid status"},
		// One of the store takes the place of one of the file, from which another inherits.
		exchange{"POST", "/policies", `{"policy_name":"file","guardrails_add":["clay"]}`, 200, ""},
	)
	says(a, "mud", `"dirt"`, 200, "")
	says(a, "clay", `"dirt"`, 400, "clay")
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}

	again := start(t, opt) // what is stored is in force from the first call
	says(again, "clay", `"potters"`, 200, "Ask about sand.")
	says(again, "clay", `"dirt"`, 400, "clay")
	tell(t, again, exchange{"DELETE", "/policies/name/file/all-versions", "", 200, "configuration's file is in force again"})
	says(again, "mud", `"dirt"`, 400, "mud")
	tell(t, again,
		exchange{"POST", "/policies", `{"policy_name":"heir","inherit":"potters"}`, 200, ""},
		exchange{"DELETE", "/policies/" + draft, "", 400, "heir inherit from potters"},
		exchange{"DELETE", "/policies/name/heir/all-versions", "", 200, "deleted"},
		exchange{"DELETE", "/policies/attachments/" + attachment, "", 200, "deleted"},
	)
	says(again, "clay", `"potters"`, 200, `"first"`)
	tell(t, again, exchange{"DELETE", "/policies/" + draft, "", 200, "No other version is in force"})
}

// TestAPolicyOfTheStoreFailsClosed is about one whose guardrail the file no longer has.
func TestAPolicyOfTheStoreFailsClosed(t *testing.T) {
	dir, base := t.TempDir(), account(t)
	text := policiesBeside(base, "")
	a, err := app.New(t.Context(), app.Options{Config: load(t, base, text), DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	tell(t, a,
		exchange{"POST", "/policies", `{"policy_name":"potters","guardrails_add":["clay"]}`, 200, ""},
		exchange{"POST", "/policies/attachments", `{"policy_name":"potters","scope":"*"}`, 200, ""},
	)
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := start(t, app.Options{Config: load(t, base, strings.Replace(text, "guardrail_name: clay", "guardrail_name: silt", 1)), DataDir: dir})
	if status, body := asksWith(t, again, "sk-master", "sand", ""); status != 503 || !strings.Contains(body, "clay") {
		t.Errorf("%d %s", status, body)
	}
}

func TestPoliciesOfTheStoreReachAllReplicas(t *testing.T) {
	machine, err := postgres.Start(t.Context(), "")
	need.Server(t, machine, err)
	base := account(t)
	replica := func() *app.App {
		return start(t, app.Options{DataDir: t.TempDir(), Config: load(t, base, policiesBeside(base, `, database_url: "`+machine.URL()+`"`))})
	}
	a, b := replica(), replica()
	becomes := func(want int) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		for ctx.Err() == nil {
			if status, _ := asksWith(t, b, "sk-master", "clay", ""); status == want {
				return
			}
		}
		t.Errorf("the other replica does not answer with %d", want)
	}
	becomes(http.StatusOK)
	tell(t, a, exchange{"POST", "/policies", `{"policy_name":"potters","guardrails_add":["clay"]}`, 200, ""})
	id := idIn(t, tell(t, a, exchange{"POST", "/policies/attachments", `{"policy_name":"potters","scope":"*"}`, 200, ""}), "attachment_id")
	becomes(http.StatusBadRequest)
	tell(t, b, exchange{"DELETE", "/policies/attachments/" + id, "", 200, ""})
	becomes(http.StatusOK)
}

func TestPoliciesAreNotStoredWithoutTheSetting(t *testing.T) {
	base := account(t)
	a := start(t, app.Options{Config: load(t, base, strings.Replace(policiesBeside(base, ""), "store_model_in_db: true", "store_model_in_db: false", 1)), DataDir: t.TempDir()})
	tell(t, a,
		exchange{"POST", "/policies", `{"policy_name":"potters"}`, 500, "STORE_MODEL_IN_DB"},
		exchange{"GET", "/policies/list", "", 200, `"policy_name":"file"`},
	)
}

func TestAReloadKeepsThePoliciesOfTheStore(t *testing.T) {
	general := "general_settings: {master_key: " + reloadedMaster + ", store_model_in_db: true}\n"
	r := reloadable(t, strings.Replace(blocking("clay"), "default_on: true, ", "", 1)+general)
	for _, x := range []exchange{
		{"POST", "/policies", `{"policy_name":"potters","guardrails_add":["words"]}`, 200, ""},
		{"POST", "/policies/attachments", `{"policy_name":"potters","scope":"*"}`, 200, ""},
	} {
		if status, body := asks(t, r.a, r.master, x.method, x.path, x.body); status != x.status {
			t.Fatalf("%s: %d %s", x.path, status, body)
		}
	}
	r.wants("clay", 400)
	r.reload(strings.Replace(blocking("mud"), "default_on: true, ", "", 1) + general)
	r.wants("clay", 200)
	r.wants("mud", 400)
}
