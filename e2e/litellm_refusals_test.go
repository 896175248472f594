package e2e

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// refusalRow is a broken set-up, and its results with each gateway.
type refusalRow struct {
	fault setupFault
	form  callForm

	litellm, outcrop repair
	code             llm.Code
}

// repair is what a user reads about a refused call, and how the call was fixed.
type repair struct {
	reads string // the message of the first refusal
	steps int    // until the call worked; 0 if the messages do not help
	wide  bool   // the policies then grant more than the call needs
}

// refusalRows are the set-ups of the page.
func refusalRows() []*refusalRow {
	plain := callForm{profile: "geography"}
	var rows []*refusalRow
	add := func(f setupFault, form callForm) { rows = append(rows, &refusalRow{fault: f, form: form}) }
	for _, f := range setupFaults() {
		form := plain
		form.apiKey = f.only != nil && !f.only(plain)
		add(f, form)
	}
	more := map[string]callForm{
		"the organization denies by region and forgets one": {profile: "global"},
		"the other action alone is allowed":                 {profile: "geography", stream: true},
	}
	for _, f := range setupFaults() {
		if form, ok := more[f.name]; ok {
			add(f, form)
		}
	}
	return rows
}

// TestRefusalsBesideLiteLLM breaks an account in the same ways for LiteLLM and for
// Outcrop, and fixes it by their messages: by Outcrop's fix as given, and by what AWS
// names in the words that LiteLLM passes on, one step at a time. docs/refusals.md is
// generated from it.
func TestRefusalsBesideLiteLLM(t *testing.T) {
	t.Parallel()
	program := litellmProgram(t)
	a := openAccount45(t)
	text := strings.ReplaceAll(configOf(), "router_settings: {num_retries: 0}", "router_settings: {num_retries: 0, disable_cooldowns: true}")
	text += "litellm_settings: {num_retries: 0}\ngeneral_settings: {master_key: " + masterKey + "}\n"
	proxy := program.Start(t, text, map[string]string{
		"AWS_REGION": region, "AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": a.address, "AWS_ENDPOINT_URL_STS": a.address,
		"AWS_BEDROCK_RUNTIME_ENDPOINT": a.address,
	})
	rows := refusalRows()
	for _, r := range rows {
		name := r.fault.name + ": " + r.form.String()
		r.litellm = a.fixBy(t, name+", LiteLLM", r, proxy, a.applyNamed)
		r.outcrop = a.fixBy(t, name+", Outcrop", r, a.URL(), func(t testing.TB, b *broken, body string) bool {
			v := readVerdict(t, body)
			if r.code == "" {
				r.code = v.Code
			}
			a.apply(t, b, v)
			return true
		})
		if r.outcrop.steps != 1 || r.outcrop.wide {
			t.Errorf("%s: %+v", name, r.outcrop)
		}
	}
	comparePage(t, "refusals.md", refusalsPage(t, rows))
}

// maxSteps limits how often an account is fixed for one call.
const maxSteps = 12

// fixBy breaks the account, and fixes it by a gateway's messages until the call works
// or a message names nothing to do.
func (a *account45) fixBy(t *testing.T, name string, r *refusalRow, url string, apply func(testing.TB, *broken, string) bool) repair {
	t.Helper()
	defer a.ahead.Store(0)
	b := r.fault.make(t, a, r.form)
	if err := a.SetAccount(a.set(t, b)); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	universe := r.form.universe(a)
	granted := b.grants(t, universe)
	needed := map[string]bool{}
	var m repair
	for {
		ctx, cancel := context.WithTimeout(t.Context(), litellmPatience)
		resp := open(ctx, t, url, fmt.Sprintf(`{"model":%q,"stream":%t,"messages":[{"role":"user","content":"What is granite?"}]}`, r.form.name(), r.form.stream))
		got := readAttempt(t, resp, "granite")
		_ = resp.Body.Close()
		cancel()
		for q := range a.needed(universe) {
			needed[q] = true
		}
		if got.answered {
			break
		}
		if m.reads == "" {
			m.reads = got.failure
		}
		if m.steps++; m.steps > maxSteps {
			t.Fatalf("%s: there is no end to it: %s", name, got.failure)
		}
		if !apply(t, &b, got.body) {
			m.steps = 0
			return m
		}
	}
	if m.steps == 0 {
		t.Fatalf("%s: the call does not fail", name)
	}
	for layer, now := range b.grants(t, universe) {
		for q := range now {
			m.wide = m.wide || !needed[q] && !granted[layer][q]
		}
	}
	return m
}

// named matches what AWS names when a permission is missing.
var named = regexp.MustCompile(`not authorized to perform: (\S+)(?: on resource: (\S+))? (because no|with an explicit deny in an?) ([a-zA-Z -]+?)(?: allows|:|"|$)`)

// applyNamed does what a user can do who has only AWS's words: what they name is
// allowed, or removed from the deny, in the kind of policy that they name. It reports
// whether they name anything.
func (a *account45) applyNamed(t testing.TB, b *broken, body string) bool {
	t.Helper()
	message := readMessage(t, body)
	switch {
	case strings.Contains(message, "Fill out the Anthropic use case details form"):
		a.apply(t, b, verdict{Code: llm.CodeUseCaseForm, Fix: "put-use-case-for-model-access"})
		return true
	case strings.Contains(message, "aws-marketplace:ViewSubscriptions, aws-marketplace:Subscribe"):
		const both = `{"Effect":"Allow","Action":["aws-marketplace:ViewSubscriptions","aws-marketplace:Subscribe"],"Resource":"*"}`
		a.apply(t, b, verdict{Code: llm.CodeMarketplacePermission, Statement: jsonx.Raw(both), Fix: "Add: " + both})
		return true
	case strings.Contains(message, "still being processed"):
		a.apply(t, b, verdict{Code: llm.CodeMarketplacePending, Fix: "Wait "})
		return true
	}
	match := named.FindStringSubmatch(strings.ReplaceAll(message, `\"`, `"`))
	if match == nil {
		return false
	}
	action, resource := match[1], match[2]
	if resource == "" {
		resource = "*"
	}
	v := verdict{Code: map[string]llm.Code{
		"identity-based policy": "iam.identity_", "permissions boundary": "iam.boundary_", "session policy": "iam.session_",
		"service control policy": "iam.scp_", "VPC endpoint policy": "iam.vpce_", "resource-based policy": "iam.resource_",
	}[match[4]]}
	if match[3] == "because no" {
		principal := ""
		if v.Code == "iam.vpce_" {
			principal = `"Principal":"*",`
		}
		v.Statement = jsonx.Raw(fmt.Sprintf(`{"Effect":"Allow",%s"Action":%q,"Resource":%q}`, principal, action, resource))
		v.Fix = "Add: " + string(v.Statement)
	} else {
		v.Fix = "Remove " + action
		if match[2] != "" {
			v.Fix += " on " + resource
		}
		v.Fix += " from the deny in it"
		if region := strings.Split(resource, ":"); len(region) > 3 { // the region to add is the refused one
			in := region[3]
			if in == "" {
				in = "unspecified" // known from AWS's page on global profiles
			}
			v.Fix += ", add " + in + " to the regions that its condition on aws:RequestedRegion exempts"
		}
	}
	a.apply(t, b, v)
	return true
}

// readMessage returns the message of an error, from a body or an event of a stream.
func readMessage(t testing.TB, body string) string {
	t.Helper()
	body = strings.TrimPrefix(strings.TrimSpace(body), "data: ")
	var answer struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	body, _, _ = strings.Cut(body, "\n")
	if err := jsonx.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return answer.Error.Message
}

const refusalsHead = `# What a user reads when AWS refuses

%d AWS accounts in which one thing that a call needs is missing or forbidden, called through LiteLLM %s (the proxy from PyPI) and
through Outcrop, with the same ` + "`config.yaml`" + `. AWS is the [emulator](emulator.md), which checks each call against the account's policies with its
own IAM evaluator. Each row breaks the account, makes a call, does what the error says, and calls again until it works.

- With Outcrop, the fix is applied exactly as ` + "`error.outcrop`" + ` gives it.
- LiteLLM passes AWS's message on. There the test does what AWS names, one thing at a time: it allows the named action on the named
  resource in the named kind of policy, or removes it from the deny. Where the message names nothing to do, the steps are **?**.

| | LiteLLM | Outcrop |
| --- | --- | --- |
| accounts that work after one step | %d | %d |
| steps in all, for the accounts whose message says what to do | %d for %d | %d for %d |
| accounts whose policies then grant more than the call needs, such as the model without its profile | %d | %d |

This page is generated by a test: run ` + "`make setup`" + `, then ` + "`go test ./e2e -run TestRefusalsBesideLiteLLM -update`" + `. Account, role and
policies are made up. ` + "`{...}`" + ` stands for the IAM statement, which is in the message and in ` + "`error.outcrop.statement`" + `.
`

// refusalsPage returns docs/refusals.md.
func refusalsPage(t *testing.T, rows []*refusalRow) []byte {
	t.Helper()
	type sums struct{ once, steps, fixed, wide int }
	var litellm, outcrop sums
	count := func(s *sums, m repair) {
		if m.steps == 1 {
			s.once++
		}
		if m.steps > 0 {
			s.fixed++
			s.steps += m.steps
		}
		if m.wide {
			s.wide++
		}
	}
	for _, r := range rows {
		count(&litellm, r.litellm)
		count(&outcrop, r.outcrop)
	}
	var b strings.Builder
	fmt.Fprintf(&b, refusalsHead, len(rows), litellmPin.version(t), litellm.once, outcrop.once, litellm.steps, litellm.fixed, outcrop.steps, outcrop.fixed, litellm.wide, outcrop.wide)
	for _, r := range rows {
		fmt.Fprintf(&b, "\n## %s (%s)\n\n", upper(r.fault.name), r.form)
		fmt.Fprintf(&b, "| | steps | what the user reads |\n| --- | --- | --- |\n")
		fmt.Fprintf(&b, "| LiteLLM | %s | %s |\n", r.litellm.cell(), legible(r.litellm.reads))
		fmt.Fprintf(&b, "| Outcrop | %s | `%s` %s |\n", r.outcrop.cell(), r.code, legible(r.outcrop.reads))
	}
	return []byte(b.String())
}

func (m repair) cell() string {
	switch {
	case m.steps == 0:
		return "?"
	case m.wide:
		return fmt.Sprintf("%d, too wide", m.steps)
	default:
		return fmt.Sprint(m.steps)
	}
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// braces matches IAM statements in a message.
var braces = regexp.MustCompile(`: \{"Effect".*\}$`)

// legible shortens a message for a table.
func legible(message string) string {
	message = braces.ReplaceAllString(message, ": `{...}`")
	message, _, _ = strings.Cut(message, "\n")
	return strings.ReplaceAll(message, "|", "\\|")
}
