package invoke

import (
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/lazyregexp"
)

// Features that have code of their own, in the words of Refused.
const (
	featureRole    = "messages.role"
	featureDefer   = "tools.defer_loading"
	featureStrict  = "tools.strict"
	featureFormat  = "output_config.format"
	featureEffort  = "output_config.effort"
	featureDisplay = "thinking.display"
	featureTTL     = "cache_control.ttl"
)

// Refused reads AWS's refusal of a request, and returns the feature that it is about, for
// Options.Without. It reports false if the request has no feature that can be left out: then the
// refusal is the answer.
//
// A feature is a beta, such as interleaved-thinking-2025-05-14, anthropic_beta for betas that AWS
// does not name, or a member without the numbers of its path, such as tools.defer_loading.
func Refused(message string) (feature string, ok bool) {
	if strings.Contains(message, "invalid beta flag") || strings.Contains(message, "anthropic-beta") || strings.Contains(message, "anthropic_beta") {
		if name := betaName.FindString(message); name != "" {
			return name, true
		}
		return AllBetas, true
	}
	if strings.Contains(message, "does not support the effort parameter") {
		return featureEffort, true
	}
	if roleRefused.MatchString(message) {
		return featureRole, true
	}
	path := extraInput.FindStringSubmatch(message)
	if path == nil {
		return "", false
	}
	return memberOf(path[1])
}

// RefusedBeta is Refused for a call of Converse, whose body has betas as Anthropic's has: it returns
// the beta that a refusal is about, or anthropic_beta.
func RefusedBeta(message string) (name string, ok bool) {
	name, ok = Refused(message)
	return name, ok && (name == AllBetas || betaName.MatchString(name))
}

// AWS's words, those of the validation of Anthropic's models. They are never written to.
var (
	betaName    = lazyregexp.New(`[a-z0-9]+(?:-[a-z0-9]+)*-20\d\d-\d\d-\d\d`)
	roleRefused = lazyregexp.New(`messages\.\d+\.role: Input should be|(?i)unexpected role "?'?system|role 'system' is not supported`)
	extraInput  = lazyregexp.New(`([A-Za-z0-9_]+(?:\.[A-Za-z0-9_-]+)*): Extra inputs are not permitted`)
)

// needed are the members without which a request means something else. It is never written to.
var needed = []string{
	"anthropic_version", "max_tokens", "messages", "system", "tools", "tool_choice", "stop_sequences",
	"messages.content", "tools.name", "tools.type", "tools.input_schema", "tools.description",
	"messages.content.type", "messages.content.text", "messages.content.source", "messages.content.content", "messages.content.id", "messages.content.name",
	"messages.content.input", "messages.content.tool_use_id", "messages.content.is_error", "messages.content.thinking", "messages.content.signature", "messages.content.data",
}

// memberOf returns the feature that a path in AWS's words is about. Such paths contain numbers, and
// the tag of a union behind them: tools.0.custom.defer_loading,
// messages.1.content.0.text.cache_control.scope.
func memberOf(path string) (string, bool) {
	var parts []string
	all := strings.Split(path, ".")
	for i, part := range all {
		if _, err := strconv.Atoi(part); err == nil {
			continue
		}
		if i > 0 && i < len(all)-1 && isTag(all[i-1], part) {
			continue
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return "", false
	}
	if n := len(parts) - 2; n >= 0 && parts[n] == "cache_control" {
		parts = parts[n:]
	}
	// What is inside a member that can be left out is left out with it, except inside these.
	most := 1
	switch parts[0] {
	case "messages":
		most = 2
		if len(parts) > 1 && parts[1] == "content" {
			most = 3
		}
	case "tools", "system", "thinking", "output_config", "cache_control":
		most = 2
	}
	if len(parts) > 3 && parts[0] == "messages" && parts[2] == "content" { // of a tool result
		parts = append([]string{"messages", "content"}, parts[3:]...)
	}
	feature := strings.Join(parts[:min(most, len(parts))], ".")
	return feature, !slices.Contains(needed, feature)
}

// isTag reports whether a part of a path is the tag of a union.
func isTag(before, part string) bool {
	switch before {
	case "thinking", "cache_control", "source":
		return true
	}
	_, err := strconv.Atoi(before)
	return err == nil && part != "content" && part != "cache_control" && part != "output_config" && part != "source"
}
