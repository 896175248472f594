package ui_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"outcrop/httpd/ui"
	"outcrop/telemetry"
)

func quote(text string) ([]byte, error) { return json.Marshal(map[string]string{"Sid": text}) }

func TestEachRoleSeesItsPages(t *testing.T) {
	w := newWorld(t, nil)
	const all, readers, people, callers = "operator viewer member key", "operator viewer", "operator viewer member", "operator member key"
	for path, roles := range map[string]string{
		"/ui": all, "/ui/logs": all, "/ui/logs/rows": all, "/ui/logs/earlier": people, "/ui/logs/earlier/rows": people, "/ui/logs/earlier/older": people, "/ui/models": all, "/ui/models/rows": all, "/ui/models/way?id=x": all, "/ui/playground": callers, "/ui/usage": people, "/ui/usage.csv": people,
		"/ui/refusals": readers, "/ui/doctor": readers, "/ui/keys": all, "/ui/teams": all, "/ui/teams/t1": all, "/ui/users": readers, "/ui/customers": readers, "/ui/budgets": readers, "/ui/audit": readers,
	} {
		for role, key := range map[string]string{"operator": master, "viewer": "sk-viewer", "member": "sk-member", "key": "sk-key"} {
			c := w.login(key)
			want := http.StatusForbidden
			if slices.Contains(strings.Fields(roles), role) {
				want = http.StatusOK
			}
			if out := c.get(path); out.Code != want {
				t.Errorf("%s at %s: %d", role, path, out.Code)
			}
			if nav := c.get("/ui").Body.String(); !strings.Contains(path, "?") && strings.Count(path, "/") == 2 && path != "/ui/doctor" && path != "/ui/usage.csv" && strings.Contains(nav, `href="`+path+`"`) != (want == http.StatusOK) {
				t.Errorf("the navigation of %s and %s do not agree", role, path)
			}
		}
		if out := w.client().get(path); out.Code != http.StatusSeeOther || out.Header().Get("Location") != "/ui/login" {
			t.Errorf("nobody at %s: %d", path, out.Code)
		}
	}
	for path, roles := range map[string]string{
		"/ui/doctor": "operator", "/ui/refusals/again": "operator", "/ui/keys/make": "operator member", "/ui/teams/make": "operator member", "/ui/users/make": "operator", "/ui/budgets/make": "operator", "/ui/customers/make": "operator", "/ui/teams/t1/add": "operator member", "/ui/teams/t1/remove": "operator member", "/ui/playground/chat": callers,
	} {
		for role, key := range map[string]string{"operator": master, "viewer": "sk-viewer", "member": "sk-member", "key": "sk-key"} {
			c := w.login(key)
			token := c.token("/ui")
			w.did()
			out := c.send(http.MethodPost, path, url.Values{"csrf": {token}, "model": {"m"}})
			allowed := slices.Contains(strings.Fields(roles), role)
			if (out.Code == http.StatusForbidden) == allowed || !allowed && len(w.did()) > 0 {
				t.Errorf("%s posts to %s: %d %v", role, path, out.Code, allowed)
			}
		}
	}
}

func TestPagesAskWithTheKeyOfWhoLooks(t *testing.T) {
	w := newWorld(t, nil)
	for _, key := range []string{master, "sk-viewer", "sk-member"} {
		c := w.login(key)
		w.did()
		c.get("/ui/keys")
		if did := w.did(); len(did) != 1 || !strings.HasSuffix(did[0], " "+key) {
			t.Errorf("%s: %q", key, did)
		}
		for _, path := range []string{"/ui", "/ui/keys", "/ui/playground"} {
			if out := c.get(path); strings.Contains(out.Body.String(), key) || strings.Contains(c.cookie.Value, key) {
				t.Errorf("%s shows the key", path)
			}
		}
	}
}

func TestAChangeNeedsTheTokenOfItsSession(t *testing.T) {
	w := newWorld(t, nil)
	c, other := w.login(master), w.login(master)
	right := c.token("/ui/keys")
	for name, token := range map[string]string{"none": "", "another session's": other.token("/ui/keys"), "a made-up one": "AAAA", "the cookie": c.cookie.Value} {
		w.did()
		out := c.send(http.MethodPost, "/ui/keys/make", url.Values{"csrf": {token}, "key_alias": {"x"}})
		if out.Code != http.StatusForbidden || len(w.did()) > 0 {
			t.Errorf("%s: %d", name, out.Code)
		}
	}
	c.header.Set("Sec-Fetch-Site", "cross-site")
	if out := c.send(http.MethodPost, "/ui/keys/make", url.Values{"csrf": {right}}); out.Code != http.StatusForbidden {
		t.Errorf("from another site: %d", out.Code)
	}
	c.header = http.Header{}
	w.answers["/key/generate"] = `{"key":"sk-new"}`
	w.did()
	out := c.send(http.MethodPost, "/ui/keys/make", url.Values{"csrf": {right}, "key_alias": {"x"}, "max_budget": {"2.50"}, "models": {"a, b"}})
	if did := w.did(); out.Code != http.StatusOK || !strings.Contains(out.Body.String(), "sk-new") || did[0] != `POST /key/generate {"key_alias":"x","models":["a","b"],"max_budget":2.5} `+master {
		t.Errorf("%d %q", out.Code, did)
	}
	for _, path := range []string{"/ui/logout", "/ui/doctor", "/ui/refusals/again", "/ui/playground/chat"} {
		if out := c.send(http.MethodPost, path, nil); out.Code != http.StatusForbidden {
			t.Errorf("%s: %d", path, out.Code)
		}
	}
}

func TestASessionCannotBeFixedForgedOrKept(t *testing.T) {
	w := newWorld(t, nil)
	c := w.client()
	token := c.token("/ui/login")
	planted := *c.cookie
	c.send(http.MethodPost, "/ui/login", url.Values{"csrf": {token}, "key": {master}})
	signedIn := *c.cookie
	if signedIn.Value == planted.Value {
		t.Error("the session before the login is that after it")
	}
	attacker := w.client()
	attacker.cookie = &planted
	if out := attacker.get("/ui/keys"); out.Code != http.StatusSeeOther {
		t.Errorf("who has planted a session is in it: %d", out.Code)
	}
	if !signedIn.HttpOnly || signedIn.SameSite != http.SameSiteLaxMode || signedIn.Path != "/ui" || signedIn.MaxAge <= 0 {
		t.Errorf("%+v", signedIn)
	}
	c.send(http.MethodPost, "/ui/logout", url.Values{"csrf": {c.token("/ui")}})
	if c.cookie != nil {
		t.Error("the browser keeps the session")
	}
	attacker.cookie = &signedIn
	if out := attacker.get("/ui"); out.Code != http.StatusSeeOther {
		t.Errorf("a session after its end: %d", out.Code)
	}
	old := w.login(master)
	w.later(13 * time.Hour)
	if out := old.get("/ui"); out.Code != http.StatusSeeOther {
		t.Errorf("a session after its time: %d", out.Code)
	}
	blocked := w.login("sk-viewer")
	w.block("sk-viewer")
	if out := blocked.get("/ui"); out.Header().Get("Location") != "/ui/login?why=ended" {
		t.Errorf("a session of a blocked key: %d %s", out.Code, out.Header())
	}
	for _, value := range []string{"", "x", signedIn.Value[:len(signedIn.Value)-2], signedIn.Value + "AA", strings.Repeat("A", 9000)} {
		attacker.cookie = &http.Cookie{Name: signedIn.Name, Value: value}
		if out := attacker.get("/ui"); out.Code != http.StatusSeeOther {
			t.Errorf("%q: %d", value, out.Code)
		}
	}
}

func TestALoginIsRefusedClearly(t *testing.T) {
	w := newWorld(t, nil)
	for key, want := range map[string]struct {
		status int
		words  string
	}{"sk-wrong": {401, "not valid here"}, "": {400, "Enter a key"}, "sk-away": {503, "the database is away"}} {
		c := w.client()
		out := c.send(http.MethodPost, "/ui/login", url.Values{"csrf": {c.token("/ui/login")}, "key": {key}})
		if out.Code != want.status || !strings.Contains(out.Body.String(), want.words) {
			t.Errorf("%q: %d %s", key, out.Code, out.Body)
		}
		if out := c.get("/ui"); out.Code != http.StatusSeeOther {
			t.Errorf("%q is in", key)
		}
	}
	if out := w.client().send(http.MethodPost, "/ui/login", url.Values{"key": {master}}); out.Code != http.StatusForbidden {
		t.Errorf("without a token: %d", out.Code)
	}
}

func TestWithoutAMasterKeyWhoeverComesIsTheOperator(t *testing.T) {
	w := newWorld(t, func(o *ui.Options) {
		o.Master = ""
		o.Identify = func(*http.Request) (*ui.Person, error) { return &ui.Person{Role: ui.Operator}, nil }
	})
	c := w.client()
	if out := c.get("/ui/keys"); out.Code != http.StatusOK || strings.Contains(out.Body.String(), "Sign out") {
		t.Errorf("%d", out.Code)
	}
	if out := w.client().send(http.MethodPost, "/ui/keys/make", nil); out.Code != http.StatusForbidden {
		t.Errorf("a change from elsewhere: %d", out.Code)
	}
	if out := c.send(http.MethodPost, "/ui/keys/make", url.Values{"csrf": {c.token("/ui/keys")}}); out.Code != http.StatusSeeOther {
		t.Errorf("a change: %d", out.Code)
	}
}

// corpus are texts that would run, load or break out, if they came to a page as they are.
var corpus = []string{
	`<script>window.bad=1</script>`, `"><img src=x onerror=window.bad=1>`, `'><svg onload=window.bad=1>`, `</code></pre><iframe src=//evil.example>`, `javascript:window.bad=1`, `</title><script>window.bad=1</script>`,
	`{{.CSRF}}`, "a\r\ndata: <u>x</u>\r\n\r\n", `</textarea><script>window.bad=1</script>`, `" autofocus onfocus="window.bad=1`, `<!--<script>`, `&lt;script&gt;`, "\u202e<u>", `hx-get="/ui/logout"`, `<div hx-get="//evil.example" hx-trigger="load">`,
}

// fresh finds tags that only a hostile text can have made.
var fresh = regexp.MustCompile(`(?i)<script>|<img|<iframe|<svg onload|<u>|</textarea><script|<div hx-get="//|<!--|onerror=window[^<]*>$|href="javascript:|" autofocus onfocus="`)

func TestNoTextBecomesMarkup(t *testing.T) {
	for _, text := range corpus {
		w := newWorld(t, nil)
		w.text = text
		quoted, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		q := string(quoted)
		row := `{"token":Q,"key_alias":Q,"key_name":Q,"team_id":Q,"team_alias":Q,"user_id":Q,"user_email":Q,"user_role":Q,"models":[Q],"spend":1,"expires":Q,"budget_id":Q,"budget_duration":Q,"id":Q,"updated_at":Q,"changed_by":Q,"action":Q,"table_name":Q,"object_id":Q,"endpoint":Q,"max_budget":1,"budget_reset_at":Q,"alias":Q,"litellm_budget_table":{"max_budget":1,"budget_reset_at":Q}}`
		call := `{"request_id":Q,"call_type":Q,"api_key":Q,"model":Q,"model_group":Q,"user":Q,"team_id":Q,"end_user":Q,"session_id":Q,"requester_ip_address":Q,"region":Q,"status":"failure","status_code":403,"error_code":Q,"startTime":"2026-01-01T00:00:00Z","endTime":"2026-01-01T00:00:01Z","metadata":{"user_api_key_alias":Q,"error_information":{"error_class":Q,"error_message":Q},"outcrop":{"cause":Q,"fix":Q,"reason":Q,"fallback":Q,"tries":[{"id":Q,"region":Q,"reason":Q,"code":Q}],"warnings":[{"code":Q,"field":Q,"detail":Q}]}}}`
		sums := `{"metrics":{"spend":1,"api_requests":1},"metadata":{"key_alias":Q}}`
		for path, answer := range map[string]string{
			"/key/list": `{"keys":[` + row + `]}`, "/team/list": `[` + row + `]`, "/user/list": `{"users":[` + row + `]}`, "/budget/list": `[` + row + `]`, "/audit": `{"audit_logs":[` + row + `]}`, "/v1/models": `{"data":[{"id":Q}]}`,
			"/spend/logs/v2":                    `{"data":[` + call + `]}`,
			"/spend/logs/search":                `{"data":[` + call + `],"looked_at":1,"next":Q}`,
			"/spend/logs/ui/call-1":             `{"proxy_server_request":{Q:Q},"response":Q}`,
			"/spend/logs/ui/other":              `{"proxy_server_request":Q,"response":{Q:[Q]}}`,
			"/global/activity/calls":            `{"models":[{"model":Q,"model_group":Q,"duration":{"count":1,"p50_ms":1}}],"errors":[{"error_code":Q,"count":1}],"cache_hits":[{"date":Q,"count":1}]}`,
			"/team/info":                        `{"team_info":{"team_id":Q,"team_alias":Q,"models":[Q],"budget_reset_at":Q,"members_with_roles":[{"user_id":Q,"user_email":Q,"role":Q}]},"team_memberships":[{"user_id":Q,"litellm_budget_table":{"max_budget":1,"budget_duration":Q,"budget_reset_at":Q}}],"keys":[]}`,
			"/customer/list":                    `[` + row + `]`,
			"/region/daily/activity/aggregated": `{"results":[{"date":"2027-01-15","metrics":{"spend":1},"breakdown":{"entities":{Q:` + sums + `}}}]}`,
			"/team/member_add":                  `403 {"error":{"message":Q,"fix":Q}}`,
			"/user/daily/activity/aggregated":   `{"results":[{"date":"2027-01-15","metrics":{"spend":1},"breakdown":{"models":{Q:` + sums + `},"api_keys":{Q:` + sums + `}}}]}`,
			"/key/generate":                     `403 {"error":{"message":Q,"fix":Q}}`,
		} {
			w.answers[path] = strings.ReplaceAll(answer, "Q", q)
		}
		w.answers["/spend/logs/ui"] = strings.Replace(w.answers["/spend/logs/v2"], q, `"other"`, 1) // the id, by which what was asked is found
		w.calls.Ended(failed(text, w.clock()))
		c := w.login(master)
		c.send(http.MethodPost, "/ui/doctor", url.Values{"csrf": {c.token("/ui")}})
		e := url.QueryEscape(text)
		pages := map[string]string{}
		for _, path := range []string{
			"/ui", "/ui/doctor", "/ui/logs", "/ui/logs?model=" + e + "&text=" + e + "&status=" + e, "/ui/logs/rows", "/ui/logs/call/call-1", "/ui/logs/call/other", "/ui/logs/earlier?model=" + e, "/ui/logs/earlier/rows?key=" + e + "&warning=" + e + "&code=" + e + "&from=" + e, "/ui/logs/earlier/older?at=" + e + "&text=" + e, "/ui/teams/" + url.PathEscape(text), "/ui/customers", "/ui/audit?changed_by=" + e + "&action=" + e + "&table_name=" + e + "&start_date=" + e, "/ui/usage?by=region", "/ui/usage.csv?what=" + e, "/ui/models?search=" + e + "&owner=" + e, "/ui/models/way?id=" + e + "&region=" + e + "&policy=" + e,
			"/ui/playground", "/ui/usage?by=" + e, "/ui/usage?by=key&from=" + e, "/ui/refusals", "/ui/keys", "/ui/teams", "/ui/users", "/ui/budgets", "/ui/audit", "/ui/" + url.PathEscape(text), "/ui/login?why=" + e,
		} {
			pages[path] = c.get(path).Body.String()
		}
		pages["a form that is refused"] = c.send(http.MethodPost, "/ui/keys/make", url.Values{"csrf": {c.token("/ui/keys")}, "key_alias": {text}, "models": {text}}).Body.String()
		pages["a member who is refused"] = c.send(http.MethodPost, "/ui/teams/t1/add", url.Values{"csrf": {c.token("/ui/keys")}, "user": {text}, "role": {text}, "budget_duration": {text}, "rpm_limit": {"1"}}).Body.String()
		for path, page := range pages {
			if found := fresh.FindString(page); found != "" {
				t.Errorf("%q at %s: %s", text, path, found)
			}
		}
		if shown := pages["/ui/keys"] + pages["/ui/logs"]; !strings.Contains(shown, "call-1") {
			t.Errorf("%q: the pages show nothing", text)
		}
		for path, words := range map[string]string{"/ui/logs/call/call-1": "Answer", "/ui/logs/call/other": "Answer", "/ui/teams/" + url.PathEscape(text): "Members", "/ui/usage?by=region": "Begins anew", "a member who is refused": "Add a member", "/ui/logs/earlier/older?at=" + e + "&text=" + e: "Older calls"} {
			if !strings.Contains(pages[path], words) {
				t.Errorf("%q: %s lacks %q: %s", text, path, words, pages[path])
			}
		}
	}
}

func TestEveryAnswerHasItsGuards(t *testing.T) {
	w := newWorld(t, nil)
	c := w.login(master)
	for _, path := range []string{"/ui", "/ui/login", "/ui/logs", "/ui/keys", "/ui/usage.csv", "/ui/nothing", "/ui/logs/rows"} {
		h := c.get(path).Header()
		csp := h.Get("Content-Security-Policy")
		if h.Get("Cache-Control") != "no-store" || h.Get("X-Frame-Options") != "DENY" || h.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(csp, "default-src 'none'; ") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %v", path, h)
		}
	}
	page := c.get("/ui").Body.String()
	if regexp.MustCompile(`(?i) style=| on[a-z]+=|<script>|<style`).MatchString(page) {
		t.Error("a page has script or style of its own")
	}
	total := 0
	for _, found := range regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page+c.get("/ui/usage").Body.String()+c.get("/ui/playground").Body.String(), -1) {
		if strings.HasPrefix(found[1], "http") || strings.HasPrefix(found[1], "//") {
			t.Errorf("%s is loaded from elsewhere", found[1])
		}
	}
	for _, name := range []string{"ui.css", "ui.js", "playground.js", "htmx.min.js", "uplot.min.js", "uplot.min.css", "icon.svg"} {
		out := w.client().get("/ui/static/" + name)
		total += out.Body.Len()
		if out.Code != http.StatusOK || out.Header().Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %d %v", name, out.Code, out.Header())
		}
	}
	if total > 200_000 {
		t.Errorf("%d bytes of files", total)
	}
	versioned := regexp.MustCompile(`/ui/static/ui\.css\?v=[0-9a-f]+`).FindString(page)
	if h := w.client().get(versioned).Header(); !strings.Contains(h.Get("Cache-Control"), "immutable") || h.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("%v", h)
	}
	for _, name := range []string{"htmx.LICENSE.txt", "uplot.LICENSE.txt"} {
		if out := w.client().get("/ui/static/" + name); out.Code != http.StatusOK || !strings.Contains(out.Body.String(), "Permission") {
			t.Errorf("%s: %d", name, out.Code)
		}
	}
}

func TestEachSeesOnlyTheCallsThatAreTheirs(t *testing.T) {
	w := newWorld(t, nil)
	for _, c := range []telemetry.Call{
		{ID: "of-mia", Model: "m", Status: 200, Who: telemetry.Who{UserID: "mia"}}, {ID: "of-the-key", Model: "m", Status: 200, Who: telemetry.Who{KeyHash: "hash-key"}}, {ID: "of-nobody", Model: "m", Status: 200},
	} {
		w.calls.Ended(&c)
	}
	for key, want := range map[string]string{master: "of-mia of-the-key of-nobody", "sk-viewer": "of-mia of-the-key of-nobody", "sk-member": "of-mia", "sk-key": "of-the-key"} {
		c := w.login(key)
		for _, id := range []string{"of-mia", "of-the-key", "of-nobody"} {
			sees := slices.Contains(strings.Fields(want), id)
			if got := strings.Contains(c.get("/ui/logs").Body.String(), id); got != sees {
				t.Errorf("%s sees %s: %v", key, id, got)
			}
			if got := c.get("/ui/logs/call/" + id).Code; (got == http.StatusOK) != sees {
				t.Errorf("%s opens %s: %d", key, id, got)
			}
		}
	}
}

func TestSpreadsheetsGetNoFormulas(t *testing.T) {
	w := newWorld(t, nil)
	w.answers["/user/daily/activity/aggregated"] = `{"results":[{"date":"2027-01-15","metrics":{"spend":1},"breakdown":{"models":{"=cmd|' /C calc'!A0":{"metrics":{"spend":1}}}}}]}`
	w.answers["/global/activity/calls"] = `{"models":[{"model":"=cmd","model_group":"=cmd","duration":{"count":1}}],"errors":[{"error_code":"=cmd","count":1}],"cache_hits":[{"date":"=cmd","count":1}]}`
	w.answers["/team/list"] = `[{"team_id":"=cmd","team_alias":"=cmd","max_budget":1,"budget_reset_at":"=cmd"}]`
	for _, what := range []string{"days", "times", "errors", "cache", "budgets"} {
		if text := w.login(master).get("/ui/usage.csv?what=" + what).Body.String(); !strings.Contains(text, "'=cmd") || strings.Contains(strings.ReplaceAll(text, "'=cmd", ""), "=cmd") {
			t.Errorf("%s: %s", what, text)
		}
	}
}
