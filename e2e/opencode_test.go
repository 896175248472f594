package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	emulator "outcrop/emulator/bedrock"
)

// openCodeTask is a run of the same task with one model, by one of the APIs that OpenCode calls.
type openCodeTask struct {
	name string
	// provider is OpenCode's provider, and settings are its options besides the address and the key.
	provider, options string
	// model is the model's name, and target the model of Bedrock.
	model, target string
	// small is whether titles are asked of the model itself. Otherwise OpenCode chooses one that it knows.
	small bool
	// limit is what the user says that the model can write; 0 for nothing.
	limit string
	// ends is whether OpenCode does not call again when a response breaks off.
	ends bool
	// warnings are the warnings that the gateway may give, with the reason.
	warnings map[string]string
}

func openCodeTasks() []openCodeTask {
	const always = "OpenCode asks for what Anthropic's own API has"
	return []openCodeTask{
		{name: "Opus 5.5 by Messages", provider: "anthropic", options: `"baseURL":"ADDRESS/v1","apiKey":"KEY"`, model: "claude-opus-5-5", target: "us.anthropic.claude-opus-5-5", ends: true, warnings: map[string]string{
			"dropped thinking.block_binding: AWS refused it for this model":                                        always,
			"dropped anthropic-beta: thinking-binding-controls-2026-08-01 is not known to be supported by Bedrock": always,
			"changed tools.eager_input_streaming: Bedrock enables it for all tools, by a beta":                     always,
		}},
		{name: "Sonnet 4.5 by Converse", provider: "amazon-bedrock", options: `"region":"us-east-1","endpoint":"ADDRESS"`, model: claude, target: claude, ends: true},
		{name: "Nova by chat completions", provider: "outcrop", options: `"baseURL":"ADDRESS/v1","apiKey":"KEY"`, model: "nova", target: "us.amazon.nova-pro-v1:0", limit: "10000"},
		{name: "gpt-oss by Responses", provider: "openai", options: `"baseURL":"ADDRESS/v1","apiKey":"KEY"`, model: "gpt-oss", target: "openai.gpt-oss-120b-1:0", small: true, warnings: map[string]string{
			"dropped prompt_cache_key: the model does not support this parameter": "AWS caches no prompts of this model",
		}},
	}
}

// TestOpenCode has OpenCode do the task with each kind of model, by each of the APIs that it can call.
func TestOpenCode(t *testing.T) { //nolint:paralleltest,tparallel // two at a time are as many as the machine has cores
	binary := openCodeBinary(t)
	for _, task := range openCodeTasks() {
		t.Run(task.name, func(t *testing.T) {
			t.Parallel()
			task.do(t, binary)
		})
	}
}

// openCodeBinary is the program that scripts/setup-tests installs.
func openCodeBinary(t *testing.T) string {
	t.Helper()
	return cached(t, "OpenCode", "opencode", "node_modules/opencode-linux-x64/bin/opencode")
}

// settings are those that a user writes.
func (task *openCodeTask) settings(url string) string {
	model := "{}"
	if task.limit != "" {
		model = `{"limit":{"context":128000,"output":` + task.limit + `}}`
	}
	npm, small := "", ""
	if task.provider == "outcrop" {
		npm = `"npm":"@ai-sdk/openai-compatible",`
	}
	if task.small {
		small = `"small_model":"` + task.provider + "/" + task.model + `",`
	}
	options := strings.NewReplacer("ADDRESS", url, "KEY", masterKey).Replace(task.options)
	return `{"autoupdate":false,"share":"disabled",` + small + `"provider":{"` + task.provider + `":{` + npm + `"options":{` + options + `},"models":{"` + task.model + `":` + model + `}}}}`
}

// do does the task, and checks everything about it.
func (task *openCodeTask) do(t *testing.T, binary string) {
	t.Helper()
	upstream := startRecorder(t)
	config := strings.NewReplacer("NAME", task.model, "TARGET", task.target).Replace(agentConfig) + `
  - {model_name: "*", litellm_params: {model: "bedrock/*", aws_access_key_id: ` + emulator.DemoAccessKeyID + `, aws_secret_access_key: ` + string(emulator.DemoSecretAccessKey) + `, aws_region_name: us-east-1, aws_bedrock_runtime_endpoint: UPSTREAM}}
`
	gateway := startGateway(t, config, upstream.url)
	front := startWatcher(t, gateway.URL())
	a, home := newAgent(t, binary, "OPENCODE_DISABLE_MODELS_FETCH=1", "AWS_BEARER_TOKEN_BEDROCK="+masterKey, "AWS_REGION=us-east-1")
	a.args = []string{"run", "--format", "json", "--auto", "-m", task.provider + "/" + task.model}
	a.resume = []string{"--continue"}
	a.ends = task.ends
	a.piped = true // it puts arguments in quotation marks
	settings := filepath.Join(home, ".config", "opencode")
	a.put(t, filepath.Join(settings, "opencode.json"), task.settings(front.url))
	// Otherwise each installation fetches from the network what plugins are written with, and there are none.
	a.put(t, filepath.Join(settings, "package-lock.json"), `{"packages":{"":{"dependencies":{"@opencode-ai/plugin":"*"}}}}`)
	a.put(t, filepath.Join(settings, "node_modules", ".package-lock.json"), `{}`)
	in := func(file string) string { return filepath.Join(a.dir, filepath.FromSlash(file)) }
	a.do(t, &agentTools{
		run:   func(command string) string { return call("bash", "command", command, "description", "A step") },
		read:  func(file string) string { return call("read", "filePath", in(file)) },
		write: func(file, text string) string { return call("write", "filePath", in(file), "content", text) },
		edit: func(file, was, is string) string {
			return call("edit", "filePath", in(file), "oldString", was, "newString", is)
		},
		both: both,
	}, front)
	checkTask(t, task.warnings, gateway, front, upstream)
	checkPrefixes(t, upstream)
}
