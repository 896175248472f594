package e2e

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"outcrop/e2e/litellmproxy"
	"outcrop/internal/jsonx"
)

// managementSections are the first parts of the paths that the page is about, with their headings.
func managementSections() [][2]string {
	return [][2]string{
		{"key", "Keys"},
		{"user", "Users"},
		{"team", "Teams"},
		{"organization", "Organizations"},
		{"customer", "Customers"},
		{"budget", "Budgets"},
		{"tag", "Tags"},
		{"model", "Models"},
		{"model_group", "Groups of models"},
		{"model_hub", "Public models"},
		{"credentials", "Credentials"},
		{"access_group", "Access groups"},
		{"unified_access_group", "Access groups by their later name"},
		{"project", "Projects"},
		{"spend", "Spend"},
		{"global", "Global spend"},
		{"audit", "The audit log"},
		{"invitation", "Invitations"},
		{"policies", "Policies of guardrails"},
		{"policy", "Policies in force"},
		{"cache", "The response cache"},
	}
}

// managementSection is the first part of a path, without its version. Of the paths that need no key, it is that of the public models only.
func managementSection(path string) string {
	if hub, ok := strings.CutPrefix(path, "/public/"); ok && strings.Contains(hub, "model_hub") {
		path = "/" + hub
	}
	for _, version := range [...]string{"/v1/", "/v2/", "/v3/"} {
		path = strings.Replace(path, version, "/", 1)
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return first
}

// managementEndpoints are the endpoints in a gateway's openapi.json that the page is about, as "GET /key/info".
func managementEndpoints(t *testing.T, base string) []string {
	t.Helper()
	a := ask(t, base, http.MethodGet, "/openapi.json", masterKey, "")
	var api struct {
		Paths map[string]map[string]jsonx.Raw `json:"paths"`
	}
	if err := jsonx.Unmarshal(a.body, &api); err != nil {
		t.Fatal(err)
	}
	var all []string
	for path, methods := range api.Paths {
		if !slices.ContainsFunc(managementSections(), func(s [2]string) bool { return s[0] == managementSection(path) }) {
			continue
		}
		for method := range methods {
			all = append(all, strings.ToUpper(method)+" "+path)
		}
	}
	slices.SortFunc(all, func(a, b string) int {
		first, x, _ := strings.Cut(a, " ")
		second, y, _ := strings.Cut(b, " ")
		return cmp.Or(strings.Compare(x, y), strings.Compare(first, second))
	})
	return all
}

// parameter is a part of a path that stands for any value.
var parameter = regexp.MustCompile(`\{[^}]*\}`)

// managementVerdicts makes the calls on both, and says by endpoint how the answers compare.
func managementVerdicts(t *testing.T, proxy, own string) map[string]string {
	t.Helper()
	there := map[string]bool{}
	for _, endpoint := range managementEndpoints(t, own) {
		there[parameter.ReplaceAllString(endpoint, "{}")] = true
	}
	verdicts := map[string]string{}
	for _, endpoint := range managementEndpoints(t, proxy) {
		if !there[parameter.ReplaceAllString(endpoint, "{}")] {
			verdicts[endpoint] = "not there"
			if why := managementReasons()[endpoint]; why != "" {
				verdicts[endpoint] += ": " + why
			}
		}
	}
	litellm, outcrop := filled{}, filled{}
	for _, c := range managementCalls() {
		endpoint := c.method + " " + c.endpoint
		path := c.path
		if path == "" {
			path = c.endpoint
		}
		var answers [2]adminAnswer
		for i, side := range [...]struct {
			base string
			f    filled
		}{{proxy, litellm}, {own, outcrop}} {
			answers[i] = ask(t, side.base, c.method, side.f.expand(path), masterKey, side.f.expand(c.body))
			members, _ := answers[i].decoded().(map[string]any)
			for name, member := range c.saves {
				if text, ok := members[member].(string); ok {
					side.f[name] = text
				}
			}
		}
		if verdicts[endpoint] == "" {
			verdicts[endpoint] = managementVerdict(answers[0], answers[1])
		}
	}
	day := time.Now().UTC()
	dates := "?start_date=" + day.AddDate(0, 0, -1).Format(time.DateOnly) + "&end_date=" + day.AddDate(0, 0, 1).Format(time.DateOnly)
	for _, endpoint := range managementEndpoints(t, proxy) {
		method, path, _ := strings.Cut(endpoint, " ")
		switch {
		case verdicts[endpoint] != "":
		case method == http.MethodGet && !strings.Contains(path, "{"):
			query := dates
			if strings.Contains(path, "/daily/activity") {
				query += "&page_size=1000" // of rows in no order
			}
			verdicts[endpoint] = managementVerdict(ask(t, proxy, method, path+query, masterKey, ""), ask(t, own, method, path+query, masterKey, ""))
		default:
			verdicts[endpoint] = "there, not compared"
		}
	}
	return verdicts
}

// managementVerdict says how the answers to one call compare: in their status, and in the members that have a value.
func managementVerdict(litellm, outcrop adminAnswer) string {
	switch licensed := strings.Contains(strings.ToLower(string(litellm.body)), "enterprise"); {
	case licensed && litellm.status >= 400:
		return "there; LiteLLM wants a licence for it"
	case litellm.status != outcrop.status:
		return fmt.Sprintf("differs: LiteLLM answers %d, Outcrop %d", litellm.status, outcrop.status)
	case litellm.status >= 300:
		return fmt.Sprintf("same, a refusal with %d", litellm.status)
	}
	var lacks []string
	for _, d := range compareJSON("", litellm.decoded(), outcrop.decoded()) {
		if d.litellm == "" || d.litellm == "null" || d.outcrop != "" || strings.HasSuffix(d.path, "]") {
			continue
		}
		name := d.path[strings.LastIndexByte(d.path, '.')+1:]
		if _, rest, ok := strings.Cut(d.path, ".breakdown."); ok && !strings.Contains(rest, ".metrics.") {
			name, _, _ = strings.Cut(rest, ".") // the names below it are those of keys, users and the like
		}
		if !slices.Contains(lacks, name) {
			lacks = append(lacks, name)
		}
	}
	if len(lacks) == 0 {
		return "same"
	}
	slices.Sort(lacks)
	more := ""
	if len(lacks) > 6 {
		more = fmt.Sprintf(" and %d more", len(lacks)-6)
		lacks = lacks[:6]
	}
	return "same, without `" + strings.Join(lacks, "`, `") + "`" + more
}

// clientMethod is what a method of LiteLLM's client comes to.
type clientMethod struct {
	Method string `json:"method"`
	Works  bool   `json:"works"`
	Error  string `json:"error"`
}

func (m clientMethod) String() string {
	switch {
	case m.Works:
		return "works"
	case m.Error == "":
		return "answers nothing"
	default:
		return "fails: " + m.Error
	}
}

// clientMethods runs LiteLLM's client with each address.
func clientMethods(t *testing.T, p litellmproxy.Program, addresses ...string) [][]clientMethod {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clientPatience)
	defer cancel()
	script, err := filepath.Abs("sdks/litellm/management.py")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(filepath.Dir(string(p)), "python3"), append([]string{script, masterKey}, addresses...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "NO_PROXY=*", "PYTHONDONTWRITEBYTECODE=1", "LITELLM_LOCAL_MODEL_COST_MAP=True"}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("management.py: %v\n%s", err, stderr.String())
	}
	var all [][]clientMethod
	if err := jsonx.Unmarshal(out, &all); err != nil || len(all) != len(addresses) {
		t.Fatalf("%v: %s", err, out)
	}
	return all
}

// managementReasons says why Outcrop does not have endpoints.
func managementReasons() map[string]string {
	const connections = "users cannot connect accounts of their own at GitHub Copilot; credentials are the operator's"
	const templates = "templates are LiteLLM's, for types of guardrails that Outcrop does not have"
	const encryption = "values in either of LiteLLM's formats are read, and none has to be encrypted again"
	return map[string]string{
		"POST /user/password/change":                                "nobody has a password: people sign in with a key, or at an identity provider",
		"GET /model/{model_id}/kubernetes_pods":                     "Outcrop does not manage servers of models in Kubernetes",
		"POST /credentials/migrate-encryption":                      encryption,
		"GET /credentials/migrate-encryption/check":                 encryption,
		"GET /credentials/{credential_name}/jwks":                   "credentials of Anthropic that sign tokens of their own are not supported",
		"GET /credentials/user_connections":                         connections,
		"DELETE /credentials/{credential_name}/user_connection":     connections,
		"POST /credentials/{credential_name}/user_connection/start": connections,
		"POST /credentials/{credential_name}/user_connection/poll":  connections,
		"GET /policy/templates":                                     templates,
		"POST /policy/templates/enrich":                             templates,
		"POST /policy/templates/enrich/stream":                      templates,
		"POST /policy/templates/suggest":                            templates,
		"POST /policy/templates/test":                               templates,
		"GET /policies/usage/overview":                              "how often guardrails have passed and stopped calls is in the [metrics](monitoring.md)",
		"GET /spend/capture_rate":                                   "bills of OpenAI are not read; those of AWS are, see [Check the figures against AWS's bill](keys.md#check-the-figures-against-awss-bill)",
	}
}

// managementPage is docs/litellm-management.md.
func managementPage(t *testing.T, proxy, own string) []byte {
	t.Helper()
	program := litellmProgram(t)
	var b strings.Builder
	fmt.Fprintf(&b, `# LiteLLM's management API

How the endpoints of LiteLLM %s that manage keys, users, teams and the like, and LiteLLM's own client of them, fare with Outcrop. A test
starts LiteLLM on a PostgreSQL, fills it through this API, takes it over with [outcrop import litellm](migrate-litellm.md), and makes the
same calls on both. [Keys](keys.md) has the details of what works.

- **same**: the status is the same, and Outcrop's answer has all members that LiteLLM's has with a value; the members that it has not are named.
- **there**: Outcrop has the endpoint, and the test does not compare it, or LiteLLM wants an enterprise licence for it.
- **not there**: Outcrop's openapi.json does not have it.

`, litellmPin.version(t))
	verdicts := managementVerdicts(t, proxy, own)
	endpoints := managementEndpoints(t, proxy)
	counts := map[string]int{}
	for _, e := range endpoints {
		word, _, _ := strings.Cut(verdicts[e], ",")
		word, _, _ = strings.Cut(word, ";")
		word, _, _ = strings.Cut(word, ":")
		counts[word]++
	}
	fmt.Fprintf(&b, "Endpoints: %d. The same: %d; different: %d; there without a comparison: %d; not there: %d.\n",
		len(endpoints), counts["same"], counts["differs"], counts["there"], counts["not there"])
	for _, section := range managementSections() {
		heading := false
		for _, e := range endpoints {
			_, path, _ := strings.Cut(e, " ")
			if managementSection(path) != section[0] {
				continue
			}
			if !heading {
				fmt.Fprintf(&b, "\n## %s\n\n| endpoint | verdict |\n| --- | --- |\n", section[1])
				heading = true
			}
			fmt.Fprintf(&b, "| `%s` | %s |\n", e, verdicts[e])
		}
	}
	b.WriteString("\n## LiteLLM's client\n\n`litellm.proxy.client` with its clients of users and of health.\n\n| method | with LiteLLM | with Outcrop |\n| --- | --- | --- |\n")
	methods := clientMethods(t, program, proxy, own)
	for i, m := range methods[0] {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", m.Method, m, methods[1][i])
	}
	b.WriteString("\nThis page is generated by a test: run `make setup`, then `go test ./e2e -run '^TestALiteLLMFilledThroughItsOwnAPIIsTakenOver$' -update`.\n")
	return []byte(b.String())
}
