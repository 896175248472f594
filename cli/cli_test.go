package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"outcrop/cli"
	"outcrop/e2e/botomodel"
	emulator "outcrop/emulator/bedrock"
)

// judge holds what these tests send to Bedrock against AWS's service model.
var judge botomodel.Judge

func TestMain(m *testing.M) {
	for _, v := range os.Environ() { // no setting of this machine's for AWS or LiteLLM counts
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "LITELLM_") || strings.HasPrefix(name, "OUTCROP_") {
			os.Unsetenv(name)
		}
	}
	os.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	os.Setenv("AWS_CONFIG_FILE", os.DevNull)
	os.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	os.Exit(judge.Over(m, os.Stderr).Run())
}

// emulated leads the environment to an emulator.
func emulated(t *testing.T) {
	t.Helper()
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := emulator.NewServer(judge.Watch(e))
	if err := server.Start(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop(context.Background()) })
	t.Setenv("AWS_ENDPOINT_URL", server.URL())
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_ACCESS_KEY_ID", emulator.DemoAccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", string(emulator.DemoSecretAccessKey))
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCommands(t *testing.T) {
	emulated(t)
	good := write(t, "model_list:\n  - model_name: granite\n    litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0}\n")
	bad := write(t, "model_list:\n  - model_name: granite\n    litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0, timeout: soon}\ngeneral_settings: {custom_auth: [/x]}\n")
	wrong := write(t, `model_list:
  - model_name: granite
    litellm_params: {model: bedrock/us.amazon nova}
  - model_name: basalt
    litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0, aws_profile_name: nobody}
`)
	invoke := write(t, "model_list:\n  - model_name: granite\n    litellm_params: {model: bedrock/async_invoke/us.amazon.nova-lite-v1:0}\n")
	hot := write(t, "model_list:\n  - model_name: granite\n    litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0, temperature: 7}\n")
	limited := write(t, "general_settings: {custom_auth: [/x]}\n")
	narrow := write(t, `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"}}`)
	for _, tt := range []struct {
		name     string
		args     []string
		code     int
		out, err []string
	}{
		{"help", []string{"--help"}, 0, []string{"serve", "config check", "emulate bedrock"}, nil},
		{"version", []string{"version"}, 0, []string{"outcrop 0.", "go1."}, nil},
		{"version as a flag", []string{"--version"}, 0, []string{"outcrop 0.", "go1."}, nil},
		{"chat", []string{"chat", "What is granite?", "--model", "us.amazon.nova-lite-v1:0"}, 0, []string{"What is granite?"}, nil},
		{"chat by a configured name", []string{"chat", "Hi", "-m", "granite", "-s", "Be brief.", "--max-tokens", "50", "--config", good}, 0, []string{"Hi"}, nil},
		{"chat with a bare id of a profile-only model", []string{"chat", "Hi", "-m", "anthropic.claude-sonnet-4-5-20250929-v1:0"}, 0, []string{"Hi"}, nil},
		{"chat with an id that nobody knows", []string{"chat", "Hi", "-m", "anthropic.claude-sonet-4-5-20250929-v1:0"}, 1, nil, []string{"outcrop: error:", "The provided model identifier is invalid.", "hint: Did you mean claude-sonnet-4-5, "}},
		{"chat by a route that is not there", []string{"chat", "Hi", "-m", "bedrock/async_invoke/us.amazon.nova-lite-v1:0"}, 1, nil, []string{"async_invoke/"}},
		{"chat with a name that is not configured", []string{"chat", "Hi", "-m", "basalt", "--config", good}, 1, nil, []string{"basalt", "hint:"}},
		{"chat that breaks off", []string{"chat", "[[fault: cut=end after=1]] What is granite?", "-m", "us.amazon.nova-lite-v1:0"}, 1, nil, []string{"outcrop: error:", "incomplete"}},
		{"models", []string{"models"}, 0, []string{"us.deepseek.r1-v1:0", "LIFECYCLE", "claude-sonnet-4-5  ", "granted"}, nil},
		{"some models", []string{"models", "claude", "HAIKU", "--no-legacy"}, 0, []string{"claude-haiku-4-5  "}, nil},
		{"models without a call", []string{"models", "--offline", "deepseek"}, 0, []string{"us.deepseek.r1-v1:0"}, nil},
		{"models as JSON", []string{"models", "--json"}, 0, []string{"\n    \"calls\": \"us.deepseek.r1-v1:0\",\n", `"id": "deepseek.r1-v1:0"`, `"input_usd_per_million": 1.35`}, nil},
		{"models of a configuration", []string{"models", "--config", good}, 0, []string{"granite"}, nil},
		{"a model that is elsewhere", []string{"models", "gpt-5.5", "--region", "eu-central-1"}, 1, nil, []string{`no model matches "gpt-5.5"`, "hint: openai.gpt-5.5 is not known to be callable from eu-central-1. It can be called as openai.gpt-5.5 (from us-east-1, us-east-2)."}},
		{"a model that the configuration does not have", []string{"models", "gpt-5.5", "--config", good}, 1, nil, []string{"hint: The model is known, but", "run outcrop models resolve gpt-5.5"}},
		{"how a model is reached", []string{"models", "resolve", "anthropic.claude-3-7-sonnet-20250219-v1:0", "--region", "us-east-1"}, 0, []string{"1. us.anthropic.claude-3-7-sonnet-20250219-v1:0 in us-east-1 by converse: needs an inference profile"}, nil},
		{"how a model is reached by a friendly name", []string{"models", "resolve", "claude-sonnet-4-5", "--region", "eu-central-1", "--policy", "{global: false}"}, 0, []string{"claude-sonnet-4-5 is a friendly name for anthropic.claude-sonnet-4-5-20250929-v1:0", "1. eu.anthropic.claude-sonnet-4-5-20250929-v1:0"}, nil},
		{"where no target is known", []string{"models", "resolve", "deepseek-r1", "--region", "eu-central-1"}, 1, []string{"known to work: us.deepseek.r1-v1:0 (from ", "1. deepseek.r1-v1:0 in eu-central-1"}, []string{"deepseek.r1-v1:0 is not known to be callable from eu-central-1", "hint: It can be called as us.deepseek.r1-v1:0 (from ca-central-1, "}},
		{"how a model on bedrock-mantle is reached", []string{"models", "resolve", "bedrock_mantle/openai.gpt-5.5", "--region", "us-east-2"}, 0, []string{"1. openai.gpt-5.5 in us-east-2 by mantle: mantle/ asks for bedrock-mantle\n", "at https://bedrock-mantle.us-east-2.api.aws/openai/v1/responses; needs bedrock-mantle:CreateInference, with an API key also bedrock-mantle:CallWithBearerToken\n"}, nil},
		{"where bedrock-mantle does not have a model", []string{"models", "resolve", "gpt-5.5", "--region", "eu-central-1"}, 1, []string{"known to work: openai.gpt-5.5 (from us-east-1, us-east-2)", "1. openai.gpt-5.5 in eu-central-1 by mantle"}, []string{"openai.gpt-5.5 is not known to be callable from eu-central-1", "hint: It can be called as openai.gpt-5.5 (from us-east-1, us-east-2)."}},
		{"how a model for embeddings is reached", []string{"models", "resolve", "cohere.embed-english-v3", "--region", "us-east-1"}, 0, []string{"cohere.embed-english-v3 is a model for embeddings, not for chat; it is called at /v1/embeddings\n", "1. cohere.embed-english-v3 in us-east-1 by invoke: on demand in us-east-1\n"}, nil},
		{"how a model for reranking is reached", []string{"models", "resolve", "rerank-v3-5", "--region", "us-east-1"}, 0, []string{"it is called at /v2/rerank\n", "1. cohere.rerank-v3-5:0 in us-east-1 by invoke"}, nil},
		{"how a model for images is reached", []string{"models", "resolve", "amazon.nova-canvas-v1:0", "--region", "us-east-1"}, 1, nil, []string{"is a model for images"}},
		{"how half a name is reached", []string{"models", "resolve", "sonnet", "--region", "us-east-1"}, 1, nil, []string{"unknown model sonnet", "Did you mean claude-sonnet-"}},
		{"how a model is not reached", []string{"models", "resolve", "claude-sonnet-4-5", "--region", "us-east-1", "--policy", "{geographies: [eu], global: false}"}, 1, []string{"would work: us.anthropic.claude-sonnet-4-5-20250929-v1:0"}, []string{"no allowed target: the policy allows no target"}},
		{"from what is no region", []string{"models", "resolve", "deepseek-r1", "--region", "atlantis"}, 2, nil, []string{"--region", "eu-west-1"}},
		{"by a policy that cannot be", []string{"models", "resolve", "deepseek-r1", "--region", "us-east-1", "--policy", "{prefer: best}"}, 2, nil, []string{"--policy.prefer", "neither nearest nor cheapest"}},
		{"by a policy with an unknown key", []string{"models", "resolve", "deepseek-r1", "--region", "us-east-1", "--policy", "{geography: eu}"}, 2, nil, []string{"geography"}},
		{"how what is no id is reached", []string{"models", "resolve", "us.amazon nova", "--region", "us-east-1"}, 2, nil, []string{"outcrop: error:"}},
		{"a policy", []string{"bedrock", "policy", "--model", "claude-sonnet-4-5", "--region", "eu-central-1", "--account", "111122223333", "--no-stream"}, 0, []string{`"Action": "bedrock:InvokeModel",`, "arn:aws:bedrock:eu-central-1:111122223333:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "arn:aws:bedrock:eu-west-3::foundation-model/"}, []string{"the gateway tries global.", "aws-marketplace:Subscribe"}},
		{"a policy of several models for Terraform", []string{"bedrock", "policy", "--model", "claude-sonnet-4-5", "--model", "nova-lite", "--region", "us-east-1", "--profile", "us", "--format", "terraform", "--api-key"}, 0, []string{`data "aws_iam_policy_document" "outcrop" {`, "us.amazon.nova-lite-v1:0", "bedrock:CallWithBearerToken"}, []string{"--account"}},
		{"a policy for bedrock-mantle", []string{"bedrock", "policy", "--model", "gpt-5.5", "--region", "us-east-2", "--account", "111122223333", "--api-key", "--profile", "none"}, 0, []string{`"Action": "bedrock-mantle:CreateInference",`, `"Resource": "arn:aws:bedrock-mantle:us-east-2:111122223333:project/*"`, `"Action": "bedrock-mantle:CallWithBearerToken",`}, nil},
		{"a policy for a region without the model", []string{"bedrock", "policy", "--model", "gpt-5.5", "--region", "eu-central-1"}, 1, nil, []string{"--model gpt-5.5: openai.gpt-5.5 is not known to be callable from eu-central-1", "(from us-east-1, us-east-2)", "--force"}},
		{"a policy for a region without the model, all the same", []string{"bedrock", "policy", "--model", "gpt-5.5", "--region", "eu-central-1", "--force"}, 0, []string{"arn:aws:bedrock-mantle:eu-central-1:"}, nil},
		{"a policy for what bedrock-mantle does not have", []string{"bedrock", "policy", "--model", "gpt-5.5", "--region", "us-east-2", "--count-tokens"}, 2, nil, []string{"counts no tokens", "Leave out --count-tokens"}},
		{"a policy of a profile that is not there", []string{"bedrock", "policy", "--model", "claude-sonnet-4-5", "--region", "us-east-1", "--profile", "eu"}, 1, nil, []string{"--model claude-sonnet-4-5", "hint: Use one of these: "}},
		{"a policy of a bare id that cannot be called", []string{"bedrock", "policy", "--model", "claude-sonnet-4-5", "--region", "us-east-1", "--profile", "none"}, 1, nil, []string{"bare id", "hint:"}},
		{"a policy without a region is for the environment's", []string{"bedrock", "policy", "--model", "claude-sonnet-4-5"}, 0, []string{"arn:aws:bedrock:us-east-1:ACCOUNT_ID:inference-profile/us."}, nil},
		{"a policy for no region", []string{"bedrock", "policy", "--model", "claude-sonnet-4-5", "--region", "nowhere"}, 2, nil, []string{"--region", "eu-west-1"}},
		{"a policy for a model that nobody knows", []string{"bedrock", "policy", "--model", "claude-sonet-4-5"}, 1, nil, []string{"claude-sonet-4-5: unknown model", "Did you mean claude-sonnet-4-5, ", "--force"}},
		{"a policy for a model that nobody knows, all the same", []string{"bedrock", "policy", "--model", "claude-sonet-4-5", "--force"}, 0, []string{"claude-sonet-4-5"}, []string{"warning: --model claude-sonet-4-5: unknown model"}},
		{"a policy for nothing", []string{"bedrock", "policy", "--model", "claude-sonnet-4-5", "--no-whole", "--no-stream"}, 1, nil, []string{"the flags select no calls"}},
		{"a policy in which nothing is wrong", []string{"bedrock", "lint", narrow}, 0, []string{"config.yaml: no problems found"}, nil},
		{"a policy that lacks streaming", []string{"bedrock", "lint", narrow, "--model", "amazon.nova-lite-v1:0", "--profile", "none", "--region", "us-east-1"}, 1, []string{"config.yaml:1:105: stream.missing: ", "add this statement:"}, nil},
		{"a policy that lacks streaming, as JSON", []string{"bedrock", "lint", narrow, "--model", "amazon.nova-lite-v1:0", "--profile", "none", "--region", "us-east-1", "--json"}, 1, []string{`[{"code":"stream.missing","line":1,"column":105,`, `"fix":[{"Sid":`}, nil},
		{"a policy that is none", []string{"bedrock", "lint", good}, 2, nil, []string{"config.yaml:1:1: not JSON", "hint:"}},
		{"a policy that is not there", []string{"bedrock", "lint", "/nowhere.json"}, 2, nil, []string{"cannot read the", "hint:"}},
		{"config check of a region without the model", []string{"config", "check", write(t, "model_list:\n  - model_name: granite\n    litellm_params: {model: bedrock/openai.gpt-5.5, aws_region_name: eu-central-1}\n")}, 2, []string{"1 will probably fail when called", "model_list[0].litellm_params.aws_region_name: openai.gpt-5.5 is not known to be callable from eu-central-1", "It is callable from us-east-1, us-east-2."}, nil},
		{"config check", []string{"config", "check", good}, 0, []string{"no problems, 1 deployment"}, nil},
		{"config check of a wrong file", []string{"config", "check", bad}, 2, []string{"config.yaml:3:", "timeout", "config.yaml:4:", "custom_auth"}, nil},
		{"config check of what the provider refuses", []string{"config", "check", wrong}, 2, []string{"config.yaml:3:29:", "us.amazon nova", "config.yaml:5:", "nobody"}, nil},
		{"config check of a parameter that no call could have", []string{"config", "check", hot}, 2, []string{"config.yaml:3:76:", "temperature must be between 0 and 2, not 7"}, nil},
		{"config check of a route that is not there", []string{"config", "check", invoke}, 2, []string{"0 of 1 model can be served", "config.yaml:3:29: warning: model_list[0].litellm_params.model: the route async_invoke/"}, nil},
		{"config check of limits that are allowed to be left out", []string{"config", "check", "--allow-unsupported", limited}, 2, []string{"2 warnings; the gateway cannot serve any of its models", "1 limit is not enforced", "custom_auth"}, nil},
		{"config check of no file", []string{"config", "check", "/nowhere/config.yaml"}, 2, nil, []string{"outcrop: error:", "cannot read the", "hint:"}},
		{"serve with a wrong file", []string{"--config", bad, "--port", "0"}, 2, nil, []string{"timeout"}},
		{"serve at an address that cannot be", []string{"serve", "--host", "256.0.0.1", "--port", "0"}, 1, nil, []string{"outcrop: error:"}},
		{"a command that is not there", []string{"excavate"}, 2, nil, []string{"excavate", "hint:"}},
		{"a flag that is not there", []string{"serve", "--depth", "3"}, 2, nil, []string{"--depth", "hint:"}},
		{"a fault that is not there", []string{"emulate", "bedrock", "--fault", "quake"}, 1, nil, []string{"quake", "throttle"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			if code := cli.Main(tt.args, &out, &errs); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			for _, want := range tt.out {
				if !strings.Contains(out.String(), want) {
					t.Errorf("the output lacks %q:\n%s", want, out.String())
				}
			}
			for _, want := range tt.err {
				if !strings.Contains(errs.String(), want) {
					t.Errorf("the errors lack %q:\n%s", want, errs.String())
				}
			}
			if strings.Contains(out.String()+errs.String(), string(emulator.DemoSecretAccessKey)) {
				t.Error("a secret is printed")
			}
		})
	}
}

// run starts a command that serves, gives what it prints as a reader, and a
// function that ends it with SIGTERM and gives the exit code.
func run(t *testing.T, args ...string) (*bufio.Scanner, func() int) {
	t.Helper()
	r, w := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- cli.Main(args, w, io.Discard)
		w.Close()
	}()
	return bufio.NewScanner(r), func() int {
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.Copy(io.Discard, r) }()
		return <-code
	}
}

// interrupt sends this process what Ctrl-C does.
func interrupt(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
}

// after gives what stands behind a text, in the first line that has it.
func after(t *testing.T, lines *bufio.Scanner, text string) string {
	t.Helper()
	for lines.Scan() {
		if _, rest, ok := strings.Cut(lines.Text(), text); ok {
			return rest
		}
	}
	t.Fatalf("no line with %q", text)
	return ""
}

func TestDemoShowsAFirstAnswerAndALineToPaste(t *testing.T) {
	lines, stop := run(t, "serve", "--demo", "--port", "0", "--num_workers", "4", "--detailed_debug", "--data-dir", t.TempDir())
	url := after(t, lines, "listening on ")
	after(t, lines, "built-in Bedrock emulator")
	if answer := after(t, lines, "  anthropic.claude-sonnet-5: "); answer == "" {
		t.Error("no first answer")
	}
	if candidate := after(t, lines, "route: "); !strings.Contains(candidate, "id=us.anthropic.claude-sonnet-5") {
		t.Errorf("the way is %s", candidate)
	}
	paste := after(t, lines, "curl -s "+url)
	_, body, _ := strings.Cut(paste, "-d '")
	resp, err := http.Post(url+"/v1/chat/completions", "application/json", strings.NewReader(strings.TrimSuffix(body, "'")))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("the line to paste gives %d", resp.StatusCode)
	}
	if code := stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestDemoWithBrokenCredentialsNamesTheEmulatorFlag(t *testing.T) {
	t.Setenv("AWS_PROFILE", "nope")
	lines, stop := run(t, "serve", "--demo", "--port", "0", "--data-dir", t.TempDir())
	after(t, lines, "calls will fail")
	after(t, lines, "outcrop serve --emulator")
	if code := stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for lines.Scan() {
		if strings.Contains(lines.Text(), "curl") {
			t.Errorf("a call that cannot succeed is shown: %s", lines.Text())
		}
	}
	lines, stop = run(t, "serve", "--emulator", "--port", "0", "--data-dir", t.TempDir())
	after(t, lines, "using the built-in Bedrock emulator, as --emulator asks")
	after(t, lines, "You said: Say hello")
	after(t, lines, "curl -s ")
	if code := stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestStoppingSaysHowLongItMayTake(t *testing.T) {
	r, w := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- cli.Main([]string{"serve", "--port", "0", "--emulator", "--data-dir", t.TempDir()}, w, io.Discard)
		w.Close()
	}()
	lines := bufio.NewScanner(r)
	after(t, lines, "Press Ctrl-C to stop the gateway")
	interrupt(t)
	if rest := after(t, lines, "outcrop: stopping; "); rest != "finishing calls in progress (up to 25 s; press Ctrl-C again to stop at once)" {
		t.Errorf("got %q", rest)
	}
	if got := <-code; got != 0 {
		t.Errorf("exit code %d", got)
	}
}

func TestResolveWithoutARegionTakesTheDefault(t *testing.T) {
	var out, errs bytes.Buffer
	if code := cli.Main([]string{"models", "resolve", "nova-lite"}, &out, &errs); code != 0 || !strings.Contains(out.String(), "in us-west-2") {
		t.Errorf("exit code %d: %s%s", code, out.String(), errs.String())
	}
}

func TestEmulatorPrintsWhatToExport(t *testing.T) {
	lines, stop := run(t, "emulate", "bedrock", "--port", "0")
	url := after(t, lines, "AWS_ENDPOINT_URL=")
	url, _, _ = strings.Cut(url, " ")
	resp, err := http.Get(url + "/foundation-models")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("a call without credentials gives %d, want 403", resp.StatusCode)
	}
	if code := stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
