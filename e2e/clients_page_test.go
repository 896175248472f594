package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
)

// here is the address in the lines to paste, the default of `outcrop serve`.
const here = "http://127.0.0.1:4000"

// install begins the lines that the test does not run.
const install = "pip install"

// paste runs the lines of the page against the gateway at the address.
func (a *application) paste(t *testing.T, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clientPatience)
	defer cancel()
	c := a.runs[0].client
	text := a.text(t)
	if !strings.Contains(text, here) {
		t.Fatalf("sdks/lines/%s does not name %s", a.lines, here)
	}
	text = strings.ReplaceAll(text, here, url)
	cmd := exec.CommandContext(ctx, c.interpreter, "-")
	cmd.Stdin = strings.NewReader(text)
	switch filepath.Ext(a.lines) {
	case ".mjs":
		cmd.Args = append(cmd.Args[:1], "--input-type=module", "-")
	case ".sh":
		first, rest, _ := strings.Cut(text, "\n")
		if !strings.HasPrefix(first, install) {
			t.Fatalf("sdks/lines/%s begins with %q, want %q", a.lines, first, install)
		}
		cmd = exec.CommandContext(ctx, "bash", "-ec", rest)
	}
	cmd.Dir = c.dir
	cmd.Env = []string{
		"PATH=" + filepath.Dir(c.interpreter) + ":" + os.Getenv("PATH"), "HOME=" + t.TempDir(),
		"PYTHONDONTWRITEBYTECODE=1", "NO_PROXY=*", "LITELLM_LOCAL_MODEL_COST_MAP=True",
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", a.lines, err, stderr.String())
	}
	if !strings.Contains(stdout.String(), a.prints) {
		t.Errorf("%s printed %q, want %q in it", a.lines, stdout.String(), a.prints)
	}
}

// text returns the lines to paste.
func (a *application) text(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("sdks/lines", a.lines))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// pin is a package, with the folder of sdks whose requirements name its version.
type pin struct{ folder, name string }

// version returns the version that scripts/setup-tests installs.
func (p pin) version(t *testing.T) string {
	t.Helper()
	switch p.folder {
	case "aws_go", "openai_go":
		return versionIn(t, "go.mod", p, p.name+" ", "\n")
	case "aws_java", "openai_java":
		return versionIn(t, "pom.xml", p, "<"+p.name+">", "<")
	case "node", "aws_node", "anthropic_node", "claude_code", "codex", "opencode", "gemini_cli":
		text, err := os.ReadFile(filepath.Join("sdks", p.folder, "package.json"))
		if err != nil {
			t.Fatal(err)
		}
		var packages struct {
			Dependencies map[string]string `json:"dependencies"`
		}
		if err := jsonx.Unmarshal(text, &packages); err != nil {
			t.Fatal(err)
		}
		return packages.Dependencies[p.name]
	}
	text, err := os.ReadFile(filepath.Join("sdks", p.folder, "requirements.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if name, version, ok := strings.Cut(strings.TrimSpace(line), "=="); ok && name == p.name {
			return version
		}
	}
	t.Fatalf("sdks/%s/requirements.txt does not pin %s", p.folder, p.name)
	return ""
}

// versionIn is the version in a file of the package's folder, between two texts.
func versionIn(t *testing.T, file string, p pin, before, after string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("sdks", p.folder, file))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), before)
	version, _, ends := strings.Cut(rest, after)
	if !ok || !ends {
		t.Fatalf("sdks/%s/%s does not pin %s", p.folder, file, p.name)
	}
	return strings.TrimPrefix(version, "v")
}

// versions describes the versions of the packages, such as "openai 3.57.0 and 2.54.0".
func (a *application) versions(t *testing.T) string {
	t.Helper()
	var words []string
	last := ""
	for _, p := range a.packages {
		name, _, _ := strings.Cut(p.name, "[")
		if name == last {
			words[len(words)-1] += " and " + p.version(t)
			continue
		}
		last = name
		words = append(words, name+" "+p.version(t))
	}
	return strings.Join(words, ", ")
}

const clientsHead = `# Clients

Code to paste for clients that speak OpenAI's or Cohere's API, and what each of them was tested with: [OpenAI for Python](#openai-for-python),
[OpenAI for Node](#openai-for-node), [LangChain](#langchain), [pydantic-ai](#pydantic-ai), [Vercel's AI SDK](#vercels-ai-sdk), [llm](#llm),
[LiteLLM's SDK](#litellms-sdk) and [Cohere's SDK](#coheres-sdk). Below them are [clients of other APIs](#clients-of-other-apis), among them LlamaIndex, and
[coding agents](#coding-agents).

The code works with ` + "`outcrop serve`" + ` and ` + "`make run`" + ` as they start by default. If you set a master key, replace ` + "`unused`" + ` with it. Replace
` + "`claude-sonnet-5`" + ` with any Bedrock chat model; not every model can do everything below. For embeddings and rerank, the model is
` + "`amazon.titan-embed-text-v2:0`" + ` or ` + "`cohere.rerank-v3-5:0`" + `.

Each client is the published package, unmodified, at the version named. The tests run against the [emulator](emulator.md), which plays Claude
Sonnet 4.5. They show that client and gateway understand each other, not how well a model answers.

`

const clientsLegend = `
**yes**: tested. **part**: one form works and another does not yet. **no**: does not work yet. —: the client does not have it. The reasons are below.

- *A chat* and *a stream* include token usage. *Tool loops* call a tool for two cities in parallel, and end with an answer from both results.
- *Structured output* follows a schema and is parsed by the client; *by a tool*: through a tool that the model must call; *beside tools*: at the end of a tool loop.
- *Reasoning* is requested and shown by the client. *In a tool loop* Claude needs it back with its signature.
- *JSON mode* is a JSON object without a schema. *Several answers* are choices of one call.
- *A refusal* by AWS and *a stream that breaks off* raise the client's own typed error, with AWS's message.
- *Embeddings* come as numbers and as base64, and from tokens where the client sends them; *rerank* sorts documents. See
  [Embeddings and rerank](embeddings.md).
- *Leaving in mid-stream*: the client closes the stream, and the call to Bedrock ends while the program goes on.

This page is generated by a test: run ` + "`make setup`" + `, then ` + "`go test ./e2e -run TestClients -update`" + `. The test also runs the code to paste.
`

// clientsPage is docs/clients.md.
func clientsPage(t *testing.T, apps []application, shown [][]scenario, doors []doorClient) []byte {
	t.Helper()
	var b strings.Builder
	b.WriteString(clientsHead)
	b.WriteString("| |")
	for i := range apps {
		fmt.Fprintf(&b, " %s |", apps[i].short)
	}
	b.WriteString("\n| --- |" + strings.Repeat(" --- |", len(apps)) + "\n")
	for _, f := range features() {
		fmt.Fprintf(&b, "| %s |", f)
		for i := range apps {
			fmt.Fprintf(&b, " %s |", apps[i].cell(f, shown[i]))
		}
		b.WriteString("\n")
	}
	b.WriteString(clientsLegend)
	for i := range apps {
		apps[i].section(t, &b, shown[i])
	}
	doorsSection(t, &b, doors)
	agentsSection(t, &b)
	return []byte(b.String())
}

// cell reports whether the client has a feature.
func (a *application) cell(feature string, shown []scenario) string {
	works, all := 0, 0
	for _, s := range shown {
		if s.feature() != feature {
			continue
		}
		all++
		if _, gap := a.gaps[s.Name]; !gap {
			works++
		}
	}
	switch {
	case all == 0:
		return "—"
	case works == all:
		return "yes"
	case works > 0:
		return "**part**"
	default:
		return "**no**"
	}
}

// section writes the part of the page about the client.
func (a *application) section(t *testing.T, b *strings.Builder, shown []scenario) {
	t.Helper()
	fmt.Fprintf(b, "\n## %s\n\n%s.", a.name, a.versions(t))
	if a.note != "" {
		b.WriteString(" " + a.note)
	}
	if a.unsigned != "" {
		fmt.Fprintf(b, " %s does not send the signatures of reasoning back, which Claude needs: in a tool loop it reasons only before the "+
			"first tool call, and `x-outcrop-warnings` says so.", a.unsigned)
	}
	language := map[string]string{".py": "python", ".mjs": "js", ".sh": "sh"}[filepath.Ext(a.lines)]
	fmt.Fprintf(b, "\n\n```%s\n%s```\n\n| tested | with |\n| --- | --- |\n", language, a.text(t))
	for _, s := range shown {
		if _, gap := a.gaps[s.Name]; !gap {
			fmt.Fprintf(b, "| %s | `%s` |\n", s.feature(), s.calls())
		}
	}
	if len(a.gaps) > 0 {
		b.WriteString("\n| does not work yet | with | why |\n| --- | --- | --- |\n")
		for _, s := range shown {
			if why, gap := a.gaps[s.Name]; gap {
				fmt.Fprintf(b, "| %s | `%s` | %s |\n", s.feature(), s.calls(), why)
			}
		}
	}
	var lacks []string
	for _, f := range features() {
		if why, ok := a.lacks[f]; ok {
			lacks = append(lacks, fmt.Sprintf("%s (%s)", f, why))
		}
	}
	if a.rest != "" {
		lacks = append(lacks, "the other features ("+a.rest+")")
	}
	if lacks != nil {
		fmt.Fprintf(b, "\nNot tested: %s.\n", strings.Join(lacks, ", "))
	}
}
