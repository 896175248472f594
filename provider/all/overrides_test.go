package all_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/all"
	"outcrop/upstream"
)

// The gateway's secrets, none of which may reach an address that a client names, and the client's own.
const (
	gatewaysKey = "gateways-key-0123456789"
	clientsKey  = "clients-key-0123456789"
)

// keyed are the providers with a key and an address, each with a model and all that the gateway's
// operator could have set.
func keyed() map[string]struct {
	model  string
	values map[string]string
} {
	return map[string]struct {
		model  string
		values map[string]string
	}{
		"anthropic": {"claude-sonnet-4-5", nil},
		"gemini":    {"gemini-2.5-flash", nil},
		"vertex_ai": {"gemini-2.5-flash", map[string]string{"vertex_project": gatewaysKey}},
		"azure":     {"gpt-5", map[string]string{"client_id": gatewaysKey}},
		"azure_ai":  {"gpt-5", nil},
		"openai":    {"gpt-5", map[string]string{"organization": gatewaysKey}},
		"groq":      {"rock", nil},
	}
}

// seen is an address that a client names, and what it received.
func seen(t *testing.T) (base string, calls *[]string) {
	t.Helper()
	calls = new([]string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*calls = append(*calls, fmt.Sprint(r.URL, r.Header, string(body)))
		w.WriteHeader(http.StatusTeapot)
	}))
	t.Cleanup(s.Close)
	return s.URL, calls
}

// openKeyed opens a deployment with the gateway's key at an address.
func openKeyed(t *testing.T, name, base string, policy provider.ClientPolicy) provider.Deployment {
	t.Helper()
	infos := all.Providers()
	i := slices.IndexFunc(infos, func(p provider.Info) bool { return p.Name == name })
	if i < 0 {
		t.Fatalf("there is no provider %s", name)
	}
	client := upstream.New()
	t.Cleanup(client.CloseIdle)
	of := keyed()[name]
	values := map[string]string{"api_key": gatewaysKey, "api_base": base}
	for option, value := range of.values {
		if slices.ContainsFunc(infos[i].Settings(), func(o provider.Option) bool { return o.Name == option }) {
			values[option] = value
		}
	}
	d, err := infos[i].Open(t.Context(), provider.Params{
		Model: of.model, Values: values, Upstream: client, ClientPolicy: policy,
		Environ: func(variable string) string {
			for _, part := range []string{"KEY", "TOKEN", "SECRET", "PROJECT", "CLIENT_ID"} {
				if strings.Contains(variable, part) {
					return gatewaysKey
				}
			}
			return ""
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// call makes a chat call, and returns its error.
func call(t *testing.T, d provider.Deployment, model string) error {
	t.Helper()
	targets, err := d.Targets(llm.VerbChat, model)
	if err != nil {
		t.Fatal(err)
	}
	_, err = targets[0].(provider.Chatter).Complete(t.Context(), &llm.Request{Call: llm.Call{Model: model}, Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Hi"}}}}})
	return err
}

func TestAClientsAddressGetsTheClientsKeyAndNothingOfTheGateways(t *testing.T) {
	for name, of := range keyed() {
		t.Run(name, func(t *testing.T) {
			gateways, atGateways := seen(t)
			clients, atClients := seen(t)
			named := provider.ClientPolicy{Names: map[string]*regexp.Regexp{"api_key": nil, "api_base": regexp.MustCompile(`^(?:http://127\.0\.0\.1:[0-9]+)$`)}}
			d := openKeyed(t, name, gateways, named)
			made, release, err := d.(provider.Overridable).WithOverrides(llm.NewClientSettings(map[string]string{"api_key": clientsKey, "base_url": clients}))
			if err != nil {
				t.Fatal(err)
			}
			defer release()
			if err := call(t, made, of.model); err == nil {
				t.Error("the fake's refusal is not an error")
			}
			if len(*atClients) != 1 || len(*atGateways) != 0 {
				t.Fatalf("%d calls reached the client's address, %d the gateway's", len(*atClients), len(*atGateways))
			}
			if got := (*atClients)[0]; !strings.Contains(got, clientsKey) || strings.Contains(got, gatewaysKey) {
				t.Errorf("the client's address received %s", got)
			}
			if err := call(t, d, of.model); err == nil || len(*atGateways) != 1 || !strings.Contains((*atGateways)[0], gatewaysKey) || strings.Contains((*atGateways)[0], clientsKey) {
				t.Errorf("the gateway's own call: %v, received %v", err, *atGateways)
			}
		})
	}
}

func TestAClientsKeyGoesToTheOperatorsAddress(t *testing.T) {
	for name, of := range keyed() {
		t.Run(name, func(t *testing.T) {
			base, calls := seen(t)
			d := openKeyed(t, name, base, provider.ClientPolicy{All: true})
			made, release, err := d.(provider.Overridable).WithOverrides(llm.NewClientSettings(map[string]string{"api_key": clientsKey}))
			if err != nil {
				t.Fatal(err)
			}
			defer release()
			_ = call(t, made, of.model) // the fake refuses it
			if len(*calls) != 1 || !strings.Contains((*calls)[0], clientsKey) || strings.Contains((*calls)[0], gatewaysKey) {
				t.Errorf("received %v", *calls)
			}
		})
	}
}

func TestWhatAClientMayNotSetIsRefusedByName(t *testing.T) {
	any1 := provider.ClientPolicy{All: true}
	for name, of := range keyed() {
		base, calls := seen(t)
		for _, tt := range []struct {
			about    string
			policy   provider.ClientPolicy
			settings map[string]string
			param    string
		}{
			{"an address without a key", any1, map[string]string{"api_base": base}, "api_base"},
			{"what the operator does not allow", provider.ClientPolicy{}, map[string]string{"api_key": clientsKey}, "api_key"},
			{"another value than the operator allows", provider.ClientPolicy{Names: map[string]*regexp.Regexp{"api_key": regexp.MustCompile(`^x$`)}}, map[string]string{"api_key": clientsKey}, "api_key"},
			{"a variable of the gateway", any1, map[string]string{"api_key": "os.environ/HOME"}, "api_key"},
			{"a file of the gateway", any1, map[string]string{"api_key": "os.file//etc/passwd"}, "api_key"},
			{"a line break", any1, map[string]string{"api_key": "a\nb"}, "api_key"},
			{"a certificate", any1, map[string]string{"ssl_verify": "false"}, "ssl_verify"},
			{"two addresses", any1, map[string]string{"api_base": base, "base_url": base, "api_key": clientsKey}, "base_url"},
			{"not an address", any1, map[string]string{"api_base": "file:///etc/passwd", "api_key": clientsKey}, "api_base"},
		} {
			t.Run(name+"/"+tt.about, func(t *testing.T) {
				d := openKeyed(t, name, base, tt.policy)
				_, _, err := d.(provider.Overridable).WithOverrides(llm.NewClientSettings(tt.settings))
				if e := llm.AsError(err); err == nil || e.Status != 400 || e.Param != tt.param || strings.Contains(e.Error(), clientsKey) {
					t.Errorf("%v, for %q", err, e.Param)
				}
			})
		}
		t.Run(name+"/a private address that no pattern names", func(t *testing.T) {
			d := openKeyed(t, name, base, any1)
			made, release, err := d.(provider.Overridable).WithOverrides(llm.NewClientSettings(map[string]string{"api_base": base, "api_key": clientsKey}))
			if err != nil {
				t.Fatal(err)
			}
			defer release()
			if err := call(t, made, of.model); llm.AsError(err).Code != llm.CodeUnreachable || len(*calls) != 0 {
				t.Errorf("%v, %d calls", err, len(*calls))
			}
		})
	}
}

func TestNoFormatPrintsAKey(t *testing.T) {
	for name, of := range keyed() {
		d := openKeyed(t, name, "http://127.0.0.1:1", provider.ClientPolicy{})
		targets, err := d.Targets(llm.VerbChat, of.model)
		if err != nil {
			t.Fatal(err)
		}
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			if text := fmt.Sprintf(format+" "+format, d, targets[0]); strings.Contains(text, gatewaysKey) || strings.Contains(text, fmt.Sprintf("%x", gatewaysKey)) {
				t.Errorf("%s: %s prints %.300s", name, format, text)
			}
		}
	}
}
