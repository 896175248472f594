package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	emulator "outcrop/emulator/bedrock"
)

// probe is a call whose outcome must be the same after a take-over.
type probe struct {
	key, method, path, body string
}

func (p probe) String() string { return fmt.Sprintf("%s: %s %s %s", p.key, p.method, p.path, p.body) }

// probes are calls with every key, among them all that are refused. The last is paid, so that LiteLLM has written down all
// when it has written that.
func probes(f filled) []probe {
	var all []probe
	chat := func(key, model, members string) {
		all = append(all, probe{key, http.MethodPost, "/v1/chat/completions", chatBody(model, members)})
	}
	for _, key := range []string{"free", "info only", "calls only", "management", "routes", "admin", "blocked", "expired"} {
		all = append(all,
			probe{key, http.MethodGet, "/v1/models", ""},
			probe{key, http.MethodGet, "/key/info", ""},
			probe{key, http.MethodGet, "/user/list", ""},
			probe{key, http.MethodGet, "/team/info?team_id=core", ""},
		)
	}
	for _, name := range names(anyMap(f), nil) {
		if strings.HasPrefix(f[name], "sk-") {
			chat(name, "nova", "")
		}
	}
	chat("rated", "nova", "") // the second call of its minute
	chat("model rated", "nova", "")
	chat("model rated", "other", "")
	chat("narrow", "other", "")
	chat("narrow", "mine", "")
	chat("team", "other", "")
	chat("team", "fast", "")
	chat("team", "added", "")
	chat("changed", "other", "")
	chat("grouped", "plain", "")
	chat("unified", "other", "")
	chat("of bob", "other", "")
	chat("free", "absent", "")
	chat("free", "nova", `, "user": "cheap"`)
	chat("free", "nova", `, "user": "barred"`)
	chat("free", "nova", `, "user": "shop"`)
	return all
}

func anyMap(f filled) map[string]any {
	all := map[string]any{}
	for name, value := range f {
		all[name] = value
	}
	return all
}

// outcomes are what the probes come to: the status, and the type of an error.
func outcomes(t *testing.T, base string, f filled) []string {
	t.Helper()
	var all []string
	for _, p := range probes(f) {
		a := ask(t, base, p.method, p.path, f[p.key], p.body)
		kind := ""
		if answer, ok := a.decoded().(map[string]any); ok {
			if e, ok := answer["error"].(map[string]any); ok {
				kind = " " + shown(e["type"])
			}
		}
		all = append(all, fmt.Sprintf("%d%s", a.status, kind))
	}
	return all
}

// adminQuestion is what both are asked.
type adminQuestion struct{ method, path, body string }

// questions are about everything that was filled in.
func questions(f filled) []adminQuestion {
	day := time.Now().UTC()
	dates := "start_date=" + day.AddDate(0, 0, -1).Format(time.DateOnly) + "&end_date=" + day.AddDate(0, 0, 1).Format(time.DateOnly)
	all := []adminQuestion{
		{http.MethodGet, "/key/list?return_full_object=true&size=100", ""},
		{http.MethodGet, "/team/list", ""},
		{http.MethodGet, "/user/list?page_size=100", ""},
		{http.MethodPost, "/budget/info", `{"budgets": ["small", "wide"]}`},
		{http.MethodGet, "/budget/list", ""},
		{http.MethodGet, "/customer/list", ""},
		{http.MethodPost, "/tag/info", `{"names": ["prod", "costly"]}`},
		{http.MethodGet, "/tag/list", ""},
		{http.MethodGet, "/model/info", ""},
		{http.MethodGet, "/model_group/info", ""},
		{http.MethodGet, "/credentials", ""},
		{http.MethodGet, "/access_group/list", ""},
		{http.MethodGet, "/v1/access_group", ""},
		{http.MethodGet, "/spend/logs?summarize=false&" + dates, ""},
		{http.MethodGet, "/spend/tags?" + dates, ""},
		{http.MethodGet, "/policies/list", ""},
		{http.MethodGet, "/policies/" + f["care"] + "/resolved-guardrails", ""},
		{http.MethodGet, "/policies/name/care/versions", ""},
		{http.MethodGet, "/policies/attachments/list", ""},
		{http.MethodPost, "/policies/resolve", `{"tags": ["dirty"], "model": "nova"}`},
		{http.MethodPost, "/policies/attachments/estimate-impact", `{"policy_name": "care", "teams": ["Cor*"]}`},
		{http.MethodGet, "/policy/list", ""},
		{http.MethodGet, "/user/daily/activity?page_size=1000&" + dates, ""},
		{http.MethodGet, "/team/daily/activity?page_size=1000&" + dates, ""},
		{http.MethodGet, "/tag/daily/activity?page_size=1000&" + dates, ""},
		{http.MethodGet, "/customer/daily/activity?page_size=1000&" + dates, ""},
	}
	for _, key := range names(anyMap(f), nil) {
		if strings.HasPrefix(f[key], "sk-") && key != "deleted" {
			all = append(all, adminQuestion{http.MethodGet, "/key/info?key=" + f[key], ""})
		}
	}
	for path, ids := range map[string][]string{
		"/team/info?team_id=": {"core", "spare", "shut", "poor"}, "/user/info?user_id=": {"ann", "bob", "eve", "root"},
		"/customer/info?end_user_id=": {"shop", "cheap", "barred"},
	} {
		for _, id := range ids {
			all = append(all, adminQuestion{http.MethodGet, path + id, ""})
		}
	}
	return all
}

// TestALiteLLMFilledThroughItsOwnAPIIsTakenOver starts a real LiteLLM on a real PostgreSQL, fills it through its API, takes it
// over, and asks both the same.
func TestALiteLLMFilledThroughItsOwnAPIIsTakenOver(t *testing.T) {
	t.Parallel()
	upstream := startEmulator(t).URL()
	filler := strings.NewReplacer("UPSTREAM", upstream, "AKID", emulator.DemoAccessKeyID, "SECRET", string(emulator.DemoSecretAccessKey))
	params := filler.Replace(`{model: "bedrock/us.amazon.nova-lite-v1:0", aws_region_name: us-east-1, aws_access_key_id: AKID, aws_secret_access_key: SECRET, aws_bedrock_runtime_endpoint: "UPSTREAM"}`)
	text := `
general_settings: {master_key: ` + masterKey + `, store_model_in_db: true, proxy_batch_write_at: 1}
model_list:
  - {model_name: nova, litellm_params: ` + params + `, model_info: {id: id-nova}}
  - {model_name: other, litellm_params: ` + params + `, model_info: {id: id-other}}
guardrails:
  - {guardrail_name: mud, litellm_params: {guardrail: litellm_content_filter, mode: pre_call, blocked_words: [{keyword: mud, action: BLOCK}]}}
`
	proxy, database := litellmOnDatabase(t, text)
	steps := fillSteps()
	calls := 0
	for i := range steps {
		steps[i].body = filler.Replace(steps[i].body)
		if steps[i].as != "" {
			calls += max(1, steps[i].times)
		}
	}
	f := filled{}
	f.fill(t, proxy, steps)
	waitForSpend(t, database, calls, false)
	before := outcomes(t, proxy, f)
	for i, p := range probes(f) {
		if before[i] == "200" && p.method == http.MethodPost {
			calls++
		}
	}
	waitForSpend(t, database, calls, true)
	asked := questions(f)
	var told []adminAnswer
	for _, q := range asked {
		told = append(told, ask(t, proxy, q.method, q.path, masterKey, q.body))
	}

	dir := t.TempDir()
	args := []string{"import", "litellm", "--database-url", database, "--data-dir", dir, "--salt-key", litellmSalt, "--spend-logs"}
	if code, out, errs := command(append(args, "--dry-run")...); code != 0 || !strings.Contains(out, "Nothing was written") {
		t.Fatalf("%d\n%s%s", code, out, errs)
	}
	for range 2 { // it is repeatable
		if code, out, errs := command(args...); code != 0 {
			t.Fatalf("%d\n%s%s", code, out, errs)
		}
	}
	own := startApp(t, text, dir, map[string]string{"LITELLM_SALT_KEY": litellmSalt})
	var found []jsonDifference
	for i, q := range asked {
		a := ask(t, own.URL(), q.method, q.path, masterKey, q.body)
		path, _, _ := strings.Cut(q.path, "?")
		if a.status != told[i].status {
			found = append(found, jsonDifference{path, fmt.Sprint(told[i].status), fmt.Sprint(a.status)})
			continue
		}
		found = append(found, compareJSON(path, told[i].decoded(), a.decoded())...)
	}
	used := map[string]bool{}
	for _, d := range unexplained(found, takenDifferences(), used) {
		t.Error(d)
	}
	for _, e := range takenDifferences() {
		if !used[e.paths] {
			t.Errorf("%s no longer differs: %s", e.paths, e.why)
		}
	}
	after := outcomes(t, own.URL(), f)
	for i, p := range probes(f) {
		if same, why := sameOutcome(p, before[i], after[i]); !same && why == "" {
			t.Errorf("%s: LiteLLM %s, Outcrop %s", p, before[i], after[i])
		}
	}
	comparePage(t, "litellm-management.md", managementPage(t, proxy, own.URL()))
	muddy := strings.Replace(chatBody("nova", `, "metadata": {"tags": ["dirty"]}`), "hello", "mud", 1)
	for _, base := range []string{proxy, own.URL()} { // after all others, which count what is refused
		if a := ask(t, base, http.MethodPost, "/v1/chat/completions", f["free"], muddy); a.status != http.StatusBadRequest || !strings.Contains(string(a.body), "mud") {
			t.Errorf("a policy that was taken over is not in force: %d %s", a.status, a.body)
		}
	}
}

// waitForSpend waits until LiteLLM has written what so many calls have cost, and if days is true, also to the sums of days,
// of which it writes those of tags more seldom.
func waitForSpend(t *testing.T, database string, calls int, days bool) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := conn.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	untilWritten(t, "LiteLLM has not written what calls have cost", func() (bool, string) {
		var logs, rows, counted int
		var logged, keys, users, tags float64
		err := conn.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM "LiteLLM_SpendLogs" WHERE status = 'success'), (SELECT coalesce(sum(spend), 0) FROM "LiteLLM_SpendLogs"),
			(SELECT sum(spend) FROM "LiteLLM_VerificationToken"), (SELECT coalesce(sum(spend), 0) FROM "LiteLLM_DailyUserSpend"),
			(SELECT count(*) FROM "LiteLLM_SpendLogs"), (SELECT coalesce(sum(api_requests), 0)::bigint FROM "LiteLLM_DailyUserSpend"),
			(SELECT coalesce(sum(spend), 0) FROM "LiteLLM_DailyTagSpend" WHERE tag = 'User-Agent: Go-http-client')`).Scan(&logs, &logged, &keys, &users, &rows, &counted, &tags)
		if err != nil {
			t.Fatal(err)
		}
		same := func(a, b float64) bool { return a-b < 1e-12 && b-a < 1e-12 }
		return logs == calls && same(logged, keys) && (!days || rows == counted && same(logged, users) && same(logged, tags)),
			fmt.Sprintf("%d of %d paid rows; %d rows, %d in the days; %g USD in the log, %g of keys, %g of users a day, %g of tags a day", logs, calls, rows, counted, logged, keys, users, tags)
	})
}

// sameOutcome reports whether a probe has come to the same. LiteLLM's framework answers some refusals without an error's type.
// why is the reason if it has not, and that is as it should be.
func sameOutcome(p probe, litellm, outcrop string) (same bool, why string) {
	status, _, typed := strings.Cut(litellm, " ")
	if litellm == outcrop || !typed && strings.HasPrefix(outcrop, status) {
		return true, ""
	}
	switch {
	case strings.Contains(p.body, `"barred"`):
		return false, "LiteLLM refuses blocked customers only with its enterprise callback blocked_user_check; Outcrop always does"
	case strings.Contains(p.body, `"absent"`):
		return false, "a model that does not exist is OpenAI's 404 model_not_found in Outcrop, and 400 in LiteLLM"
	}
	return false, ""
}

// takenDifferences are the differences between the answers of a LiteLLM and those of the Outcrop that has taken it over.
func takenDifferences() []knownDifference {
	return []knownDifference{
		{"*.last_active */key/list.keys[*].updated_at", "Outcrop does not note when a key was used last"},
		{"*.settings_updated_at", "Outcrop does not note when settings were changed apart from updated_at"},
		{"*.total_spend", "LiteLLM's sum of all time; Outcrop's is that of /spend/logs"},
		{"*.model_spend *.model_max_budget_usage", "LiteLLM's database does not have what was spent on single models"},
		{"*.soft_budget_cooldown *.is_session_token", "LiteLLM has these always, and always false"},
		{"/key/list.keys[*].team_blocked /key/list.keys[*].team_models /user/info.keys[*].team_alias", "they are those of the key's team: /team/info"},
		{"*.model_id *.litellm_model_table.*", "LiteLLM keeps aliases of teams in a table of their own; Outcrop has them as model_aliases"},
		{"*.team_memberships[*].budget_source *.team_info.caller_edit_access *.team_member_budget_table *.members_with_roles[*].user_alias", "for LiteLLM's pages"},
		{"/user/info.teams[*].keys /user/info.teams[*].team_memberships", "they are in /team/info"},
		{"/user/info.user_info.organization_memberships", "an empty list"},
		{"/budget/list[*].budget_reset_at /tag/*.budget_reset_at", "LiteLLM lets the period of a tag's budget begin when it resets budgets next; in Outcrop it has begun"},
		{"/tag/list[User-Agent:*] /tag/list[Credential:*]", "LiteLLM also lists tags that only calls have; Outcrop: /spend/tags"},
		{"/model/info.data[*].litellm_params.*", "Outcrop answers no settings of connections, and no defaults"},
		{"/model/info.data[*].model_info.supports_* /model/info.data[*].model_info.supported_openai_params /model/info.data[*].model_info.cache_read_input_token_cost /model/info.data[*].model_info.*_batches /model/info.data[*].model_info.key /model/info.data[*].model_info.litellm_provider /model/info.data[*].model_info.pricing_overrides", "it is LiteLLM's price table; Outcrop has its own catalogue"},
		{"/model/info.data[*].model_info.member_auto_router", "there are no auto-routers"},
		{"/model_group/info.data[*].deployment_pricing /model_group/info.data[*].supported_openai_params /model_group/info.data[*].supported_reasoning_efforts /model_group/info.data[*].supports_*", "it is LiteLLM's price table; Outcrop has its own catalogue"},
		{"/model/info.data[*].model_info.access_via_team_ids /model/info.data[*].model_info.direct_access", "for LiteLLM's pages"},
		{"/spend/logs[*].api_base /spend/logs[*].cache_key /spend/logs[*].litellm_call_id /spend/logs[*].created_at /spend/logs[*].updated_at", "not taken"},
		{"/spend/logs[*].cache_hit /spend/logs[*].organization_id /spend/logs[*].team_id", "LiteLLM has several words for none"},
		{"*/daily/activity.*savings_spend */daily/activity.*compression_saved_tokens */daily/activity.*flat_cost */daily/activity.*ptu_hours */daily/activity.*timed_requests */daily/activity.*response_time_ms */daily/activity.*.guardrails", "Outcrop does not add these up"},
		{"*/daily/activity.results[*].breakdown.model_groups.*", "LiteLLM has one row a day for a key and a model, which counts for the group that was called first; Outcrop has one for each group"},
		{"*/daily/activity.results[*].breakdown.endpoints.*", "Outcrop does not tell endpoints apart"},
		{"/user/daily/activity.results[*].breakdown.entities.*", "users have no part of their own in Outcrop's answer"},
		{"*/daily/activity.*.metadata.user_email */daily/activity.*.metadata.team_alias */daily/activity.*.metadata.alias", "they are in /user/info, /team/info and /customer/info"},
		{"*/daily/activity.*.breakdown.providers.unknown */daily/activity.*.breakdown.models.unknown-model.*", "calls that were refused before there was a provider and a model have none in Outcrop"},
		{"/team/daily/activity.*", "LiteLLM also counts calls of keys without a team, as Unassigned; Outcrop those of teams"},
		{"*/daily/activity.*.metadata.key_alias", "a deleted key is not taken"},
		{"/policy/list.policies.care.guardrails.add /policy/list.total_count", "LiteLLM lists policies in force without their own guardrails, and counts none"},
		{"/spend/logs[*].request_duration_ms", "it is the time from the start to the end, which LiteLLM rounds down"},
	}
}
