package bedrock

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"outcrop/emulator/bedrock/catalogue"
)

// launched is a model that the catalogue does not have, with one profile that can be
// called and one that cannot.
const (
	launched     = "anthropic.claude-next-9"
	launchedJSON = `{"models":[{"id":"` + launched + `","name":"Claude Next 9","provider":"Anthropic","family":"claude-newest",
		"profiles":{"us":{"from":["us-east-1","us-west-2"]},"global":{"from":"us-3","to":"commercial","broken":true}}}]}`
)

// unsigned sends no credentials.
func unsigned(*http.Request) {}

// lists reports whether the emulator lists the model and its US profile.
func (s *server) lists(t *testing.T, id string) (model, profile bool) {
	t.Helper()
	for _, m := range decode[modelList](t, s.get(t, "/foundation-models")).ModelSummaries {
		model = model || m.ModelID == id
	}
	for _, p := range decode[profileList](t, s.get(t, "/inference-profiles")).Summaries {
		profile = profile || p.ID == "us."+id
	}
	return model, profile
}

func TestAModelIsLaunchedAndWithdrawnWhileTheEmulatorRuns(t *testing.T) {
	t.Parallel()
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	inProcess := startHandler(t, e)
	overHTTP := start(t, Options{})
	tests := []struct {
		name             string
		s                *server
		launch, withdraw func(*testing.T)
	}{
		{
			"in the process", inProcess,
			func(t *testing.T) {
				t.Helper()
				more, err := e.Catalogue().With([]byte(launchedJSON))
				if err != nil {
					t.Fatal(err)
				}
				e.SetCatalogue(more)
			},
			func(*testing.T) { e.SetCatalogue(e.Catalogue().Without(launched)) },
		},
		{
			"over HTTP", overHTTP,
			func(t *testing.T) {
				t.Helper()
				if a := overHTTP.send(t, http.MethodPut, "/_emulator/models", launchedJSON, unsigned); a.status != 204 || len(a.body) != 0 {
					t.Fatalf("got %d %s", a.status, a.body)
				}
			},
			func(t *testing.T) {
				t.Helper()
				if a := overHTTP.send(t, http.MethodDelete, "/_emulator/models/"+url.PathEscape(launched), "", unsigned); a.status != 204 {
					t.Fatalf("got %d %s", a.status, a.body)
				}
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			there := func(want bool) {
				t.Helper()
				if model, profile := tt.s.lists(t, launched); model != want || profile != want {
					t.Errorf("listed: model %v, profile %v, want %v", model, profile, want)
				}
				a := tt.s.post(t, "us."+launched, "converse", hello)
				if want && a.status != 200 {
					t.Errorf("got %d %s", a.status, a.body)
				} else if !want {
					wantRefusal(t, a, 400, "ValidationException", "The provided model identifier is invalid.")
				}
			}
			there(false)
			tt.launch(t)
			there(true)
			if p := decode[profileSummary](t, tt.s.get(t, "/inference-profiles/us."+launched)); len(p.Models) != 2 || p.Status != "ACTIVE" {
				t.Errorf("the profile reads %+v", p)
			}
			if a := tt.s.post(t, haiku, "converse", hello); a.status != 200 {
				t.Errorf("another model: got %d %s", a.status, a.body)
			}
			tt.withdraw(t)
			there(false)
		})
	}
}

// changing is a body that changes the emulator when it is read.
type changing struct {
	io.Reader
	once   sync.Once
	change func()
}

func (c *changing) Read(b []byte) (int, error) {
	c.once.Do(c.change)
	return c.Reader.Read(b)
}

func TestACallKeepsTheCatalogueThatItBeganWith(t *testing.T) {
	t.Parallel()
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	call := func() int {
		body := &changing{Reader: strings.NewReader(hello), change: func() { e.SetCatalogue(e.Catalogue().Without(micro)) }}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/model/"+micro+"/converse", body)
		apiKey(r)
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		return w.Code
	}
	if first, second := call(), call(); first != 200 || second != 400 {
		t.Errorf("got %d for the call under way and %d for the next, want 200 and 400", first, second)
	}
}

func TestLaunchesSideBySideAreAllKept(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	ids := []string{"maker.one", "maker.two", "maker.three", "maker.four"}
	var wg sync.WaitGroup
	for _, id := range ids {
		wg.Go(func() {
			a := s.send(t, http.MethodPut, "/_emulator/models", `[{"id":"`+id+`","family":"nova","onDemand":"us-3"}]`, unsigned)
			if a.status != 204 {
				t.Errorf("%s: got %d %s", id, a.status, a.body)
			}
			s.get(t, "/inference-profiles")
		})
	}
	wg.Wait()
	for _, id := range ids {
		if model, _ := s.lists(t, id); !model {
			t.Errorf("%s is lost", id)
		}
	}
}

func TestTheAdminCallsRefuseWhatTheyCannotDo(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	tests := []struct {
		name, method, path, body string
		status                   int
		kind, want               string
	}{
		{"a field that does not fit", http.MethodPut, "/_emulator/models", `{"models":[{"id":"a.bc","family":"nova","onDemand":"mars"}]}`, 400, "ValidationException", "models[0].onDemand"},
		{"a field that there is not", http.MethodPut, "/_emulator/models", `{"models":[{"id":"a.bc","family":"nova","regions":[]}]}`, 400, "ValidationException", "models[0].regions"},
		{"not JSON", http.MethodPut, "/_emulator/models", `models`, 400, "ValidationException", "invalid JSON"},
		{"a model that is not there", http.MethodDelete, "/_emulator/models/no.such", "", 404, "ResourceNotFoundException", "no.such"},
		{"another method", http.MethodPost, "/_emulator/models", launchedJSON, 404, "UnknownOperationException", "message"},
		{"another path", http.MethodPut, "/_emulator/model", launchedJSON, 404, "UnknownOperationException", "message"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wantRefusal(t, s.send(t, tt.method, tt.path, tt.body, unsigned), tt.status, tt.kind, tt.want)
		})
	}
}

func TestTheAdminCallsAnswerOnlyToTheSameMachine(t *testing.T) {
	t.Parallel()
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]int{"127.0.0.1:50000": 204, "[::1]:50000": 204, "[::ffff:127.0.0.1]:50000": 204, "192.0.2.1:50000": 403, "[2001:db8::1]:50000": 403, "": 403} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/_emulator/models", strings.NewReader(launchedJSON))
		r.RemoteAddr = address
		apiKey(r)
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("from %q: got %d %s, want %d", address, w.Code, w.Body, want)
		}
	}
}

func TestABrokenProfileIsListedAndCannotBeCalled(t *testing.T) {
	t.Parallel()
	models, err := catalogue.Default()
	if err != nil {
		t.Fatal(err)
	}
	if models, err = models.With([]byte(launchedJSON)); err != nil {
		t.Fatal(err)
	}
	s := start(t, Options{
		Catalogue: models, Broken: []string{haiku, "abc123def456"},
		Profiles: []ApplicationProfile{
			{ID: "abc123def456", Region: "us-east-1", Source: "us.anthropic.claude-sonnet-4-6"},
			{ID: "def456abc123", Region: "us-east-1", Source: haiku},
			{ID: "ghi456abc123", Region: "us-east-1", Source: "us.anthropic.claude-sonnet-4-6"},
		},
	})
	account := "arn:aws:bedrock:us-east-1:" + DemoAccount
	for _, id := range []string{haiku, "global." + launched, account + ":inference-profile/" + haiku} {
		if p := decode[profileSummary](t, s.get(t, "/inference-profiles/"+url.PathEscape(id))); p.Status != "ACTIVE" {
			t.Errorf("%s reads %+v", id, p)
		}
		for _, operation := range []string{"converse", "converse-stream"} {
			wantRefusal(t, s.post(t, id, operation, hello), 400, "ValidationException", `{"message":"The provided model identifier is invalid."}`)
		}
	}
	for id, want := range map[string]int{"abc123def456": 400, "def456abc123": 400, "ghi456abc123": 200} {
		if a := s.post(t, account+":application-inference-profile/"+id, "converse", hello); a.status != want {
			t.Errorf("application profile %s: got %d %s, want %d", id, a.status, a.body, want)
		}
	}
	if a := s.post(t, "us."+launched, "converse", hello); a.status != 200 {
		t.Errorf("its neighbour: got %d %s", a.status, a.body)
	}
}

func TestWhatHungOnAWithdrawnModelIsGone(t *testing.T) {
	t.Parallel()
	const source = "us.anthropic.claude-sonnet-4-6"
	s := start(t, Options{
		Profiles:    []ApplicationProfile{{ID: "abc123def456", Region: "us-east-1", Source: source}},
		Provisioned: []ProvisionedModel{{ID: "abcdefghijk1", Region: "us-east-1", Model: "anthropic.claude-sonnet-4-6"}},
	})
	if a := s.send(t, http.MethodDelete, "/_emulator/models/anthropic.claude-sonnet-4-6", "", unsigned); a.status != 204 {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	account := "arn:aws:bedrock:us-east-1:" + DemoAccount
	wantRefusal(t, s.post(t, account+":application-inference-profile/abc123def456", "converse", hello), 400, "ValidationException", "The provided model identifier is invalid.")
	wantRefusal(t, s.post(t, account+":provisioned-model/abcdefghijk1", "converse", hello), 404, "ResourceNotFoundException", "Could not resolve the foundation model")
	if got := decode[profileList](t, s.get(t, "/inference-profiles?type=APPLICATION")).Summaries; len(got) != 0 {
		t.Errorf("still listed: %+v", got)
	}
}
