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
	known, err := models()
	if err != nil {
		t.Fatal(err)
	}
	taken := 0
	for _, m := range known.Models() {
		if m.Kind != catalog.KindChat || m.Converse == catalog.No {
			continue
		}
		id := m.ID
		if profiles := known.ProfilesOf(m.ID); len(profiles) > 0 {
			id = profiles[len(profiles)-1].ID
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
			path := "/model/" + url.PathEscape(id) + "/converse"
			if req.Stream && !f.Whole {
				path += "-stream"
			}
			r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer x")
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			e.ServeHTTP(w, r)
			if w.Code == http.StatusOK {
				taken++
				continue
			}
			if answer := w.Body.String(); !slices.ContainsFunc(beyond, func(words string) bool { return strings.Contains(answer, words) }) {
				t.Errorf("%s: %d %s\n%s", id, w.Code, answer, body)
			}
		}
	}
	if taken < 2000 {
		t.Errorf("only %d requests were taken", taken)
	}
}
