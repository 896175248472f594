package bedrock_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	emulator "outcrop/emulator/bedrock"
	"outcrop/emulator/bedrock/fault"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock"
	"outcrop/upstream"
)

// examined is an emulated account whose calls are counted.
type examined struct {
	*httptest.Server
	mu    sync.Mutex
	calls map[string]int // by method and path, without ids
	date  string         // that answers bear; the true one if empty
}

func newExamined(t *testing.T, opt emulator.Options, faults ...string) *examined {
	t.Helper()
	for _, text := range faults {
		f, err := fault.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		opt.Faults = append(opt.Faults, f)
	}
	e, err := emulator.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	x := &examined{calls: map[string]int{}}
	x.Server = httptest.NewServer(judge.Watch(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		x.mu.Lock()
		x.calls[r.Method+" /"+first]++
		x.mu.Unlock()
		if x.date != "" {
			w.Header().Set("Date", x.date)
		}
		e.ServeHTTP(w, r)
	})))
	t.Cleanup(x.Close)
	return x
}

func (x *examined) count(call string) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.calls[call]
}

// examine examines a wildcard deployment in us-east-1 with the emulator's keys
// unless variables say otherwise.
func examine(t *testing.T, url string, variables map[string]string, e provider.CheckOptions) map[string]provider.Finding {
	t.Helper()
	environ := map[string]string{"AWS_ENDPOINT_URL": url, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": emulator.DemoAccessKeyID, "AWS_SECRET_ACCESS_KEY": string(emulator.DemoSecretAccessKey)}
	maps.Copy(environ, variables)
	client := upstream.New()
	t.Cleanup(client.CloseIdle)
	d, err := bedrock.Provider().Open(t.Context(), provider.Params{Model: "*", Upstream: client, Environ: func(name string) string { return environ[name] }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	x := d.(provider.Checker)
	if e.Locations == nil {
		_, e.Locations = x.Identity()
	}
	if e.Since.IsZero() {
		e.Since = time.Now()
	}
	found := map[string]provider.Finding{}
	x.Check(t.Context(), e, func(f provider.Finding) {
		found[string(f.Check)+" "+f.Subject] = f
	})
	return found
}

func TestAnExaminationOfAnAccountInGoodOrder(t *testing.T) {
	x := newExamined(t, emulator.Options{})
	found := examine(t, x.URL, nil, provider.CheckOptions{})
	host := strings.TrimPrefix(x.URL, "http://")
	for _, want := range []string{
		"identity credentials", "lists ListFoundationModels", "lists ListInferenceProfiles", "lists GetInferenceProfile", "lists GetFoundationModelAvailability",
		"clock " + host, "endpoint bedrock-runtime", "endpoint bedrock", "network proxy", "network address",
	} {
		if f, ok := found[want]; !ok || f.State != provider.StateOK || f.Err != nil {
			t.Errorf("%s: %+v", want, f)
		}
	}
	if len(found) != 10 {
		t.Errorf("%d findings: %v", len(found), found)
	}
	id := found["identity credentials"].Identity
	if id.Account != emulator.DemoAccount || !strings.HasSuffix(id.Principal, ":user/demo") || id.Key != emulator.DemoAccessKeyID || id.Credential != provider.CredentialKey || id.Origin != "the environment" {
		t.Errorf("the identity is %+v", id)
	}
	if f := found["lists ListFoundationModels"]; f.Count == 0 || f.Location != "us-east-1" {
		t.Errorf("the models are %+v", f)
	}
	if f := found["endpoint bedrock-runtime"]; !strings.Contains(f.Detail, "AWS_ENDPOINT_URL") || !strings.Contains(f.Detail, x.URL) {
		t.Errorf("the endpoint is %q", f.Detail)
	}
}

func TestABriefExaminationReadsTheListsOnceAtMost(t *testing.T) {
	x := newExamined(t, emulator.Options{})
	found := examine(t, x.URL, nil, provider.CheckOptions{Brief: true})
	if n, m := x.count("GET /foundation-models"), x.count("GET /inference-profiles"); n != 1 || m != 2 {
		t.Errorf("%d calls for models and %d for the two lists of profiles", n, m)
	}
	if _, ok := found["network address"]; ok || len(found) != 5 {
		t.Errorf("found %v", found)
	}
}

func TestWhatListsRefuseIsAWarningWithTheStatement(t *testing.T) {
	x := newExamined(t, emulator.Options{}, "op=ListInferenceProfiles deny always", "op=GetFoundationModelAvailability unavailable always")
	found := examine(t, x.URL, nil, provider.CheckOptions{})
	if f := found["lists ListInferenceProfiles"]; f.State != provider.StateWarn || f.Err == nil || !f.Err.Code.Denied() || !strings.Contains(string(f.Err.Statement), "bedrock:ListInferenceProfiles") {
		t.Errorf("profiles: %+v", f)
	}
	if f := found["lists ListFoundationModels"]; f.State != provider.StateOK || f.Count == 0 {
		t.Errorf("models: %+v", f)
	}
	if f := found["lists GetFoundationModelAvailability"]; f.State != provider.StateWarn || f.Err == nil || f.Err.Code != llm.CodeUnavailable {
		t.Errorf("availability: %+v", f)
	}
}

func TestBothListsThatAreRefusedAreNamed(t *testing.T) {
	x := newExamined(t, emulator.Options{}, "op=ListInferenceProfiles deny always", "op=ListFoundationModels throttle always")
	found := examine(t, x.URL, nil, provider.CheckOptions{Brief: true})
	if f := found["lists ListInferenceProfiles"]; f.Err == nil || !f.Err.Code.Denied() {
		t.Errorf("profiles: %+v", f)
	}
	if f := found["lists ListFoundationModels"]; f.Err == nil || f.Err.Code != llm.CodeLimitRequests {
		t.Errorf("models: %+v", f)
	}
}

func TestAClockThatIsOffIsFoundWithBothTimes(t *testing.T) {
	for _, tt := range []struct {
		off   time.Duration
		state provider.State
		code  llm.Code
	}{
		{20 * time.Second, provider.StateOK, ""},
		{-3 * time.Minute, provider.StateWarn, ""},
		{10 * time.Minute, provider.StateFail, "credentials.clock_skew"},
		{-24 * time.Hour, provider.StateFail, "credentials.clock_skew"},
	} {
		t.Run(tt.off.String(), func(t *testing.T) {
			theirs := time.Now().Add(tt.off)
			x := newExamined(t, emulator.Options{Now: func() time.Time { return theirs }})
			x.date = theirs.UTC().Format(http.TimeFormat)
			f := examine(t, x.URL, nil, provider.CheckOptions{Brief: true})["clock "+strings.TrimPrefix(x.URL, "http://")]
			if f.State != tt.state {
				t.Fatalf("found %+v", f)
			}
			if tt.state == provider.StateOK {
				return
			}
			text := f.Detail
			if f.Err != nil {
				text = f.Err.Message
				if f.Err.Code != tt.code || f.Err.Fix == "" {
					t.Errorf("the error is %+v", f.Err)
				}
			}
			if !strings.Contains(text, theirs.UTC().Format(time.RFC3339)) || !strings.Contains(text, f.Ours.Format(time.RFC3339)) {
				t.Errorf("%q does not give both times", text)
			}
		})
	}
}

// shortTermKey is a key that looks like one of AWS's token generators; what is
// read of it needs no signature.
func shortTermKey(region string, signed time.Time) string {
	return "bedrock-api-key-" + base64.StdEncoding.EncodeToString(fmt.Appendf(nil,
		"bedrock.amazonaws.com/?Action=CallWithBearerToken&X-Amz-Credential=ASIAKEY%%2F20261125%%2F%s%%2Fbedrock%%2Faws4_request&X-Amz-Date=%s&X-Amz-Expires=43200&X-Amz-Signature=abcdef&Version=1",
		region, signed.UTC().Format("20060102T150405Z")))
}

func TestAnAPIKeyIsReadAndNotShown(t *testing.T) {
	for _, tt := range []struct {
		name, key  string
		credential provider.Credential
		state      provider.State
		code       llm.Code
		says       string
	}{
		{"a long-term key", string(emulator.DemoAPIKey), provider.CredentialAPIKey, provider.StateOK, "", "long-term"},
		{"a short-term key", shortTermKey("us-east-1", time.Now()), provider.CredentialShortTerm, provider.StateOK, "", "us-east-1, until"},
		{"one that ends soon", shortTermKey("us-east-1", time.Now().Add(-11*time.Hour-30*time.Minute)), provider.CredentialShortTerm, provider.StateWarn, "", "until"},
		{"one that has ended", shortTermKey("us-east-1", time.Now().Add(-13*time.Hour)), provider.CredentialShortTerm, provider.StateFail, "credentials.api_key_expired", "expired at"},
		{"one of another region", shortTermKey("eu-west-1", time.Now()), provider.CredentialShortTerm, provider.StateFail, "credentials.api_key_invalid", "eu-west-1"},
		{"one that was cut", shortTermKey("us-east-1", time.Now())[:40], provider.CredentialShortTerm, provider.StateWarn, "", "malformed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := newExamined(t, emulator.Options{})
			found := examine(t, x.URL, map[string]string{"AWS_BEARER_TOKEN_BEDROCK": tt.key}, provider.CheckOptions{Brief: true})
			f := found["identity credentials"]
			text := f.Detail
			if f.Err != nil {
				text = f.Err.Message + string(f.Err.Code)
			}
			if f.State != tt.state || f.Identity.Credential != tt.credential || !strings.Contains(text, tt.says) || !strings.Contains(text, string(tt.code)) {
				t.Errorf("found %+v: %s", f, text)
			}
			if n := x.count("POST /"); n != 0 {
				t.Errorf("STS was asked %d times", n)
			}
			if all := fmt.Sprintf("%+v", found); strings.Contains(all, tt.key) || strings.Contains(all, "ASIAKEY") {
				t.Errorf("the key is shown: %s", all)
			}
		})
	}
}

func TestWithoutSTSCallsMayWorkAllTheSame(t *testing.T) {
	x := newExamined(t, emulator.Options{})
	found := examine(t, x.URL, map[string]string{"AWS_ENDPOINT_URL_STS": "http://127.0.0.1:1"}, provider.CheckOptions{Brief: true})
	if f := found["identity credentials"]; f.State != provider.StateWarn || f.Err == nil || f.Err.Code != llm.CodeUnreachable || !strings.Contains(f.Err.Message, "do not need STS") {
		t.Errorf("found %+v", f)
	}
	found = examine(t, x.URL, map[string]string{"AWS_SECRET_ACCESS_KEY": "leak-wrong-secret"}, provider.CheckOptions{Brief: true})
	if f := found["identity credentials"]; f.State != provider.StateFail || f.Err == nil || f.Err.Code != llm.CodeSignature || strings.HasSuffix(f.Err.Message, "..") {
		t.Errorf("with a wrong secret found %+v", f)
	}
	found = examine(t, x.URL, map[string]string{"AWS_ACCESS_KEY_ID": ""}, provider.CheckOptions{Brief: true})
	if f := found["identity credentials"]; f.State != provider.StateFail || f.Err == nil || f.Err.Code != llm.CodeCredentialsMissing || f.Err.Fix == "" {
		t.Errorf("without credentials found %+v", f)
	}
}

func TestAHostThatDoesNotAnswerFails(t *testing.T) {
	found := examine(t, "http://127.0.0.1:1", nil, provider.CheckOptions{})
	if f := found["endpoint bedrock-runtime"]; f.State != provider.StateFail || f.Err == nil || f.Err.Code != llm.CodeUnreachable || !strings.Contains(f.Err.Message, "AWS_ENDPOINT_URL") {
		t.Errorf("the runtime: %+v", f)
	}
	if f := found["endpoint bedrock"]; f.State != provider.StateWarn || f.Err == nil {
		t.Errorf("the control plane: %+v", f)
	}
}

func TestJunkIsNoList(t *testing.T) {
	junk := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>sign in</html>") }))
	defer junk.Close()
	found := examine(t, junk.URL, nil, provider.CheckOptions{Brief: true})
	for _, want := range []string{"identity credentials", "lists ListFoundationModels", "lists ListInferenceProfiles"} {
		if f := found[want]; f.State != provider.StateWarn || f.Err == nil || f.Err.Fix == "" {
			t.Errorf("%s: %+v", want, f)
		}
	}
}

func TestAnExaminationThatIsEndedReportsNoFailures(t *testing.T) {
	x := newExamined(t, emulator.Options{})
	client := upstream.New()
	defer client.CloseIdle()
	d, err := bedrock.Provider().Open(t.Context(), provider.Params{Model: "*", Upstream: client, Environ: func(name string) string {
		return map[string]string{"AWS_ENDPOINT_URL": x.URL, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}[name]
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer d.(io.Closer).Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d.(provider.Checker).Check(ctx, provider.CheckOptions{Locations: []string{"us-east-1"}}, func(f provider.Finding) {
		if f.State == provider.StateFail || f.State == provider.StateWarn {
			t.Errorf("found %+v", f)
		}
	})
}

func TestCandidatesStandForWhatTheModelStringMatches(t *testing.T) {
	for _, tt := range []struct {
		model  string
		values map[string]string
		first  string // of the few
		none   bool
	}{
		{"*", nil, "amazon.nova", false},
		{"anthropic.*", nil, "anthropic.claude", false},
		{"us-west-2/*", nil, "us-west-2/amazon.nova", false},
		{"*", map[string]string{"model_id": "us.amazon.nova-pro-v1:0"}, "", true},
		{"nobody.*", nil, "", true},
	} {
		t.Run(tt.model, func(t *testing.T) {
			a := newAWS(t)
			x := a.open(t, tt.model, tt.values, map[string]string{"AWS_REGION": "us-east-1"}).Deployment.(provider.Checker)
			few := x.Candidates(false)
			if tt.none {
				if len(few) != 0 {
					t.Errorf("got %q", few)
				}
				return
			}
			if len(few) == 0 || !strings.HasPrefix(few[0], tt.first) {
				t.Fatalf("got %q", few)
			}
			all := x.Candidates(true)
			if len(all) <= len(few) || !slices.Contains(all, few[0][strings.LastIndexByte(few[0], '/')+1:]) {
				t.Errorf("%d of all, %d few", len(all), len(few))
			}
		})
	}
}
