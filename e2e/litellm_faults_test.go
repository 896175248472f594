package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	emulator "outcrop/emulator/bedrock"
)

// keeping keeps the last body that its handler received.
type keeping struct {
	http.Handler

	mu   sync.Mutex
	body string
}

func (k *keeping) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if body, err := io.ReadAll(r.Body); err == nil && r.Method == http.MethodPost {
		k.mu.Lock()
		k.body = string(body)
		k.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	k.Handler.ServeHTTP(w, r)
}

func (k *keeping) last() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.body
}

// startKeeping runs an emulator behind a keeping handler until the test ends, and
// returns its address.
func startKeeping(t *testing.T) (*keeping, string) {
	t.Helper()
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	k := &keeping{Handler: judge.Watch(e)}
	return k, startServer(t, k).URL()
}

// litellmFault is a chat request that caused a fault for LiteLLM's users, by the
// numbers of its issues; it is tested with and without streaming.
type litellmFault struct {
	name, model string
	body        string // the members of the request except model and stream
	status      int    // 200 if it is 0
	sent        []string
	unsent      []string // must not be in the request to Bedrock
	answered    []string // must be in the answer, streamed or not
	header      string   // must be in x-outcrop-target or x-outcrop-warnings
}

// TestFaultsOfLiteLLM has the faults of LiteLLM's users that concern Converse, each by
// its number and those of its issues, with and without streaming. Those about a request
// reach a strict Bedrock in a form that it accepts, and are answered; the others are in
// litellm_faults_account_test.go. Of the missing numbers, 11 is about Anthropic's
// Messages API, which the gateway does not serve, 23 about embeddings and 24 about
// batches, which Converse does not serve. Of 20, the missing documentation of caching
// is not tested here; of the faults behind 25, counting tokens and passing bodies
// through are other APIs.
func TestFaultsOfLiteLLM(t *testing.T) {
	for _, f := range accountFaults() {
		t.Run("fault "+f.name, func(t *testing.T) {
			for _, stream := range f.streams {
				t.Run(form(stream), func(t *testing.T) { f.test(t, stream) })
			}
		})
	}
	k, upstream := startKeeping(t)
	g := startGateway(t, openConfig, upstream)
	for _, f := range requestFaults() {
		t.Run("fault "+f.name, func(t *testing.T) {
			for _, stream := range []bool{false, true} {
				t.Run(form(stream), func(t *testing.T) { f.check(t, k, g.URL(), stream) })
			}
		})
	}
}

// requestFaults are the faults that concern a request.
func requestFaults() []litellmFault {
	const (
		hi      = `"messages":[{"role":"user","content":"What is granite?"}]`
		cities  = `"messages":[{"role":"user","content":"Compare the weather in Paris and Rome"}]`
		place   = `{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}`
		weather = `"tools":[{"type":"function","function":{"name":"get_weather","parameters":` + place + `}}]`
		schema  = `"response_format":{"type":"json_schema","json_schema":{"name":"place","strict":true,"schema":` + place + `}}`
		loop    = `{"role":"user","content":"Weather?"},{"role":"assistant","content":null,"tool_calls":[{"id":"tooluse_1","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Oslo\"}"}}]}`
		result  = `{"role":"tool","tool_call_id":"tooluse_1","content":"Rain"}`

		sonnet = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
		haiku  = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
		opus   = "us.anthropic.claude-opus-4-8"
		nova   = "us.amazon.nova-pro-v1:0"
	)
	faults := []litellmFault{
		{name: "01 #7181 a bare id", model: "anthropic.claude-sonnet-4-5-20250929-v1:0", body: hi, header: "id=us.anthropic.claude-sonnet-4-5-20250929-v1:0"},
		{name: "12 #19506 blocks are no choices", model: sonnet, body: cities + "," + weather, answered: []string{`"index":0`, "Paris", "Rome"}},
		{name: "13 #5007 a tool's name with a hyphen and a dot", model: sonnet, body: cities + `,"tools":[{"type":"function","function":{"name":"get-weather.now","parameters":` + place + `}}]`, unsent: []string{"get-weather.now"}, answered: []string{`"name":"get-weather.now"`}},
		{name: "14 #24668 a tool with an empty description", model: sonnet, body: cities + `,"tools":[{"type":"function","function":{"name":"get_weather","description":"","parameters":` + place + `}}]`, unsent: []string{`"description":""`}},
		{name: "14 #24668 a tool with an empty name", model: sonnet, body: cities + `,"tools":[{"type":"function","function":{"name":"","parameters":` + place + `}}]`, status: 400, answered: []string{"tools[0].function.name"}},
		{name: "14 #8434 tools of an older Mistral", model: "mistral.mistral-large-2402-v1:0", body: cities + "," + weather, sent: []string{`"toolSpec"`}, answered: []string{"get_weather", "Paris"}},
		{name: "16 #14194 reasoning in a loop without its blocks", model: haiku, body: `"messages":[` + loop + "," + result + `],"reasoning_effort":"low",` + weather, header: "reasoning_effort"},
		{name: "17 #27040 an effort that is none", model: opus, body: hi + `,"reasoning_effort":"heroic"`, status: 400, answered: []string{"reasoning_effort", "heroic"}},
		{name: "17 #36507 the effort of adaptive thinking", model: opus, body: hi + `,"reasoning_effort":"low"`, sent: []string{`"output_config":{"effort":"low"}`, `"display":"summarized"`}},
		{name: "18 #26444 sampling that Opus refuses", model: opus, body: hi + `,"drop_params":true,"temperature":0.5`, unsent: []string{"temperature"}, header: "temperature"},
		{name: "19 #38279 effort of gpt-oss", model: "openai.gpt-oss-20b-1:0", body: hi + `,"reasoning_effort":"low"`, sent: []string{`"reasoning_effort":"low"`}, unsent: []string{"thinking"}},
		{name: "19 #38279 effort of Nova 2", model: "us.amazon.nova-2-lite-v1:0", body: hi + `,"reasoning_effort":"low"`, sent: []string{`"maxReasoningEffort":"low"`}, unsent: []string{"thinking"}},
		{name: "19 #34105 effort of DeepSeek", model: "us.deepseek.r1-v1:0", body: hi + `,"reasoning_effort":"low"`, unsent: []string{"thinking"}},
		{name: "20 #17479 a cached tool result on Nova", model: nova, body: `"messages":[` + loop + `,{"role":"tool","tool_call_id":"tooluse_1","content":[{"type":"text","text":"Rain","cache_control":{"type":"ephemeral"}}]}],` + weather},
		{name: "20 #26320 cache_control at the top", model: sonnet, body: hi + `,"cache_control":{"type":"ephemeral"}`, sent: []string{"cachePoint"}},
		{name: "21 #22847 a tool with members that Converse does not know", model: sonnet, body: cities + `,"tools":[{"type":"function","defer_loading":true,"function":{"name":"get_weather","defer_loading":true,"input_examples":[],"parameters":` + place + `}}]`, unsent: []string{"defer_loading", "input_examples"}, answered: []string{"get_weather"}},
		{name: "21 #27532 a beta as a header", model: sonnet, body: hi + `,"extra_headers":{"anthropic-beta":"interleaved-thinking-2025-05-14"}`, sent: []string{`"anthropic_beta":["interleaved-thinking-2025-05-14"]`}},
		{name: "22 #35655 a schema that the model takes itself", model: "zai.glm-5", body: hi + "," + schema, sent: []string{`"textFormat"`}, answered: []string{`{\"city\"`}},
		{name: "22 #27846 a schema that the model takes no more", model: "us.anthropic.claude-opus-4-7", body: hi + "," + schema, unsent: []string{`"textFormat"`}, answered: []string{`{\"city\"`}},
		{name: "25 #21746 an image in S3", model: nova, body: `"messages":[{"role":"user","content":[{"type":"text","text":"What?"},{"type":"image_url","image_url":{"url":"s3://strata/granite.png"}}]}]`, sent: []string{`"s3Location":{"uri":"s3://strata/granite.png"}`}},
		{name: "25 #20426 a PDF without a text", model: sonnet, body: `"messages":[{"role":"user","content":[{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,JVBERi0xLjQKMSAwIG9iago8PC9UeXBlL0NhdGFsb2c+PgplbmRvYmoKdHJhaWxlcgo8PC9Sb290IDEgMCBSPj4KJSVFT0YK"}}]}]`},
	}
	for family, model := range map[string]string{
		"Claude": sonnet, "Nova": nova, "Llama": "us.meta.llama3-3-70b-instruct-v1:0", "Mistral": "mistral.mistral-large-3-675b-instruct", "Qwen": "qwen.qwen3-32b-v1:0", "gpt-oss": "openai.gpt-oss-20b-1:0",
	} {
		structured := litellmFault{name: "22 #21208 structured output of " + family, model: model, body: hi + "," + schema, answered: []string{`{\"city\"`}}
		if family == "Llama" { // it cannot be forced to call the answer's tool, and is instructed to instead
			structured.sent, structured.answered, structured.header = []string{"json_answer once"}, nil, "response_format"
		}
		faults = append(faults,
			litellmFault{name: "15 #30053 tools reach " + family, model: model, body: cities + "," + weather, sent: []string{`"toolSpec"`, `"name":"get_weather"`}, answered: []string{"get_weather", "Paris"}},
			structured,
		)
	}
	return faults
}

func (f *litellmFault) check(t *testing.T, k *keeping, url string, stream bool) {
	t.Helper()
	resp := open(t.Context(), t, url, fmt.Sprintf(`{"model":%q,"stream":%v,%s}`, f.model, stream, f.body))
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	status := f.status
	if status == 0 {
		status = http.StatusOK
	}
	if resp.StatusCode != status || status == http.StatusOK && bytes.Contains(answer, []byte(`"error"`)) {
		t.Fatalf("status %d, want %d: %s", resp.StatusCode, status, answer)
	}
	for _, part := range f.answered {
		if !bytes.Contains(answer, []byte(part)) && !strings.Contains(joined(t, answer), part) {
			t.Errorf("the answer lacks %s: %s", part, answer)
		}
	}
	if status == http.StatusOK {
		for _, part := range f.sent {
			if !strings.Contains(k.last(), part) {
				t.Errorf("Bedrock did not get %s: %s", part, k.last())
			}
		}
		for _, part := range f.unsent {
			if strings.Contains(k.last(), part) {
				t.Errorf("Bedrock got %s: %s", part, k.last())
			}
		}
	}
	if h := resp.Header; !strings.Contains(h.Get("x-outcrop-target")+h.Get("x-outcrop-warnings"), f.header) {
		t.Errorf("neither target nor warnings say %s: %v", f.header, h)
	}
	if bytes.Contains(answer, []byte(`"choices":[{"index":1`)) {
		t.Errorf("there is a second choice: %s", answer)
	}
}

// joined returns the concatenated content of a stream's pieces, in the form of the
// values in an answer that is not streamed.
func joined(t *testing.T, stream []byte) string {
	t.Helper()
	s := side{answer: map[string]string{}}
	if !bytes.Contains(stream, []byte("data: ")) {
		return ""
	}
	s.fold(t, string(stream))
	var b strings.Builder
	for _, v := range s.answer {
		b.WriteString(v + "\n")
	}
	return b.String()
}
