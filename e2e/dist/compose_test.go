package dist

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"outcrop/internal/need"
	"outcrop/internal/postgres"
	"outcrop/internal/valkey"
)

const composeFile = "../../deploy/compose/compose.yaml"

// project is what Compose makes of the file.
type project struct {
	Services map[string]struct {
		Image, User string
		Command     []string
		Environment map[string]*string
		ReadOnly    bool     `json:"read_only"`
		CapDrop     []string `json:"cap_drop"`
		Ports       []struct {
			Target    int
			HostIP    string `json:"host_ip"`
			Published string
		}
		Healthcheck struct{ Test []string }
		DependsOn   map[string]struct{ Condition string } `json:"depends_on"`
		Networks    map[string]json.RawMessage
	}
	Networks map[string]struct{ Internal bool }
}

// filled is a file of variables as env.example is to be filled in.
func filled(t *testing.T) string {
	t.Helper()
	text := string(read(t, "../../deploy/compose/env.example"))
	for name, value := range map[string]string{"OUTCROP_VERSION": version, "LITELLM_MASTER_KEY": masterKey, "LITELLM_SALT_KEY": "salt", "POSTGRES_PASSWORD": "postgres-secret", "VALKEY_PASSWORD": "valkey-secret"} {
		before := text
		if text = strings.Replace(text, "\n"+name+"=\n", "\n"+name+"="+value+"\n", 1); text == before {
			t.Errorf("env.example has no empty %s", name)
		}
	}
	file := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// composed is the project, read by Compose's own library.
func composed(t *testing.T) project {
	t.Helper()
	var p project
	decode(t, []byte(output(t, built.check, "compose", composeFile, filled(t))), &p)
	return p
}

// TestComposeHasNoDefaultPasswords: the file is refused as it is, and the error names each variable.
func TestComposeHasNoDefaultPasswords(t *testing.T) {
	out := refused(t, built.check, "compose", composeFile, "../../deploy/compose/env.example")
	for _, name := range []string{"OUTCROP_VERSION", "LITELLM_MASTER_KEY", "LITELLM_SALT_KEY", "POSTGRES_PASSWORD", "VALKEY_PASSWORD"} {
		if !strings.Contains(out, "required variable "+name+" is missing a value") {
			t.Errorf("the error does not name %s:\n%s", name, out)
		}
	}
}

// TestComposeRunsTheImageAsItIs: it adds nothing to what the image may do, and waits for the databases, which nobody else reaches.
func TestComposeRunsTheImageAsItIs(t *testing.T) {
	p := composed(t)
	if len(p.Services) != 3 {
		t.Fatalf("the services are %v", p.Services)
	}
	s := p.Services["outcrop"]
	if s.Image != "outcrop:"+version || s.User != "65532:65532" || !s.ReadOnly || len(s.CapDrop) != 1 {
		t.Errorf("the gateway is %+v", s)
	}
	if len(s.Ports) != 1 || s.Ports[0].Target != 4000 || s.Ports[0].HostIP != "127.0.0.1" {
		t.Errorf("the gateway is reached by %+v", s.Ports)
	}
	output(t, built.binary, append(append([]string{}, s.Command...), "--help")...)
	if got := strings.Join(s.Healthcheck.Test, " "); got != "CMD /outcrop health" {
		t.Errorf("the health check is %q", got)
	}
	for _, name := range []string{"postgres", "valkey"} {
		if s.DependsOn[name].Condition != "service_healthy" || len(p.Services[name].Healthcheck.Test) == 0 {
			t.Errorf("the gateway does not wait for %s", name)
		}
		if len(p.Services[name].Ports) != 0 || !p.Services[name].ReadOnly {
			t.Errorf("%s is %+v", name, p.Services[name])
		}
		for network := range p.Services[name].Networks {
			if !p.Networks[network].Internal {
				t.Errorf("%s is in the network %s, which is not internal", name, network)
			}
		}
	}
}

// TestComposesConfigurationWorksWithTheDatabases runs what the file runs, with its variables, on a real PostgreSQL and Valkey.
func TestComposesConfigurationWorksWithTheDatabases(t *testing.T) {
	s := composed(t).Services["outcrop"]
	database, err := postgres.Start(t.Context(), filepath.Join(built.dir, "postgres"))
	need.Server(t, database, err)
	counters, err := valkey.Start(t.Context(), t.TempDir(), "--requirepass", "valkey-secret")
	need.Server(t, counters, err)
	var environ []string
	for name, value := range s.Environment {
		if value != nil {
			environ = append(environ, name+"="+strings.NewReplacer("valkey:6379", counters.Address()).Replace(*value))
		}
	}
	// The database of the test has no password, which is why its address is the test's.
	if at := s.Environment["DATABASE_URL"]; at == nil || *at != "postgres://outcrop:postgres-secret@postgres:5432/outcrop?sslmode=disable" {
		t.Errorf("the address of the database is %v", at)
	}
	environ = append(environ, "DATABASE_URL="+database.URL(), "AWS_EC2_METADATA_DISABLED=true")
	args := append([]string{}, s.Command...)
	for i, a := range args {
		switch a {
		case "/etc/outcrop/config.yaml":
			args[i] = "../../deploy/compose/config.yaml"
		case "0.0.0.0":
			args[i] = "127.0.0.1"
		}
	}
	cmd := exec.CommandContext(t.Context(), built.binary, append(args, "--port", "0", "--emulator", "--data-dir", t.TempDir())...)
	cmd.Env = environ
	g := serve(t, cmd)
	output(t, built.binary, "health", "--url", g.url)
	code, answer := g.call("POST", "/key/generate", masterKey, `{"rpm_limit": 1}`)
	var made struct{ Key string }
	decode(t, []byte(answer), &made)
	if code != http.StatusOK || made.Key == "" {
		t.Fatalf("no key is made: %d: %s", code, answer)
	}
	const question = `{"model": "claude-sonnet-5", "messages": [{"role": "user", "content": "What is granite?"}]}`
	for i, want := range []int{http.StatusOK, http.StatusTooManyRequests} {
		if code, answer := g.call("POST", "/v1/chat/completions", made.Key, question); code != want {
			t.Errorf("call %d has the status %d, not %d: %s", i+1, code, want, answer)
		}
	}
	if err := g.stop(); err != nil {
		t.Errorf("the gateway did not end well: %v", err)
	}
}
