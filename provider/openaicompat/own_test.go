package openaicompat

import "testing"

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
