package e2e

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"outcrop/e2e/litellmproxy"
	"outcrop/internal/jsonx"
)

// routedCall is a request to a model name whose deployments behave as their upstream names say: ok answers, and 500.a answers with
// that status.
type routedCall struct {
	name string // of the case, for the page
	// model is what is asked for, and more are further members of the body.
	model, more string
	header      http.Header
	// deployments are the entries of the name: upstream names, with further litellm_params after a space.
	deployments []string
	// fallbacks are those of the name by the setting, such as fallbacks: [ok].
	settings map[string]string
	stream   bool
}

// failures are what an upstream can do besides answering.
func failures() []string {
	return []string{"400", "401", "403", "404", "408", "422", "429", "500", "503", "toolong", "filtered", "slow", "cut"}
}

// failing answers as an upstream model name says.
func failing(w http.ResponseWriter, model string, stream bool) {
	kind, _, _ := strings.Cut(model, ".")
	refuse := func(status int, code, message string) {
		w.Header().Set("Content-Type", "application/json")
		if status == 429 {
			w.Header().Set("Retry-After", "1")
		}
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error":{"message":%q,"type":"invalid_request_error","param":null,"code":%q}}`, message, code)
	}
	switch kind {
	case "ok":
	case "toolong":
		refuse(400, "context_length_exceeded", "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens. Please reduce the length of the messages.")
		return
	case "filtered":
		refuse(400, "content_policy_violation", "Your request was rejected as a result of our safety system.")
		return
	case "slow":
		time.Sleep(30 * time.Second) // the upstream that the gateways must not wait for
	case "cut":
		panic(http.ErrAbortHandler)
	default:
		status, _ := strconv.Atoi(kind)
		code := map[int]string{401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}[status]
		refuse(status, code, "This is the upstream's answer with "+kind+".")
		return
	}
	if !stream {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id":"c1","object":"chat.completion","created":1,"model":%q,"choices":[{"index":0,"message":{"role":"assistant","content":"I am %s"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}`, model, model)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for _, data := range []string{`"delta":{"role":"assistant","content":"I am ` + model + `"},"finish_reason":null`, `"delta":{},"finish_reason":"stop"`} {
		fmt.Fprintf(w, "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":%q,\"choices\":[{\"index\":0,%s}]}\n\n", model, data)
	}
	fmt.Fprint(w, "data: [DONE]\n\n")
}

// upstreamOf serves OpenAI's API, and notes which models are asked for by which request.
func upstreamOf(t *testing.T) (*vendor, *sync.Map) {
	t.Helper()
	var seen sync.Map // *upstreamCalls by the request's prompt
	v := startVendor(t, func(w http.ResponseWriter, c vendorCall) {
		var body struct {
			Model    string `json:"model"`
			Stream   bool   `json:"stream"`
			Messages []struct {
				Content string `json:"content"`
			} `json:"messages"`
		}
		if err := jsonx.Unmarshal(c.Body, &body); err != nil || len(body.Messages) == 0 {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		of, _ := seen.LoadOrStore(body.Messages[0].Content, &upstreamCalls{})
		of.(*upstreamCalls).add(body.Model)
		failing(w, body.Model, body.Stream)
	})
	return v, &seen
}

// upstreamCalls are the upstream models that a request has led to, in their order.
type upstreamCalls struct {
	mu     sync.Mutex
	models []string
}

func (a *upstreamCalls) add(model string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.models = append(a.models, model)
}

// routedConfig is the configuration for cases.
func routedConfig(cases []routedCall, address, settings string) string {
	var b strings.Builder
	lists := map[string][]string{}
	var aliases []string
	b.WriteString("model_list:\n")
	for i := range cases {
		c := &cases[i]
		for _, d := range c.deployments {
			upstream, params, _ := strings.Cut(d, " ")
			if params != "" {
				params = ", " + params
			}
			fmt.Fprintf(&b, "  - {model_name: %s, litellm_params: {model: openai/%s, api_base: %q, api_key: %s%s}}\n", c.model, upstream, address+"/v1", vendorSecret, params)
		}
		for setting, to := range c.settings {
			if setting == "alias" {
				aliases = append(aliases, to)
				continue
			}
			lists[setting] = append(lists[setting], "{"+c.model+": "+to+"}")
			if down := "down-" + c.model; strings.Contains(to, down) {
				fmt.Fprintf(&b, "  - {model_name: %s, litellm_params: {model: openai/503.down, api_base: %q, api_key: %s}}\n", down, address+"/v1", vendorSecret)
			}
		}
	}
	for name, upstream := range map[string]string{"ok": "ok.ok", "ok2": "ok.ok2"} {
		fmt.Fprintf(&b, "  - {model_name: %s, litellm_params: {model: openai/%s, api_base: %q, api_key: %s}}\n", name, upstream, address+"/v1", vendorSecret)
	}
	fmt.Fprintf(&b, "general_settings: {master_key: %s}\nrouter_settings:\n%s", masterKey, settings)
	for _, setting := range []string{"fallbacks", "context_window_fallbacks", "content_policy_fallbacks"} {
		if len(lists[setting]) > 0 {
			fmt.Fprintf(&b, "  %s: [%s]\n", setting, strings.Join(lists[setting], ", "))
		}
	}
	if len(aliases) > 0 {
		fmt.Fprintf(&b, "  model_group_alias: {%s}\n", strings.Join(aliases, ", "))
	}
	return b.String()
}

// routedOutcome is what became of a request.
type routedOutcome struct {
	status   int
	text     string            // the answer's
	kind     string            // of the error: its type and code
	calls    string            // upstream models
	fallback string            // x-litellm-attempted-fallbacks
	group    string            // x-litellm-model-group
	refusal  map[string]string // the headers of an error
}

func (o *routedOutcome) String() string {
	s := strconv.Itoa(o.status)
	if o.text != "" {
		s += " " + strconv.Quote(o.text)
	}
	if o.kind != "" {
		s += " " + o.kind
	}
	s += "; asked " + o.calls
	if o.fallback != "" {
		s += "; fallbacks " + o.fallback
	}
	if o.group != "" {
		s += " of " + o.group
	}
	return s
}

var contentOf = regexp.MustCompile(`"content": ?"(I am [^"]*)"`)

// ask sends a case to a gateway.
func (c *routedCall) ask(ctx context.Context, t *testing.T, address, prompt string, seen *sync.Map) *routedOutcome {
	body := fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":%q}]`, c.model, prompt)
	if c.stream {
		body += `,"stream":true`
	}
	body += c.more + "}"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return &routedOutcome{}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+masterKey)
	maps.Copy(req.Header, c.header)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return &routedOutcome{}
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Log(err) // what has arrived counts
	}
	text := string(data)
	o := &routedOutcome{status: resp.StatusCode}
	if found := contentOf.FindStringSubmatch(text); found != nil {
		o.text = found[1]
	}
	if resp.StatusCode != http.StatusOK || strings.Contains(text, `"error":`) {
		var e struct {
			Error struct {
				Type string `json:"type"`
			} `json:"error"`
		}
		doc := text
		if i := strings.Index(doc, `{"error":`); i > 0 {
			doc, _, _ = strings.Cut(doc[i:], "\n")
		}
		if jsonx.Unmarshal([]byte(doc), &e) == nil {
			o.kind = e.Error.Type
		}
	}
	if resp.StatusCode != http.StatusOK {
		o.refusal = refusalHeaders(resp.Header)
	}
	if resp.StatusCode == http.StatusOK {
		if n := resp.Header.Get("X-Litellm-Attempted-Fallbacks"); n != "0" {
			o.fallback = n
		}
		if group := resp.Header.Get("X-Litellm-Model-Group"); group != c.model {
			o.group = group
		}
	}
	o.calls = "nobody"
	if of, ok := seen.Load(prompt); ok {
		a := of.(*upstreamCalls)
		a.mu.Lock()
		o.calls = strings.Join(a.models, " ")
		a.mu.Unlock()
	}
	return o
}

// askBoth asks LiteLLM and Outcrop for all cases, those of one configuration at the same time.
func askBoth(t *testing.T, program litellmproxy.Program, cases []routedCall, settings string) (theirs, ours []*routedOutcome) {
	t.Helper()
	v, seen := upstreamOf(t)
	config := routedConfig(cases, v.URL, settings)
	gateways := []string{program.Start(t, config, nil), startGateway(t, config, "").URL()}
	results := make([][]*routedOutcome, 2)
	var all sync.WaitGroup
	for side, address := range gateways {
		results[side] = make([]*routedOutcome, len(cases))
		for i := range cases {
			all.Go(func() {
				results[side][i] = cases[i].ask(t.Context(), t, address, fmt.Sprintf("%d of side %d", i, side), seen)
			})
		}
	}
	all.Wait()
	return results[0], results[1]
}

// routedDifference explains outcomes that differ.
type routedDifference struct {
	litellm, outcrop *regexp.Regexp
	better           bool // ours is; otherwise they are the same to a client
	why              string
	sometimes        bool // whether there is one depends on how busy the machine is

	count   int
	example [3]string // the case, and both outcomes
}

// routedDifferences are all that are known. The first that fits counts.
func routedDifferences() []routedDifference {
	r := regexp.MustCompile
	return []routedDifference{
		{litellm: r(`^401 authentication_error; `), outcrop: r(`^403 permission_error; `), better: true, why: "The key that the vendor refuses is the gateway's. Clients that get a 401 ask their users for another key, which changes nothing."},
		{litellm: r(`^404 invalid_request_error; `), outcrop: r(`^404 not_found_error; `), why: "The error's type is what its status says."},
		{litellm: r(`^429 throttling_error; `), outcrop: r(`^429 rate_limit_error; `), why: "LiteLLM's type for a limit of the vendor is its own; clients go by the status."},
		{litellm: r(`^408 invalid_request_error; asked (slow\S*) slow`), outcrop: r(`^504 internal_server_error; asked slow\S*$`), better: true, why: "A deployment that did not answer in time is not asked again by the same call: the client would wait twice as long for nothing. SDKs retry a 408 and a 504 alike."},
		{litellm: r(`^408 invalid_request_error; asked slow`), outcrop: r(`^504 internal_server_error; asked slow`), why: "SDKs retry a 408 and a 504 alike."},
		{litellm: r(`^500 internal_server_error; asked cut`), outcrop: r(`^502 internal_server_error; asked cut`), why: "A connection that breaks is a failure of the upstream, and retried by SDKs like any from 500 on."},
		{litellm: r(`^403 permission_error; asked 403 403$`), outcrop: r(`^403 permission_error; asked 403$`), better: true, why: "A missing permission does not appear by asking again."},
		{litellm: r(`^200 .* asked (\S+) (\S+) ok\.\S+; fallbacks 1`), outcrop: r(`^200 .* asked \S+ ok\.\S+`), better: true, why: "The call goes on to the next deployment or fallback after one failure where that helps most, instead of asking the failing one again."},
		{litellm: r(`^200 .* asked (\S+) ok\.second; fallbacks 1$`), outcrop: r(`^200 .* asked (\S+) ok\.second$`), why: "For LiteLLM the next `order` is a fallback, which its header counts; for Outcrop it is another deployment of the name."},
		{litellm: r(`^400 .* asked filtered$`), outcrop: r(`^200 .* asked filtered ok`), better: true, why: "A refusal with the code `content_policy_violation` is one, so that `content_policy_fallbacks` apply."},
		{litellm: r(`^200 "I am ok\.ok"; asked filtered ok`), outcrop: r(`^200 "I am ok\.ok2"; asked filtered ok`), better: true, why: "A refusal with the code `content_policy_violation` is one, so that `content_policy_fallbacks` come first."},
		{litellm: r(`^200 .* asked .*503\.down 503\.down ok\.ok; fallbacks 2 of ok$`), outcrop: r(`^200 .* asked (?:\S+ )+ok\.ok; fallbacks [12] of ok$`), better: true, why: "A fallback that is in cooldown is passed by as long as another is well, and no call waits for it."},
		{
			litellm: r(`^200 .* asked ok\.\S+; fallbacks 1`), outcrop: r(`^200 .* asked \S+ ok\.\S+; fallbacks 1`), why: "After the failures of other calls at the same time, LiteLLM has the deployment in cooldown and goes to the fallback at once; so does Outcrop, when it has seen enough of them.",
			sometimes: true, example: [3]string{"no retries: 401 with all three", `200 "I am ok.ok"; asked ok.ok; fallbacks 1 of ok`, `200 "I am ok.ok"; asked 401 ok.ok; fallbacks 1 of ok`},
		},
		{litellm: r(`; fallbacks 1 of ok$`), outcrop: r(`; fallbacks 2 of ok$`), why: "The header counts the fallbacks that were tried."},
		{litellm: r(`^401 internal_server_error; asked nobody`), outcrop: r(`^403 permission_error; asked nobody`), better: true, why: "The key is right, and may not have what it asks for. A 401 would say that the key is wrong."},
	}
}

// routedPair is a pair whose outcomes differ by something unknown.
type routedPair struct {
	call             routedCall
	set              string
	litellm, outcrop string
}

func (u *routedPair) String() string {
	return fmt.Sprintf("%s: %s\n  LiteLLM %s\n  Outcrop %s", u.set, u.call.name, u.litellm, u.outcrop)
}

// compareRouting asks both gateways, and counts equal outcomes and, in known, those that are explained.
func compareRouting(t *testing.T, program litellmproxy.Program, set routedSet, known []routedDifference, headers *explanations) (same int, rest []*routedPair) {
	t.Helper()
	theirs, ours := askBoth(t, program, set.cases, set.settings)
	for i := range set.cases {
		a, b, c := theirs[i].String(), ours[i].String(), set.cases[i]
		if theirs[i].refusal != nil && ours[i].refusal != nil {
			for _, d := range compare(t, "error's header", theirs[i].refusal, ours[i].refusal) {
				headers.take(t, set.name+": "+c.name, c.name, &d)
			}
		}
		if a == b {
			same++
			continue
		}
		at := slices.IndexFunc(known, func(d routedDifference) bool { return d.litellm.MatchString(a) && d.outcrop.MatchString(b) })
		if at < 0 {
			rest = append(rest, &routedPair{c, set.name, a, b})
			continue
		}
		d := &known[at]
		if d.count++; d.count == 1 {
			d.example = [3]string{set.name + ": " + c.name, a, b}
		}
	}
	return same, rest
}

func TestRoutingBesideLiteLLM(t *testing.T) {
	t.Parallel()
	program := litellmProgram(t)
	known, headers := routedDifferences(), explaining(routedRefusalCauses())
	same, all := 0, 0
	for _, set := range routedSets() {
		all += len(set.cases)
		equal, unexplained := compareRouting(t, program, set, known, headers)
		same += equal
		if len(unexplained) == 0 {
			continue
		}
		// On a busy machine LiteLLM has all calls at once time out together, and cools deployments down that are well. A
		// difference is one if it is there when its pair is asked again with no others.
		for _, what := range unexplained {
			t.Logf("asked again: %s", what)
		}
		var few []routedCall
		for _, what := range unexplained {
			few = append(few, what.call)
		}
		equal, unexplained = compareRouting(t, program, routedSet{set.name, set.settings, few}, known, headers)
		same += equal
		for _, what := range unexplained {
			t.Errorf("nothing explains %s", what)
		}
	}
	page := routedPage(known, headers.found, same, all)
	if *update {
		comparePage(t, "litellm-routing.md", []byte(page))
		return
	}
	committed, err := os.ReadFile(filepath.Join("..", "docs", "litellm-routing.md"))
	if err != nil {
		t.Fatal(err)
	}
	// The figures are those of the run that wrote the page: in which pairs a deployment of LiteLLM's is in cooldown or too slow
	// also depends on how busy the machine is. What must hold in every run is that the page has the explanations that count.
	if got, want := measuredInPage.ReplaceAllString(string(committed), ""), measuredInPage.ReplaceAllString(page, ""); got != want {
		t.Errorf("docs/litellm-routing.md is out of date: run go test ./e2e -run '^%s$' -update\n got %s\nwant %s", t.Name(), got, want)
	}
}

// routedSet is the cases of one configuration.
type routedSet struct {
	name, settings string
	cases          []routedCall
}

func routedSets() []routedSet {
	var once, again, policies, more []routedCall
	both := func(to *[]routedCall, c routedCall) {
		for _, stream := range []bool{false, true} {
			one := c
			one.stream = stream
			one.model = fmt.Sprintf("m%d", len(*to))
			if stream {
				one.name += ", streamed"
			}
			if alias := one.settings["alias"]; alias != "" {
				one.settings = map[string]string{"alias": fmt.Sprintf("alias%d: %s", len(*to), one.model)}
			}
			own := map[string]string{} // a fallback that fails is each case's own, so that none finds it in cooldown
			for setting, names := range one.settings {
				own[setting] = strings.ReplaceAll(names, "down", "down-"+one.model)
			}
			one.settings = own
			*to = append(*to, one)
		}
	}
	for _, f := range failures() {
		both(&once, routedCall{name: f + " without a fallback", deployments: []string{f}})
		both(&once, routedCall{name: f + " with a fallback", deployments: []string{f}, settings: map[string]string{"fallbacks": "[ok]"}})
		both(&once, routedCall{name: f + " with one for long prompts", deployments: []string{f}, settings: map[string]string{"context_window_fallbacks": "[ok]"}})
		both(&once, routedCall{name: f + " with one for content", deployments: []string{f}, settings: map[string]string{"content_policy_fallbacks": "[ok]"}})
		both(&once, routedCall{name: f + " with all three", deployments: []string{f}, settings: map[string]string{"fallbacks": "[ok]", "context_window_fallbacks": "[ok2]", "content_policy_fallbacks": "[ok2]"}})
		both(&again, routedCall{name: f + " and a retry", deployments: []string{f}})
		both(&again, routedCall{name: f + " and another deployment", deployments: []string{f + " order: 1", "ok.second order: 2"}})
		both(&policies, routedCall{name: f, deployments: []string{f}})
		both(&policies, routedCall{name: f + " and a fallback that fails", deployments: []string{f}, settings: map[string]string{"fallbacks": "[down, ok]"}})
		both(&again, routedCall{name: f + ", a retry and a fallback", deployments: []string{f}, settings: map[string]string{"fallbacks": "[ok]"}})
	}
	for _, c := range []routedCall{
		{name: "the client's fallback", deployments: []string{"500.x"}, more: `,"fallbacks":["ok"]`},
		{name: "the client's fallback as an object", deployments: []string{"500.x"}, more: `,"fallbacks":[{"model":"ok"}]`},
		{name: "the client's fallback before the configured one", deployments: []string{"500.x"}, more: `,"fallbacks":["ok2"]`, settings: map[string]string{"fallbacks": "[ok]"}},
		{name: "the client's fallback that is not there", deployments: []string{"500.x"}, more: `,"fallbacks":["nobody"]`},
		{name: "the client wants no fallbacks", deployments: []string{"500.x"}, more: `,"disable_fallbacks":true`, settings: map[string]string{"fallbacks": "[ok]"}},
		{name: "the client's retries", deployments: []string{"500.x"}, more: `,"num_retries":1`},
		{name: "no retries for the client", deployments: []string{"500.x"}, more: `,"num_retries":0`},
		{name: "the client's retries in a header", deployments: []string{"500.x"}, header: http.Header{"X-Litellm-Num-Retries": {"2"}}},
		{name: "the client's timeout", deployments: []string{"slow.x"}, more: `,"timeout":1.5,"num_retries":0`},
		{name: "the client's timeout and a fallback", deployments: []string{"slow.x"}, more: `,"timeout":1.5,"num_retries":0`, settings: map[string]string{"fallbacks": "[ok]"}},
		{name: "the client's timeout in a header", deployments: []string{"slow.x"}, more: `,"num_retries":0`, header: http.Header{"X-Litellm-Timeout": {"1.5"}}},
		{name: "a fallback that fails and another", deployments: []string{"500.x"}, settings: map[string]string{"fallbacks": "[down, ok]"}, more: `,"num_retries":0`},
		{name: "a fallback that is not there and another", deployments: []string{"500.x"}, settings: map[string]string{"fallbacks": "[nobody, ok]"}, more: `,"num_retries":0`},
		{name: "a weight of nothing", deployments: []string{"500.x weight: 0", "ok.x weight: 1"}},
		{name: "tags of the body", deployments: []string{"ok.free tags: [free]", "ok.paid tags: [paid]"}, more: `,"tags":["paid"]`},
		{name: "tags of the metadata", deployments: []string{"ok.free tags: [free]", "ok.paid tags: [paid]"}, more: `,"metadata":{"tags":["free"]}`},
		{name: "tags in a header", deployments: []string{"ok.free tags: [free]", "ok.paid tags: [paid]"}, header: http.Header{"X-Litellm-Tags": {"paid"}}},
		{name: "unknown tags", deployments: []string{"ok.free tags: [free]", "ok.paid tags: [paid]"}, more: `,"tags":["gold"]`},
		{name: "unknown tags and a default", deployments: []string{"ok.free tags: [free]", "ok.any tags: [default]"}, more: `,"tags":["gold"]`},
		{name: "no tags and a default", deployments: []string{"ok.free tags: [free]", "ok.any tags: [default]"}},
		{name: "a tag that excludes", deployments: []string{"ok.free tags: [free]", "ok.paid tags: [paid]"}, more: `,"tags":["!free"]`},
		{name: "a tag that is required", deployments: []string{"ok.both tags: [free, eu]", "ok.free tags: [free]"}, more: `,"tags":["&eu"]`},
		{name: "a User-Agent", deployments: []string{`ok.agent tag_regex: ["^User-Agent: stone/"]`, "ok.any tags: [default]"}, header: http.Header{"User-Agent": {"stone/1.0"}}},
		{name: "another User-Agent", deployments: []string{`ok.agent tag_regex: ["^User-Agent: stone/"]`, "ok.any tags: [default]"}, header: http.Header{"User-Agent": {"sand/1.0"}}},
	} {
		both(&more, c)
	}
	return []routedSet{
		{"no retries", "  num_retries: 0\n  timeout: 12\n", once},
		{"one retry", "  num_retries: 1\n  timeout: 12\n  enable_pre_call_checks: true\n", again},
		{"policies", `  num_retries: 1
  timeout: 12
  retry_policy: {InternalServerErrorRetries: 2, RateLimitErrorRetries: 0, BadRequestErrorRetries: 1, TimeoutErrorRetries: 0}
  default_fallbacks: [ok2]
  max_fallbacks: 1
`, policies},
		{"requests", "  num_retries: 0\n  enable_tag_filtering: true\n", more},
	}
}
