package bedrock

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"outcrop/emulator/bedrock/fault"
)

// faults parses texts in the form of --fault.
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

func TestFaultsCanBeBoundToEveryOperationOfBedrock(t *testing.T) {
	t.Parallel()
	var served []string
	for _, r := range routes() {
		served = append(served, r.operation.name)
	}
	slices.Sort(served)
	served = slices.Compact(served) // some have two paths
	if known := slices.Sorted(slices.Values(fault.Operations())); !slices.Equal(served, known) {
		t.Errorf("served are %q, faults know %q", served, known)
	}
	if _, err := New(Options{Faults: []fault.Fault{{Kind: fault.Deny, Operation: "ListAgents"}}}); err == nil || !strings.Contains(err.Error(), `operation "ListAgents"`) {
		t.Errorf("got %v, want the name refused", err)
	}
}

func TestADeniedCallIsToldWhatPolicyItLacks(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Profiles: []ApplicationProfile{{ID: "abc123def456", Region: "us-east-1", Source: haiku}}})
	const user = `{"Message":"User: arn:aws:iam::123456789012:user/demo is not authorized to perform: bedrock:`
	at := "arn:aws:bedrock:us-east-1:" + DemoAccount + ":"
	tests := []struct{ method, path, action, resource string }{
		{http.MethodGet, "/foundation-models", "ListFoundationModels", ""},
		{http.MethodGet, "/inference-profiles", "ListInferenceProfiles", at + "inference-profile/*"},
		{http.MethodGet, "/inference-profiles/" + haiku, "GetInferenceProfile", at + "inference-profile/" + haiku},
		{http.MethodGet, "/inference-profiles/abc123def456", "GetInferenceProfile", at + "application-inference-profile/abc123def456"},
		{http.MethodGet, "/inference-profiles/" + url.PathEscape(at+"application-inference-profile/abc123def456"), "GetInferenceProfile", at + "application-inference-profile/abc123def456"},
		{http.MethodGet, "/foundation-models/" + micro, "GetFoundationModel", "arn:aws:bedrock:us-east-1::foundation-model/" + micro},
		{http.MethodGet, "/foundation-model-availability/" + micro, "GetFoundationModelAvailability", "arn:aws:bedrock:us-east-1::foundation-model/" + micro},
		{http.MethodGet, "/provisioned-model-throughput/abcdefghijk1", "GetProvisionedModelThroughput", at + "provisioned-model/abcdefghijk1"},
		{http.MethodGet, "/model-customization/custom-model-deployments/abcdefghijk1", "GetCustomModelDeployment", at + "custom-model-deployment/abcdefghijk1"},
		{http.MethodGet, "/imported-models/abcdefghijk1", "GetImportedModel", at + "imported-model/abcdefghijk1"},
		{http.MethodPost, "/model/" + haiku + "/converse", "InvokeModel", at + "inference-profile/" + haiku},
		{http.MethodPost, "/model/" + micro + "/converse-stream", "InvokeModelWithResponseStream", "arn:aws:bedrock:us-east-1::foundation-model/" + micro},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			t.Parallel()
			on := ""
			if tt.resource != "" {
				on = " on resource: " + tt.resource
			}
			a := s.send(t, tt.method, tt.path, hello, func(r *http.Request) {
				apiKey(r)
				r.Header.Set(FaultHeader, "deny")
			})
			wantRefusal(t, a, 403, "AccessDeniedException", user+tt.action+on+" because no identity-based policy allows the bedrock:"+tt.action+` action"}`)
		})
	}
}

func TestABoundFaultHitsOnlyItsOperation(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Faults: faults(t,
		"op=ListInferenceProfiles deny always",
		"op=ListFoundationModels throttle times=2",
		`op=ListFoundationModels unavailable message="later"`,
		"timeout",
	)})
	steps := []struct {
		path   string
		status int
		kind   string
		body   string
	}{
		{"/foundation-models", 429, "ThrottlingException", "Too many requests"},
		{"/inference-profiles", 403, "AccessDeniedException", "bedrock:ListInferenceProfiles on resource"},
		{"/foundation-models/" + micro, 200, "", ""},
		{"/foundation-models", 429, "ThrottlingException", "Too many requests"},
		{"/foundation-models", 503, "ServiceUnavailableException", "later"},
		{"/foundation-models", 200, "", ""},
		{"/inference-profiles", 403, "AccessDeniedException", "bedrock:ListInferenceProfiles on resource"},
		{"/inference-profiles/" + haiku, 200, "", ""},
	}
	for i, step := range steps {
		a := s.get(t, step.path)
		if step.status != 200 {
			wantRefusal(t, a, step.status, step.kind, step.body)
		} else if a.status != 200 {
			t.Errorf("step %d, %s: got %d %s", i, step.path, a.status, a.body)
		}
	}
	wantRefusal(t, s.post(t, haiku, "converse", hello), 408, "ModelTimeoutException", "timed out")
	if a := s.post(t, haiku, "converse", hello); a.status != 200 {
		t.Errorf("the fault without an operation is used up by another: got %d", a.status)
	}
}

func TestListsBreakOff(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Faults: faults(t, "op=ListFoundationModels cut=fin", "op=ListFoundationModels garbage", "op=ListFoundationModels empty", "op=ListFoundationModels stall")})
	get := func(ctx context.Context) (*http.Response, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL()+"/foundation-models", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		apiKey(req)
		return s.client.Do(req)
	}
	resp, err := get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.ReadAll(resp.Body)
	resp.Body.Close()
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a cut list ends with %v", err)
	}
	if a := s.get(t, "/foundation-models"); a.status != 200 || !strings.HasPrefix(string(a.body), "<html>") {
		t.Errorf("got %d %s, want garbage", a.status, a.body)
	}
	if a := s.get(t, "/foundation-models"); a.status != 200 || len(a.body) != 0 {
		t.Errorf("got %d %s, want nothing", a.status, a.body)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if resp, err = get(ctx); err != nil {
		t.Fatal(err)
	}
	cancel()
	_, err = io.ReadAll(resp.Body)
	resp.Body.Close()
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a stalled list ends with %v", err)
	}
}

func TestAListIsSlowOnDemand(t *testing.T) {
	t.Parallel()
	e, err := New(Options{Now: func() time.Time { return noon }, Faults: faults(t, "op=ListFoundationModels latency=2s")})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		for _, want := range []time.Duration{2 * time.Second, 0} {
			r := httptest.NewRequest(http.MethodGet, "https://bedrock.us-east-1.amazonaws.com/foundation-models", http.NoBody)
			apiKey(r)
			w := httptest.NewRecorder()
			began := time.Now()
			e.ServeHTTP(w, r)
			// The bubble has its own clock, so the duration is exact.
			if took := time.Since(began); took != want || w.Code != 200 {
				t.Errorf("%d took %v, want %v", w.Code, took, want)
			}
		}
	})
}

func TestPagesAreNoLargerThanTheOptionSays(t *testing.T) {
	t.Parallel()
	s := start(t, Options{PageSize: 5})
	whole := decode[profileList](t, start(t, Options{}).get(t, "/inference-profiles")).Summaries
	for query, want := range map[string]int{"": 5, "maxResults=1000": 5, "maxResults=3": 3} {
		var ids []string
		for token := ""; ; {
			page := decode[profileList](t, s.get(t, "/inference-profiles?"+query+"&nextToken="+token))
			if len(page.Summaries) > want {
				t.Fatalf("%q: a page has %d profiles, want %d", query, len(page.Summaries), want)
			}
			for _, p := range page.Summaries {
				ids = append(ids, p.ID)
			}
			if token = page.NextToken; token == "" {
				break
			}
		}
		if len(ids) != len(whole) {
			t.Errorf("%q: pages give %d profiles, the whole list %d", query, len(ids), len(whole))
		}
	}
}
