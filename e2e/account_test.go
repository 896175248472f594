package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	emulator "outcrop/emulator/bedrock"
	"outcrop/emulator/bedrock/fault"
)

// account is an emulated AWS account, with a gateway as its client.
type account struct {
	*gateway
	*emulator.Emulator
	address string
	runtime atomic.Int64 // calls of models

	mu     sync.Mutex
	served []string      // "region id" of the calls of models, in order
	hold   chan struct{} // if not nil, lists wait for it
	held   chan struct{} // is told of a call that waits for hold, if there is room; nil if nobody asks
}

// Control plane and runtime are distinguished by the method: models are called with
// POST.
func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		a.mu.Lock()
		hold, held := a.hold, a.held
		a.mu.Unlock()
		if hold != nil {
			select {
			case held <- struct{}{}:
			default: // somebody has been told
			}
			select {
			case <-hold:
			case <-r.Context().Done():
				return
			}
		}
	} else {
		a.runtime.Add(1)
		_, rest, _ := strings.Cut(r.URL.Path, "/model/")
		_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "/20")
		region := strings.Split(scope+"//", "/")[1]
		a.mu.Lock()
		a.served = append(a.served, region+" "+rest[:max(0, strings.LastIndex(rest, "/"))])
		a.mu.Unlock()
	}
	a.Emulator.ServeHTTP(w, r)
}

// calls returns the calls of models since the previous call of this method.
func (a *account) calls() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	calls := a.served
	a.served = nil
	return calls
}

// openAccount starts a gateway with a configuration, with an account as its upstream.
func openAccount(t *testing.T, opt emulator.Options, dataDir, text string) *account {
	t.Helper()
	e, err := emulator.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	a := &account{Emulator: e}
	server := httptest.NewServer(judge.Watch(a))
	t.Cleanup(server.Close)
	a.address = server.URL
	a.gateway = openGateway(t, a.address, dataDir, text)
	return a
}

// faults parses faults in the form of the emulator's flag.
func faults(t *testing.T, texts ...string) []fault.Fault {
	t.Helper()
	var all []fault.Fault
	for _, text := range texts {
		f, err := fault.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}

// openGateway starts a gateway for an account at an address.
func openGateway(t *testing.T, address, dataDir, text string) *gateway {
	t.Helper()
	return startApp(t, text+"\ngeneral_settings: {master_key: "+masterKey+"}\n", dataDir, map[string]string{
		"AWS_ENDPOINT_URL": address, "AWS_REGION": "us-east-1",
		"AWS_ACCESS_KEY_ID": emulator.DemoAccessKeyID, "AWS_SECRET_ACCESS_KEY": string(emulator.DemoSecretAccessKey),
	})
}

// reply is the part of an answer that these tests examine.
type reply struct {
	status int
	header http.Header
	body   string
}

// whole reports whether an answer is complete: with its text if it is not streamed, or
// a stream with its end.
func (r reply) whole() bool {
	return strings.Contains(r.body, "granite") || strings.HasSuffix(r.body, "data: [DONE]\n\n")
}

func (g *gateway) do(t *testing.T, method, path, body string) reply {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, g.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+masterKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, string(text)}
}

// chat calls a model, with or without streaming.
func (g *gateway) chat(t *testing.T, model string, stream bool) reply {
	t.Helper()
	return g.do(t, http.MethodPost, "/v1/chat/completions", fmt.Sprintf(`{"model":%q,"stream":%t,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"What is granite?"}]}`, model, stream))
}

// refresh refreshes the lists.
func (g *gateway) refresh(t *testing.T) reply {
	t.Helper()
	return g.do(t, http.MethodPost, "/catalog/refresh", "")
}
