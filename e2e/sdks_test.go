package e2e

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	emulator "outcrop/emulator/bedrock"
	"outcrop/internal/jsonx"
	"outcrop/internal/need"
)

// sdkConfig configures the gateway for OpenAI's SDKs.
const sdkConfig = `
general_settings: {master_key: ` + masterKey + `}
router_settings: {num_retries: 0, timeout: 60}
credential_list:
  - credential_name: demo
    credential_values:
      aws_access_key_id: ` + emulator.DemoAccessKeyID + `
      aws_secret_access_key: ` + string(emulator.DemoSecretAccessKey) + `
      aws_region_name: us-east-1
      aws_bedrock_runtime_endpoint: UPSTREAM
model_list:
  - {model_name: claude, litellm_params: {model: bedrock/` + claude + `, litellm_credential_name: demo}}
  - {model_name: retried, litellm_params: {model: bedrock/` + claude + `, litellm_credential_name: demo, num_retries: 2}}
  - {model_name: "bedrock/*", litellm_params: {model: "bedrock/*", litellm_credential_name: demo}}
`

// openAIScenarios are the scenarios that each of OpenAI's SDKs must pass; its program
// may omit none.
func openAIScenarios() []string {
	return []string{
		"a chat answers with its usage and a finish reason",
		"max_tokens cuts the answer and says length",
		"a stream ends with its usage in a chunk without choices",
		"a stream that is not asked for usage has none",
		"a JSON schema is followed",
		"headers tell the answer's way and what was left out",
		"the model list holds ids with slashes and colons, and each can be retrieved",
		"the Azure client reaches a model by its deployment's path and api-key",
		"two tool calls come whole, side by side",
		"two tool calls come streamed and assemble to JSON",
		"a tool choice by name is kept",
		"a tool round trip ends in text",
		"a streamed tool round trip ends in text",
		"an image reaches the model whole",
		"a PDF reaches the model whole, with its name",
		"thinking comes with its signature",
		"signatures go back over turns with tools",
		"thinking streams with its signature, and goes back",
		"reasoning_effort asks for thinking",
		"an edited signature is refused",
		"400 names the parameter",
		"401 is a wrong key",
		"403 is AWS's refusal",
		"a missing right comes with its statement",
		"404 is an unknown model, or AWS's word for one",
		"408 is a model that took too long",
		"429 is a throttle",
		"500 is AWS's failure",
		"503 is AWS's overload",
		"a failure that passes is not seen where the gateway tries again",
		"an answer that breaks off raises, and never claims an end",
		"a refusal in a stream's first frame is a status",
	}
}

func TestOpenAISDKForPython(t *testing.T) {
	t.Parallel()
	runOpenAI(t, python(t), "openai_sdk.py")
}

func TestOpenAISDKForNode(t *testing.T) {
	t.Parallel()
	runOpenAI(t, node(t, "node"), "openai_sdk.mjs")
}

func runOpenAI(t *testing.T, c client, program string) {
	t.Helper()
	upstream := startEmulator(t)
	g := startGateway(t, sdkConfig, upstream.URL())
	c.run(t, program, openAIScenarios(), "BASE_URL="+g.URL(), "API_KEY="+masterKey, "MODEL=claude", "RETRIED=retried")
}

// client is a program that runs scenarios, with its interpreter and its packages.
type client struct {
	interpreter string
	flags       []string // of the interpreter
	dir         string
}

// python returns the interpreter that scripts/setup-tests installs.
func python(t *testing.T) client {
	t.Helper()
	return venv(t, "venv", "python")
}

// venv returns the interpreter of the virtual environment that scripts/setup-tests
// makes in a folder of .cache from the requirements in a folder of sdks. Its programs
// are in sdks/python.
func venv(t *testing.T, folder, requirements string) client {
	t.Helper()
	root := need.Made(t, filepath.Join("../.cache", folder), "what e2e/sdks/"+requirements+" asks of Python")
	return client{interpreter: filepath.Join(root, "bin", "python"), dir: "sdks/python"}
}

// node returns the machine's Node with the packages that scripts/setup-tests installs in a folder of sdks, which has its programs too.
func node(t *testing.T, folder string) client {
	t.Helper()
	need.Made(t, filepath.Join("sdks", folder, "node_modules"), "what e2e/sdks/"+folder+" asks of Node")
	return client{interpreter: tool(t, "node"), dir: "sdks/" + folder}
}

// tool is a program of the machine.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		need.Missing(t, name+" is not installed")
	}
	return path
}

// cached is a file of a program that scripts/setup-tests installs in a folder of .cache.
func cached(t *testing.T, name, folder, file string) string {
	t.Helper()
	return filepath.Join(need.Made(t, filepath.Join("../.cache", folder), name), file)
}

// clientPatience limits a program's run; each call in it has its own limit.
const clientPatience = 20 * time.Minute

// scenario is the result of one of a program's scenarios.
type scenario struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Seen string `json:"seen"`
}

// run runs a program, compares the names of its scenarios with the expected ones, and
// makes a subtest of each.
func (c client) run(t *testing.T, program string, scenarios []string, environ ...string) {
	t.Helper()
	var reported []string
	for _, s := range c.report(t, program, environ...) {
		reported = append(reported, s.Name)
		t.Run(strings.ReplaceAll(s.Name, "/", " "), func(t *testing.T) {
			if !s.OK {
				t.Error(s.Seen)
			}
		})
	}
	for _, name := range scenarios {
		if !slices.Contains(reported, name) {
			t.Errorf("%s did not report %q", program, name)
		}
	}
	if len(reported) != len(scenarios) {
		t.Errorf("%s reported %d scenarios, want %d: %q", program, len(reported), len(scenarios), reported)
	}
}

// report runs a program with the given environment and nothing else that could redirect
// it, and returns the results.
func (c client) report(t *testing.T, program string, environ ...string) []scenario {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clientPatience)
	defer cancel()
	args := c.flags
	if program != "" {
		args = append(slices.Clip(args), program)
	}
	cmd := exec.CommandContext(ctx, c.interpreter, args...)
	cmd.Dir = c.dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "PYTHONDONTWRITEBYTECODE=1", "NO_PROXY=*"}, environ...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var reported []scenario
	lines := bufio.NewScanner(&stdout)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var s scenario
		if err := jsonx.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatalf("%s printed %q: %v", program, lines.Text(), err)
		}
		reported = append(reported, s)
	}
	if err != nil {
		t.Errorf("%s: %v\n%s", program, err, stderr.String())
	}
	return reported
}
