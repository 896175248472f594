package invoke

import (
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// verdict is what becomes of a beta.
type verdict uint8

const (
	take   verdict = iota + 1 // Bedrock accepts it
	ifUsed                    // it is sent only with a request that uses what it enables; otherwise it has no effect
	idle                      // it has no effect on Bedrock: identity of a client, or a feature that needs no beta there
	refuse                    // Bedrock refuses it, or does not have the feature
)

// beta is a row about a value of anthropic-beta.
type beta struct {
	name    string
	span    span
	verdict verdict
	as      string // the name on Bedrock; empty if it is the same
	source  string
	seen    string
}

// Betas that requests get when they use what these enable.
const (
	betaContext     = "context-management-2025-06-27"
	betaCompact     = "compact-2026-01-12"
	betaToolSearch  = "tool-search-tool-2025-10-19"
	betaExamples    = "tool-examples-2025-10-29"
	betaEager       = "fine-grained-tool-streaming-2025-05-14"
	betaEffort      = "effort-2025-11-24"
	betaToolChanges = "mid-conversation-tool-changes-2026-07-01"
	betaUpdates     = "thinking-display-updates-2026-08-18"
)

// betas is the table of what Bedrock accepts in anthropic_beta: a value without a row that fits the
// model is unknown. The first row that fits counts. Bedrock refuses a whole request for one value
// that it does not know ("invalid beta flag"), so where sources disagree the careful one counts.
// It is never written to.
var betas = []beta{
	{"computer-use-2024-10-22", span{}, take, "", pageRequest, "2026-11-28"},
	{"computer-use-2025-01-24", span{}, take, "", pageRequest, "2026-11-28"},
	{"computer-use-2025-11-24", span{}, take, "", liteLLM, "2026-11-28"},
	{"token-efficient-tools-2025-02-19", span{"", 307, 400}, take, "", pageRequest, "2026-11-28"},
	{"token-efficient-tools-2025-02-19", span{}, idle, "", "it is built into Claude 4 (https://platform.claude.com/docs/en/agents-and-tools/tool-use/token-efficient-tool-use)", "2026-11-28"},
	{"output-128k-2025-02-19", span{"", 307, 400}, take, "", pageRequest, "2026-11-28"},
	{"output-128k-2025-02-19", span{}, idle, "", pageRequest + ", which lists it for Claude 3.7", "2026-11-28"},
	{"dev-full-thinking-2025-05-14", span{"", 400, 0}, take, "", pageRequest, "2026-11-28"},
	{"interleaved-thinking-2025-05-14", span{"claude-haiku-4-5", 0, 0}, refuse, "", claudeCodeNo, "2026-11-28"},
	{"interleaved-thinking-2025-05-14", span{"", 400, 0}, take, "", pageRequest + "; " + claudeCode, "2026-11-28"},
	{"interleaved-thinking-2025-05-14", span{}, refuse, "", pageThinking, "2026-11-28"},
	{"context-1m-2025-08-07", span{"claude-sonnet-4", 0, 0}, take, "", pageRequest, "2026-11-28"},
	{"context-1m-2025-08-07", span{"", 406, 0}, take, "", liteLLM, "2026-11-28"},
	{"context-1m-2025-08-07", span{}, refuse, "", pageRequest + ", which lists it for Claude Sonnet", "2026-11-28"},
	{betaContext, span{"", 400, 0}, ifUsed, "", pageTools, "2026-11-28"},
	{betaContext, span{}, refuse, "", pageTools, "2026-11-28"},
	{betaCompact, span{"", 406, 0}, ifUsed, "", pageCompact, "2026-11-28"},
	{betaCompact, span{}, refuse, "", pageCompact, "2026-11-28"},
	{"compact-2026-09-04", span{}, refuse, "", pageOnDemand, "2026-11-28"},
	{betaEffort, span{"claude-opus-4-5", 0, 0}, take, "", pageEffort, "2026-08-06"},
	{betaEffort, span{}, idle, "", pageEffort + ", which requires no beta; " + claudeCode, "2026-08-06"},
	{betaToolSearch, span{"", 405, 0}, ifUsed, "", pageTools + "; " + vercel, "2026-11-28"},
	{betaToolSearch, span{}, idle, "", pageTools, "2026-11-28"},
	{"advanced-tool-use-2025-11-20", span{"", 405, 0}, ifUsed, betaToolSearch, claudeCode + "; " + liteLLM, "2026-11-28"},
	{"advanced-tool-use-2025-11-20", span{}, idle, "", claudeCode, "2026-11-28"},
	{betaExamples, span{"", 405, 0}, ifUsed, "", pageTools, "2026-11-28"},
	{betaExamples, span{}, idle, "", pageTools, "2026-11-28"},
	{betaEager, span{"", 400, 0}, take, "", pageTools, "2026-11-28"},
	{betaEager, span{}, refuse, "", pageTools, "2026-11-28"},
	{"thinking-token-count-2026-05-13", span{"", 500, 0}, take, "", claudeCode, "2026-11-28"},
	{"thinking-token-count-2026-05-13", span{}, refuse, "", claudeCodeNo + " for Sonnet 4.5 and Haiku 4.5", "2026-11-28"},
	{betaToolChanges, span{"", 408, 0}, ifUsed, "", pageSystem + "; " + liteLLM, "2026-11-28"},
	{betaToolChanges, span{}, refuse, "", pageSystem, "2026-11-28"},
	{betaUpdates, span{"", 500, 0}, ifUsed, "", claudeCode + "; " + liteLLM, "2026-11-28"},
	{betaUpdates, span{}, refuse, "", liteLLM, "2026-11-28"},

	{"claude-code-20250219", span{}, idle, "", "it identifies a client; " + claudeCodeNo + " in the body", "2026-11-28"},
	{"oauth-2025-04-20", span{}, idle, "", "it identifies a client of Anthropic's own API", "2026-11-28"},
	{"prompt-caching-2024-07-31", span{}, idle, "", pageCache + ", which requires no beta", "2026-11-28"},
	{"extended-cache-ttl-2025-04-11", span{}, idle, "", pageCache + ", which requires no beta", "2026-11-28"},
	{"pdfs-2024-09-25", span{}, idle, "", pageRequest + ", which requires no beta", "2026-11-28"},
	{"max-tokens-3-5-sonnet-2024-07-15", span{}, idle, "", "Claude 3.5 Sonnet has reached its end of life", "2026-11-28"},
	{"token-counting-2024-11-01", span{}, idle, "", "counting tokens is an operation of its own on Bedrock", "2026-11-28"},
	{"structured-outputs-2025-11-13", span{}, idle, "", pageOutput + ", which requires no beta; " + liteLLMNo, "2026-11-28"},
	{"structured-outputs-2025-12-15", span{}, idle, "", pageOutput + ", which requires no beta", "2026-11-28"},
	{"mid-conversation-system-2026-04-07", span{}, idle, "", pageSystem + ", which requires no beta", "2026-11-28"},
	{"per-turn-control-2026-07-01", span{}, refuse, "", claudeCodeNo + "; " + liteLLMNo, "2026-11-28"},
	{"mid-conversation-output-config-2026-07-01", span{}, refuse, "", claudeCodeNo, "2026-11-28"},
	{"mid-conversation-system-clear-at-2026-08-21", span{}, refuse, "", claudeCodeNo, "2026-11-28"},
	{"dangerous-tool-use-2026-09-03", span{}, refuse, "", "the check runs on Anthropic's own servers; " + claudeCodeNo, "2026-11-28"},
	{"prompt-caching-scope-2026-01-05", span{}, refuse, "", liteLLMNo, "2026-11-28"},
	{"prompt-caching-evict-2026-05-12", span{}, refuse, "", claudeCodeNo, "2026-11-28"},
	{"redact-thinking-2026-02-12", span{}, refuse, "", claudeCodeNo, "2026-11-28"},
	{"afk-mode-2026-01-31", span{}, refuse, "", claudeCodeNo, "2026-11-28"},
	{"fallback-credit-2026-06-01", span{}, idle, "", "it is about fallbacks, which Bedrock does not have; " + claudeCode + " have it after a compaction", "2026-11-28"},
	{"fast-mode-2026-02-01", span{}, refuse, "", liteLLMNo + "; https://platform.claude.com/docs/en/build-with-claude/fast-mode", "2026-11-28"},
	{"advisor-tool-2026-03-01", span{}, refuse, "", liteLLMNo, "2026-11-28"},
	{"code-execution-2025-05-22", span{}, refuse, "", pageCode, "2026-11-28"},
	{"code-execution-2025-08-25", span{}, refuse, "", pageCode + "; " + liteLLMNo, "2026-11-28"},
	{"files-api-2025-04-14", span{}, refuse, "", liteLLMNo, "2026-11-28"},
	{"skills-2025-10-02", span{}, refuse, "", liteLLMNo, "2026-11-28"},
	{"mcp-client-2025-04-04", span{}, refuse, "", liteLLMNo, "2026-11-28"},
	{"mcp-client-2025-11-20", span{}, refuse, "", liteLLMNo, "2026-11-28"},
	{"mcp-servers-2025-12-04", span{}, refuse, "", "AWS's words, invalid beta flag, in https://github.com/BerriAI/litellm/pull/19877", "2026-01-27"},
	{"web-fetch-2025-09-10", span{}, refuse, "", liteLLMNo, "2026-11-28"},
	{"web-search-2025-03-05", span{}, refuse, "", liteLLMNo, "2026-11-28"},
}

// betaFor returns the row about a beta; nil if it is unknown.
func (m *Model) betaFor(name string) *beta {
	for i := range betas {
		if betas[i].name == name && betas[i].span.has(m) {
			return &betas[i]
		}
	}
	return nil
}

// fieldBeta is the client's name for a beta, whether it came in the header or in the body.
const fieldBeta = "anthropic-beta"

// AllBetas is the name in Options.Without for whatever beta Bedrock refused without naming it.
const AllBetas = "anthropic_beta"

// wanted collects the client's betas: of the body, and of the header.
func (a *adapter) wanted(header []string) error {
	for _, name := range []string{"anthropic_beta", "betas"} {
		n := a.doc.root.member(name)
		if n == nil {
			continue
		}
		var all []string
		switch {
		case n.kind == 'n':
		case n.kind == '"':
			all = strings.Split(a.doc.text(n), ",")
		case jsonx.Unmarshal(a.doc.raw(n), &all) != nil:
			return llm.Invalid(name, "%s must be an array of strings", name)
		}
		a.want(all)
		if name == "betas" {
			n.drop()
		}
	}
	a.wantHeader(header)
	return nil
}

// wantHeader collects the betas in values of the header: lists with commas, or in JSON.
func (a *adapter) wantHeader(header []string) {
	for _, value := range header {
		var all []string
		if jsonx.Unmarshal([]byte(value), &all) != nil {
			all = strings.Split(value, ",")
		}
		a.want(all)
	}
}

func (a *adapter) want(names []string) {
	for _, name := range names {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(a.wants, name) {
			a.wants = append(a.wants, name)
		}
	}
}

// need asks for a beta that the request needs. It reports false if AWS has refused it.
func (a *adapter) need(name string) bool {
	if a.without(name) {
		return false
	}
	if !slices.Contains(a.needs, name) {
		a.needs = append(a.needs, name)
	}
	return true
}

// without reports whether a feature is left out, because AWS has refused it.
func (a *adapter) without(name string) bool {
	return slices.Contains(a.opt.Without, name) || slices.Contains(a.opt.Without, AllBetas) && a.model.betaFor(name) != nil
}

// Screen takes betas out of a call of Converse, which reads them in a field of Claude's: those that
// Bedrock refuses, and those that have no effect in a call of Converse, or only with what the caller
// adds them for itself. names are values of the header anthropic-beta; the rest is returned with the
// warnings.
func Screen(m *Model, names []string, opt Options) (rest []string, warnings []llm.Warning) {
	a := &adapter{model: m, opt: opt}
	a.wantHeader(names)
	for _, name := range a.wants {
		switch row := m.betaFor(name); {
		case a.refusedBefore(name, name):
			a.warn(llm.WarnDropped, fieldBeta, name+a.why(name, name))
		case row == nil && opt.PassUnknownBetas:
			rest = append(rest, name)
		case row == nil:
			a.warn(llm.WarnDropped, fieldBeta, name+" is not known to be supported by Bedrock")
		case row.verdict == take:
			rest = append(rest, name)
		case row.verdict == refuse:
			a.warn(llm.WarnDropped, fieldBeta, name+" is not supported by Bedrock for this model")
		}
	}
	return rest, a.out.Warnings
}

// refusedBefore reports whether AWS has refused a beta that the client wants.
func (a *adapter) refusedBefore(name, as string) bool {
	return a.without(name) || a.without(as) || slices.Contains(a.opt.Without, AllBetas)
}

// why is the reason for which a beta is left out that AWS has refused.
func (a *adapter) why(name, as string) string {
	if slices.Contains(a.opt.Suspects, name) || slices.Contains(a.opt.Suspects, as) || slices.Contains(a.opt.Without, AllBetas) {
		return ": AWS refused a beta for this model without naming it, which may be this one"
	}
	return ": AWS refused it for this model"
}

// sendBetas writes anthropic_beta: what is wanted and accepted, and what is needed.
func (a *adapter) sendBetas() {
	var send []string
	add := func(name string) {
		if !slices.Contains(send, name) {
			send = append(send, name)
		}
	}
	for _, name := range a.wants {
		row := a.model.betaFor(name)
		as := name
		if row != nil && row.as != "" {
			as = row.as
		}
		switch {
		case a.refusedBefore(name, as):
			a.warn(llm.WarnDropped, fieldBeta, name+a.why(name, as))
		case row == nil && a.opt.PassUnknownBetas:
			add(name)
		case row == nil:
			a.warn(llm.WarnDropped, fieldBeta, name+" is not known to be supported by Bedrock")
		case row.verdict == take, row.verdict == ifUsed && slices.Contains(a.needs, as):
			add(as)
		case row.verdict == refuse:
			a.warn(llm.WarnDropped, fieldBeta, name+" is not supported by Bedrock for this model")
		}
	}
	for _, name := range a.needs {
		add(name)
	}
	a.out.Betas = send
	have := a.doc.root.member("anthropic_beta")
	var w jsonx.Writer
	w.Array()
	for _, name := range send {
		w.String(name)
	}
	w.EndArray()
	switch {
	case len(send) == 0 && have == nil:
	case len(send) == 0:
		have.drop()
	case have == nil:
		a.doc.root.prepend(`"anthropic_beta":` + string(w.Buf))
	default:
		var written []string
		if jsonx.Unmarshal(a.doc.raw(have), &written) != nil || !slices.Equal(written, send) {
			have.replace(string(w.Buf))
		}
	}
}
