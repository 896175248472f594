// Package botomodel holds every request that a gateway sends to Converse while
// tests run against AWS's own service model of bedrock-runtime, as botocore has
// it: required members, types, ranges, patterns, enums and unions, the path and
// the content type. The emulator has a reading of the model of its own; this is
// AWS's.
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
)

// product is how a gateway names itself to its upstream; requests of others, such
// as those of a LiteLLM beside it, are not its own.
const product = "outcrop"

// patience bounds the judgement.
const patience = 2 * time.Minute

// Judge keeps requests until they are judged. Its zero value is ready, and it may
// be used by many goroutines.
type Judge struct {
	mu   sync.Mutex
	kept bytes.Buffer // a line of JSON for each
	seen map[[sha256.Size]byte]bool
}

// Watch keeps the requests to a server, which serves them as before.
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

// failing reads nothing but the error that the true body ended with.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return 0, io.EOF
}

func ours(r *http.Request) bool {
	return r.UserAgent() == product && strings.HasPrefix(r.URL.Path, "/model/")
}

// Keep keeps a request whose body has been read, if it is a gateway's to a model.
// One that equals an earlier one is not kept again.
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
		line = []byte(`{}`) // which nothing can be judged by, and so is a fault
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

// Len is how many different requests are kept.
func (j *Judge) Len() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.seen)
}

// Tests is a package's tests as testing.M runs them.
type Tests interface{ Run() int }

// Over puts the judge over a package's tests: they fail where one of the requests
// that they made is not valid. What there is to say goes to report. Without
// botocore the judge says so and lets them pass, but under make test, which sets it
// up, that is a failure.
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
	case errors.Is(err, errLacking) && os.Getenv("OUTCROP_TEST_ALL") == "":
		_, _ = fmt.Fprintf(t.report, "NOT TESTED: %d requests to Bedrock against AWS's service model: %v. Run make setup, or make test for all.\n", n, err)
	case err != nil:
		_, _ = fmt.Fprintln(t.report, "FAIL: requests to Bedrock against AWS's service model:", err)
		return max(code, 1)
	case n > 0:
		_, _ = fmt.Fprintf(t.report, "%d different requests to Bedrock are valid by AWS's service model\n", n)
	}
	return code
}

// errLacking says that there is nothing to judge by.
var errLacking = errors.New("the Python packages of e2e/sdks/python are not installed")

// Verdict judges the requests that were kept: how many there are, and an error
// that names each fault with the member that has it, and the request.
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
		return n, errLacking
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

// faults reads what the program found: a line for each fault, and one that says
// how many requests it judged.
func faults(output io.Reader, requests int) error {
	var all []error
	judged := 0
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var said struct {
			Judged int    `json:"judged"`
			Fault  string `json:"fault"`
			Path   string `json:"path"`
			Body   string `json:"body"`
		}
		if err := jsonx.Unmarshal(lines.Bytes(), &said); err != nil {
			return fmt.Errorf("botomodel.py printed %q: %w", lines.Text(), err)
		}
		judged = max(judged, said.Judged)
		if said.Fault != "" {
			all = append(all, fmt.Errorf("%s\n\tin %s %s", said.Fault, said.Path, said.Body))
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

// moduleRoot is the folder of go.mod, from which the tests were started or below
// which they were.
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
