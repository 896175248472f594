package converse_test

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	emulator "outcrop/emulator/bedrock"
	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
)

// beyond are refusals of what fitting is not about: a model that the emulator does not
// have or have there, what a model reads, more tokens than it writes, a seal that is
// none.
var beyond = []string{ // never written to
	"The provided model identifier is invalid", "with on-demand throughput isn", "support the image content block",
	"support the image field for user messages", "support the document field for user messages",
	"The maximum tokens you requested exceeds", "Invalid `signature` in `thinking` block",
}

// TestTheEmulatorTakesWhatIsFitted sends requests that were fitted to the emulator,
// whose rules of each family were written by themselves. What it refuses nevertheless
// is no rule of a family.
func TestTheEmulatorTakesWhatIsFitted(t *testing.T) {
	e, err := emulator.New(emulator.Options{AnyCredentials: true})
	if err != nil {
		t.Fatal(err)
	}
	known := catalog.Embedded()
	taken := 0
	for _, m := range known.Models() {
		if m.Kind != catalog.KindChat || m.Converse == catalog.No {
			continue
		}
		to := model(t, m.ID)
		requests := &maker{r: rand.New(rand.NewPCG(2, uint64(len(m.ID))))}
		for range 60 {
			requests.words = nil
			req := requests.request()
			body, _, f, refusal := sent(t, to, req, req.Stream)
			if refusal != nil {
				continue
			}
			path := "/converse"
			if req.Stream && !f.Whole {
				path += "-stream"
			}
			code, answer := emulated(e, known, m.ID, path, body)
			if code == http.StatusOK {
				taken++
				continue
			}
			if !slices.ContainsFunc(beyond, func(words string) bool { return strings.Contains(answer, words) }) {
				t.Errorf("%s: %d %s\n%s", m.ID, code, answer, body)
			}
		}
	}
	if taken < 2000 {
		t.Errorf("only %d requests were taken", taken)
	}
}

// TestMediaThatToolsReturnAreTakenByEveryModel has a tool that returned an image: no chat model of
// the emulator, whose tables are its own, refuses the conversation for that.
func TestMediaThatToolsReturnAreTakenByEveryModel(t *testing.T) {
	e, err := emulator.New(emulator.Options{AnyCredentials: true})
	if err != nil {
		t.Fatal(err)
	}
	known := catalog.Embedded()
	taken := 0
	for _, m := range known.Models() {
		if m.Kind != catalog.KindChat || m.Converse == catalog.No || m.Tools == catalog.No {
			continue
		}
		req := &llm.Request{
			Tools: []llm.Tool{tool("look")},
			Turns: []llm.Turn{user("Hi"), turn(llm.RoleAssistant, use("abcdefgh1", "look", `{}`)), turn(llm.RoleUser, result("abcdefgh1", "", medium(llm.BlockImage, "png", png)))},
		}
		body, _, _, refusal := sent(t, model(t, m.ID), req, false)
		if refusal != nil {
			if refusal.Param != "tools" && refusal.Param != "messages" { // the model has no tools
				t.Errorf("%s: %v", m.ID, refusal)
			}
			continue
		}
		switch code, answer := emulated(e, known, m.ID, "/converse", body); {
		case code == http.StatusOK:
			taken++
		case strings.Contains(answer, "image"):
			t.Errorf("%s: %d %s\n%s", m.ID, code, answer, body)
		}
	}
	if taken < 40 {
		t.Errorf("only %d models took it", taken)
	}
}

// emulated sends a body to the emulator for a model, by a profile if it has one, and returns the
// answer.
func emulated(e http.Handler, known *catalog.Catalogue, id, path, body string) (code int, answer string) {
	if profiles := known.ProfilesOf(id); len(profiles) > 0 {
		id = profiles[len(profiles)-1].ID
	}
	r := httptest.NewRequest(http.MethodPost, "/model/"+url.PathEscape(id)+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer x")
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}
