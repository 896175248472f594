package e2e

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	emulator "outcrop/emulator/bedrock"
	"outcrop/provider/bedrock/modelid"
)

var update = flag.Bool("update", false, "write the pages in docs anew that tests are about")

// TestModelIDs sends the same requests to LiteLLM and to Outcrop, each with the
// same configuration, and holds docs/model-ids.md to what comes of them.
func TestModelIDs(t *testing.T) { //nolint:tparallel // the subtests only report what is known by then
	t.Parallel()
	program := litellmProxy(t)
	rows := modelRows()
	front := startFront(t)
	text := front.config(rows)
	environ := front.environ()
	proxy := program.start(t, text, environ)
	own := startApp(t, text, "", environ)

	// The launch comes after both have started: no release knows the model.
	front.launch(t, launchedModel)
	refreshLists(t, own.URL())

	for i := range rows {
		rows[i].litellm = front.try(t, proxy, i)
		rows[i].outcrop = front.try(t, own.URL(), i)
	}
	front.check(t)

	for i := range rows {
		r := &rows[i]
		t.Run(strings.ReplaceAll(r.name(), "/", " "), func(t *testing.T) { r.check(t) })
	}
	n := tally(rows, front.strict.Catalogue())
	if n.litellm >= n.callable {
		t.Errorf("LiteLLM reaches %d of %d models; then the page has nothing to tell", n.litellm, n.callable)
	}
	comparePage(t, "model-ids.md", page(t, rows, n))
}

// comparePage holds a page in docs to the text that the test has made.
func comparePage(t *testing.T, name string, text []byte) {
	t.Helper()
	path := filepath.Join("..", "docs", name)
	if *update {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, text) {
		t.Errorf("docs/%s is out of date: run go test ./e2e -run '^%s$' -update", name, t.Name())
	}
}

// modelRow is a deployment of the configuration, and what came of calling it.
type modelRow struct {
	section string // the heading that begins with this row, if any

	model  string // what stands behind bedrock/
	region string // aws_region_name; left out if empty
	id     string // model_id; left out if empty
	// base is the model that is to answer; empty if AWS has nothing to call by
	// that id from there, and then the refusal is to name the ids in near.
	base string
	near []string

	litellm, outcrop outcome
}

func (r *modelRow) name() string {
	name := r.model
	if r.id != "" {
		name += " with model_id " + r.id
	}
	if r.region != "" {
		name += " in " + r.region
	}
	return name
}

// check holds both gateways to what the row wants.
func (r *modelRow) check(t *testing.T) {
	t.Helper()
	if r.base == "" {
		r.checkRefused(t)
		return
	}
	if !r.outcrop.reached(r.base) {
		t.Errorf("Outcrop does not reach %s: %+v", r.base, r.outcrop)
	}
	for _, a := range r.outcrop {
		if _, id, _ := strings.Cut(a.header.Get("X-Outcrop-Target"), "; id="); id != a.served {
			t.Errorf("x-outcrop-target is %q, but %q was called", a.header.Get("X-Outcrop-Target"), a.served)
		}
		if a.header.Get("X-Outcrop-Reason") == "" {
			t.Error("there is no x-outcrop-reason")
		}
	}
}

func (r *modelRow) checkRefused(t *testing.T) {
	t.Helper()
	for _, a := range append(r.litellm[:], r.outcrop[:]...) {
		if a.answered || a.served != "" || a.status < 400 || a.status > 499 {
			t.Errorf("it is not refused: %+v", a)
		}
	}
	for _, a := range r.outcrop {
		for _, id := range r.near {
			if !strings.Contains(a.failure, id) {
				t.Errorf("the error does not name %s: %s", id, a.failure)
			}
		}
	}
}

// outcome is what came of a call, whole and streamed.
type outcome [2]attempt

// reached reports whether the model answered, whole and streamed.
func (o outcome) reached(base string) bool {
	for _, a := range o {
		if !a.answered || a.servedBase() != base {
			return false
		}
	}
	return true
}

// attempt is one call as the client and Bedrock saw it.
type attempt struct {
	status   int
	header   http.Header
	answered bool   // all that was asked for came, and the end
	failure  string // the error's message; empty without an error
	body     string
	served   string // the id that Bedrock took last; empty if it took none
}

// servedBase is the model beneath the id that was served.
func (a attempt) servedBase() string {
	switch {
	case strings.HasPrefix(a.served, applicationARN):
		return sonnet45Base
	case strings.HasPrefix(a.served, provisionedARN):
		return novaLite
	}
	id, err := modelid.Parse(a.served)
	if err != nil {
		return ""
	}
	return id.Base()
}

// config is the configuration for both: one deployment a row, its name the row's.
func (f *bedrockFront) config(rows []modelRow) string {
	var b strings.Builder
	b.WriteString("model_list:\n")
	for i, r := range rows {
		fmt.Fprintf(&b, "  - model_name: %s\n    litellm_params:\n      model: %q\n", rowName(i), "bedrock/"+r.model)
		if r.id != "" {
			fmt.Fprintf(&b, "      model_id: %q\n", r.id)
		}
		if r.region != "" {
			fmt.Fprintf(&b, "      aws_region_name: %s\n", r.region)
		}
		fmt.Fprintf(&b, "      aws_access_key_id: %s\n      aws_secret_access_key: %s\n      aws_bedrock_runtime_endpoint: %s\n",
			emulator.DemoAccessKeyID, string(emulator.DemoSecretAccessKey), f.url)
	}
	// Otherwise LiteLLM answers the call behind a refused one by itself.
	b.WriteString("router_settings:\n  disable_cooldowns: true\n")
	b.WriteString("general_settings:\n  master_key: " + masterKey + "\n")
	return b.String()
}

// rowName is the model name that a row is called by.
func rowName(i int) string { return fmt.Sprintf("row-%02d", i+1) }

// try makes the calls of a row.
func (f *bedrockFront) try(t *testing.T, url string, i int) outcome {
	t.Helper()
	var o outcome
	for n, stream := range []bool{false, true} {
		ctx, cancel := context.WithTimeout(t.Context(), litellmPatience)
		answer := fmt.Sprintf("granite %s %d", rowName(i), n)
		resp := open(ctx, t, url, fmt.Sprintf(`{"model":%q,"stream":%t,"messages":[{"role":"user","content":"[[answer: %s]]"}]}`, rowName(i), stream, answer))
		o[n] = readAttempt(t, resp, answer)
		_ = resp.Body.Close()
		cancel()
		o[n].served = f.taken()
	}
	return o
}
