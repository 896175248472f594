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

// TestModelIDs sends the same requests to LiteLLM and to Outcrop, with the same
// configuration, and compares docs/model-ids.md with the results.
func TestModelIDs(t *testing.T) { //nolint:tparallel // the subtests only report what is known by then
	t.Parallel()
	program := litellmProgram(t)
	rows := modelRows()
	front := startFront(t)
	text := front.config(rows)
	environ := front.environ()
	proxy := program.Start(t, text, environ)
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

// comparePage compares a page in docs with the generated text.
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

// modelRow is a deployment of the configuration, and the results of calling it.
type modelRow struct {
	section string // the heading before this row, if any

	model  string // what follows bedrock/
	region string // aws_region_name; omitted if empty
	id     string // model_id; omitted if empty
	// base is the model that should answer; empty if AWS has nothing to call by that id
	// from there, in which case the refusal should name the ids in near.
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

// check checks what the row expects of both gateways.
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

// outcome is the outcome of a call, without and with streaming.
type outcome [2]attempt

// reached reports whether the model answered both calls.
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
	answered bool   // everything requested arrived, and the end
	failure  string // the error's message; empty without an error
	body     string
	served   string // the last id that Bedrock accepted; empty if none
}

// servedBase returns the base model of the accepted id.
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

// config returns the configuration for both: one deployment per row, named after the
// row.
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
	// Otherwise LiteLLM itself answers the call after a refused one.
	b.WriteString("router_settings:\n  disable_cooldowns: true\n")
	b.WriteString("general_settings:\n  master_key: " + masterKey + "\n")
	return b.String()
}

// rowName returns the model name of a row.
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
