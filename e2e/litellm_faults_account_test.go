package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	emulator "outcrop/emulator/bedrock"

	"outcrop/e2e/roughbedrock"
	"outcrop/internal/jsonx"
)

// accountFault is a fault of LiteLLM's that concerns more than the request.
type accountFault struct {
	name    string
	streams []bool
	test    func(t *testing.T, stream bool)
}

// accountFaults are the faults about ids, regions, credentials, interrupted
// streams, and prices.
func accountFaults() []accountFault {
	both, streams := []bool{false, true}, []bool{true}
	return []accountFault{
		{"01 #7181 a bare id is called by its profile at once", both, func(t *testing.T, stream bool) {
			served(t, sonnet37, stream, "us-east-1 us."+sonnet37)
		}},
		{"02 #18258 the ARN of an application inference profile", both, func(t *testing.T, stream bool) {
			served(t, "bedrock/"+applicationARN+ownProfile, stream, "us-east-1 "+applicationARN+ownProfile)
		}},
		{"03 #25892 a model that is newer than the price table", both, testNewModel},
		{"04 #22546 #39865 a region in the path", both, func(t *testing.T, stream bool) {
			served(t, "bedrock/eu-central-1/"+sonnet45, stream, "eu-central-1 eu."+sonnet45)
		}},
		{"05 #27125 #35467 a role is assumed once", both, testOneSession},
		{"06 #38549 an API key asks nobody for credentials", both, testNoChain},
		{"07 #40165 a renewal holds up nobody else", both, testRenewal},
		{"08 #37336 #33094 a session of a web identity is not narrowed", both, testWebIdentity},
		{"09 #13230 a role behind a role", both, testRoleChain},
		{"10 #24608 a failure in mid-stream has its own status", streams, testMidStream},
		{"10 #24608 a failure before the first token is tried again", streams, testFirstFrame},
		{"16 #14194 #9020 reasoning goes back in a loop of tools", both, func(t *testing.T, stream bool) {
			testThoughtLoop(t, "us.anthropic.claude-haiku-4-5-20251001-v1:0", `"reasoning_effort":"low"`, true, stream)
		}},
		{"16 #38809 a block of reasoning that is a signature alone goes back", both, func(t *testing.T, stream bool) {
			testThoughtLoop(t, "us.anthropic.claude-opus-4-8", `"thinking":{"type":"adaptive","display":"omitted"}`, false, stream)
		}},
		{"25 #42679 #30768 #42469 a price is that of the place", both, testPrices},
	}
}

// openServed starts a gateway for every id, with its lists read.
func openServed(t *testing.T) *account {
	t.Helper()
	a := openAccount(t, emulator.Options{
		Profiles: []emulator.ApplicationProfile{{ID: ownProfile, Name: "granite", Region: region, Source: "us." + sonnet45}},
	}, "", anyModel)
	if r := a.refresh(t); r.status != http.StatusOK {
		t.Fatalf("the lists cannot be read: %+v", r)
	}
	return a
}

// served checks that a call of a model reaches Converse, for a region and id.
func served(t *testing.T, model string, stream bool, call string) {
	t.Helper()
	a := openServed(t)
	a.calls()
	r := a.chat(t, model, stream)
	if r.status != http.StatusOK || !r.whole() || !strings.HasPrefix(r.header.Get("X-Outcrop-Target"), "api=converse; ") {
		t.Errorf("got %d %v: %s", r.status, r.header, r.body)
	}
	if calls := a.calls(); len(calls) != 1 || calls[0] != call {
		t.Errorf("AWS was called for %q, want %q", calls, call)
	}
}

func testNewModel(t *testing.T, stream bool) {
	a := openServed(t)
	a.launch(t, launchedModel)
	if r := a.refresh(t); r.status != http.StatusOK {
		t.Fatalf("the lists cannot be read: %+v", r)
	}
	a.calls()
	r := a.chat(t, rocketBase, stream)
	if calls := a.calls(); r.status != http.StatusOK || !r.whole() || len(calls) != 1 || calls[0] != "us-east-1 us."+rocketBase {
		t.Errorf("got %d for the calls %q: %s", r.status, calls, r.body)
	}
}

// openIdentity starts a gateway for a Bedrock and an STS that record the caller.
func openIdentity(t *testing.T, models string, environ map[string]string) (*answering, *gateway) {
	t.Helper()
	a := startAnswering(t)
	a.expect("")
	env := map[string]string{"AWS_REGION": region, "AWS_ENDPOINT_URL_STS": a.url}
	maps.Copy(env, environ)
	text := "general_settings: {master_key: " + masterKey + "}\nrouter_settings: {num_retries: 0}\nmodel_list:\n" + models
	return a, startApp(t, strings.ReplaceAll(text, "UPSTREAM", a.url), "", env)
}

// identity returns an entry of a model_list with settings for credentials.
func identity(name, settings string) string {
	return "  - model_name: " + name + "\n    litellm_params: {model: bedrock/" + claude + ", aws_region_name: us-east-1, aws_bedrock_runtime_endpoint: UPSTREAM, " + settings + "}\n"
}

const (
	gatewaysKey = "aws_access_key_id: AKIAGATEWAY, aws_secret_access_key: secret"
	roleOf      = "arn:aws:iam::111122223333:role/"
)

// chats calls a model, and returns the key and token in the request to Bedrock.
func (a *answering) chats(t *testing.T, g *gateway, model string, stream bool) map[string]string {
	t.Helper()
	a.expect("")
	r := g.chat(t, model, stream)
	came := a.came()
	if r.status != http.StatusOK || !strings.Contains(r.body, "Granite.") || len(came) != 1 {
		t.Fatalf("%s: got %d after %d calls: %s", model, r.status, len(came), r.body)
	}
	return came[0].beside
}

func testOneSession(t *testing.T, stream bool) {
	a, g := openIdentity(t, identity("role", "aws_role_name: "+roleOf+"quarry, aws_session_name: jane, "+gatewaysKey), nil)
	for range 5 {
		if key := a.chats(t, g, "role", stream)["(key)"]; key != "ASIA-quarry-jane-" {
			t.Errorf("the call is signed with %q", key)
		}
	}
	if all := a.assumed(); len(all) != 1 || all[0].key != "AKIAGATEWAY" {
		t.Errorf("STS was asked for %+v, want one session", all)
	}
}

// testNoChain checks that a model with an API key calls neither STS nor the services
// with credentials for machines. One without any does, or the test would prove nothing.
func testNoChain(t *testing.T, stream bool) {
	var asked atomic.Int64
	machine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(machine.Close)
	withoutCredentials(t)
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", machine.URL)
	a, g := openIdentity(t, identity("bearer", "api_key: "+userKey)+identity("chain", "timeout: 20"), nil)
	for range 3 {
		if beside := a.chats(t, g, "bearer", stream); beside["(bearer)"] != userKey || beside["(key)"] != "" {
			t.Errorf("the call has the credentials %v", beside)
		}
	}
	if n := asked.Load(); n != 0 || len(a.assumed()) != 0 {
		t.Errorf("%d requests for credentials, and STS was asked for %+v", n, a.assumed())
	}
	if r := g.chat(t, "chain", stream); r.status == http.StatusOK || asked.Load() == 0 {
		t.Errorf("without credentials: got %d after %d requests for some", r.status, asked.Load())
	}
}

// withoutCredentials removes the credentials of the user who runs the test from the
// environment.
func withoutCredentials(t *testing.T) {
	t.Helper()
	nothing := filepath.Join(t.TempDir(), "nothing")
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		t.Setenv(name, nothing)
	}
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_EC2_METADATA_DISABLED"} {
		t.Setenv(name, "")
	}
}

// testRenewal checks that while one model waits for STS, another answers.
func testRenewal(t *testing.T, stream bool) {
	a, g := openIdentity(t, identity("role", "aws_role_name: "+roleOf+"quarry, "+gatewaysKey)+identity("keys", gatewaysKey), nil)
	a.hold, a.held = make(chan struct{}), make(chan struct{}, 1)
	first := make(chan reply, 1)
	go func() { first <- g.chat(t, "role", stream) }()
	<-a.held
	if key := a.chats(t, g, "keys", stream)["(key)"]; key != "AKIAGATEWAY" {
		t.Errorf("the other call is signed with %q", key)
	}
	select {
	case r := <-first:
		t.Errorf("the first call has its answer before it has credentials: %+v", r)
	default:
	}
	close(a.hold)
	if r := <-first; r.status != http.StatusOK || !strings.Contains(r.body, "Granite.") {
		t.Errorf("the first call: %+v", r)
	}
}

func testWebIdentity(t *testing.T, stream bool) {
	a, g := openIdentity(t, identity("web", "aws_web_identity_token: oidc/env/MY_TOKEN, aws_role_name: "+roleOf+"quarry, aws_session_name: jane"), map[string]string{"MY_TOKEN": "e30.e30.e30"})
	if key := a.chats(t, g, "web", stream)["(key)"]; key != "ASIA-quarry-jane-" {
		t.Errorf("the call is signed with %q", key)
	}
	want := assumed{action: "AssumeRoleWithWebIdentity", role: roleOf + "quarry", session: "jane"}
	if all := a.assumed(); len(all) != 1 || all[0] != want {
		t.Errorf("STS was asked for %+v, want %+v, without a policy", all, want)
	}
}

// testRoleChain checks that the web identity of the machine assumes its role, and with
// that the model's, with the session name in the model's settings.
func testRoleChain(t *testing.T, stream bool) {
	withoutCredentials(t)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("e30.e30.e30"), 0o600); err != nil {
		t.Fatal(err)
	}
	environ := map[string]string{"AWS_ROLE_ARN": roleOf + "machine", "AWS_WEB_IDENTITY_TOKEN_FILE": token, "AWS_ROLE_SESSION_NAME": "pod"}
	for name, value := range environ { // the AWS SDK reads the environment of the process
		t.Setenv(name, value)
	}
	a := startAnswering(t)
	t.Setenv("AWS_ENDPOINT_URL_STS", a.url)
	t.Setenv("AWS_REGION", region)
	environ["AWS_ENDPOINT_URL_STS"], environ["AWS_REGION"] = a.url, region
	text := "general_settings: {master_key: " + masterKey + "}\nmodel_list:\n" + identity("chained", "aws_role_name: "+roleOf+"quarry, aws_session_name: jane")
	g := startApp(t, strings.ReplaceAll(text, "UPSTREAM", a.url), "", environ)
	if key := a.chats(t, g, "chained", stream)["(key)"]; key != "ASIA-quarry-jane-" {
		t.Errorf("the call is signed with %q", key)
	}
	want := []assumed{
		{action: "AssumeRoleWithWebIdentity", role: roleOf + "machine", session: "pod"},
		{action: "AssumeRole", role: roleOf + "quarry", session: "jane", key: "ASIA-machine-pod-"},
	}
	if all := a.assumed(); len(all) != 2 || all[0] != want[0] || all[1] != want[1] {
		t.Errorf("STS was asked for %+v, want %+v", all, want)
	}
}

// testMidStream checks that each exception that AWS can send after the first words
// keeps the status of its type in the record, and is an error event for the client.
func testMidStream(t *testing.T, stream bool) {
	for _, e := range modelled() {
		t.Run(e.kind, func(t *testing.T) {
			newBench(t, func(c *roughbedrock.Call) {
				c.Begin()
				c.Frames(append(roughbedrock.Begun(), roughbedrock.Exception(e.kind, e.words))...)
				c.End()
			}, once).check(t, stream, want{status: 200, code: e.code, words: e.words, text: roughbedrock.BegunText(), logged: e.status})
		})
	}
}

func testFirstFrame(t *testing.T, stream bool) {
	second := whole()
	second.calls = 2
	newBench(t, func(c *roughbedrock.Call) {
		if c.Number > 1 {
			c.Complete("end_turn")
			return
		}
		c.Begin()
		c.Frames(roughbedrock.Start(), roughbedrock.Exception("internalServerException", "The system encountered an unexpected error during processing."))
		c.End()
	}, withRetries).check(t, stream, second)
}

// testPrices checks that a profile of a geography costs a tenth more than the global
// one, as at AWS, and that an application profile costs what its source does. The
// emulator's answers to the same question are equal.
func testPrices(t *testing.T, stream bool) {
	a := openServed(t)
	cost := func(model string) float64 {
		t.Helper()
		r := a.chat(t, model, stream)
		text := r.header.Get("X-Outcrop-Cost")
		if stream {
			_, text, _ = strings.Cut(r.body, `"cost":`)
			text = text[:max(0, strings.IndexAny(text, ",}"))]
		}
		v, err := strconv.ParseFloat(text, 64)
		if r.status != http.StatusOK || err != nil || v <= 0 {
			t.Fatalf("%s: %d, the cost %q: %s", model, r.status, text, r.body)
		}
		return v
	}
	world, here := cost("global."+sonnet45), cost("us."+sonnet45)
	if ratio := here / world; ratio < 1.0999 || ratio > 1.1001 {
		t.Errorf("us. costs %v, global. %v: %v times as much, want 1.1", here, world, ratio)
	}
	if own := cost(applicationARN + ownProfile); own != here {
		t.Errorf("the application profile of us. costs %v, us. itself %v", own, here)
	}
	if bare := cost(sonnet45); bare != here {
		t.Errorf("the bare id costs %v, the profile that it is called by %v", bare, here)
	}
}

// testThoughtLoop checks that the reasoning of an answer with tool calls is sent back
// to the model unchanged, whether or not its text is visible, and that the model, which
// verifies its signature, accepts it and continues.
func testThoughtLoop(t *testing.T, model, setting string, visible, stream bool) {
	k, upstream := startKeeping(t)
	g := startGateway(t, openConfig, upstream)
	const ask = `{"role":"user","content":"Compare the weather in Paris and Rome"}`
	const tools = `"max_tokens":4000,"tools":[{"type":"function","function":{"name":"get_weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}]`
	send := func(messages string, stream bool) reply {
		t.Helper()
		return g.do(t, http.MethodPost, "/v1/chat/completions", fmt.Sprintf(`{"model":%q,"stream":%t,"messages":[%s],%s,%s}`, model, stream, messages, setting, tools))
	}
	first := send(ask, false)
	var answer struct {
		Choices []struct {
			Message jsonx.Raw `json:"message"`
		} `json:"choices"`
	}
	if err := jsonx.Unmarshal([]byte(first.body), &answer); err != nil || len(answer.Choices) != 1 {
		t.Fatalf("%v: %s", err, first.body)
	}
	message := answer.Choices[0].Message
	var parsed struct {
		Blocks []struct {
			Thinking  string `json:"thinking"`
			Signature string `json:"signature"`
		} `json:"thinking_blocks"`
		Calls []struct {
			ID string `json:"id"`
		} `json:"tool_calls"`
	}
	if err := jsonx.Unmarshal(message, &parsed); err != nil || len(parsed.Blocks) != 1 || (parsed.Blocks[0].Thinking != "") != visible || len(parsed.Calls) == 0 {
		t.Fatalf("%v: the answer has no such reasoning or no calls: %s", err, message)
	}
	loop := ask + "," + string(message)
	for _, c := range parsed.Calls {
		loop += fmt.Sprintf(`,{"role":"tool","tool_call_id":%q,"content":"Rain"}`, c.ID)
	}
	r := send(loop, stream)
	if r.status != http.StatusOK || strings.Contains(r.body, `"error"`) || r.header.Get("X-Outcrop-Warnings") != "" {
		t.Errorf("got %d, warnings %q: %s", r.status, r.header.Get("X-Outcrop-Warnings"), r.body)
	}
	if sent := k.last(); !strings.Contains(sent, parsed.Blocks[0].Signature) || !strings.Contains(sent, `"thinking":{`) {
		t.Errorf("Bedrock did not get the signature %q, or is not asked to reason: %s", parsed.Blocks[0].Signature, sent)
	}
}
