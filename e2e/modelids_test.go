package e2e

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	emulator "outcrop/emulator/bedrock"
	"outcrop/emulator/bedrock/catalogue"
	"outcrop/emulator/bedrock/fault"
	"outcrop/internal/jsonx"
	"outcrop/provider/bedrock/catalog"
)

// anyModel is a configuration that routes every id to Bedrock.
const anyModel = `
model_list:
  - model_name: "*"
    litellm_params: {model: bedrock/*}
`

const (
	sonnet37 = "anthropic.claude-3-7-sonnet-20250219-v1:0"
	sonnet45 = "anthropic.claude-sonnet-4-5-20250929-v1:0"
	deepseek = "deepseek.r1-v1:0"
)

// TestTheCasesThatPeopleMeet has the ids that people try: AWS serves the models only
// through inference profiles, and refuses their own ids.
func TestTheCasesThatPeopleMeet(t *testing.T) {
	const onDemand = "with on-demand throughput isn’t supported"
	a := openAccount(t, emulator.Options{}, "", `
model_list:
  - model_name: "strict/*"
    litellm_params: {model: bedrock/*}
    model_info: {outcrop: {policy: {strict: true}}}
  - model_name: "europe/*"
    litellm_params: {model: bedrock/*, aws_region_name: eu-central-1}
  - model_name: "at-home/*"
    litellm_params: {model: bedrock/*, aws_region_name: eu-central-1}
    model_info: {outcrop: {policy: {geographies: [own], global: false}}}
  - model_name: "two/*"
    litellm_params: {model: bedrock/*}
    model_info: {outcrop: {policy: {regions: [eu-central-1, us-east-1]}}}
  - model_name: "*"
    litellm_params: {model: bedrock/*}
`)
	if r := a.refresh(t); r.status != 200 {
		t.Fatalf("%+v", r)
	}
	for _, tt := range []struct {
		name, model string
		serves      string // the id that answers; empty if AWS or the policy refuses
		says        string // in the reason or the error
	}{
		{"Claude 3.7 Sonnet by its bare id", sonnet37, "us." + sonnet37, "using the us profile"},
		{"by its profile", "us." + sonnet37, "us." + sonnet37, "sent unchanged"},
		{"by LiteLLM's converse route", "bedrock/converse/" + sonnet37, "us." + sonnet37, "using the us profile"},
		{"DeepSeek R1 by its bare id", deepseek, "us." + deepseek, "using the us profile"},
		{"by its profile", "us." + deepseek, "us." + deepseek, "sent unchanged"},
		{"by LiteLLM's converse route", "bedrock/converse/us." + deepseek, "us." + deepseek, "sent unchanged"},
		{"a bare id, strictly", "strict/" + sonnet37, "", onDemand},
		{"another bare id, strictly", "strict/" + deepseek, "", onDemand},
		{"a profile of elsewhere, strictly", "strict/eu." + sonnet45, "", "The provided model identifier is invalid."},
		{"InvokeModel for Claude", "bedrock/invoke/" + sonnet37, "us." + sonnet37, "using the us profile"},
		{"InvokeModel for Claude, strictly", "strict/invoke/" + sonnet37, "", onDemand},
		{"InvokeModel, which Converse stands in for", "bedrock/invoke/amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0", "invoke/ is served by Converse"},
		{"a friendly name", "bedrock/claude-sonnet-4-5", "us." + sonnet45, "using the us profile"},
		{"as people write it", "claude-sonnet-4.5", "us." + sonnet45, "using the us profile"},
		{"a friendly name", "bedrock/deepseek-r1", "us." + deepseek, "using the us profile"},
		{"a friendly name of what is on demand", "bedrock/nova-pro", "amazon.nova-pro-v1:0", "on demand in us-east-1"},
		{"in Europe", "europe/" + sonnet45, "eu." + sonnet45, "using the eu profile"},
		{"in a region of the path", "bedrock/ap-northeast-1/" + sonnet45, "jp." + sonnet45, "using the jp profile"},
		{"a profile of elsewhere is explained", "europe/us." + sonnet45, "", "us." + sonnet45 + " can be called from"},
		{"a profile of elsewhere is re-homed if the policy says so", "at-home/us." + sonnet45, "eu." + sonnet45, "us. is not allowed by the policy; using the eu profile"},
		{"the whole world, where that is not allowed", "at-home/global." + sonnet45, "eu." + sonnet45, "global. is not allowed by the policy; using the eu profile"},
		{"the model's own ARN", "arn:aws:bedrock:us-east-1::foundation-model/" + sonnet45, "us." + sonnet45, "using the us profile"},
		{"a model that is not to be had at home", "at-home/" + deepseek, "", "us." + deepseek + " (from "},
		{"an id that nobody knows, in two regions", "two/anthropic.claude-sonet-4-5", "", "Did you mean claude-sonnet-4-5, "},
		{"an id that nobody knows", "anthropic.claude-sonet-4-5", "", "Did you mean claude-sonnet-4-5, "},
	} {
		for _, stream := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%s/stream=%t", tt.name, strings.ReplaceAll(tt.model, "/", ","), stream), func(t *testing.T) {
				r := a.chat(t, tt.model, stream)
				if tt.serves == "" {
					if r.status != 400 || !strings.Contains(r.body, tt.says) {
						t.Errorf("got %d %s, want the refusal %q", r.status, r.body, tt.says)
					}
					return
				}
				target, api := r.header.Get("X-Outcrop-Target"), "converse"
				if strings.Contains(tt.model, "/invoke/anthropic.") {
					api = "invoke"
				}
				if r.status != 200 || !r.whole() || !strings.HasSuffix(target, "; id="+tt.serves) || !strings.HasPrefix(target, "api="+api+"; region=") {
					t.Errorf("got %d, target %s, want %s: %.300s", r.status, target, tt.serves, r.body)
				}
				if reason := r.header.Get("X-Outcrop-Reason"); !strings.Contains(reason, tt.says) {
					t.Errorf("the reason is %q, want %q in it", reason, tt.says)
				}
				cost := r.header.Get("X-Outcrop-Cost")
				if stream {
					_, cost, _ = strings.Cut(r.body, `"cost":`)
				} else if cost != r.header.Get("X-Litellm-Response-Cost") {
					t.Errorf("two costs: %v", r.header)
				}
				if !strings.HasPrefix(cost, "0.0") {
					t.Errorf("the cost is %.20q", cost)
				}
			})
		}
	}
	for _, call := range a.calls() {
		if strings.Contains(call, "strict") {
			t.Errorf("called %s", call)
		}
	}
}

// TestEveryModelFromEveryRegionThatHasIt calls each of the emulator's chat models by
// its bare id in each region that lists it.
func TestEveryModelFromEveryRegionThatHasIt(t *testing.T) {
	t.Parallel()
	regions := map[string]bool{}
	known, err := catalogue.Default()
	if err != nil {
		t.Fatal(err)
	}
	type home struct{ model, region string }
	var homes []home
	facts := catalog.Embedded()
	for _, region := range facts.Regions() {
		for _, m := range known.Models(region) {
			if !m.Has(catalogue.NoChat) {
				homes = append(homes, home{m.ID, region})
				regions[region] = true
			}
		}
	}
	var text strings.Builder
	text.WriteString("model_list:\n")
	for region := range regions {
		fmt.Fprintf(&text, "  - model_name: %q\n    litellm_params: {model: bedrock/*, aws_region_name: %s}\n", region+"/*", region)
	}
	a := openAccount(t, emulator.Options{}, "", text.String())
	if r := a.refresh(t); r.status != 200 {
		t.Fatalf("%+v", r)
	}
	reached := 0
	for _, h := range homes {
		r := a.chat(t, h.region+"/"+h.model, false)
		target := r.header.Get("X-Outcrop-Target")
		id := target[strings.LastIndex(target, "id=")+1:]
		if r.status != 200 || !strings.HasSuffix(id, h.model) || !strings.Contains(target, "region="+h.region+";") {
			t.Errorf("%s in %s: %d, %s, %s", h.model, h.region, r.status, target, r.body)
			continue
		}
		reached++
	}
	if tries := a.runtime.Load(); tries != int64(len(homes)) {
		t.Errorf("%d calls of AWS for %d requests", tries, len(homes))
	}
	t.Logf("%d of %d models in their %d regions are reached, each by the first call", reached, len(homes), len(regions))
}

// rocket has two models that no release knows, in the emulator's format; the geography
// of the second is new too.
const rocket = `{"models":[{"id":"acme.rocket-v9:0","family":"nova","name":"Rocket","provider":"Acme","input":["TEXT"],"output":["TEXT"],"context":100000,"maxOutput":5000,
	"profiles":{"us":{"from":["us-east-1","us-west-2"],"to":["us-east-1","us-west-2"]},"global":{"from":["us-east-1"],"to":["us-east-1"]}}},
	{"id":"acme.comet-v1:0","family":"nova","name":"Comet","provider":"Acme","input":["TEXT"],"output":["TEXT"],"context":100000,"maxOutput":5000,
	"profiles":{"xx":{"from":["us-east-1"],"to":["us-east-1","us-west-2"]}}}]}`

// launch makes models known to the account. Lists that are being read at that moment may lack them, so
// callers refresh first, which waits for the lists that the start reads.
func (a *account) launch(t *testing.T, models string) {
	t.Helper()
	next, err := a.Catalogue().With([]byte(models))
	if err != nil {
		t.Fatal(err)
	}
	a.SetCatalogue(next)
}

func TestAModelOfThisMorningAfterARefresh(t *testing.T) {
	a := openAccount(t, emulator.Options{}, "", anyModel)
	a.refresh(t)
	a.launch(t, rocket)
	if r := a.refresh(t); r.status != 200 || !strings.Contains(r.body, `"region":"us-east-1"`) {
		t.Fatalf("%+v", r)
	}
	r := a.chat(t, "acme.rocket-v9:0", false)
	if calls := a.calls(); r.status != 200 || len(calls) != 1 || calls[0] != "us-east-1 us.acme.rocket-v9:0" {
		t.Errorf("got %d after the calls %q: %s", r.status, calls, r.body)
	}
	if list := a.do(t, http.MethodGet, "/v1/models", ""); !strings.Contains(list.body, `"id":"acme.rocket-v9:0"`) || !strings.Contains(list.body, `"id":"us.acme.rocket-v9:0"`) {
		t.Errorf("it is not listed: %s", list.body)
	}
	a.SetCatalogue(a.Catalogue().Without("acme.rocket-v9:0"))
	a.refresh(t)
	if r := a.chat(t, "acme.rocket-v9:0", false); r.status != 400 {
		t.Errorf("it was withdrawn, and the answer is %d %s", r.status, r.body)
	}
}

// Without a refresh, the refusal of the bare id triggers one, and the call is repeated
// before the client gets an answer. The second call uses the right target at once.
func TestAModelOfThisMorningByLearning(t *testing.T) {
	for _, tt := range []struct {
		name, model, profile string
		faults               []fault.Fault
	}{
		{"with lists, which know of a geography that is new", "acme.comet-v1:0", "xx.acme.comet-v1:0", nil},
		{"without the right to list, by a guess", "acme.rocket-v9:0", "us.acme.rocket-v9:0", faults(t, "op=ListFoundationModels deny always", "op=ListInferenceProfiles deny always")},
	} {
		for _, stream := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/stream=%t", tt.name, stream), func(t *testing.T) {
				a := openAccount(t, emulator.Options{Faults: tt.faults}, "", anyModel+"litellm_settings: {num_retries: 0}\n")
				a.refresh(t)
				a.launch(t, rocket)
				for _, want := range []string{"us-east-1 " + tt.model + ", us-east-1 " + tt.profile, "us-east-1 " + tt.profile} {
					r := a.chat(t, tt.model, stream)
					if got := strings.Join(a.calls(), ", "); r.status != 200 || got != want {
						t.Errorf("got %d after the calls %s, want %s: %s", r.status, got, want, r.body)
					}
				}
			})
		}
	}
}

// A profile that AWS lists but refuses is not used again; the next one is.
func TestAProfileThatIsListedAndFails(t *testing.T) {
	a := openAccount(t, emulator.Options{}, "", anyModel)
	a.refresh(t)
	a.launch(t, strings.Replace(rocket, `"from":["us-east-1","us-west-2"]`, `"broken":true,"from":["us-east-1","us-west-2"]`, 1))
	a.refresh(t)
	for _, want := range []string{"us-east-1 us.acme.rocket-v9:0, us-east-1 global.acme.rocket-v9:0", "us-east-1 global.acme.rocket-v9:0"} {
		r := a.chat(t, "acme.rocket-v9:0", false)
		if got := strings.Join(a.calls(), ", "); r.status != 200 || got != want {
			t.Errorf("got %d after the calls %s, want %s: %s", r.status, got, want, r.body)
		}
	}
}

func TestListsThatCome(t *testing.T) {
	t.Run("in pages", func(t *testing.T) {
		a := openAccount(t, emulator.Options{PageSize: 3}, "", anyModel)
		a.refresh(t)
		a.launch(t, rocket)
		a.refresh(t)
		if r := a.chat(t, "acme.rocket-v9:0", false); r.status != 200 || len(a.calls()) != 1 {
			t.Errorf("got %d %s", r.status, r.body)
		}
	})
	t.Run("not at all", func(t *testing.T) {
		a := openAccount(t, emulator.Options{Faults: faults(t, "op=ListFoundationModels unavailable always", "op=ListInferenceProfiles unavailable always")}, "", anyModel)
		if r := a.refresh(t); r.status != 503 {
			t.Errorf("the refresh got %d %s", r.status, r.body)
		}
		if r := a.chat(t, sonnet37, false); r.status != 200 || len(a.calls()) != 1 {
			t.Errorf("what the release knows does not count: %d %s", r.status, r.body)
		}
		if r := a.do(t, http.MethodGet, "/health/readiness", ""); r.status != 200 {
			t.Errorf("readiness %d %s", r.status, r.body)
		}
	})
	t.Run("half", func(t *testing.T) {
		a := openAccount(t, emulator.Options{Faults: faults(t, "op=ListFoundationModels deny always")}, "", anyModel)
		a.refresh(t)
		a.launch(t, rocket)
		if r := a.refresh(t); r.status != 200 || !strings.Contains(r.body, `"code":"iam.identity_missing"`) {
			t.Errorf("the refresh got %d %s", r.status, r.body)
		}
		if r := a.chat(t, "acme.rocket-v9:0", false); r.status != 200 {
			t.Errorf("got %d %s", r.status, r.body)
		}
	})
	t.Run("from the disk of an earlier run", func(t *testing.T) {
		dir := t.TempDir()
		first := openAccount(t, emulator.Options{}, dir, anyModel)
		first.refresh(t)
		first.launch(t, rocket)
		first.refresh(t)
		first.stop(t)
		if files, err := os.ReadDir(dir); err != nil || len(files) == 0 {
			t.Fatalf("nothing is kept: %v", err)
		}
		hold := make(chan struct{}) // AWS answers no more lists
		defer close(hold)
		first.mu.Lock()
		first.hold = hold
		first.mu.Unlock()
		again := openGateway(t, first.address, dir, anyModel)
		first.calls()
		r := again.chat(t, "acme.rocket-v9:0", false)
		if calls := first.calls(); r.status != 200 || len(calls) != 1 || calls[0] != "us-east-1 us.acme.rocket-v9:0" {
			t.Errorf("got %d after the calls %q: %s", r.status, calls, r.body)
		}
		again.stop(t)
	})
}

// A hundred requests during a refresh wait for nothing. They end within the 30 s that a
// refresh may take, even on a busy machine.
func TestRequestsDuringARefreshWaitForNothing(t *testing.T) {
	a := openAccount(t, emulator.Options{}, "", anyModel)
	a.refresh(t)
	hold, held := make(chan struct{}), make(chan struct{}, 1)
	a.mu.Lock()
	a.hold, a.held = hold, held
	a.mu.Unlock()
	done := make(chan reply)
	go func() { done <- a.refresh(t) }()
	<-held // the refresh has begun
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for range 5 {
				if r := a.chat(t, sonnet45, false); r.status != 200 {
					t.Errorf("got %d %s", r.status, r.body)
				}
			}
		})
	}
	all.Wait()
	select {
	case r := <-done:
		t.Errorf("the lists were read in the meantime: %+v", r)
	default: // every answer arrived before AWS answered
	}
	close(hold)
	if r := <-done; r.status != 200 {
		t.Errorf("%+v", r)
	}
}

// A deployment with several regions fails over to the next region, within the policy,
// with and without streaming.
func TestFailoverAcrossRegions(t *testing.T) {
	const text = `
model_list:
  - model_name: claude
    litellm_params: {model: bedrock/` + sonnet45 + `}
    model_info: {outcrop: {policy: {regions: [us-east-1, eu-central-1], global: false}}}
litellm_settings: {num_retries: 0}
`
	for _, kind := range []string{"throttle", "unavailable", "empty"} {
		for _, stream := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/stream=%t", kind, stream), func(t *testing.T) {
				a := openAccount(t, emulator.Options{Faults: faults(t, kind)}, "", text)
				a.refresh(t)
				a.calls()
				for _, want := range []string{"us-east-1 us." + sonnet45 + ", eu-central-1 eu." + sonnet45, "eu-central-1 eu." + sonnet45} {
					r := a.chat(t, "claude", stream)
					if got := strings.Join(a.calls(), ", "); r.status != 200 || got != want || !r.whole() {
						t.Errorf("got %d after the calls %s, want %s: %s", r.status, got, want, r.body)
					}
				}
			})
		}
	}
}

// A call of a legacy model has a warning with its end-of-life date.
func TestLegacyModelsCarryAWarning(t *testing.T) {
	a := openAccount(t, emulator.Options{}, "", anyModel)
	a.refresh(t)
	r := a.chat(t, "us."+sonnet37, false)
	var body struct {
		Outcrop struct {
			Warnings []struct {
				Code   string `json:"code"`
				Field  string `json:"field"`
				Detail string `json:"detail"`
			} `json:"warnings"`
		} `json:"outcrop"`
	}
	if err := jsonx.Unmarshal([]byte(r.body), &body); err != nil {
		t.Fatal(err)
	}
	if len(body.Outcrop.Warnings) != 1 || body.Outcrop.Warnings[0].Field != "model" || body.Outcrop.Warnings[0].Detail == "" || !strings.Contains(r.header.Get("X-Outcrop-Warnings"), `;field=model;detail="`) {
		t.Errorf("got %+v, %v", body.Outcrop, r.header)
	}
	if r := a.chat(t, "us."+sonnet45, false); r.header.Get("X-Outcrop-Warnings") != "" {
		t.Errorf("a current model carries %v", r.header)
	}
}

// The target of an ARN determines the price: that of an application profile, or of
// provisioned throughput, which is not billed by token.
func TestARNs(t *testing.T) {
	a := openAccount(t, emulator.Options{
		Profiles:    []emulator.ApplicationProfile{{ID: "abcdefghijkl", Name: "Finance", Region: "us-east-1", Source: "us." + sonnet45}},
		Provisioned: []emulator.ProvisionedModel{{ID: "mnopqrstuvwx", Name: "own", Region: "us-east-1", Model: "amazon.nova-lite-v1:0"}},
	}, "", anyModel)
	a.refresh(t)
	own := "arn:aws:bedrock:us-east-1:" + emulator.DemoAccount + ":application-inference-profile/abcdefghijkl"
	r, same := a.chat(t, own, false), a.chat(t, "us."+sonnet45, false)
	if r.status != 200 || r.header.Get("X-Outcrop-Cost") == "" || r.header.Get("X-Outcrop-Cost") != same.header.Get("X-Outcrop-Cost") {
		t.Errorf("got %d, cost %s, want %s: %s", r.status, r.header.Get("X-Outcrop-Cost"), same.header.Get("X-Outcrop-Cost"), r.body)
	}
	provisioned := "arn:aws:bedrock:us-east-1:" + emulator.DemoAccount + ":provisioned-model/mnopqrstuvwx"
	if r := a.chat(t, provisioned, false); r.status != 200 || r.header.Get("X-Outcrop-Cost") != "" {
		t.Errorf("got %d, cost %s: %s", r.status, r.header.Get("X-Outcrop-Cost"), r.body)
	}
}
