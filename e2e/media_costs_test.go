package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
)

// Calls of images, audio and moderations cost what the price of what they report makes; where that cannot be
// known, the log says why.
func TestMediaHaveACost(t *testing.T) {
	v := startVendor(t, func(w http.ResponseWriter, c vendorCall) {
		kind := "application/json"
		var body string
		switch sent := string(c.Body); {
		case strings.HasSuffix(c.Path, "/speech"):
			kind, body = "audio/mpeg", "ID3"
		case strings.HasSuffix(c.Path, "/moderations"):
			body = `{"id":"m","model":"omni-moderation-latest","results":[]}`
		case strings.Contains(sent, "gpt-image-1"):
			body = `{"created":1,"data":[{"b64_json":"QQ=="}],"usage":{"input_tokens":60,"output_tokens":1000,"total_tokens":1060,"input_tokens_details":{"text_tokens":10,"image_tokens":50}}}`
		case strings.HasSuffix(c.Path, "/generations"):
			body = `{"created":1,"data":[{"url":"https://example.com/a"},{"url":"https://example.com/b"}]}`
		case strings.Contains(sent, "verbose_json"):
			body = `{"task":"transcribe","duration":90.5,"text":"granite"}`
		case strings.Contains(sent, "name=\"response_format\"\r\n\r\ntext"):
			kind, body = "text/plain", "granite"
		default:
			body = `{"text":"granite","usage":{"type":"duration","seconds":60}}`
		}
		w.Header().Set("Content-Type", kind)
		_, _ = io.WriteString(w, body)
	})
	list := "general_settings: {master_key: " + masterKey + "}\nmodel_list:\n"
	for _, name := range []string{"openai/gpt-image-1", "xai/grok-imagine-image", "openai/unheard-image", "openai/whisper-1", "openai/tts-1", "openai/omni-moderation-latest"} {
		list += "  - {model_name: " + name + ", litellm_params: {model: " + name + ", api_base: " + v.URL + "/v1, api_key: " + vendorSecret + "}}\n"
	}
	g := startApp(t, list, "", nil)
	form := func(format string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nopenai/whisper-1\r\n--b\r\nContent-Disposition: form-data; name=\"response_format\"\r\n\r\n" + format +
			"\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\nRIFF\r\n--b--\r\n"
	}
	tests := []struct {
		path, body, header string
		cost               float64 // -1 for none
		unknown            string
	}{
		{"/v1/images/generations", `{"model":"openai/gpt-image-1","prompt":"granite"}`, "0.04055", 0.04055, ""},
		{"/v1/images/generations", `{"model":"xai/grok-imagine-image","prompt":"granite","n":2}`, "0.04", 0.04, ""},
		{"/v1/images/generations", `{"model":"openai/unheard-image","prompt":"granite"}`, "", -1, "no price of the model is known"},
		{"/v1/audio/transcriptions", form("json"), "0.006", 0.006, ""},
		{"/v1/audio/transcriptions", form("verbose_json"), "0.00905", 0.00905, ""},
		{"/v1/audio/transcriptions", form("text"), "", -1, "the response says neither tokens nor the length of the audio; the format verbose_json has it"},
		{"/v1/audio/speech", `{"model":"openai/tts-1","voice":"alloy","input":"Granit é."}`, "", 0.000135, ""},
		{"/v1/moderations", `{"model":"openai/omni-moderation-latest","input":"granite"}`, "0", 0, ""},
	}
	for _, tt := range tests {
		kind := "application/json"
		if strings.HasPrefix(tt.body, "--b") {
			kind = "multipart/form-data; boundary=b"
		}
		r := g.send(t, http.MethodPost, tt.path, tt.body, map[string]string{"Authorization": "Bearer " + masterKey, "Content-Type": kind})
		if r.status != http.StatusOK || r.header.Get("X-Outcrop-Cost") != tt.header {
			t.Errorf("%s %.60s: %d, cost %q, %s", tt.path, tt.body, r.status, r.header.Get("X-Outcrop-Cost"), r.body)
		}
	}
	g.stop(t)
	n := 0
	for text := range strings.Lines(g.log.text.String()) {
		var l struct {
			Msg     string   `json:"msg"`
			Cost    *float64 `json:"cost_usd"`
			Unknown string   `json:"cost_unknown"`
		}
		if jsonx.Unmarshal([]byte(text), &l) != nil || l.Msg != "call" {
			continue
		}
		if tt := tests[n]; l.Unknown != tt.unknown || (l.Cost == nil) != (tt.cost < 0) || l.Cost != nil && *l.Cost != tt.cost {
			t.Errorf("%s %.60s: logged %s", tt.path, tt.body, text)
		}
		n++
	}
	if n != len(tests) {
		t.Errorf("%d lines", n)
	}
}
