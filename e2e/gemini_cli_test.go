package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// geminiTask is a run of the same task with one model.
type geminiTask struct {
	name, model, target string
	// warnings are the warnings that the gateway may give, with the reason.
	warnings map[string]string
}

func geminiTasks() []geminiTask {
	const (
		always = "Gemini CLI sends Gemini's own values to every model"
		twice  = "dropped contents: a result that the tool call already has"
		resume = "Gemini CLI sends each result twice where a session goes on"
	)
	return []geminiTask{
		{name: "Opus 5.5", model: "claude-opus-5-5", target: "us.anthropic.claude-opus-5-5", warnings: map[string]string{
			"dropped generationConfig.temperature: the model does not support this parameter": always,
			"dropped generationConfig.topP: the model does not support this parameter":        always,
			"dropped generationConfig.topK: the model does not support this parameter":        always,
			twice: resume,
		}},
		{name: "Nova", model: "nova", target: "us.amazon.nova-pro-v1:0", warnings: map[string]string{twice: resume}},
		{name: "gpt-oss", model: "gpt-oss", target: "openai.gpt-oss-120b-1:0", warnings: map[string]string{
			"dropped generationConfig.topK: the model does not support this parameter": always,
			twice: resume,
		}},
	}
}

// TestGeminiCLI has Gemini CLI do the task with each kind of model.
func TestGeminiCLI(t *testing.T) { //nolint:paralleltest,tparallel // two at a time are as many as the machine has cores
	program := geminiProgram(t)
	for _, task := range geminiTasks() {
		t.Run(task.name, func(t *testing.T) {
			t.Parallel()
			task.do(t, program)
		})
	}
}

// geminiProgram is the program that scripts/setup-tests installs.
func geminiProgram(t *testing.T) string {
	t.Helper()
	return cached(t, "Gemini CLI", "gemini_cli", "node_modules/@google/gemini-cli/bundle/gemini.js")
}

// do does the task, and checks everything about it.
func (task *geminiTask) do(t *testing.T, program string) {
	t.Helper()
	interpreter := tool(t, "node")
	upstream := startRecorder(t)
	gateway := startGateway(t, strings.NewReplacer("NAME", task.model, "TARGET", task.target).Replace(agentConfig), upstream.url)
	front := startWatcher(t, gateway.URL())
	a, home := newAgent(t, interpreter, "GOOGLE_GEMINI_BASE_URL="+front.url, "GEMINI_API_KEY="+masterKey, "NO_COLOR=1", "GEMINI_CLI_NO_RELAUNCH=true")
	a.args = []string{program, "--skip-trust", "-y", "-m", task.model}
	a.resume = []string{"--resume", "latest"}
	a.piped = true
	a.put(t, filepath.Join(home, ".gemini", "settings.json"), `{"security":{"auth":{"selectedType":"gemini-api-key"}},"privacy":{"usageStatisticsEnabled":false},"general":{"enableAutoUpdate":false}}`)
	in := func(file string) string { return filepath.Join(a.dir, filepath.FromSlash(file)) }
	a.do(t, &agentTools{
		run:   func(command string) string { return call("run_shell_command", "command", command) },
		read:  func(file string) string { return call("read_file", "file_path", in(file)) },
		write: func(file, text string) string { return call("write_file", "file_path", in(file), "content", text) },
		edit: func(file, was, is string) string {
			return call("replace", "file_path", in(file), "old_string", was, "new_string", is, "instruction", "A step")
		},
		both: both,
	}, front)
	checkTask(t, task.warnings, gateway, front, upstream)
}
