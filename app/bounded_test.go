package app_test

import (
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"outcrop/app"
)

// until waits for something that happens soon.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(20 * time.Second); !holds(); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("not in time: " + what)
		}
	}
}

// TestWhoSignsOrAsksInTheBackgroundIsBoundedToo checks calls that are somebody's in another way than by a key in a header.
func TestWhoSignsOrAsksInTheBackgroundIsBoundedToo(t *testing.T) {
	upstream := fakeRuntime(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) })
	cfg := load(t, upstream.URL, `
general_settings: {master_key: sk-master}
litellm_settings: {max_budget: 1}
outcrop_settings: {aws_door: {access_keys: [{access_key_id: AKIDTEAM, secret_access_key: swordfish, key: sk-of-the-test-0002}, {access_key_id: AKIDOPERATOR, secret_access_key: swordfish}]}}
`)
	a := start(t, app.Options{Config: cfg})
	if status, body := asks(t, a, "sk-master", "POST", "/key/generate", `{"key":"sk-of-the-test-0002","rpm_limit":1}`); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	signed := func(accessKey string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL()+"/model/granite/converse", strings.NewReader(converseBody))
		if err != nil {
			t.Fatal(err)
		}
		signRequest(req, accessKey, "swordfish", converseBody, time.Now())
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return read(t, resp)
	}
	for _, want := range []int{200, 429} {
		if status, body := signed("AKIDTEAM"); status != want {
			t.Errorf("%d %s, want %d", status, body, want)
		}
	}
	if status, body := signed("AKIDOPERATOR"); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	until(t, "the calls are in the books", func() bool {
		_, body := asks(t, a, "sk-master", "GET", "/spend/logs", "")
		return strings.Count(body, `"call_type":"aws_bedrock"`) == 2 && strings.Contains(body, `"api_key":"litellm_proxy_master_key"`)
	})

	const key = "sk-of-the-test-0003"
	if status, body := asks(t, a, "sk-master", "POST", "/key/generate", `{"key":"`+key+`","rpm_limit":1}`); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	for _, want := range []string{`"status":"completed"`, "Rate limit exceeded"} {
		_, body := asks(t, a, key, "POST", "/v1/responses", `{"model":"granite","input":"hi","background":true}`)
		id := regexp.MustCompile(`resp_[0-9a-z]+`).FindString(body)
		until(t, want, func() bool {
			_, body = asks(t, a, key, "GET", "/v1/responses/"+id, "")
			return !strings.Contains(body, `"status":"queued"`) && !strings.Contains(body, `"status":"in_progress"`)
		})
		if !strings.Contains(body, want) {
			t.Errorf("%s, want %s", body, want)
		}
	}
}

func TestCallersAreChargedWithDiscountAndMargin(t *testing.T) {
	upstream := fakeRuntime(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) })
	cfg := load(t, upstream.URL, `
general_settings: {master_key: sk-master}
litellm_settings:
  cost_discount_config: {"bedrock/*nova-lite*": 0.5}
  cost_margin_config: {bedrock: {percentage: 0.1, fixed_amount: 0.001}}
`)
	a := start(t, app.Options{Config: cfg})
	const key = "sk-of-the-test-0004"
	if status, body := asks(t, a, "sk-master", "POST", "/key/generate", `{"key":"`+key+`"}`); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL()+"/v1/chat/completions", strings.NewReader(`{"model":"granite","messages":[{"role":"user","content":"hi"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	read(t, resp)
	// Nova Lite: 0.06 and 0.24 dollars for a million tokens, of which the call has one each: 0.0000003.
	for name, want := range map[string]string{
		"Response-Cost": "0.001000165", "Response-Cost-Original": "0.0000003", "Response-Cost-Discount-Amount": "0.00000015",
		"Response-Cost-Margin-Amount": "0.001000015", "Response-Cost-Margin-Percent": "0.1",
		"Response-Cost-Input": "0.00000006", "Response-Cost-Output": "0.00000024", "Response-Cost-Cache-Read": "", "Response-Cost-Reasoning": "",
	} {
		if got := resp.Header.Get("X-Litellm-" + name); got != want {
			t.Errorf("x-litellm-%s is %s, want %s", name, got, want)
		}
	}
	all, err := strconv.ParseFloat(resp.Header.Get("X-Litellm-Response-Duration-Ms"), 64)
	own, fault := strconv.ParseFloat(resp.Header.Get("X-Litellm-Overhead-Duration-Ms"), 64)
	if err != nil || fault != nil || own <= 0 || own >= all {
		t.Errorf("the call took %v ms, of which %v are the gateway's: %v, %v", all, own, err, fault)
	}
	until(t, "the call is in the books", func() bool {
		_, body := asks(t, a, "sk-master", "GET", "/key/info?key="+key, "")
		return strings.Contains(body, `"spend":0.001000165`)
	})
}
