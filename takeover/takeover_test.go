package takeover_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"outcrop/internal/need"
	"outcrop/internal/postgres"
	"outcrop/quota"
	"outcrop/store"
	"outcrop/takeover"
	"outcrop/tenant"
)

// soon is a time in LiteLLM's form, without a zone, a while from now.
func soon(after time.Duration) string {
	return time.Now().UTC().Add(after).Format("2006-01-02T15:04:05.000")
}

// nextMonth is when a budget of 30d begins anew.
func nextMonth() string {
	w, err := quota.ParseWindow("30d", time.Time{})
	if err != nil {
		panic(err)
	}
	return w.End(time.Now()).Format("2006-01-02T15:04:05.000")
}

// fill fills a database with one of everything, as LiteLLM's management API writes it
// (litellm/proxy/management_endpoints).
func fill(l *litellm) {
	l.Helper()
	l.insert("LiteLLM_BudgetTable", `{"budget_id": "b-10", "max_budget": 10, "rpm_limit": 5, "budget_duration": "30d", "budget_reset_at": "`+nextMonth()+`", "created_by": "admin", "updated_by": "admin"}`)
	l.insert("LiteLLM_BudgetTable", `{"budget_id": "b-member", "max_budget": 3, "allowed_models": ["gpt-5"], "created_by": "admin", "updated_by": "admin"}`)
	l.insert("LiteLLM_BudgetTable", `{"budget_id": "b-default", "max_budget": 7, "budget_duration": "7d", "created_by": "admin", "updated_by": "admin"}`)
	l.insert("LiteLLM_OrganizationTable", `{"organization_id": "org", "organization_alias": "Survey", "budget_id": "b-10", "models": ["gpt-5"], "spend": 4.5, "created_by": "admin", "updated_by": "admin"}`)
	l.insert("LiteLLM_UserTable", `{"user_id": "ann", "user_email": "ann@example.com", "user_role": "internal_user", "max_budget": 20, "spend": 1.25, "teams": ["geo"], "models": []}`)
	l.insert("LiteLLM_UserTable", `{"user_id": "bob", "user_email": "Bob@example.com", "password": "scrypt:secret", "spend": 0, "models": ["no-default-models"]}`)
	l.insert("LiteLLM_UserTable", `{"user_id": "litellm-proxy-budget", "spend": 99.5}`)
	l.insert("LiteLLM_OrganizationMembership", `{"user_id": "ann", "organization_id": "org", "user_role": "org_admin", "spend": 0.5}`)
	l.exec(`INSERT INTO "LiteLLM_ModelTable" (id, aliases, created_by, updated_by) VALUES (7, '"{\"fast\": \"gpt-5-mini\"}"', 'admin', 'admin')`) // JSON in a text
	l.insert("LiteLLM_TeamTable", `{"team_id": "geo", "team_alias": "Geology", "organization_id": "org", "models": ["gpt-5"], "spend": 2.000000000001, "max_budget": 100, "blocked": false, "model_id": 7,
		"members_with_roles": [{"role": "admin", "user_id": "ann", "user_email": null}, {"role": "user", "user_id": null, "user_email": "bob@example.com"}, {"role": "user", "user_email": "nobody@example.com"}],
		"metadata": {"team_member_budget_id": "b-default", "guardrails": ["pii"], "logging": [{"callback_vars": {"langfuse_secret_key": "sk-lf-secret"}}]}}`)
	l.insert("LiteLLM_TeamTable", `{"team_id": "shut", "models": [], "blocked": true, "members": ["bob"]}`)
	l.insert("LiteLLM_TeamMembership", `{"user_id": "ann", "team_id": "geo", "spend": 0.75, "budget_id": "b-member"}`)
	l.insert("LiteLLM_TeamMembership", `{"user_id": "cyd", "team_id": "geo", "spend": 0.1}`)
	l.insert("LiteLLM_ObjectPermissionTable", `{"object_permission_id": "op", "models": ["gpt-5"]}`)
	l.insert("LiteLLM_ProjectTable", `{"project_id": "pr", "project_alias": "Maps", "team_id": "geo", "budget_id": "b-10", "models": ["gpt-5"], "metadata": {"model_rpm_limit": {"gpt-5": 7}}, "spend": 0.7, "created_by": "admin", "updated_by": "admin"}`)
	key := func(secret, more string) {
		l.insert("LiteLLM_VerificationToken", `{"token": "`+tenant.Hash(secret)+`", "key_name": "sk-...`+secret[len(secret)-4:]+`", `+more+`}`)
	}
	key("sk-plain", `"key_alias": "ann's", "user_id": "ann", "team_id": "geo", "spend": 0.123456789012, "max_budget": 5, "budget_duration": "30d", "budget_reset_at": "`+nextMonth()+`", "blocked": null, "tpm_limit": 9000000000,
		"models": ["all-team-models"], "aliases": {"best": "gpt-5"}, "allowed_routes": ["llm_api_routes"], "expires": "2099-01-02T03:04:05.678", "tpd_limit": 5,
		"metadata": {"model_rpm_limit": {"gpt-5": 3}, "tags": ["field"]}, "model_max_budget": {"gpt-5": {"budget_limit": 0.5, "time_period": "1d"}}, "permissions": {"get_spend_routes": true}, "created_at": "2026-01-01T00:00:00"`)
	key("sk-blocked", `"blocked": true, "models": []`)
	key("sk-shared-budget", `"budget_id": "b-10", "spend": 2.5, "models": [], "object_permission_id": "op", "project_id": "pr"`)
	key("sk-late", `"spend": 8, "max_budget": 10, "budget_duration": "1d", "budget_reset_at": "`+soon(-time.Hour)+`", "models": []`)
	key("sk-hourly", `"spend": 1, "max_budget": 10, "budget_duration": "2h", "budget_reset_at": "`+soon(47*time.Minute)+`", "models": []`)
	key("sk-pages", `"team_id": "litellm-dashboard", "models": []`)
	l.insert("LiteLLM_DeprecatedVerificationToken", `{"id": "1", "token": "`+tenant.Hash("sk-old")+`", "active_token_id": "`+tenant.Hash("sk-plain")+`", "revoke_at": "`+soon(time.Hour)+`"}`)
	l.insert("LiteLLM_DeprecatedVerificationToken", `{"id": "2", "token": "`+tenant.Hash("sk-older")+`", "active_token_id": "`+tenant.Hash("sk-plain")+`", "revoke_at": "`+soon(-time.Hour)+`"}`)
	l.insert("LiteLLM_EndUserTable", `{"user_id": "shop", "alias": "Shop", "spend": 0.25, "budget_id": "b-10", "blocked": true}`)
	l.insert("LiteLLM_TagTable", `{"tag_name": "field", "description": "in the field", "models": [], "spend": 0.3, "budget_id": "b-10"}`)
	l.insert("LiteLLM_AccessGroupTable", `{"access_group_id": "ag", "access_group_name": "all", "access_model_names": ["gpt-5"], "updated_at": "2026-01-01T00:00:00"}`)
	l.insert("LiteLLM_ModelAccessGroupBudgetTable", `{"access_group_name": "beta", "budget_id": "b-10", "spend": 0.2, "created_by": "admin", "updated_by": "admin"}`)
	l.insert("LiteLLM_Config", `{"param_name": "litellm_settings", "param_value": {"drop_params": true}}`)
}

func TestEveryRowOfLiteLLMBecomesAnEntityWithItsSpend(t *testing.T) {
	eachStore(t, func(l *litellm, s *store.Store) {
		fill(l)
		p := l.take(s)
		e := entity(l.T, s, store.KindKey, tenant.Hash("sk-plain"))
		has(l.T, e, "key_alias", `"ann's"`, "user_id", `"ann"`, "team_id", `"geo"`, "max_budget", "5", "tpm_limit", "9000000000", "models", `["all-team-models"]`, "aliases", `{"best":"gpt-5"}`,
			"allowed_routes", `["llm_api_routes"]`, "expires", `"2099-01-02T03:04:05.678Z"`, "blocked", "null", "token", "", "spend", "", "metadata", `{"tags":["field"],"model_rpm_limit":{"gpt-5":3}}`,
			"model_max_budget", `{"gpt-5":{"time_period":"1d","budget_limit":0.5}}`, "permissions", `{"get_spend_routes":true}`)
		if e.Alias != "ann's" || e.UserID != "ann" || e.TeamID != "geo" || !e.Created.Equal(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) {
			l.Errorf("the key's columns: %+v", e)
		}
		has(l.T, entity(l.T, s, store.KindKey, tenant.Hash("sk-blocked")), "blocked", "true")
		has(l.T, entity(l.T, s, store.KindKey, tenant.Hash("sk-shared-budget")), "budget_id", `"b-10"`)
		has(l.T, entity(l.T, s, store.KindTeam, "geo"), "team_alias", `"Geology"`, "model_aliases", `{"fast":"gpt-5-mini"}`, "team_member_budget", "7", "team_member_budget_duration", `"7d"`, "members_with_roles", "",
			"metadata", `{"guardrails":["pii"],"team_member_budget_id":"b-default"}`)
		has(l.T, entity(l.T, s, store.KindTeam, "shut"), "blocked", "true")
		has(l.T, entity(l.T, s, store.KindMember, "geo/ann"), "role", `"admin"`, "budget_id", `"b-member"`)
		has(l.T, entity(l.T, s, store.KindMember, "geo/bob"), "role", `"user"`, "user_email", `"bob@example.com"`)
		has(l.T, entity(l.T, s, store.KindMember, "geo/cyd"), "role", `"user"`)
		has(l.T, entity(l.T, s, store.KindMember, "shut/bob"), "role", `"user"`)
		has(l.T, entity(l.T, s, store.KindUser, "bob"), "user_role", `"internal_user"`, "models", `["no-default-models"]`, "password", "")
		if e := entity(l.T, s, store.KindUser, "bob"); e.Alias != "Bob@example.com" { // by which the user is found
			l.Errorf("the user's alias: %q", e.Alias)
		}
		has(l.T, entity(l.T, s, store.KindOrganization, "org"), "organization_alias", `"Survey"`, "budget_id", `"b-10"`)
		has(l.T, entity(l.T, s, store.KindOrgMember, "org/ann"), "user_role", `"org_admin"`)
		has(l.T, entity(l.T, s, store.KindCustomer, "shop"), "blocked", "true", "alias", `"Shop"`)
		has(l.T, entity(l.T, s, store.KindTag, "field"), "name", `"field"`)
		has(l.T, entity(l.T, s, store.KindProject, "pr"), "project_alias", `"Maps"`, "team_id", `"geo"`, "budget_id", `"b-10"`, "models", `["gpt-5"]`, "metadata", `{"model_rpm_limit":{"gpt-5":7}}`)
		has(l.T, entity(l.T, s, store.KindAccessGroup, "ag"), "access_model_names", `["gpt-5"]`)
		has(l.T, entity(l.T, s, store.KindOldKey, tenant.Hash("sk-old")), "active_token_id", `"`+tenant.Hash("sk-plain")+`"`)
		for _, gone := range []store.Ref{{Kind: store.KindOldKey, ID: tenant.Hash("sk-older")}, {Kind: store.KindKey, ID: tenant.Hash("sk-pages")}, {Kind: store.KindUser, ID: "litellm-proxy-budget"}} {
			if _, err := s.Entity(l.Context(), gone.Kind, gone.ID); !errors.Is(err, store.ErrNotFound) {
				l.Errorf("%v: %v", gone, err)
			}
		}
		for _, of := range []struct {
			kind   store.Kind
			id, is string
		}{
			{store.KindKey, tenant.Hash("sk-plain"), "0.123456789012"},
			{store.KindKey, tenant.Hash("sk-shared-budget"), "2.5"},
			{store.KindKey, tenant.Hash("sk-late"), "0"},
			{store.KindKey, tenant.Hash("sk-hourly"), "1"},
			{store.KindUser, "ann", "1.25"},
			{store.KindTeam, "geo", "2.000000000001"},
			{store.KindMember, "geo/ann", "0.75"},
			{store.KindMember, "geo/cyd", "0.1"},
			{store.KindOrganization, "org", "4.5"},
			{store.KindOrgMember, "org/ann", "0.5"},
			{store.KindCustomer, "shop", "0.25"},
			{store.KindTag, "field", "0.3"},
			{store.KindProject, "pr", "0.7"},
			{store.KindGroupBudget, "beta", "0.2"},
			{"proxy", "", "99.5"},
		} {
			spent(l.T, s, of.kind, of.id, of.is)
		}
		counters, err := s.Counters(l.Context(), []string{store.SpendCounter(store.KindKey, tenant.Hash("sk-plain")), store.SpendCounter(store.KindKey, tenant.Hash("sk-hourly"))})
		if err != nil {
			l.Fatal(err)
		}
		if got := counters[store.SpendCounter(store.KindKey, tenant.Hash("sk-plain"))].Ends.Format("2006-01-02T15:04:05.000"); got != nextMonth() {
			l.Errorf("a budget of 30d ends at %s, want %s", got, nextMonth())
		}
		if left := time.Until(counters[store.SpendCounter(store.KindKey, tenant.Hash("sk-hourly"))].Ends); left < 45*time.Minute || left > 47*time.Minute {
			l.Errorf("a budget of 2h ends in %s, not when LiteLLM's does", left)
		}
		for _, of := range []struct {
			table, field, word string
			weaker             bool
		}{
			{"LiteLLM_VerificationToken", "tpd_limit", "tokens a day", true},
			{"LiteLLM_VerificationToken", "object_permission_id", "not checked", true},
			{"LiteLLM_VerificationToken", "", "signed in", false},
			{"LiteLLM_TeamTable", "metadata.guardrails", "guardrails", false},
			{"LiteLLM_TeamTable", "metadata.logging", "credentials", false},
			{"LiteLLM_TeamTable.members_with_roles", "", "neither", false},
			{"LiteLLM_DeprecatedVerificationToken", "", "ended", false},
			{"LiteLLM_Config", "", "config.yaml", false},
		} {
			leaves(l.T, p, of.table, of.field, of.word, of.weaker)
		}
		if text := fmt.Sprintf("%+v", p.Left); strings.Contains(text, "secret") {
			l.Errorf("the report has a secret: %s", text)
		}
	})
}

func TestAnAmountOfLiteLLMIsTakenToItsLastDigit(t *testing.T) {
	l := newLiteLLM(t)
	for i, amount := range []string{"0.000000000001", "0.1", "0.30000000000000004", "1234.567890123456", "999999.999999", "1e-13"} {
		l.insert("LiteLLM_VerificationToken", fmt.Sprintf(`{"token": "%064x", "spend": %s, "models": []}`, i, amount))
	}
	s, err := store.Open(t.Context(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	l.take(s)
	for i, want := range []string{"0.000000000001", "0.1", "0.3", "1234.567890123456", "999999.999999", "0"} {
		spent(t, s, store.KindKey, fmt.Sprintf("%064x", i), want)
	}
}

func TestASecondTakeOverBringsOnlyWhatHasChangedInLiteLLM(t *testing.T) {
	eachStore(t, func(l *litellm, s *store.Store) {
		fill(l)
		l.take(s)
		before, _, err := s.Changes(l.Context(), 0)
		if err != nil || len(before) == 0 {
			l.Fatal(before, err)
		}
		_, revision, err := s.Changes(l.Context(), 0)
		if err != nil {
			l.Fatal(err)
		}
		p := l.take(s)
		if changed, _, err := s.Changes(l.Context(), revision); err != nil || len(changed) > 0 {
			l.Errorf("a second take-over without a change has changed %v, %v", changed, err)
		}
		for _, table := range p.Tables {
			if table.Created+table.Changed+table.Deleted > 0 {
				l.Errorf("%+v", table)
			}
		}

		// Outcrop goes on: calls cost, a key is changed, another deleted.
		plain, shared, blocked := tenant.Hash("sk-plain"), tenant.Hash("sk-shared-budget"), tenant.Hash("sk-blocked")
		counter := store.SpendCounter(store.KindKey, plain)
		if err := s.Import(l.Context(), &store.Import{Add: []store.Addition{{Counter: counter, Units: 1_000_000_000_000}}}); err != nil {
			l.Fatal(err)
		}
		e := entity(l.T, s, store.KindKey, plain)
		e.Doc = []byte(strings.Replace(string(e.Doc), `"max_budget":5`, `"max_budget":6`, 1))
		if _, err := s.Change(l.Context(), &store.Change{Put: []store.Entity{*e}, Delete: []store.Ref{{Kind: store.KindKey, ID: shared}}}); err != nil {
			l.Fatal(err)
		}
		// LiteLLM too.
		l.exec(`UPDATE "LiteLLM_VerificationToken" SET spend = spend + 0.25, models = '{gpt-5-mini}' WHERE token = '` + plain + `'`)
		l.exec(`DELETE FROM "LiteLLM_VerificationToken" WHERE token = '` + blocked + `'`)
		l.exec(`UPDATE "LiteLLM_TeamTable" SET spend = 0.5 WHERE team_id = 'geo'`) // was reset to less
		l.take(s)

		has(l.T, entity(l.T, s, store.KindKey, plain), "max_budget", "6", "models", `["gpt-5-mini"]`)
		spent(l.T, s, store.KindKey, plain, "1.373456789012")
		spent(l.T, s, store.KindTeam, "geo", "0.5")
		for _, gone := range []string{shared, blocked} {
			if _, err := s.Entity(l.Context(), store.KindKey, gone); !errors.Is(err, store.ErrNotFound) {
				l.Errorf("a deleted key is there: %v", err)
			}
		}
	})
}

func TestSpendOfANewPeriodOfLiteLLMIsAddedWhole(t *testing.T) {
	eachStore(t, func(l *litellm, s *store.Store) {
		hash := tenant.Hash("sk-x")
		l.insert("LiteLLM_VerificationToken", `{"token": "`+hash+`", "spend": 8, "max_budget": 10, "budget_duration": "1d", "budget_reset_at": "`+soon(-time.Second)+`", "models": []}`)
		l.take(s)
		spent(l.T, s, store.KindKey, hash, "0")
		l.exec(`UPDATE "LiteLLM_VerificationToken" SET spend = 0.5, budget_reset_at = '` + soon(20*time.Hour) + `'`)
		l.take(s)
		spent(l.T, s, store.KindKey, hash, "0.5")
		l.exec(`UPDATE "LiteLLM_VerificationToken" SET spend = 0.75`)
		l.take(s)
		spent(l.T, s, store.KindKey, hash, "0.75")
	})
}

func TestADatabaseWithNoneOfTheKeysDeletesNothing(t *testing.T) {
	l, other := newLiteLLM(t), newLiteLLM(t)
	fill(l)
	s, err := store.Open(t.Context(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	l.take(s)
	if err := other.plan().Write(t.Context(), s); !errors.Is(err, takeover.ErrOtherDatabase) {
		t.Errorf("an empty database: %v", err)
	}
	entity(t, s, store.KindKey, tenant.Hash("sk-plain"))
}

func TestSpendLogsAreCopiedOnceWithTheirDays(t *testing.T) {
	eachStore(t, func(l *litellm, s *store.Store) {
		hash := tenant.Hash("sk-x")
		l.exec(`INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, api_key, spend, total_tokens, prompt_tokens, completion_tokens, "startTime", "endTime", model, model_group, custom_llm_provider, "user", team_id, end_user,
				metadata, request_tags, messages, status, cache_hit)
			SELECT 'r' || i, 'acompletion', '` + hash + `', 0.001, 30, 20, 10, '2026-03-01T04:05:06.789'::timestamp + (i % 3) * interval '1 day', '2026-03-04T04:05:08', 'gpt-5', 'best', 'openai', 'ann', 'geo', 'shop',
				'{"user_api_key_alias": "ann''s", "usage_object": {"prompt_tokens_details": {"cached_tokens": 8}}}', '["field"]', '{"secret": "prompt"}', 'success', CASE WHEN i = 4 THEN 'True' ELSE 'False' END FROM generate_series(0, 1202) AS i`)
		l.insert("LiteLLM_SpendLogs", `{"request_id": "failed", "call_type": "acompletion", "api_key": "`+hash+`", "startTime": "2026-03-04T00:00:00", "endTime": "2026-03-04T00:00:01", "model": "gpt-5", "status": "failure",
			"metadata": {"error_information": {"error_code": "429", "error_class": "RateLimitError"}}}`)
		for n, want := range []int{1204, 0} {
			logs, err := l.plan().CopyLogs(l.Context(), l.source(), s, func(takeover.Logs) {})
			if err != nil || logs.Rows != 1204 || logs.Added != want {
				l.Fatalf("copy %d: %+v, %v", n, logs, err)
			}
		}
		sums, err := s.Daily(l.Context(), store.DailyFilter{Kind: store.KindKey, IDs: []string{hash}, By: []store.Column{}})
		if err != nil || len(sums) != 1 || sums[0].Cost != 1_203_000_000_000 || sums[0].Requests != 1204 || sums[0].Failures != 1 || sums[0].Input != 1203*20 || sums[0].CacheRead != 1203*8 {
			l.Errorf("sums: %+v, %v", sums, err)
		}
		rows, _, err := s.Rows(l.Context(), store.RowFilter{RequestID: "r4"})
		if err != nil || len(rows) != 1 {
			l.Fatal(rows, err)
		}
		r := rows[0]
		if r.Cost != 1_000_000_000 || !r.Cached || r.Group != "best" || r.KeyAlias != "ann's" || r.Customer != "shop" || r.Tags[0] != "field" || !r.Start.Equal(time.Date(2026, 3, 2, 4, 5, 6, 789_000_000, time.UTC)) {
			l.Errorf("row: %+v", r)
		}
		if rows, _, err = s.Rows(l.Context(), store.RowFilter{RequestID: "failed"}); err != nil || rows[0].Status != 429 || rows[0].Cached || rows[0].Code != "RateLimitError" {
			l.Errorf("failed row: %+v, %v", rows, err)
		}
	})
}

func TestADatabaseThatIsNotLiteLLMsIsRefused(t *testing.T) {
	if machine == nil {
		need.Missing(t, postgres.ErrNotInstalled.Error())
	}
	if _, err := takeover.Open(t.Context(), machine.URL()); err == nil || !strings.Contains(err.Error(), "LiteLLM_VerificationToken") {
		t.Errorf("%v", err)
	}
	if _, err := takeover.Open(t.Context(), "postgres://u:secretword@127.0.0.1:1/x?connect_timeout=2"); err == nil || strings.Contains(err.Error(), "secretword") {
		t.Errorf("%v", err)
	}
}

// TestLiteLLMsDatabaseIsNotWritten takes over with a role that may only read.
func TestLiteLLMsDatabaseIsNotWritten(t *testing.T) {
	l := newLiteLLM(t)
	fill(l)
	l.exec(`CREATE ROLE reader LOGIN`)
	l.exec(`GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader`)
	s, err := takeover.Open(t.Context(), strings.Replace(l.url, "outcrop@", "reader@", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	if _, err := takeover.Read(t.Context(), s, time.Now()); err != nil {
		t.Error(err)
	}
}
