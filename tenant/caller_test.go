package tenant_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"outcrop/llm"
	"outcrop/store"
	"outcrop/tenant"
)

func TestKeysThatMayNotBeUsedAreRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		key     string // another than the usual one
		doc     string
		team    string
		user    string
		status  int
		code    llm.Code
		class   string
		message string
	}{
		"unknown":             {key: "sk-unknown", status: 401, code: llm.CodeUnauthorized, class: "token_not_found_in_db", message: "the API key is not valid for this gateway."},
		"no key of ours":      {key: "hello", status: 401, code: llm.CodeUnauthorized, class: "auth_error", message: "its keys begin with sk-"},
		"endless":             {key: "sk-" + strings.Repeat("x", tenant.MaxKey), status: 401, code: llm.CodeUnauthorized, class: "auth_error", message: "not valid"},
		"blocked":             {doc: `{"blocked":true}`, status: 401, code: llm.CodeKeyBlocked, class: "auth_error", message: "this API key is blocked."},
		"expired":             {doc: `{"key_name":"sk-...6789","expires":"2026-06-10T12:00:00"}`, status: 401, code: llm.CodeKeyExpired, class: "expired_key", message: "the API key sk-...6789 expired at 2026-06-10T12:00:00Z"},
		"of a blocked team":   {doc: `{"team_id":"t"}`, team: `{"blocked":true}`, status: 401, code: llm.CodeKeyBlocked, class: "auth_error", message: "the team t is blocked."},
		"of a blocked user":   {doc: `{"user_id":"u"}`, user: `{"blocked":true}`, status: 401, code: llm.CodeKeyBlocked, class: "auth_error", message: "the user u is blocked."},
		"of an inactive user": {doc: `{"user_id":"u"}`, user: `{"metadata":{"scim_active":false}}`, status: 401, code: llm.CodeKeyBlocked, class: "auth_error", message: "the user u is blocked."},
		"unreadable":          {doc: `{"max_budget":"much"}`, status: 503, code: llm.CodeLimitsAway, message: "what the database has of the key cannot be read"},
		"unreadable end":      {doc: `{"expires":"soon"}`, status: 503, code: llm.CodeLimitsAway, message: "what the database has of the key cannot be read"},
		"of unreadable teams": {doc: `{"team_id":"t"}`, team: `{"rpm_limit":"ten"}`, status: 503, code: llm.CodeLimitsAway, message: "what the database has of the team cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := begin(t, tenant.Settings{})
			if tt.doc != "" {
				w.key(tt.doc)
			}
			if tt.team != "" {
				w.put(store.KindTeam, "t", tt.team)
			}
			if tt.user != "" {
				w.put(store.KindUser, "u", tt.user)
			}
			if tt.key == "" {
				tt.key = key
			}
			_, err := w.directory.Caller(t.Context(), tt.key)
			e := refusal(t, err)
			if e.Status != tt.status || e.Code != tt.code || e.Class != tt.class || !strings.Contains(e.Message, tt.message) {
				t.Errorf("%d %s %s: %s", e.Status, e.Code, e.Class, e.Message)
			}
		})
	}
}

func TestAKeyIsWhoItBelongsTo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		doc  string
		user string
		want tenant.Caller
	}{
		"alone":              {doc: `{}`},
		"a user's":           {doc: `{"user_id":"u"}`, want: tenant.Caller{UserID: "u", Role: tenant.RoleUser}},
		"an active user's":   {doc: `{"user_id":"u"}`, user: `{"metadata":{"scim_active":"false"}}`, want: tenant.Caller{UserID: "u", Role: tenant.RoleUser}},
		"an admin's":         {doc: `{"user_id":"u"}`, user: `{"user_role":"proxy_admin"}`, want: tenant.Caller{UserID: "u", Role: tenant.RoleAdmin}},
		"a team's":           {doc: `{"team_id":"t"}`, want: tenant.Caller{TeamID: "t", OrganizationID: "o", Role: tenant.RoleTeam}},
		"of an organization": {doc: `{"team_id":"t","organization_id":"p","user_id":"u"}`, want: tenant.Caller{UserID: "u", TeamID: "t", OrganizationID: "p", Role: tenant.RoleUser}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := begin(t, tenant.Settings{})
			w.key(tt.doc)
			w.put(store.KindTeam, "t", `{"organization_id":"o"}`)
			if tt.user != "" {
				w.put(store.KindUser, "u", tt.user)
			}
			c := w.caller()
			if c.UserID != tt.want.UserID || c.TeamID != tt.want.TeamID || c.OrganizationID != tt.want.OrganizationID || c.Role != tt.want.Role {
				t.Errorf("user %q, team %q, organization %q, role %q", c.UserID, c.TeamID, c.OrganizationID, c.Role)
			}
			if c.Hash != tenant.Hash(key) {
				t.Errorf("the hash is %s", c.Hash)
			}
		})
	}
}

func TestAReplacedKeyWorksUntilItsGraceIsOver(t *testing.T) {
	t.Parallel()
	w := begin(t, tenant.Settings{})
	w.key(`{"key_alias":"new","expires":"2026-06-10T14:00:00Z","rpm_limit":1}`)
	w.put(store.KindOldKey, tenant.Hash("sk-old"), `{"active_token_id":"`+tenant.Hash(key)+`","revoke_at":"2026-06-10T13:00:00Z"}`)
	w.put(store.KindOldKey, tenant.Hash("sk-older"), `{"active_token_id":"`+tenant.Hash(key)+`","revoke_at":"2026-06-10T15:00:00Z"}`)
	w.put(store.KindOldKey, tenant.Hash("sk-endless"), `{"active_token_id":"`+tenant.Hash(key)+`"}`)
	old, err := w.directory.Caller(t.Context(), "sk-old")
	if err != nil || old.Hash != tenant.Hash(key) || old.Alias != "new" {
		t.Fatalf("%+v, %v", old, err)
	}
	if _, err := old.Begin(t.Context(), call(1)); err != nil {
		t.Fatal(err)
	}
	if e := w.fails(call(1)); e.Code != llm.CodeRateLimited { // they share the limit
		t.Errorf("the new key: %v", e)
	}
	if _, err := w.directory.Caller(t.Context(), "sk-endless"); refusal(t, err).Code != llm.CodeLimitsAway {
		t.Errorf("a key without an end: %v", err)
	}
	w.pass(time.Hour)
	if _, err := w.directory.Caller(t.Context(), "sk-old"); refusal(t, err).Code != llm.CodeKeyExpired {
		t.Errorf("after the grace: %v", err)
	}
	if _, err := w.directory.Caller(t.Context(), "sk-older"); err != nil {
		t.Error(err)
	}
	w.pass(time.Hour)
	if _, err := w.directory.Caller(t.Context(), "sk-older"); refusal(t, err).Code != llm.CodeKeyExpired { // the key itself has expired
		t.Errorf("after the key's end: %v", err)
	}
}

func TestChangesHoldAfterRefresh(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(w *world){
		"the key": func(w *world) { w.key(`{"team_id":"t","user_id":"u","blocked":true}`) },
		"the key's end": func(w *world) {
			w.change(store.Change{Delete: []store.Ref{{Kind: store.KindKey, ID: tenant.Hash(key)}}})
		},
		"the team":         func(w *world) { w.put(store.KindTeam, "t", `{"blocked":true}`) },
		"the user":         func(w *world) { w.put(store.KindUser, "u", `{"blocked":true}`) },
		"the team's user":  func(w *world) { w.put(store.KindMember, "t/u", `{"max_budget_in_team":0}`) },
		"its budget":       func(w *world) { w.put(store.KindBudget, "b", `{"max_budget":0}`) },
		"the organization": func(w *world) { w.put(store.KindOrganization, "o", `{"models":["other"]}`) },
		"an access group": func(w *world) {
			w.put(store.KindAccessGroup, "g", `{"access_group_name":"group","access_model_names":["other"]}`)
		},
		"a customer": func(w *world) { w.put(store.KindCustomer, "c", `{"blocked":true}`) },
		"a tag":      func(w *world) { w.put(store.KindTag, "tag", `{"max_budget":0}`) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := begin(t, tenant.Settings{})
			w.put(store.KindTeam, "t", `{"organization_id":"o"}`)
			w.put(store.KindMember, "t/u", `{"budget_id":"b"}`)
			w.put(store.KindAccessGroup, "g", `{"access_group_name":"group","access_model_names":["m"]}`)
			w.key(`{"team_id":"t","user_id":"u","models":["group"]}`)
			req := call(1)
			req.Customer, req.Tags = "c", []string{"tag"}
			w.settle(w.passes(req), 1)
			change(w)
			c, err := w.directory.Caller(t.Context(), key)
			if err == nil {
				_, err = c.Begin(t.Context(), req)
			}
			if err == nil {
				t.Error("the call passes as before")
			}
		})
	}
}

func TestAnOldDocumentThatIsReadLateDoesNotComeBack(t *testing.T) {
	t.Parallel()
	w := begin(t, tenant.Settings{})
	w.key(`{"team_id":"t"}`)
	w.put(store.KindTeam, "t", `{"rpm_limit":1000}`)
	changed := false
	w.store.read = func(kind store.Kind, _ string) {
		if kind != store.KindTeam || changed {
			return
		}
		changed = true
		// While the team's document is on its way, it changes, and another call has read the change.
		w.put(store.KindTeam, "t", `{"rpm_limit":1}`)
		w.settle(w.passes(call(1)), 1)
	}
	if e := w.fails(call(1)); e.Code != llm.CodeRateLimited || !strings.Contains(e.Message, "1 requests a minute") {
		t.Errorf("the call that read the old document: %v", e)
	}
	if e := w.fails(call(1)); e.Code != llm.CodeRateLimited {
		t.Errorf("the call after it: %v", e)
	}
}

func TestWithoutTheDatabaseKnownKeysWorkAndOthersDoNot(t *testing.T) {
	t.Parallel()
	w := begin(t, tenant.Settings{})
	w.key(`{"rpm_limit":10}`)
	w.settle(w.passes(call(1)), 1)
	w.store.away = errors.New("connection refused")
	w.settle(w.passes(call(1)), 1)
	_, err := w.directory.Caller(t.Context(), "sk-other")
	if e := refusal(t, err); e.Status != 503 || e.Code != llm.CodeLimitsAway || e.RetryAfter == "" {
		t.Errorf("%+v", e)
	}
	req := call(1)
	req.Customer = "new"
	if e := w.fails(req); e.Code != llm.CodeLimitsAway {
		t.Errorf("a customer that has not been read: %v", e)
	}
}

func TestRoutesOfAKey(t *testing.T) {
	t.Parallel()
	const chat, messages, gemini, own, models, info = "/v1/chat/completions", "/v1/messages", "/v1beta/models/gemini:generateContent", "/model/nova/converse", "/v1/models", "/health"
	all := []string{chat, messages, gemini, own, models, info}
	for doc, want := range map[string][]string{
		`{}`:                        all,
		`{"key_type":"default"}`:    all,
		`{"key_type":"llm_api"}`:    {chat, messages, gemini, own, models},
		`{"key_type":"management"}`: nil,
		`{"key_type":"read_only"}`:  {models, info},
		`{"key_type":"read_only","allowed_routes":["/v1/messages"]}`:    {messages},
		`{"allowed_routes":["llm_api_routes"]}`:                         {chat, messages, gemini, own, models},
		`{"allowed_routes":["openai_routes"]}`:                          {chat, models},
		`{"allowed_routes":["anthropic_routes","info_routes"]}`:         {messages, models, info},
		`{"allowed_routes":["google_routes"]}`:                          {gemini},
		`{"allowed_routes":["mapped_pass_through_routes"]}`:             {own},
		`{"allowed_routes":["/v1/chat/"]}`:                              {chat},
		`{"allowed_routes":["/v1/ch"]}`:                                 nil,
		`{"allowed_routes":["/v1/m*"]}`:                                 {messages, models},
		`{"allowed_routes":["/model/{id}/converse"]}`:                   {own},
		`{"allowed_routes":["/"]}`:                                      nil,
		`{"allowed_routes":["no_routes"]}`:                              nil,
		`{"allowed_routes":["management_routes","/v1/messages/other"]}`: nil,
	} {
		w := begin(t, tenant.Settings{})
		w.key(doc)
		c := w.caller()
		for _, path := range all {
			may := false
			for _, p := range want {
				may = may || p == path
			}
			err := c.Route(path)
			if may != (err == nil) {
				t.Errorf("%s: %s: %v", doc, path, err)
			}
			if err == nil {
				continue
			}
			if e := refusal(t, err); e.Status != 403 || e.Code != llm.CodeRouteDenied || e.Class != "auth_error" || !strings.Contains(e.Message, path) {
				t.Errorf("%s: %+v", doc, e)
			}
		}
	}
}
