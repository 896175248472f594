package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"outcrop/cli"
	emulator "outcrop/emulator/bedrock"
	"outcrop/emulator/bedrock/policy"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/sign"
)

// verdict is error.outcrop of an answer, with the message.
type verdict struct {
	Code       llm.Code    `json:"code"`
	Cause      string      `json:"cause"`
	Actor      llm.Actor   `json:"actor"`
	Fix        string      `json:"fix"`
	Statement  jsonx.Raw   `json:"statement"`
	Statements []jsonx.Raw `json:"statements"`
	Docs       string      `json:"docs"`
	RequestID  string      `json:"request_id"`
	Retry      llm.Retry   `json:"retry"`
	message    string
}

func readVerdict(t testing.TB, body string) verdict {
	t.Helper()
	var answer struct {
		Error struct {
			Message string  `json:"message"`
			Outcrop verdict `json:"outcrop"`
		} `json:"error"`
	}
	if err := jsonx.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	v := answer.Error.Outcrop
	v.message = answer.Error.Message
	return v
}

// apply follows a fix exactly, and does nothing else. It reads only the verdict and
// does not know what was broken.
func (a *account45) apply(t testing.TB, b *broken, v verdict) {
	t.Helper()
	layer := map[string]**document{
		"iam.identity": &b.identity, "iam.bearer": &b.identity, "iam.boundary": &b.boundary, "iam.session": &b.session,
		"iam.scp": &b.organization, "iam.vpce": &b.endpoint, "iam.resource": &b.resource,
	}
	family, _, _ := strings.Cut(string(v.Code), "_")
	switch {
	case len(v.Statement) > 0 && v.Code == llm.CodeMarketplacePermission:
		b.identity.allows = append(b.identity.allows, printed(t, v)...)
	case len(v.Statement) > 0 && layer[family] != nil && *layer[family] != nil:
		(*layer[family]).allows = append((*layer[family]).allows, printed(t, v)...)
	case strings.Contains(v.Fix, "emove ") && strings.Contains(v.Fix, " from ") && layer[family] != nil && *layer[family] != nil:
		except(t, *layer[family], v.Fix)
	case v.Code == llm.CodeUseCaseForm && strings.Contains(v.Fix, "put-use-case-for-model-access"):
		a.admin(t, http.MethodPost, "/use-case-for-model-access", `{"formData":"`+base64.StdEncoding.EncodeToString([]byte(`{"companyName":"Example","useCases":"tests"}`))+`"}`)
		return // a new set-up resets what calls have changed
	case v.Code == llm.CodeDataRetention:
		mode := regexp.MustCompile(`put-account-data-retention --mode (\w+)`).FindStringSubmatch(v.Fix)
		a.admin(t, http.MethodPut, "/data-retention", `{"mode":"`+mode[1]+`"}`)
		return
	case v.Code == llm.CodeNotGranted && strings.Contains(v.Fix, "model catalogue of the Bedrock console"):
		b.state.Models = nil
	case v.Code == llm.CodeMarketplacePending && strings.HasPrefix(v.Fix, "Wait "):
		a.ahead.Add(int64(3 * time.Minute))
		return
	default:
		t.Fatalf("%s: there is nothing to apply in %q", v.Code, v.Fix)
	}
	if err := a.SetAccount(a.set(t, *b)); err != nil {
		t.Fatalf("the policy cannot be set after %s: %v", v.Fix, err)
	}
}

// printed returns the statements at the end of a fix, as somebody pastes them among
// others. The first is that of the verdict.
func printed(t testing.TB, v verdict) []jsonx.Raw {
	t.Helper()
	_, text, _ := strings.Cut(v.Fix, ": {")
	var all []jsonx.Raw
	if err := jsonx.Unmarshal([]byte("[{"+text+"]"), &all); err != nil || len(all) == 0 || string(all[0]) != string(v.Statement) {
		t.Fatalf("%v: %q does not end with the statement %s", err, v.Fix, v.Statement)
	}
	if len(all) > 1 && !slices.EqualFunc(all, v.Statements, func(a, b jsonx.Raw) bool { return string(a) == string(b) }) {
		t.Fatalf("%q has other statements than %s", v.Fix, v.Statements)
	}
	return all
}

// The sentences of a deny.
var (
	takeOut    = regexp.MustCompile(`[Rr]emove (\S+)(?: on (.+?))? from (?:the deny in |it)`)
	addRegions = regexp.MustCompile(`add (.+?) to the regions that its condition on aws:RequestedRegion exempts`)
)

// except narrows the denies of a policy according to a fix.
func except(t testing.TB, d *document, fix string) {
	t.Helper()
	taken := takeOut.FindStringSubmatch(fix)
	if taken == nil {
		t.Fatalf("%q does not say what to take out", fix)
	}
	for i := range d.denies {
		s := &d.denies[i]
		if regions := s.Condition["StringNotEquals"]["aws:RequestedRegion"]; regions != nil {
			add := addRegions.FindStringSubmatch(fix)
			if add == nil {
				t.Fatalf("%q names no region to add", fix)
			}
			s.Condition["StringNotEquals"]["aws:RequestedRegion"] = append(regions, strings.Split(add[1], ", ")...)
			continue
		}
		if taken[2] == "" { // an action without a resource: the deny is removed
			s.Action = slices.DeleteFunc(s.Action, func(a string) bool { return a == taken[1] })
			continue
		}
		out := strings.Split(taken[2], ", ")
		if len(s.NotResource) > 0 || slices.Equal(s.Resource, []string{"*"}) {
			s.Resource, s.NotResource = nil, append(s.NotResource, out...)
			continue
		}
		s.Resource = slices.DeleteFunc(s.Resource, func(r string) bool { return slices.Contains(out, r) })
	}
	d.denies = slices.DeleteFunc(d.denies, func(s statement) bool {
		return len(s.Action) == 0 || len(s.Resource) == 0 && len(s.NotResource) == 0
	})
}

// admin makes a control plane call as the account's administrator.
func (a *account45) admin(t testing.TB, method, path, body string) {
	t.Helper()
	u, err := url.Parse(a.address + path)
	if err != nil {
		t.Fatal(err)
	}
	r := &sign.Request{Method: method, Host: u.Host, Path: path, Header: http.Header{"Content-Type": {"application/json"}}, Body: [][]byte{[]byte(body)}}
	var signer sign.Signer
	signer.Sign(r, sign.Credentials{AccessKey: emulator.DemoAccessKeyID, SecretKey: string(emulator.DemoSecretAccessKey)}, region, "bedrock", time.Now())
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = r.Header
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode >= 300 {
		t.Fatalf("%s %s: %d %s %v", method, path, resp.StatusCode, text, err)
	}
}

// asked is a request to IAM for testing minimality.
type asked struct {
	action, resource, profile, region string
}

// universe returns requests for testing a policy: those of the call, and similar ones
// with other actions, models, profiles and regions, and for the same models directly.
func (f callForm) universe(a *account45) []asked {
	profiles := []string{"", f.arn(), accountARN + ":inference-profile/us." + sonnet45, accountARN + ":inference-profile/global." + sonnet45, applicationARN + "granite2rock"}
	resources := []string{"*", "arn:aws:bedrock:us-east-1::foundation-model/" + novaLite, accountARN + ":inference-profile/us." + novaLite, accountARN + ":guardrail/abc"}
	resources = append(resources, profiles[1:]...)
	for _, r := range append(f.destinations(a), "", region, "us-west-2", "eu-west-1", "ap-northeast-1") {
		resources = append(resources, modelIn(r))
	}
	var all []asked
	for _, action := range []string{bearerAction, "bedrock:ListFoundationModels", "aws-marketplace:Subscribe", "aws-marketplace:ViewSubscriptions"} { // on no resource
		all = append(all, asked{action, "*", "", region})
	}
	for _, action := range []string{invokeAction, streamAction, "bedrock:CountTokens", "bedrock:ApplyGuardrail", "bedrock:CreateModelInvocationJob", "iam:PassRole"} {
		for _, resource := range resources {
			for _, profile := range profiles {
				for _, in := range []string{region, "us-west-2", "eu-west-1", "unspecified"} {
					all = append(all, asked{action, resource, profile, in})
				}
			}
		}
	}
	return all
}

// grants returns the requests that a policy allows, without the region of the request,
// which a call does not choose.
func grants(p *policy.Policy, universe []asked) map[string]bool {
	yes := map[string]bool{}
	l := policy.Layers{Identity: []*policy.Policy{p}}
	for _, q := range universe {
		context := map[string][]string{"aws:RequestedRegion": {q.region}}
		if q.profile != "" {
			context[profileKey] = []string{q.profile}
		}
		if l.Evaluate(&policy.Request{Principal: "arn:aws:iam::" + emulator.DemoAccount + ":role/app", Action: q.action, Resource: q.resource, Context: context}).Allowed() {
			yes[q.action+" "+q.resource+" through "+q.profile] = true
		}
	}
	return yes
}

// needed returns the requests that the emulator sent to IAM for the last call. The
// permission on the profile itself is the same whatever profile a request names.
func (a *account45) needed(universe []asked) map[string]bool {
	yes := map[string]bool{}
	for _, q := range a.Authorizations() {
		var through string
		if p := q.Context[profileKey]; len(p) > 0 {
			through = p[0]
		}
		for _, u := range universe {
			if u.action == q.Action && u.resource == q.Resource && (u.profile == through || through == "") {
				yes[q.Action+" "+q.Resource+" through "+u.profile] = true
			}
		}
	}
	return yes
}

// TestTheFixWorksWhenItIsApplied is the closed loop: a set-up in which one requirement
// of the call is missing or forbidden, the call, which fails, the fix, applied exactly
// as given, and the call again, which succeeds. The fix adds to policies only what the
// call needs, and denies continue to deny everything else.
func TestTheFixWorksWhenItIsApplied(t *testing.T) {
	t.Parallel()
	a := openAccount45(t)
	fixed, all := 0, 0
	codes := map[llm.Code]int{}
	for _, fault := range setupFaults() {
		for _, f := range callForms() {
			if fault.only != nil && !fault.only(f) {
				continue
			}
			all++
			name := fault.name + ": " + f.String()
			b := fault.make(t, a, f)
			if code, ok := a.fixes(t, name, f, &b); ok {
				fixed++
				codes[code]++
			}
		}
	}
	t.Logf("%d of %d set-ups work after their diagnosis: %v", fixed, all, codes)
	if all < 100 {
		t.Errorf("only %d set-ups", all)
	}
}

// fixes runs one turn of the loop.
func (a *account45) fixes(t *testing.T, name string, f callForm, b *broken) (llm.Code, bool) {
	t.Helper()
	defer a.ahead.Store(0)
	if err := a.SetAccount(a.set(t, *b)); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	ask := func() reply { return a.chat(t, f.name(), f.stream) }
	r := ask()
	if r.status == 200 {
		t.Errorf("%s: the call does not fail", name)
		return "", false
	}
	v := readVerdict(t, r.body)
	if v.Cause == "" || v.Fix == "" || v.Docs == "" || v.RequestID == "" || v.Actor == "" || v.Retry == "" || !strings.HasSuffix(v.message, v.Fix) {
		t.Errorf("%s: the verdict lacks something: %s", name, r.body)
	}
	universe := f.universe(a)
	needed := a.needed(universe) // some permissions are needed only once: a subscription
	before, granted := deniesElsewhere(t, b), b.grants(t, universe)
	a.apply(t, b, v)
	if r = ask(); !r.whole() || r.status != 200 {
		t.Errorf("%s: after %s\n%s\nthe call still fails: %d %s", name, v.Code, v.Fix, r.status, r.body)
		return v.Code, false
	}
	ok := true
	maps.Copy(needed, a.needed(universe))
	for layer, now := range b.grants(t, universe) {
		for q := range now {
			if !needed[q] && !granted[layer][q] {
				t.Errorf("%s: the diagnosis has the %s's policy grant %s", name, layer, q)
				ok = false
			}
		}
	}
	if after := deniesElsewhere(t, b); after != before {
		t.Errorf("%s: denies of other things: %s before, %s after", name, before, after)
		ok = false
	}
	return v.Code, ok
}

// layers returns the policies of a set-up by name.
func (b *broken) layers() map[string]*document {
	all := map[string]*document{"identity": b.identity, "boundary": b.boundary, "session": b.session, "endpoint": b.endpoint, "organization": b.organization}
	maps.DeleteFunc(all, func(_ string, d *document) bool { return d == nil })
	return all
}

// grants returns what each of the policies allows.
func (b *broken) grants(t testing.TB, universe []asked) map[string]map[string]bool {
	t.Helper()
	all := map[string]map[string]bool{}
	for layer, d := range b.layers() {
		if len(d.allows) == 0 {
			continue
		}
		all[layer] = grants((&document{allows: d.allows}).policy(t), universe)
	}
	return all
}

// deniesElsewhere reports which layers deny a call unrelated to the broken one, with
// each of their policies.
func deniesElsewhere(t testing.TB, b *broken) string {
	t.Helper()
	var all []string
	for layer, d := range b.layers() {
		if len(d.denies) == 0 {
			continue
		}
		p := d.policy(t)
		for _, resource := range []string{"arn:aws:bedrock:ap-south-1::foundation-model/" + novaLite, accountARN + ":inference-profile/us." + novaLite} {
			decision := (&policy.Layers{Identity: []*policy.Policy{p}}).Evaluate(&policy.Request{
				Principal: "arn:aws:iam::" + emulator.DemoAccount + ":role/app", Action: invokeAction, Resource: resource,
				Context: map[string][]string{"aws:RequestedRegion": {"ap-south-1"}},
			})
			if decision.Explicit {
				all = append(all, layer+" "+resource)
			}
		}
	}
	slices.Sort(all)
	return fmt.Sprint(all)
}

// TestNoVerdictTellsASecret checks in every variant of the closed loop that answers and
// logs contain no credentials and nothing of the prompt, except what the client itself
// sent.
func TestNoVerdictTellsASecret(t *testing.T) {
	a := openAccount45(t)
	for _, fault := range setupFaults() {
		for _, f := range callForms() {
			if fault.only != nil && !fault.only(f) {
				continue
			}
			b := fault.make(t, a, f)
			if err := a.SetAccount(a.set(t, b)); err != nil {
				t.Fatal(err)
			}
			r := a.chat(t, f.name(), f.stream)
			if r.status == 200 {
				t.Errorf("%s, %s: the call does not fail", fault.name, f)
			}
			for _, secret := range []string{sessionSecret, sessionToken, userKey, masterKey, "What is granite?"} {
				if strings.Contains(r.body, secret) || strings.Contains(fmt.Sprint(r.header), secret) {
					t.Errorf("%s, %s: the answer has %q", fault.name, f, secret)
				}
			}
		}
	}
	a.stop(t)
	log := a.log.text.String()
	if n := strings.Count(log, `"code":"`); n < 100 {
		t.Errorf("only %d refusals are logged", n)
	}
	for _, secret := range []string{sessionSecret, sessionToken, userKey, masterKey, "What is granite?"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}

// TestThePolicyThatIsPrintedIsEnough checks that with only the policy printed by
// outcrop bedrock policy a call succeeds in every form, and that the policy allows
// nothing that the call did not need.
func TestThePolicyThatIsPrintedIsEnough(t *testing.T) {
	a := openAccount45(t)
	for _, f := range callForms() {
		if f.profile == "application" {
			continue // the command knows the profiles of this release, not an account's own
		}
		args := []string{"bedrock", "policy", "--model", sonnet45, "--region", region, "--account", emulator.DemoAccount, "--profile", map[string]string{"geography": "us", "global": "global"}[f.profile]}
		args = append(args, map[bool]string{false: "--no-stream", true: "--no-whole"}[f.stream])
		if f.apiKey {
			args = append(args, "--api-key")
		}
		var out, errs bytes.Buffer
		if rc := cli.Main(args, &out, &errs); rc != 0 {
			t.Fatalf("%v: %d %s", args, rc, errs.String())
		}
		p, err := policy.Parse(out.Bytes())
		if err != nil {
			t.Fatalf("%v: %s", err, out.String())
		}
		s := a.set(t, broken{identity: everything(t, "")})
		s.Users[0].Policies, s.Roles[0].Policies = []*policy.Policy{p}, []*policy.Policy{p}
		if err := a.SetAccount(s); err != nil {
			t.Fatal(err)
		}
		if r := a.chat(t, f.name(), f.stream); r.status != 200 || !r.whole() {
			t.Errorf("%s: %d %s", f, r.status, r.body)
		}
		universe := f.universe(a)
		needed := a.needed(universe)
		for q := range grants(p, universe) {
			if !needed[q] {
				t.Errorf("%s: the policy also grants %s", f, q)
			}
		}
	}
}
