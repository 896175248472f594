package limits

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"outcrop/internal/jsonx"
)

const masterKey = "sk-e2e-master-key"

// cluster are gateways with one database.
type cluster struct {
	t        testing.TB
	up       *upstream
	replicas []*replica
	http     *http.Client
	turn     *atomic.Int64
}

// startCluster starts gateways on a database, or, without one, a gateway on SQLite, until the test ends. settings are
// further lines of the configuration.
func startCluster(t testing.TB, replicas int, databaseURL string, settings ...string) *cluster {
	t.Helper()
	c := &cluster{t: t, up: startUpstream(t), turn: &atomic.Int64{}, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}}
	t.Cleanup(c.http.CloseIdleConnections)
	for range replicas {
		c.replicas = append(c.replicas, startReplica(t, c.up.url, databaseURL, t.TempDir(), settings...))
	}
	return c
}

// on is the cluster for a part of its test.
func (c *cluster) on(t testing.TB) *cluster {
	part := *c
	part.t = t
	return &part
}

// eachKind runs a test with three gateways on PostgreSQL, and with one on SQLite.
func eachKind(t *testing.T, test func(t *testing.T, c *cluster), settings ...string) {
	t.Helper()
	t.Run("three on PostgreSQL", func(t *testing.T) { test(t, startCluster(t, 3, database(t), settings...)) })
	t.Run("one on SQLite", func(t *testing.T) { test(t, startCluster(t, 1, "", settings...)) })
}

// replica is a process of the program with a data folder of its own.
type replica struct {
	t   testing.TB
	dir string

	mu  sync.Mutex
	url string
	cmd *exec.Cmd
}

const configuration = `
model_list:
  - model_name: granite
    litellm_params: &params
      model: bedrock/converse/us.amazon.nova-lite-v1:0
      aws_region_name: us-east-1
      aws_bedrock_runtime_endpoint: UPSTREAM
      aws_access_key_id: AKIDEXAMPLE
      aws_secret_access_key: wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY
      input_cost_per_token: 0
      output_cost_per_token: 0.000015
  - model_name: basalt
    litellm_params: *params
MODELS
litellm_settings: {num_retries: 0}
general_settings:
  master_key: MASTER
`

// withoutMasterKey is a setting that takes the master key away.
const withoutMasterKey = ""

// entryMark begins settings that are entries of model_list.
const entryMark = "  - model_name: "

func startReplica(t testing.TB, upstream, databaseURL, dir string, settings ...string) *replica {
	t.Helper()
	models := slices.DeleteFunc(slices.Clone(settings), func(s string) bool { return !strings.HasPrefix(s, entryMark) })
	settings = slices.DeleteFunc(slices.Clone(settings), func(s string) bool { return strings.HasPrefix(s, entryMark) })
	text := strings.NewReplacer("UPSTREAM", upstream, "MASTER", masterKey, "MODELS\n", strings.Join(models, "")).Replace(configuration)
	if slices.Contains(settings, withoutMasterKey) {
		text = strings.Replace(text, "general_settings:\n  master_key: "+masterKey+"\n", "", 1)
	}
	if databaseURL != "" {
		text += "  database_url: " + databaseURL + "\n"
	}
	text += strings.Join(settings, "")
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &replica{t: t, dir: dir}
	r.start()
	t.Cleanup(r.stop)
	return r
}

// start starts the process, and waits until it says where it listens.
func (r *replica) start() {
	r.t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(r.t.Context()), program, "serve", "--config", filepath.Join(r.dir, "config.yaml"), "--port", "0", "--data-dir", filepath.Join(r.dir, "data"), "--log-format", "json")
	cmd.Env = []string{"HOME=" + r.dir, "AWS_EC2_METADATA_DISABLED=true"}
	log, err := os.OpenFile(filepath.Join(r.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		r.t.Fatal(err)
	}
	defer log.Close()
	cmd.Stderr = log
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		r.t.Fatal(err)
	}
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if url, ok := strings.CutPrefix(lines.Text(), "outcrop: listening on "); ok {
			r.mu.Lock()
			r.url, r.cmd = url, cmd
			r.mu.Unlock()
			return
		}
	}
	_ = cmd.Wait()
	r.t.Fatalf("the program does not say where it listens; its log ends with\n%s", r.logged())
}

func (r *replica) address() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.url
}

// logged is the end of the log.
func (r *replica) logged() string {
	b, err := os.ReadFile(filepath.Join(r.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-2000):])
}

// kill kills the process as kill -9 does.
func (r *replica) kill() {
	r.t.Helper()
	if err := r.cmd.Process.Kill(); err != nil {
		r.t.Fatal(err)
	}
	_ = r.cmd.Wait() // it was killed
}

// stop ends the process properly.
func (r *replica) stop() {
	r.t.Helper()
	if r.cmd.ProcessState != nil {
		return
	}
	err := errors.Join(r.cmd.Process.Signal(syscall.SIGTERM), r.cmd.Wait())
	if err != nil {
		r.t.Errorf("the program ended with %v", err)
	}
	if r.t.Failed() {
		r.t.Logf("the log of %s ends with\n%s", r.url, r.logged())
	}
}

// do makes a request of a replica; without a body it is a GET.
func (c *cluster) do(ctx context.Context, at int, key, path, body string, headers ...string) (*http.Response, error) {
	method := http.MethodPost
	if body == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(ctx, method, c.replicas[at].address()+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return c.http.Do(req)
}

// admin makes a request of the management API of a replica, and decodes its answer into to, unless that is nil.
func (c *cluster) admin(at int, path, body string, to any) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	resp, err := c.do(ctx, at, masterKey, path, body)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		c.t.Fatalf("%s %s: %d %s %v", path, body, resp.StatusCode, answer, err)
	}
	if to == nil {
		return
	}
	if err := jsonx.Unmarshal(answer, to); err != nil {
		c.t.Fatalf("%s: %v in %s", path, err, answer)
	}
}

// newKey makes a key with the fields of a JSON object.
func (c *cluster) newKey(format string, args ...any) string {
	c.t.Helper()
	var made struct {
		Key string `json:"key"`
	}
	c.admin(0, "/key/generate", fmt.Sprintf(format, args...), &made)
	return made.Key
}

// amount is an amount in 10⁻¹² USD.
type amount int64

// UnmarshalJSONFrom receives jsonx's decoder.
func (a *amount) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	var f float64
	err := jsonx.UnmarshalDecode(d, &f)
	*a = amount(math.Round(f * 1e12))
	return err
}

// spent is what a replica says that a key has spent.
func (c *cluster) spent(at int, key string) int64 {
	c.t.Helper()
	var answer struct {
		Info struct {
			Spend amount `json:"spend"`
		} `json:"info"`
	}
	c.admin(at, "/key/info?key="+key, "", &answer)
	return int64(answer.Info.Spend)
}

// rows are the ids and the cost of the calls of a key in the spend log. An answer has the newest before a time, and so many
// that all calls of a millisecond are in one.
func (c *cluster) rows(key string) (ids []string, sum int64) {
	c.t.Helper()
	for before, seen := "", map[string]bool{}; ; {
		var rows []struct {
			ID    string    `json:"request_id"`
			Spend amount    `json:"spend"`
			Start time.Time `json:"startTime"`
		}
		c.admin(0, "/spend/logs?api_key="+key+before, "", &rows)
		n := len(ids)
		for _, r := range rows {
			if !seen[r.ID] {
				ids = append(ids, r.ID)
				sum += int64(r.Spend)
			}
		}
		if len(ids) == n {
			return ids, sum
		}
		for _, id := range ids[n:] {
			seen[id] = true
		}
		before = "&end_date=" + rows[len(rows)-1].Start.Add(time.Millisecond).UTC().Format(time.RFC3339Nano)
	}
}

// question is a call to a model.
type question struct {
	key    string
	script *script
	stream bool
	at     int    // the replica; next to take turns
	tokens int    // that the answer may have; those of the script if 0
	user   string // of the client
	tag    string
	leave  int // the client leaves after so many pieces; 0 for never
	model  string
}

// next is the replica whose turn it is.
const next = -1

// answer is what a client saw of a call.
type answer struct {
	status int
	id     string
	pieces int
	whole  bool // the client has all of a good answer
	text   string
	err    error
}

func (a answer) String() string {
	return fmt.Sprintf("status %d, whole %t, error %v: %.300s", a.status, a.whole, a.err, a.text)
}

// ask makes a call. It may be called concurrently.
func (c *cluster) ask(q question) answer {
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	if q.at == next {
		q.at = int(c.turn.Add(1)) % len(c.replicas)
	}
	if q.tokens == 0 {
		q.tokens = q.script.tokens
	}
	if q.model == "" {
		q.model = "granite"
	}
	body := fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":%q}],"max_tokens":%d,"stream":%t`, q.model, q.script.prompt, q.tokens, q.stream)
	if q.user != "" {
		body += fmt.Sprintf(`,"user":%q`, q.user)
	}
	var headers []string
	if q.tag != "" {
		headers = []string{"x-litellm-tags", q.tag}
	}
	resp, err := c.do(ctx, q.at, q.key, "/v1/chat/completions", body+"}", headers...)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, id: resp.Header.Get("X-Litellm-Call-Id")}
	if a.status != http.StatusOK || !q.stream {
		var text []byte
		text, a.err = io.ReadAll(resp.Body)
		a.text, a.whole = string(text), a.status == http.StatusOK && a.err == nil
		return a
	}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		switch line := lines.Text(); {
		case line == "data: [DONE]":
			a.whole = a.text == ""
		case strings.Contains(line, `"error"`):
			a.text = line
		case strings.Contains(line, `"content":" ore"`):
			if a.pieces++; a.pieces == q.leave {
				return a
			}
		}
	}
	a.err = lines.Err()
	return a
}

// crowd is how many clients come at once.
const crowd = 300

// told makes a call, and makes it again while a gateway cannot say whether there is room for it. A gateway waits two seconds for
// the database, and on a machine on which much else runs it may take longer: such a call is refused, and has used nothing.
func (c *cluster) told(ask func() answer) answer {
	for began := time.Now(); ; {
		a := ask()
		if a.status != http.StatusServiceUnavailable || !strings.Contains(a.text, `"gateway.limits_away"`) || time.Since(began) > patience {
			return a
		}
		c.t.Logf("asked again after %v", a)
	}
}

// exactly makes clients call at once, and checks that n calls pass and the others are refused with a status, while
// those that pass are under way.
func (c *cluster) exactly(t *testing.T, n, clients, status int, s *script, ask func(i int) answer) {
	t.Helper()
	answers := make(chan answer, clients)
	for i := range clients {
		go func() { answers <- c.told(func() answer { return ask(i) }) }()
	}
	for range clients - n {
		if a := <-answers; a.status != status {
			t.Errorf("a call that is to be refused with %d: %v", status, a)
			s.release()
		}
	}
	eventually(t, "as many calls as there is room for reach the upstream", func() bool { return s.calls() >= n || t.Failed() })
	s.release()
	for range n {
		if a := <-answers; !a.whole {
			t.Errorf("a call for which there is room: %v", a)
		}
	}
	if got := s.calls(); got != n {
		t.Errorf("%d of %d calls have reached the upstream, want %d", got, clients, n)
	}
}
