package openaicompat

import (
	"testing"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/upstream"
)

// The gateway's identity goes to addresses at which it may itself be, and to no vendor's own.
func TestHostsOfVendorsAreNotTheGateway(t *testing.T) {
	v := &Vendor{Head: Head{BaseURL: "https://api.example.com/v1"}, Hosts: []string{"resources.example.net"}}
	d := &Deployment{vendor: v}
	for host, want := range map[string]bool{
		"api.example.com": true, "API.example.com:443": true, "a.resources.example.net": true, "resources.example.net": true,
		"api.example.com.evil.test": false, "evil-resources.example.net": false, "localhost:4000": false, "10.0.0.1": false, "gateway.example.com": false, "": false,
	} {
		if d.own(host) != want {
			t.Errorf("%s: %v", host, !want)
		}
	}
	if v.KeyOptional = true; d.own("api.example.com") {
		t.Error("a server of the user's own may be this gateway")
	}
}

// A request's own key and address are for the API that the vendor has, which may not be OpenAI's.
func TestARequestsOwnAccessKeepsTheDialect(t *testing.T) {
	text := `{"name":"own","title":"Own","base_url":"https://api.example.com/v1","key_variables":["OWN_KEY"],"apis":{"chat":"/chat"},"source":"https://example.com","date":"2026-12-01"}`
	v := NewFile([]byte(text)).With(fakeDialect{}).Vendor()
	client := upstream.New()
	t.Cleanup(client.CloseIdle)
	d, err := v.overrides.Open(provider.Params{Model: "m", Upstream: client, Values: map[string]string{"api_key": "k"}, Environ: func(string) string { return "" }}, upstream.Anywhere)
	if err != nil {
		t.Fatal(err)
	}
	targets, err := d.Targets(llm.VerbChat, "m")
	if err != nil || len(targets) != 1 {
		t.Fatal(targets, err)
	}
	if _, ok := targets[0].(*nativeTarget); !ok {
		t.Errorf("a %T, which would speak OpenAI's API", targets[0])
	}
}

type fakeDialect struct{ Dialect }
