package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"outcrop/app"
	"outcrop/cli"
	"outcrop/config"
	"outcrop/provider/all"
)

const adminKey = "sk-the-master-key-of-these-tests"

// gate is a gateway with keys, before the emulator.
type gate struct {
	t    *testing.T
	dir  string
	app  *app.App
	file string // its configuration
}

// opened starts a gateway, to which the environment leads.
func opened(t *testing.T) *gate {
	t.Helper()
	g := &gate{t: t, dir: t.TempDir(), file: write(t, "model_list:\n  - {model_name: '*', litellm_params: {model: bedrock/*}}\ngeneral_settings: {master_key: "+adminKey+"}\n")}
	g.start()
	t.Cleanup(func() { g.stop() })
	t.Setenv("LITELLM_MASTER_KEY", adminKey)
	return g
}

func (g *gate) start() {
	g.t.Helper()
	text, err := os.ReadFile(g.file)
	if err != nil {
		g.t.Fatal(err)
	}
	cfg, problems := config.Load(config.Source{Name: "config.yaml", Data: text, LookupEnv: os.LookupEnv, Providers: all.Providers()})
	if cfg == nil {
		g.t.Fatal(problems)
	}
	if g.app, err = app.New(g.t.Context(), app.Options{Config: cfg, Host: "127.0.0.1", DataDir: g.dir, Emulate: true, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		g.t.Fatal(err)
	}
	if err := g.app.Start(g.t.Context()); err != nil {
		g.t.Fatal(err)
	}
	g.t.Setenv("OUTCROP_URL", g.app.URL())
}

func (g *gate) stop() {
	if err := g.app.Stop(context.WithoutCancel(g.t.Context())); err != nil {
		g.t.Error(err)
	}
}

// restart ends the gateway, which posts what calls have cost, and starts it again.
func (g *gate) restart() {
	g.t.Helper()
	g.stop()
	g.start()
}

// call asks a model and returns the status.
func (g *gate) call(key string, header ...string) int {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, g.app.URL()+"/v1/chat/completions", strings.NewReader(`{"model": "nova-lite", "messages": [{"role": "user", "content": "What is granite?"}]}`))
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer res.Body.Close()
	return res.StatusCode
}

// ran runs a command and returns its exit code and what it printed.
func ran(args ...string) (code int, out, errs string) {
	var stdout, stderr bytes.Buffer
	code = cli.Main(args, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

// must runs a command that succeeds and returns its output.
func must(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errs := ran(args...)
	if code != 0 {
		t.Fatalf("outcrop %s: exit code %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// squeezed is a text with each run of blanks as one.
func squeezed(text string) string { return regexp.MustCompile(" +").ReplaceAllString(text, " ") }

func TestAKeyIsPrintedOnceAndWorks(t *testing.T) {
	g := opened(t)
	code, out, errs := ran("keys", "create", "ann", "--rpm", "1", "--max-budget", "5", "--budget-duration", "1mo")
	key := strings.TrimSpace(out)
	if code != 0 || !regexp.MustCompile(`^sk-\S{16,}$`).MatchString(key) {
		t.Fatalf("exit code %d, printed %q\n%s", code, out, errs)
	}
	lacks(t, errs, "Made the key ann (hash ", "Store it now: it will not be shown again.\n")
	if strings.Contains(errs, key) {
		t.Error("the key is printed twice")
	}
	if got := g.call(key); got != 200 {
		t.Errorf("a call with the key has status %d", got)
	}
	if got := g.call(key); got != 429 {
		t.Errorf("a call above the limit has status %d", got)
	}
	must(t, "keys", "update", "ann", "--rpm", "none")
	if got := g.call(key); got != 200 {
		t.Errorf("a call without the limit has status %d", got)
	}
	must(t, "keys", "block", "ann")
	if got := g.call(key); got != 403 && got != 401 {
		t.Errorf("a call with the blocked key has status %d", got)
	}
	must(t, "keys", "unblock", key)
	next := strings.TrimSpace(must(t, "keys", "rotate", "ann"))
	if got := g.call(key); got != 401 {
		t.Errorf("a call with the old key has status %d", got)
	}
	if got := g.call(next); got != 200 {
		t.Errorf("a call with the new key has status %d", got)
	}
	for _, args := range [][]string{{"keys"}, {"keys", "--json"}, {"keys", "info", "ann"}, {"keys", "info", next, "--json"}} {
		if out := must(t, args...); strings.Contains(out, next) || !strings.Contains(out, "ann") {
			t.Errorf("outcrop %v prints\n%s", args, out)
		}
	}
	must(t, "keys", "delete", "ann")
	if got := g.call(next); got != 401 {
		t.Errorf("a call with the deleted key has status %d", got)
	}
}

func TestTeamsUsersBudgetsAndMembersAreManaged(t *testing.T) {
	opened(t)
	for _, step := range []struct {
		args string
		says []string
	}{
		{"teams", nil},
		{"teams create geology --alias Rocks --max-budget 500 --budget-duration 1mo --models nova-lite,nova-pro", []string{"Made the team geology."}},
		{"teams", []string{"geology Rocks 1 0 500.00 ", " nova-lite, nova-pro -\n"}},
		{"users create ann --email ann@example.com --team Rocks", []string{"Made the user ann.", "outcrop keys create --user ann"}},
		{"users create eve", []string{"Made the user eve."}},
		{"users", []string{"ann ann@example.com internal_user geology 0 0 -", "eve - internal_user - 0"}},
		{"users --json user_id,teams", []string{`"user_id": "ann"`, `"geology"`}},
		{"users update ann@example.com --role internal_user_viewer --tpm 9000", []string{"Changed the user ann."}},
		{"users info ann", []string{"user_role internal_user_viewer\n", "tpm_limit 9000\n"}},
		{"teams members add Rocks eve --role admin --max-budget 3", []string{"Added eve to geology."}},
		{"teams members Rocks", []string{"ann ann@example.com user 0 - ", "eve - admin 0 3.00 "}},
		{"teams members update geology eve --max-budget none --rpm 7 --role user", []string{"Changed eve in geology."}},
		{"teams members list geology", []string{"eve - user 0 - - 7 -"}},
		{"budgets create small --max-budget 5 --budget-duration 7d --rpm 3", []string{"Made the budget small."}},
		{"budgets", []string{"small 5.00 7d ", " 3 - -\n"}},
		{"keys create quarry --team Rocks --user ann@example.com --budget small --duration 90d", []string{"sk-"}},
		{"keys list --team Rocks", []string{"quarry ", " geology ann 0 5.00 ", " 3 - "}},
		{"keys list --user eve", nil},
		{"keys info quarry", []string{"team_id geology\n", "max_budget 5 USD\n", "budget_duration 7d\n"}},
		{"keys update quarry --team none --models all --set metadata={\"cost_centre\":7}", []string{"Changed the key quarry."}},
		{"keys info quarry", []string{"metadata {\"cost_centre\":7}\n", "user_id ann\n"}},
		{"users info ann", []string{"quarry "}},
		{"budgets update small --max-budget 9.5", []string{"Changed the budget small."}},
		{"budgets info small", []string{"max_budget 9.5 USD\n"}},
		{"teams block Rocks", []string{"Blocked the team geology."}},
		{"teams", []string{" blocked\n"}},
		{"teams unblock Rocks", []string{"Unblocked the team geology."}},
		{"teams members remove geology eve", []string{"Removed eve from geology"}},
		{"budgets delete small", []string{"Deleted the budget small."}},
		{"users delete ann eve", []string{"Deleted 2 users with their keys."}},
		{"keys", nil},
		{"teams delete Rocks", []string{"Deleted 1 team with their keys."}},
		{"teams --json", []string{"[]\n"}},
	} {
		out := squeezed(must(t, strings.Fields(step.args)...))
		if len(step.says) == 0 && out != "" {
			t.Errorf("outcrop %s prints\n%s", step.args, out)
		}
		lacks(t, out, step.says...)
	}
}

func TestSpendIsSummedByWhatIsAskedFor(t *testing.T) {
	g := opened(t)
	must(t, "teams", "create", "geology")
	must(t, "users", "create", "ann")
	ann := strings.TrimSpace(must(t, "keys", "create", "ann", "--team", "geology", "--user", "ann"))
	bob := strings.TrimSpace(must(t, "keys", "create", "bob"))
	for key, calls := range map[string]int{ann: 3, bob: 2, adminKey: 1} {
		for range calls {
			if got := g.call(key, "X-Litellm-Tags", map[string]string{bob: "quarry"}[key]); got != 200 {
				t.Fatalf("a call has status %d", got)
			}
		}
	}
	g.restart()
	for by, wants := range map[string]map[string]int{
		"day":   {"20": 6},
		"key":   {"": 6},
		"team":  {"geology": 3, "(none)": 3},
		"user":  {"ann": 3, "(none)": 2, "default_user_id": 1},
		"model": {"amazon.nova-lite-v1:0": 6},
		"tag":   {"quarry": 2},
	} {
		var rows []struct {
			Requests int     `json:"requests"`
			Spend    float64 `json:"spend"`
			Name     string
		}
		text := must(t, "spend", "--by", by, "--since", "1d", "--json")
		if err := json.Unmarshal([]byte(strings.ReplaceAll(text, `"`+by+`":`, `"Name":`)), &rows); err != nil {
			t.Fatal(err)
		}
		for prefix, want := range wants {
			got := 0
			for _, r := range rows {
				if strings.HasPrefix(r.Name, prefix) {
					got += r.Requests
				}
				if r.Spend <= 0 {
					t.Errorf("by %s, %s has cost %v", by, r.Name, r.Spend)
				}
			}
			if got != want {
				t.Errorf("by %s, %q has %d requests instead of %d:\n%s", by, prefix, got, want, text)
			}
		}
		if by != "day" && by != "key" && len(rows) != len(wants) {
			t.Errorf("by %s there are other rows:\n%s", by, text)
		}
	}
	lacks(t, squeezed(must(t, "spend", "--by", "key")), " ann 0.00000576 3 0 12 21\n", "(master key) - 0.00000192 1 0 4 7\n", "total - 0.0000115 6 0 24 42\n")
	lacks(t, must(t, "spend", "--by", "key", "--csv"), "key,alias,spend,requests,failed,prompt_tokens,completion_tokens\n", ",bob,0.00000384,2,0,8,14\n")
	if out := must(t, "spend", "--since", "2026-01-01", "--until", "2026-01-02"); out != "" {
		t.Errorf("days without calls print\n%s", out)
	}
}

func TestTheManagementCommandsExplainFailures(t *testing.T) {
	g := opened(t)
	must(t, "teams", "create", "geology", "--alias", "Rocks")
	must(t, "users", "create", "ann", "--email", "ann@example.com")
	must(t, "budgets", "create", "small", "--max-budget", "5")
	weak := strings.TrimSpace(must(t, "keys", "create", "quarry"))
	stranger := httptest.NewServer(http.NotFoundHandler())
	defer stranger.Close()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	moved := httptest.NewServer(http.RedirectHandler("https://gate.example/x", http.StatusMovedPermanently))
	defer moved.Close()
	for name, c := range map[string]struct {
		args []string
		code int
		says []string
	}{
		"an alias with a slip":            {[]string{"keys", "info", "qarry"}, 1, []string{`there is no key "qarry"`, "hint: Did you mean quarry?"}},
		"a key that is not there":         {[]string{"keys", "info", "sk-that-nobody-has-made"}, 1, []string{`there is no key "sk-..."`, "hint: Run outcrop keys"}},
		"a hash that is not there":        {[]string{"keys", "block", strings.Repeat("ab", 32)}, 1, []string{"there is no key"}},
		"a team with a slip":              {[]string{"keys", "create", "--team", "rockz"}, 1, []string{`there is no team "rockz"`, "hint: Did you mean Rocks?"}},
		"a user with a slip":              {[]string{"users", "info", "anne@example.com"}, 1, []string{`there is no user`, "hint: Did you mean ann@example.com?"}},
		"a budget with a slip":            {[]string{"budgets", "delete", "smal"}, 1, []string{`there is no budget "smal"`, "hint: Did you mean small?"}},
		"who is no member":                {[]string{"teams", "members", "remove", "geology", "ann"}, 1, []string{"not a member"}},
		"an alias that is taken":          {[]string{"keys", "create", "quarry"}, 1, []string{"key with alias 'quarry' already exists"}},
		"a limit that is no number":       {[]string{"keys", "create", "--max-budget", "lots"}, 2, []string{`--max-budget must be a number or none, not "lots"`}},
		"a limit that is no whole":        {[]string{"keys", "create", "--rpm", "1.5"}, 1, []string{"rpm_limit must be an integer", "hint: The flag is --rpm."}},
		"a period that is none":           {[]string{"keys", "create", "--budget-duration", "5y"}, 1, []string{"budget_duration must be a period", "hint: The flag is --budget-duration."}},
		"no change":                       {[]string{"keys", "update", "quarry"}, 2, []string{"nothing is to be changed", "hint: Run outcrop keys update --help"}},
		"an unknown field":                {[]string{"keys", "--json", "alias"}, 2, []string{`--json: unknown field "alias"`, "key_alias"}},
		"what spend cannot sum by":        {[]string{"spend", "--by", "week"}, 2, []string{"--by must be day, key, team, user, model or tag"}},
		"a word instead of --by":          {[]string{"spend", "model"}, 2, []string{"hint: Did you mean outcrop spend --by model?"}},
		"a day that is none":              {[]string{"spend", "--since", "yesterday"}, 2, []string{"--since must be a date or how long ago", "hint: Examples are"}},
		"days in the wrong order":         {[]string{"spend", "--since", "2026-02-01", "--until", "2026-01-01"}, 2, []string{"is after the last"}},
		"a wrong key":                     {[]string{"keys", "--key", "sk-wrong"}, 1, []string{"does not accept the key of --key", "hint: Give its master key"}},
		"the key of no admin":             {[]string{"keys", "create", "--key", weak, "--max-budget", "3"}, 1, []string{"this key may not call /key/generate", "hint: Use the master key, or the key of a user with the role proxy_admin; the key of --key may not do this."}},
		"no gateway":                      {[]string{"keys", "--url", "http://127.0.0.1:1"}, 1, []string{"no gateway can be reached at http://127.0.0.1:1", "hint: Start one with outcrop serve"}},
		"no address":                      {[]string{"keys", "--url", "localhost:4000"}, 2, []string{"is not the address of a gateway"}},
		"HTTPS to a gateway without":      {[]string{"keys", "--url", strings.Replace(g.app.URL(), "http:", "https:", 1)}, 1, []string{"does not speak HTTPS", "hint: Use http://"}},
		"an authority that is not known":  {[]string{"keys", "--url", secure.URL}, 1, []string{"is not trusted", "hint: Set SSL_CERT_FILE"}},
		"another server":                  {[]string{"keys", "--url", stranger.URL}, 1, []string{"is not an Outcrop gateway"}},
		"a redirection":                   {[]string{"keys", "--url", moved.URL}, 1, []string{"leads to another address", "https://gate.example"}},
		"a configuration that is missing": {[]string{"keys", "--config", "nowhere.yaml"}, 2, []string{"cannot read the configuration"}},
	} {
		code, out, errs := ran(c.args...)
		if code != c.code || out != "" {
			t.Errorf("%s: exit code %d\n%s%s", name, code, out, errs)
		}
		lacks(t, errs, c.says...)
		for _, secret := range []string{adminKey, weak, "sk-wrong", "sk-that-nobody-has-made"} {
			if strings.Contains(errs, secret) {
				t.Errorf("%s: a key is printed:\n%s", name, errs)
			}
		}
	}
}

func TestTheMasterKeyIsFoundWhereItIs(t *testing.T) {
	g := opened(t)
	for name, c := range map[string]struct {
		env  map[string]string
		args []string
		code int
		says string
	}{
		"nowhere":              {nil, nil, 1, "needs its master key"},
		"in LiteLLM's name":    {map[string]string{"LITELLM_MASTER_KEY": adminKey}, nil, 0, ""},
		"in Outcrop's name":    {map[string]string{"OUTCROP_API_KEY": adminKey, "LITELLM_MASTER_KEY": "sk-other"}, nil, 0, ""},
		"in the configuration": {map[string]string{"LITELLM_MASTER_KEY": "sk-other"}, []string{"--config", g.file}, 0, ""},
		"in the flag":          {map[string]string{"OUTCROP_API_KEY": "sk-other"}, []string{"--key", adminKey, "--config", g.file}, 0, ""},
		"wrong in Outcrop's":   {map[string]string{"OUTCROP_API_KEY": "sk-other", "LITELLM_MASTER_KEY": adminKey}, nil, 1, "does not accept the key of OUTCROP_API_KEY"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, name := range []string{"OUTCROP_API_KEY", "LITELLM_MASTER_KEY"} {
				t.Setenv(name, c.env[name])
			}
			code, _, errs := ran(append([]string{"budgets"}, c.args...)...)
			if code != c.code || !strings.Contains(errs, c.says) {
				t.Errorf("exit code %d\n%s", code, errs)
			}
		})
	}
}

func TestNamesOfOthersCannotControlTheTerminal(t *testing.T) {
	opened(t)
	must(t, "keys", "create", "red\x1b[31m")
	for _, args := range [][]string{{"keys"}, {"keys", "info", "red\x1b[31m"}} {
		if out := must(t, args...); strings.Contains(out, "\x1b") || !strings.Contains(out, "red\uFFFD") {
			t.Errorf("outcrop %v prints %q", args, out)
		}
	}
}
