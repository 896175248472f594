package config

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"outcrop/guard"
	guardbedrock "outcrop/guard/bedrock"
	"outcrop/guard/generic"
	"outcrop/guard/lakera"
	"outcrop/guard/moderation"
	"outcrop/guard/presidio"
	"outcrop/guard/services"
	"outcrop/internal/jsonx"
	"outcrop/provider/bedrock/creds"
)

// bedrockGuard reads the settings of bedrock.
type bedrockGuard struct {
	settings guardbedrock.Settings
	aws      map[string]string
}

// guardIdentifier and guardVersion are AWS's patterns (shapes GuardrailIdentifier and GuardrailVersion of bedrock-runtime).
const (
	guardIdentifier = `^([a-z0-9]+|arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:guardrail/[a-z0-9]+)$`
	guardVersion    = `^([1-9][0-9]{0,7}|DRAFT)$`
)

func (b *bedrockGuard) read(l *loader, k Key, n *node, path string) bool {
	s := &b.settings
	matching := func(pattern, accepted string) string {
		text, ok := l.text(k, n, path)
		if ok && !regexp.MustCompile(pattern).MatchString(text) {
			l.errorAt(n.file, n.line, n.column, path, shown(k, n)+" is none", accepted, "")
		}
		return text
	}
	switch k.Name {
	case "guardrailIdentifier":
		s.ID = matching(guardIdentifier, "the id or the ARN of a guardrail, such as ff6ujrregl1q")
	case "guardrailVersion":
		s.Version = matching(guardVersion, "DRAFT, or a number such as 1")
	case "outputScope":
		s.Full = l.oneOf(k, n, path, "INTERVENTIONS", "FULL") == "FULL"
	case "chunk_budget_chars":
		if s.Chunk = l.integer(k, n, path); s.Chunk < 1 {
			l.errorAt(n.file, n.line, n.column, path, shown(k, n)+" is out of range", "a number of characters", "")
		}
	case "mask_request_content", "mask_response_content": // what the guardrail masks is masked in any case, as in LiteLLM
		_, _ = l.boolean(k, n, path)
	case "api_key", "aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_session_name", "aws_profile_name", "aws_role_name",
		"aws_region_name", "aws_web_identity_token", "aws_sts_endpoint", "aws_external_id":
		b.aws[k.Name], _ = l.text(k, n, path)
	case "aws_bedrock_runtime_endpoint":
		if text, ok := l.text(k, n, path); ok && l.serviceURL(text, n, path) {
			s.Endpoint = text
		}
	default:
		return false
	}
	return true
}

func (b *bedrockGuard) settle(l *loader, g *Guardrail, params *node, path string) {
	if b.settings.ID == "" {
		l.errorAt(params.file, params.line, params.column, path, "guardrailIdentifier is missing", "the id or the ARN of a guardrail", "")
	}
	if b.settings.Version == "" {
		l.errorAt(params.file, params.line, params.column, path, "guardrailVersion is missing", "DRAFT, or a number such as 1", "")
	}
	b.settings.Credentials, _ = creds.OptionsOf(b.aws) // its error is about session tags, of which there are none
	key, given := b.aws["api_key"]
	b.settings.Credentials.APIKey, b.settings.Credentials.NoAPIKey = key, given && key == ""
	g.Service = &services.Settings{Bedrock: &b.settings}
}

// presidioGuard reads the settings of presidio.
type presidioGuard struct {
	settings presidio.Settings
	scope    string
}

func (p *presidioGuard) read(l *loader, k Key, n *node, path string) bool {
	s := &p.settings
	switch k.Name {
	case "presidio_analyzer_api_base":
		s.Analyzer, _ = l.text(k, n, path)
	case "presidio_anonymizer_api_base":
		s.Anonymizer, _ = l.text(k, n, path)
	case "presidio_language":
		s.Language, _ = l.text(k, n, path)
	case "presidio_filter_scope":
		p.scope = l.oneOf(k, n, path, "input", "output", "both")
	case "output_parse_pii":
		s.Restore, _ = l.boolean(k, n, path)
	case "presidio_entities_deny_list":
		for _, item := range n.items {
			if text, ok := l.text(Key{Type: StringType}, item, path); ok {
				s.Denied = append(s.Denied, text)
			}
		}
	case "pii_entities_config":
		s.Entities = map[string]guard.Action{}
		for i := range n.members {
			m := &n.members[i]
			if text, ok := l.text(Key{Type: StringType}, m.value, path+"."+m.key); ok {
				s.Entities[m.key] = l.guardAction(text, m.value, path+"."+m.key)
			}
		}
	case "presidio_score_thresholds":
		s.Scores = map[string]float64{}
		for i := range n.members {
			m := &n.members[i]
			f, ok := l.number(Key{Type: NumberType}, m.value, path+"."+m.key)
			if ok && (f < 0 || f > 1) {
				l.errorAt(m.value.file, m.value.line, m.value.column, path+"."+m.key, shown(Key{}, m.value)+" is out of range", "a score from 0 to 1", "")
			}
			s.Scores[m.key] = f
		}
	case "presidio_ad_hoc_recognizers":
		file, ok := l.text(k, n, path)
		if !ok {
			break
		}
		text, ok := l.content(n, file, path)
		if s.Recognizers = text; ok && (!jsonx.Valid([]byte(text)) || jsonx.Raw(text).Kind() != '[') {
			l.errorAt(n.file, n.line, n.column, path, "the file has no JSON array", "a list of recognizers in Presidio's form", "")
		}
	default:
		return false
	}
	return true
}

func (p *presidioGuard) settle(l *loader, g *Guardrail, params *node, path string) {
	s := &p.settings
	if s.Analyzer == "" {
		s.Analyzer, _ = l.env("PRESIDIO_ANALYZER_API_BASE")
	}
	if s.Anonymizer == "" {
		s.Anonymizer, _ = l.env("PRESIDIO_ANONYMIZER_API_BASE")
	}
	if s.Analyzer == "" {
		l.errorAt(params.file, params.line, params.column, path, "presidio_analyzer_api_base is missing", "the address of Presidio's analyzer, such as http://localhost:5002", "set it, or the variable PRESIDIO_ANALYZER_API_BASE")
	}
	if s.Anonymizer == "" && !s.Restore {
		l.errorAt(params.file, params.line, params.column, path, "presidio_anonymizer_api_base is missing", "the address of Presidio's anonymizer, such as http://localhost:5001", "set it, or the variable PRESIDIO_ANONYMIZER_API_BASE")
	}
	blocking := len(s.Entities) > 0
	for _, action := range s.Entities {
		blocking = blocking && action == guard.ActionBlock
	}
	if !blocking {
		l.noMasks(g, params, path)
	}
	g.Mode = p.scoped(g.Mode)
	for tag, mode := range g.Tags {
		g.Tags[tag] = p.scoped(mode)
	}
	switch p.scope {
	case "input":
		s.Side = guard.Request
	case "output":
		s.Side = guard.Response
	}
	if p.scope == "input" && g.Modes() != 0 && g.Modes()&^guard.PostCall == 0 {
		l.errorAt(params.file, params.line, params.column, path+".mode", "with presidio_filter_scope: input, post_call checks nothing", "pre_call", "")
	}
	g.Service = &services.Settings{Presidio: s}
}

// scoped is a mode with what presidio_filter_scope adds to it: without input alone, responses are checked whatever the mode is, as in
// LiteLLM (litellm/proxy/guardrails/guardrail_initializers.py, initialize_presidio, 1.110.2).
func (p *presidioGuard) scoped(mode guard.Mode) guard.Mode {
	switch {
	case mode&^guard.Logging == 0 || p.scope == "input":
		return mode
	case p.scope == "output":
		return mode&guard.Logging | guard.PostCall
	default:
		return mode | guard.PostCall
	}
}

// lakeraGuard reads the settings of lakera_v2.
type lakeraGuard struct{ settings lakera.Settings }

func (g *lakeraGuard) read(l *loader, k Key, n *node, path string) bool {
	s := &g.settings
	switch k.Name {
	case "project_id":
		s.Project, _ = l.text(k, n, path)
	case "on_flagged":
		s.Flagged = lakera.Flagged(l.oneOf(k, n, path, "block", "mask", "monitor"))
	case "metadata":
		s.Metadata = l.guardJSON(k, n, path)
	case "payload", "breakdown", "dev_info": // Lakera is asked for the first two in any case, and nothing here needs the last
		_, _ = l.boolean(k, n, path)
	default:
		return l.guardAccess(&s.Key, &s.Base, k, n, path)
	}
	return true
}

func (g *lakeraGuard) settle(l *loader, to *Guardrail, params *node, path string) {
	s := &g.settings
	s.Key = l.guardKey(s.Key, "LAKERA_API_KEY", params, path)
	if s.Base == "" {
		s.Base, _ = l.env("LAKERA_API_BASE")
	}
	to.Service = &services.Settings{Lakera: s}
}

// genericGuard reads the settings of generic_guardrail_api.
type genericGuard struct{ settings generic.Settings }

func (g *genericGuard) read(l *loader, k Key, n *node, path string) bool {
	s := &g.settings
	switch k.Name {
	case "headers":
		s.Header = map[string]guard.Secret{}
		for name, value := range l.callbackHeaders(n, path) {
			s.Header[name] = guard.Secret(value.Reveal())
		}
	case "additional_provider_specific_params":
		s.Parameters = l.guardJSON(k, n, path)
	default:
		return l.guardAccess(&s.Key, &s.Base, k, n, path)
	}
	return true
}

func (g *genericGuard) settle(l *loader, to *Guardrail, params *node, path string) {
	s := &g.settings
	if s.Base == "" {
		s.Base, _ = l.env("GENERIC_GUARDRAIL_API_BASE")
	}
	if s.Base == "" {
		l.errorAt(params.file, params.line, params.column, path, "api_base is missing", "the address of the service, such as http://localhost:8080", "set it, or the variable GENERIC_GUARDRAIL_API_BASE")
	}
	to.Service = &services.Settings{Generic: s}
}

// moderationGuard reads the settings of openai_moderation.
type moderationGuard struct{ settings moderation.Settings }

func (g *moderationGuard) read(l *loader, k Key, n *node, path string) bool {
	s := &g.settings
	if k.Name != "model" {
		return l.guardAccess(&s.Key, &s.Base, k, n, path)
	}
	s.Model, _ = l.text(k, n, path)
	return true
}

func (g *moderationGuard) settle(l *loader, to *Guardrail, params *node, path string) {
	g.settings.Key = l.guardKey(g.settings.Key, "OPENAI_API_KEY", params, path)
	to.Service = &services.Settings{Moderation: &g.settings}
}

// guardAccess reads the key and the address of a service, and reports whether the setting is one of them.
func (l *loader) guardAccess(key *guard.Secret, base *string, k Key, n *node, path string) bool {
	switch k.Name {
	case "api_key":
		text, _ := l.text(k, n, path)
		*key = guard.Secret(text)
	case "api_base":
		*base = ""
		if text, ok := l.text(k, n, path); ok && l.serviceURL(text, n, path) {
			*base = strings.TrimRight(text, "/")
		}
	default:
		return false
	}
	return true
}

// guardKey is a key, or the one of a variable; a problem if there is neither.
func (l *loader) guardKey(key guard.Secret, variable string, params *node, path string) guard.Secret {
	text, _ := l.env(variable)
	if key = cmp.Or(key, guard.Secret(text)); key == "" {
		l.errorAt(params.file, params.line, params.column, path, "api_key is missing", "the key of the service", "set it, or the variable "+variable)
	}
	return key
}

// guardJSON reads a mapping as JSON, with what it refers to.
func (l *loader) guardJSON(k Key, n *node, path string) jsonx.Raw {
	n, ok := l.resolved(k, n, path)
	if !ok {
		return nil
	}
	v, ok := raw(n, maxInfos)
	if !ok {
		l.errorAt(n.file, n.line, n.column, path, "is too large", "", "")
	}
	return slices.Clip(v)
}
