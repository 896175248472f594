// Package botomodel validates every request about a model or a guardrail that a gateway sends to Bedrock in tests
// against AWS's own service model of bedrock-runtime, as botocore has it: required
// members, types, ranges, patterns, enums and unions, the path and the content type.
// The emulator has its own reading of the service model; this is AWS's.
//
// A test package puts a Judge in front of its servers and around its tests:
//
//	var judge botomodel.Judge
//
//	func TestMain(m *testing.M) { os.Exit(judge.Over(m, os.Stderr).Run()) }
package botomodel

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/internal/need"
)

// product is the gateway's name in its User-Agent to the upstream; requests of other
// clients, such as LiteLLM, are ignored.
const product = "outcrop"

// patience limits the duration of the validation.
const patience = 2 * time.Minute

// Judge keeps requests until they are validated. Its zero value is ready, and it is
// safe for concurrent use.
type Judge struct {
	mu   sync.Mutex
	kept bytes.Buffer // a line of JSON for each
	seen map[[sha256.Size]byte]bool
}

// Watch returns a handler that keeps the requests to a server and serves them as
// before.
func (j *Judge) Watch(server http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !ours(r) {
			server.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		j.Keep(r, body)
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(body), failing{err}), r.Body}
		server.ServeHTTP(w, r)
	})
}

// failing is a reader that only returns the error of the original body.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return 0, io.EOF
}

func ours(r *http.Request) bool {
	return r.UserAgent() == product && (strings.HasPrefix(r.URL.Path, "/model/") || strings.HasPrefix(r.URL.Path, "/guardrail/"))
}

// Keep keeps a request whose body has been read, if it is a gateway's call of a model or a guardrail.
// It ignores a duplicate of an earlier one.
func (j *Judge) Keep(r *http.Request, body []byte) {
	if !ours(r) {
		return
	}
	line, err := jsonx.Marshal(struct {
		Method      string `json:"method"`
		Path        string `json:"path"`
		ContentType string `json:"contentType"`
		Body        []byte `json:"body"` // in base64
	}{r.Method, r.RequestURI, r.Header.Get("Content-Type"), body})
	if err != nil {
		line = []byte(`{}`) // cannot be validated, and so counts as a fault
	}
	sum := sha256.Sum256(line)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.seen[sum] {
		return
	}
	if j.seen == nil {
		j.seen = map[[sha256.Size]byte]bool{}
	}
	j.seen[sum] = true
	j.kept.Write(line)
	j.kept.WriteByte('\n')
}

// Len returns the number of different requests.
func (j *Judge) Len() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.seen)
}

// Tests is a package's tests as testing.M runs them.
type Tests interface{ Run() int }

// Over adds the validation to a package's tests: they fail if one of their requests is
// invalid. The result is written to report. Without botocore the judge reports that and
// lets them pass, except under make test, which installs it.
func (j *Judge) Over(tests Tests, report io.Writer) Tests { return judged{j, tests, report} }

type judged struct {
	judge  *Judge
	tests  Tests
	report io.Writer
}

func (t judged) Run() int {
	code := t.tests.Run()
	n, err := t.judge.Verdict(context.Background())
	switch {
	case errors.Is(err, errMissing) && !need.All():
		_, _ = fmt.Fprintf(t.report, "NOT TESTED: %d requests to Bedrock against AWS's service model: %v. Run make setup, or make test for all.\n", n, err)
	case err != nil:
		_, _ = fmt.Fprintln(t.report, "FAIL: requests to Bedrock against AWS's service model:", err)
		return max(code, 1)
	case n > 0:
		_, _ = fmt.Fprintf(t.report, "%d different requests to Bedrock are valid by AWS's service model\n", n)
	}
	return code
}

// errMissing reports that there is nothing to validate with.
var errMissing = errors.New("the Python packages of e2e/sdks/python are not installed")

// Verdict validates the kept requests. It returns how many there are, and an error with
// each fault, the member that has it, and the request.
func (j *Judge) Verdict(ctx context.Context) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := len(j.seen)
	if n == 0 {
		return 0, nil
	}
	root, err := moduleRoot()
	if err != nil {
		return n, err
	}
	venv := filepath.Join(root, ".cache", "venv")
	if _, err := os.Stat(filepath.Join(venv, ".made")); err != nil {
		return n, errMissing
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(venv, "bin", "python"), filepath.Join(root, "e2e", "sdks", "python", "botomodel.py")) //nolint:gosec // both lie in the repository
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "PYTHONDONTWRITEBYTECODE=1"}
	cmd.Stdin = bytes.NewReader(j.kept.Bytes())
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return n, fmt.Errorf("botomodel.py: %w\n%s", err, stderr.String())
	}
	return n, faults(&stdout, n)
}

// faults parses the program's output: a line for each fault, and one with the number of
// requests.
func faults(output io.Reader, requests int) error {
	var all []error
	judged := 0
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var result struct {
			Judged int    `json:"judged"`
			Fault  string `json:"fault"`
			Path   string `json:"path"`
			Body   string `json:"body"`
		}
		if err := jsonx.Unmarshal(lines.Bytes(), &result); err != nil {
			return fmt.Errorf("botomodel.py printed %q: %w", lines.Text(), err)
		}
		judged = max(judged, result.Judged)
		if result.Fault != "" {
			all = append(all, fmt.Errorf("%s\n\tin %s %s", result.Fault, result.Path, result.Body))
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("what botomodel.py printed: %w", err)
	}
	if judged != requests {
		all = append(all, fmt.Errorf("%d of %d requests were judged", judged, requests))
	}
	return errors.Join(all...)
}

// moduleRoot returns the folder of go.mod, which is that of the tests or one above.
func moduleRoot() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("where the tests run: %w", err)
	}
	for {
		_, err := os.Stat(filepath.Join(folder, "go.mod"))
		if err == nil {
			return folder, nil
		}
		above := filepath.Dir(folder)
		if above == folder || !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("no go.mod above the tests: %w", err)
		}
		folder = above
	}
}
