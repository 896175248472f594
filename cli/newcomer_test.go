package cli_test

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"outcrop/cli"
	emulator "outcrop/emulator/bedrock"
)

// typed runs a command line with a standard input and gives the exit code, the output
// and the errors.
func typed(t *testing.T, stdin string, args ...string) (code int, out, errs string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	go func() {
		defer w.Close()
		_, _ = io.WriteString(w, stdin)
	}()
	was := os.Stdin
	os.Stdin = r
	defer func() { os.Stdin = was }()
	var stdout, stderr bytes.Buffer
	code = cli.Main(args, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

// lacks reports what a text does not have.
func lacks(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
}

const doubtful = `model_list:
  - model_name: region
    litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0, aws_region_name: us-est-1}
  - model_name: misspelt
    litellm_params: {model: bedrock/anthropic.claude-sonet-4-5}
  - model_name: retired
    litellm_params: {model: "bedrock/anthropic.claude-3-sonnet-20240229-v1:0"}
  - model_name: embedding
    litellm_params: {model: "bedrock/amazon.titan-embed-text-v2:0"}
  - model_name: image
    litellm_params: {model: "bedrock/stability.sd3-5-large-v1:0"}
  - model_name: foreign
    litellm_params: {model: bedrock/gpt-4o}
  - model_name: elsewhere
    litellm_params: {model: bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0, aws_region_name: eu-central-1}
  - model_name: good
    litellm_params: {model: bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0}
`

// doubts are what is to be said of doubtful, with its places.
var doubts = [...]string{
	"config.yaml:3:80: warning: model_list[0].litellm_params.aws_region_name: us-est-1 is not an AWS region; hint: did you mean us-east-1?",
	"config.yaml:5:29: warning: model_list[1].litellm_params.model: no Bedrock model is known by the name anthropic.claude-sonet-4-5; hint: Did you mean claude-sonnet-4-5",
	"config.yaml:7:29: warning: model_list[2].litellm_params.model: anthropic.claude-3-sonnet-20240229-v1:0 is retired: its end of life was 2026-07-30; hint: Move to ",
	"config.yaml:11:29: warning: model_list[4].litellm_params.model: stability.sd3-5-large-v1:0 is a model for images",
	"config.yaml:13:29: warning: model_list[5].litellm_params.model: no Bedrock model is known by the name gpt-4o; hint: gpt-4o is OpenAI's and is not on Bedrock.",
	"config.yaml:15:100: warning: model_list[6].litellm_params.aws_region_name: us.anthropic.claude-sonnet-4-5-20250929-v1:0 is not known to be callable from eu-central-1; hint: From there use eu.",
}

func TestConfigCheckLooksEveryModelAndRegionUp(t *testing.T) {
	t.Setenv("AWS_REGION", "us-east-1")
	code, out, errs := typed(t, "", "config", "check", write(t, doubtful))
	if code != 0 || errs != "" {
		t.Errorf("exit code %d: %s", code, errs)
	}
	lacks(t, out, doubts[:]...)
	lacks(t, out, "2 of 8 models can be served; 6 will probably fail when called", "\n  6 warnings\n", "6 warnings, 8 deployments")
	if strings.Contains(out, "[7]") {
		t.Errorf("something is said of what is good:\n%s", out)
	}
}

func TestServeNamesDoubtfulModelsAtItsStart(t *testing.T) {
	t.Setenv("AWS_REGION", "us-east-1")
	file := write(t, doubtful)
	r, w := io.Pipe()
	code := make(chan int, 1)
	var errs bytes.Buffer
	go func() {
		code <- cli.Main([]string{"serve", "--port", "0", "--config", file, "--data-dir", t.TempDir()}, w, &errs)
		w.Close()
	}()
	listening := make([]byte, 64)
	if _, err := r.Read(listening); err != nil || !strings.Contains(string(listening), "listening on") {
		t.Fatalf("%q, %v", listening, err)
	}
	go func() { _, _ = io.Copy(io.Discard, r) }()
	interrupt(t)
	if got := <-code; got != 0 {
		t.Errorf("exit code %d", got)
	}
	lacks(t, errs.String(), doubts[:]...)
}

func TestModelsFillsInConfiguredNames(t *testing.T) {
	emulated(t)
	code, out, errs := typed(t, "", "models", "--config", write(t, doubtful), "--data-dir", t.TempDir())
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	for line := range strings.Lines(out) {
		name, rest, _ := strings.Cut(line, " ")
		switch {
		case name == "good":
			lacks(t, rest, "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "us-east-1 (4 regions)", "200k", " 3.3 ", " 16.5 ", "granted", "active")
		case name == "retired":
			lacks(t, rest, "legacy")
		case strings.HasSuffix(strings.TrimSpace(rest), " active"):
			if name == "misspelt" || name == "foreign" {
				t.Errorf("%s is called active, and nobody has said so", name)
			}
		}
	}
	lacks(t, errs, "warning: misspelt: no Bedrock model is known", "warning: region: us-est-1 is not an AWS region; did you mean us-east-1?")
}

func TestARegionThatDoesNotExistIsSaidToNotExist(t *testing.T) {
	emulated(t)
	config := write(t, "model_list:\n  - {model_name: granite, litellm_params: {model: bedrock/nova-lite, aws_region_name: us-est-1}}\n")
	const says = "us-est-1 is not an AWS region; did you mean us-east-1?"
	for _, args := range [][]string{
		{"doctor", "--region", "us-est-1"},
		{"models", "--region", "us-est-1"},
		{"models", "resolve", "nova-lite", "--region", "us-est-1"},
		{"bedrock", "policy", "--model", "nova-lite", "--region", "us-est-1"},
		{"chat", "Hi", "-m", "granite", "--config", config},
		{"chat", "Hi", "-m", "us-est-1/amazon.nova-lite-v1:0"},
	} {
		code, out, errs := typed(t, "", args...)
		if code == 0 || out != "" || !strings.Contains(errs, says) {
			t.Errorf("%q: exit code %d\n%s%s", args, code, out, errs)
		}
	}
	_, out, _ := typed(t, "", "doctor", "--config", config, "--data-dir", t.TempDir())
	lacks(t, out, "  1. network.unknown_region: AWS has no region of this name", says)
	for _, no := range []string{"signature", "wrong_scope", "unreachable"} {
		if strings.Contains(out, no) {
			t.Errorf("doctor says %q of a region that does not exist:\n%s", no, out)
		}
	}
	t.Setenv("AWS_REGION", "us-est-1")
	code, out, errs := typed(t, "", "models", "--data-dir", t.TempDir())
	if code != 1 || out != "" || strings.Count(errs, "AWS_REGION: us-est-1 is not an AWS region; hint: did you mean us-east-1?") != 1 {
		t.Errorf("models: exit code %d\n%s%s", code, out, errs)
	}
	t.Setenv("AWS_REGION", "eu-west-9") // which AWS may have opened since
	code, out, errs = typed(t, "", "models", "resolve", "nova-lite")
	if code != 0 || !strings.Contains(out, "in eu-west-9") || !strings.Contains(errs, "warning: --region: eu-west-9 is not an AWS region that this release of Outcrop knows") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
}

func TestAPlaceholderKeyIsForThisMachineOnly(t *testing.T) {
	config := write(t, "general_settings: {master_key: sk-1234}\nmodel_list: []\n")
	code, _, errs := typed(t, "", "serve", "--host", "0.0.0.0", "--port", "0", "--config", config)
	if code != 2 {
		t.Errorf("exit code %d", code)
	}
	lacks(t, errs, "the master key is a placeholder", "sk-$(openssl rand -hex 32)")
	t.Setenv("LITELLM_MASTER_KEY", "sk-...")
	code, _, errs = typed(t, "", "serve", "--host", "0.0.0.0", "--port", "0")
	if code != 2 {
		t.Errorf("sk-... from the environment: exit code %d", code)
	}
	if strings.Count(errs, "the master key is a placeholder") != 1 || strings.Contains(errs, "only this machine") {
		t.Errorf("the refusal is not the only message:\n%s", errs)
	}
	_, out, _ := typed(t, "", "config", "check", config)
	if strings.Contains(out, "sk-1234") {
		t.Errorf("the key is shown:\n%s", out)
	}
	lacks(t, out, "config.yaml:1:32: warning: general_settings.master_key: the master key is a placeholder")
}

func TestWhatPeopleTypeFirst(t *testing.T) {
	emulated(t)
	missing := write(t, "")
	one := write(t, "model_list: [{model_name: a, litellm_params: {model: bedrock/nova-lite}}]\n")
	for _, tt := range []struct {
		name, stdin string
		args        []string
		code        int
		out, err    []string
	}{
		{"help", "", []string{"help"}, 0, []string{"Start the gateway", "completion"}, nil},
		{"help of a command", "", []string{"help", "chat"}, 0, []string{"--max-tokens", "standard input"}, nil},
		{"a command misspelt", "", []string{"serv"}, 2, nil, []string{`unknown command "serv"`, "Did you mean outcrop serve?"}},
		{"a command of a command misspelt", "", []string{"config", "chek", missing}, 2, nil, []string{"check"}},
		{"no model", "", []string{"chat", "hi"}, 0, []string{"You said: hi"}, nil},
		{"words without quotes", "", []string{"chat", "what", "is", "granite", "-m", "nova-lite"}, 0, []string{"You said: what is granite"}, nil},
		{"a pipe", "What is basalt?\n", []string{"chat", "-m", "nova-lite"}, 0, []string{"You said: What is basalt?"}, nil},
		{"a dash", "What is basalt?\n", []string{"chat", "-", "-m", "nova-lite"}, 0, []string{"You said: What is basalt?"}, nil},
		{"words and a dash", "granite and basalt\n", []string{"chat", "Shorten:", "-", "-m", "nova-lite"}, 0, []string{"Shorten:\n\ngranite and basalt"}, nil},
		{"words and a pipe", "granite and basalt\n", []string{"chat", "Summarise this", "-m", "nova-lite"}, 0, []string{"You said: Summarise this\n\ngranite and basalt\n"}, nil},
		{"words and an empty pipe", "", []string{"chat", "Summarise this", "-m", "nova-lite"}, 0, []string{"You said: Summarise this\n"}, nil},
		{"the help says what chat calls", "", []string{"chat", "--help"}, 0, []string{"It calls Bedrock directly, not a"}, nil},
		{"nothing", "", []string{"chat", "-m", "nova-lite"}, 2, nil, []string{"the question is empty"}},
		{"an empty question", "", []string{"chat", "", "-m", "nova-lite"}, 2, nil, []string{"the question is empty"}},
		{"no tokens", "", []string{"chat", "hi", "--max-tokens", "0"}, 2, nil, []string{"--max-tokens must be 1 or more"}},
		{"an answer that is cut", "", []string{"chat", "[[words: 100]]", "-m", "nova-lite", "--max-tokens", "3"}, 0, nil, []string{"warning: the answer was cut off at the token limit", "--max-tokens"}},
		{"the price", "", []string{"chat", "hi", "-m", "nova-lite", "-v"}, 0, nil, []string{"amazon.nova-lite-v1:0 in us-east-1, ", " tokens, $0.0"}},
		{"claude", "", []string{"chat", "hi", "-m", "claude"}, 1, nil, []string{"hint: Did you mean claude-"}},
		{"another maker's model", "", []string{"chat", "hi", "-m", "openai/gpt-4o-mini"}, 1, nil, []string{"gpt-4o-mini is OpenAI's and is not on Bedrock"}},
		{"an embedding model", "", []string{"chat", "hi", "-m", "amazon.titan-embed-text-v2:0"}, 1, nil, []string{"is a model for embeddings, not for chat; it is called at /v1/embeddings"}},
		{"a region of the environment", "", []string{"models", "resolve", "nova-lite"}, 0, []string{"in us-east-1"}, nil},
		{"a model that nobody knows", "", []string{"models", "resolve", "foo"}, 1, nil, []string{"unknown model foo"}},
		{"a policy that is no list", "", []string{"models", "resolve", "nova-lite", "--policy", "geographies: eu"}, 2, nil, []string{"geographies: must be a list: [eu]"}},
		{"models that are not there", "", []string{"models", "xyzzy"}, 1, nil, []string{`no model matches "xyzzy"`}},
		{"models for embeddings", "", []string{"models", "titan"}, 0, []string{"titan-embed-text  ", "embeddings  amazon.titan-embed-text-v2:0  invoke"}, nil},
		{"models by what they are for", "", []string{"models", "rerank", "--offline"}, 0, []string{"cohere.rerank-v3-5:0  rerank "}, nil},
		{"the name to use", "", []string{"models", "claude-sonnet-5-5", "--offline", "--json", "name,id,verb"}, 0, []string{"\"name\": \"claude-sonnet-5-5\",\n    \"id\": \"anthropic.claude-sonnet-5-5\",\n    \"verb\": \"chat\""}, nil},
		{"no field", "", []string{"models", "--offline", "--json", ""}, 2, nil, []string{"--json names an empty field", "The fields are name, aliases"}},
		{"no field behind an equals sign", "", []string{"models", "--offline", "--json="}, 2, nil, []string{"--json names an empty field"}},
		{"an empty field among others", "", []string{"models", "--offline", "--json", "name,,id"}, 2, nil, []string{"--json names an empty field"}},
		{"a configured name is the one to use", "", []string{"models", "-c", one, "--offline", "--json=name"}, 0, []string{"\"name\": \"a\""}, nil},
		{"a flag without its value", "", []string{"serve", "--port"}, 2, nil, []string{"error: --port needs a value\n"}},
		{"a short flag without its value", "", []string{"chat", "hi", "-m"}, 2, nil, []string{"error: --model needs a value\n"}},
		{"a list's flag without its value", "", []string{"doctor", "--region"}, 2, nil, []string{"error: --region needs a value\n"}},
		{"a flag in place of a value", "", []string{"serve", "--config", "--port", "3"}, 2, nil, []string{"error: --config needs a value, but --port follows it\n"}},
		{"a word in place of a number", "", []string{"chat", "hi", "--max-tokens", "few"}, 2, nil, []string{"error: --max-tokens must be a whole number, not \"few\"\n"}},
		{"a word in place of true or false", "", []string{"serve", "--demo=maybe"}, 2, nil, []string{"error: --demo must be true or false, not \"maybe\"\n"}},
		{"a word that is none of a list", "", []string{"completion", "tcsh"}, 2, nil, []string{"error: SHELL must be bash, zsh or fish, not \"tcsh\"\n"}},
		{"a flag that is missing", "", []string{"bedrock", "policy"}, 2, nil, []string{"error: --model is missing\n"}},
		{"a subcommand that is missing", "", []string{"bedrock"}, 2, nil, []string{"error: the subcommand is missing: policy or lint\n"}},
		{"a file without its flag", "", []string{"serve", "config.yaml"}, 2, nil, []string{"hint: Did you mean outcrop serve --config config.yaml?"}},
		{"a file alone", "", []string{"config.yaml"}, 2, nil, []string{"hint: Did you mean outcrop serve --config config.yaml?"}},
		{"a file for the list of models", "", []string{"models", "config.yaml"}, 2, nil, []string{"hint: Did you mean outcrop models --config config.yaml?"}},
		{"a file for the emulator", "", []string{"emulate", "bedrock", "account.yaml"}, 2, nil, []string{"hint: Did you mean outcrop emulate bedrock --account account.yaml?"}},
		{"a flag in front of a file that needs none", "", []string{"config", "check", "--config", "x.yaml"}, 2, nil, []string{"hint: Did you mean outcrop config check x.yaml?"}},
		{"a model without its flag", "", []string{"doctor", "nova-lite"}, 2, nil, []string{"hint: Did you mean outcrop doctor --model nova-lite?"}},
		{"a region without its flag", "", []string{"doctor", "us-east-1"}, 2, nil, []string{"hint: Did you mean outcrop doctor --region us-east-1?"}},
		{"a port without its flag", "", []string{"serve", "8080"}, 2, nil, []string{"hint: Did you mean outcrop serve --port 8080?"}},
		{"a flag of a subcommand", "", []string{"emulate", "--port", "1"}, 2, nil, []string{"hint: Did you mean outcrop emulate bedrock --port?"}},
		{"a flag misspelt", "", []string{"serve", "--prot", "8080"}, 2, nil, []string{"error: unknown flag --prot\nhint: Did you mean --port?"}},
		{"a short flag that is not there", "", []string{"models", "-o"}, 2, nil, []string{"error: unknown flag -o\nhint: Run outcrop models --help"}},
		{"a subcommand misspelt", "", []string{"config", "chek"}, 2, nil, []string{"error: unexpected argument chek\nhint: Did you mean outcrop config check?"}},
		{"half a name of a model for embeddings", "", []string{"models", "resolve", "titan"}, 1, nil, []string{"Did you mean titan-embed-", "Models for embeddings are called at /v1/embeddings."}},
		{"a word too many", "", []string{"models", "resolve", "nova-lite", "b"}, 2, nil, []string{"hint: Run outcrop models resolve --help"}},
		{"models of another region", "", []string{"models", "claude", "--region", "eu-central-1", "--offline"}, 0, []string{"eu.anthropic."}, nil},
		{"fields with a space behind the comma", "", []string{"models", "--offline", "--json", "name,", "context", "nova-lite"}, 0, []string{"[\n  {\n    \"name\": \"nova-lite\",\n    \"context\": 300000\n  }"}, nil},
		{"fields with spaces around the comma", "", []string{"models", "nova-lite", "--offline", "--json", "name", ",", "context"}, 0, []string{"[\n  {\n    \"name\": \"nova-lite\",\n    \"context\": 300000\n  }"}, nil},
		{"fields in quotes", "", []string{"models", "nova-lite", "--offline", "--json=name, context"}, 0, []string{"[\n  {\n    \"name\": \"nova-lite\",\n    \"context\": 300000\n  }"}, nil},
		{"a comma at the end", "", []string{"models", "nova-lite", "--json", "name,", "--offline"}, 0, []string{"[\n  {\n    \"name\": \"nova-lite\"\n  }"}, nil},
		{"a field that is not there, behind a space", "", []string{"models", "nova-lite", "--offline", "--json", "name,", "ix"}, 2, nil, []string{`--json: unknown field "ix"`, "aliases"}},
		{"a model behind --json", "", []string{"models", "--offline", "--json", "nova-lite"}, 0, []string{`"name": "nova-lite"`}, nil},
		{"the help of models has the flags of its list", "", []string{"models", "--help"}, 0, []string{"--region", "--json", "--refused", "outcrop models resolve"}, nil},
		{"help models has them too", "", []string{"help", "models"}, 0, []string{"--offline"}, nil},
		{"some fields", "", []string{"models", "nova-lite", "--offline", "--json", "name,context"}, 0, []string{"[\n  {\n    \"name\": \"nova-lite\",\n    \"context\": 300000\n  }"}, nil},
		{"a field that is not there", "", []string{"models", "--offline", "--json=colour"}, 2, nil, []string{"lifecycle"}},
		{"a file that is missing", "", []string{"config", "check"}, 2, nil, []string{"error: FILE is missing", "Run outcrop config check --help for its"}},
		{"a flag that is not there", "", []string{"models", "resolve", "nova-lite", "--colour"}, 2, nil, []string{"--colour", "Run outcrop models resolve --help for its"}},
		{"a name that is not configured", "", []string{"chat", "-c", one, "-m", "nope", "hi"}, 1, nil, []string{"hint: Run outcrop models -c " + one + " to list"}},
		{"no port", "", []string{"serve", "--port", "99999"}, 2, nil, []string{"--port must be 1 to 65535"}},
		{"no account", "", []string{"emulate", "bedrock", "--account", "/nowhere.json"}, 2, nil, []string{"docs/emulator.md"}},
		{"no file", "", []string{"config", "check", "nofile.yaml"}, 2, nil, []string{"Check the file name"}},
		{"a policy of a misspelt model", "", []string{"bedrock", "policy", "--model", "claude-sonet-4-5"}, 1, nil, []string{"Did you mean claude-sonnet-4-5"}},
		{"completion", "", []string{"completion", "bash"}, 0, []string{"complete -o default -F _outcrop outcrop"}, nil},
		{"completion of a command", "", []string{"__complete", "mo"}, 0, []string{"models\n"}, nil},
		{"completion of a flag", "", []string{"__complete", "models", "--off"}, 0, []string{"--offline\n"}, nil},
		{"completion of a value", "", []string{"__complete", "bedrock", "policy", "--format", "t"}, 0, []string{"terraform\n"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.args[0] == "models" {
				t.Setenv("OUTCROP_DATA_DIR", t.TempDir())
			}
			code, out, errs := typed(t, tt.stdin, tt.args...)
			if code != tt.code {
				t.Errorf("exit code %d, want %d\n%s%s", code, tt.code, out, errs)
			}
			lacks(t, out, tt.out...)
			lacks(t, errs, tt.err...)
		})
	}
}

func TestOfflineModelsAreThoseThatCanBeCalled(t *testing.T) {
	t.Setenv("AWS_REGION", "us-east-1")
	_, out, _ := typed(t, "", "models", "--offline", "--data-dir", t.TempDir())
	for _, no := range []string{"retired", "1000k", "1048576", "163840", "amazon.nova-pro-v1 ", " = "} {
		if strings.Contains(out, no) {
			t.Errorf("the list has %q:\n%s", no, out)
		}
	}
	lacks(t, out, " 1M ", " 160k ")
	_, out, _ = typed(t, "", "models", "--offline", "--all", "--data-dir", t.TempDir())
	lacks(t, out, "retired 2026-")
}

func TestLintFixPrintsTheWholePolicy(t *testing.T) {
	bad := write(t, `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["bedrock:InvokeModels", "bedrock:Converse"], "Resource": "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"}}`)
	code, out, errs := typed(t, "", "bedrock", "lint", bad)
	if code != 1 || strings.Count(out, "corrected statement 1:") != 1 || strings.Contains(out, `"bedrock:InvokeModels",`) {
		t.Errorf("exit code %d:\n%s%s", code, out, errs)
	}
	code, out, errs = typed(t, "", "bedrock", "lint", "--fix", bad)
	if code != 0 {
		t.Errorf("exit code %d: %s", code, errs)
	}
	lacks(t, out, `"Version": "2012-10-17"`, `"Action": "bedrock:InvokeModel"`)
	if code, out, _ = typed(t, "", "bedrock", "lint", write(t, out)); code != 0 {
		t.Errorf("what --fix prints has findings:\n%s", out)
	}
}

func TestDoctorWithoutCredentialsStopsWithTheFix(t *testing.T) {
	t.Setenv("AWS_REGION", "us-east-1")
	code, out, errs := typed(t, "", "doctor", "--data-dir", t.TempDir())
	if code != 1 || strings.Count(out, "\n") > 16 || strings.Count(out, "credentials.missing") != 2 || strings.Contains(errs, "probe") {
		t.Errorf("exit code %d:\n%s%s", code, out, errs)
	}
	lacks(t, out, "`outcrop serve --demo`", "`outcrop emulate bedrock`", "nothing else was checked")
	for _, args := range [][]string{{"chat", "hi"}, {"models", "--data-dir", t.TempDir()}} {
		_, _, errs := typed(t, "", args...)
		lacks(t, errs, "no AWS credentials found", "docs/bedrock.md#credentials", "`outcrop emulate bedrock`", "`outcrop serve --demo`")
		if len(errs) > 420 { // of which the message and the names of the lists' regions are some
			t.Errorf("the error has %d characters:\n%s", len(errs), errs)
		}
	}
}

func TestAThrottledListIsNobodysRequest(t *testing.T) {
	emulatedWith(t, emulator.Options{}, "op=ListFoundationModels throttle always")
	_, out, _ := typed(t, "", "doctor", "--free", "--data-dir", t.TempDir())
	lacks(t, out, "limit.requests", "the operator of the gateway", "reads the lists again")
	if strings.Contains(out, "inference requests per minute") {
		t.Errorf("the quota of inference is named:\n%s", out)
	}
}

func TestABareIDBehindAWildcardIsToldItsName(t *testing.T) {
	emulated(t)
	config := write(t, "model_list:\n  - {model_name: bedrock/*, litellm_params: {model: bedrock/*}}\n")
	_, _, errs := typed(t, "", "chat", "hi", "-m", "nova-lite", "--config", config)
	lacks(t, errs, `hint: Use "bedrock/nova-lite", the name configured for this model.`)
	if code, out, errs := typed(t, "", "chat", "hi", "--config", config); code != 0 {
		t.Errorf("without a model: exit code %d: %s%s", code, out, errs)
	}
}

func TestABrokenConfigurationHasAClosingLine(t *testing.T) {
	code, _, errs := typed(t, "", "serve", "--config", write(t, "model_list:\n  - {model_name: a, litellm_params: {model: bedrok/x}}\nlitellm_settings: {force_ipv4: true}\ngeneral_settings: {custom_auth: [models]}\n"))
	if code != 2 || !strings.HasSuffix(errs, "outcrop: 2 errors and 1 warning; not started\n") {
		t.Errorf("exit code %d:\n%s", code, errs)
	}
}

func TestModelsOfOtherProvidersCanBeLeftOut(t *testing.T) {
	emulated(t)
	config := write(t, "model_list:\n  - {model_name: a, litellm_params: {model: replicate/x, api_key: os.environ/NOT_SET}}\n  - {model_name: granite, litellm_params: {model: bedrock/nova-lite}}\n")
	code, out, errs := typed(t, "", "config", "check", config) // LiteLLM has the provider
	if code != 0 {
		t.Errorf("exit code %d: %s", code, errs)
	}
	lacks(t, out, "1 of 2 models can be served", "1 model is skipped", "\n3 of 5 keys work; 1 works in part, 1 is not needed\n")
	if code, out, errs = typed(t, "", "chat", "hi", "--config", config); code != 0 {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	config = write(t, "model_list:\n  - {model_name: a, litellm_params: {model: quarry/x}}\n  - {model_name: granite, litellm_params: {model: bedrock/nova-lite}}\n")
	_, out, _ = typed(t, "", "config", "check", config)
	lacks(t, out, "1 model needs a provider that Outcrop does not support; use --skip-unsupported-models to skip it")
	if code, out, errs = typed(t, "", "chat", "hi", "--config", config, "--skip-unsupported-models"); code != 0 {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
}

func TestCtrlCEndsAChatQuietly(t *testing.T) {
	emulatedWith(t, emulator.Options{}, "op=ConverseStream stall after=3 always")
	r, w := io.Pipe()
	defer r.Close()
	var errs bytes.Buffer
	code := make(chan int, 1)
	go func() {
		code <- cli.Main([]string{"chat", "[[words: 100]]", "-m", "nova-lite"}, w, &errs)
		w.Close()
	}()
	if _, err := r.Read(make([]byte, 1)); err != nil { // the answer has begun
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, r) }()
	interrupt(t)
	if got := <-code; got != 130 || errs.Len() > 0 {
		t.Errorf("exit code %d: %s", got, errs.String())
	}
}
