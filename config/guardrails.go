package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/guard"
	"outcrop/guard/services"
	"outcrop/internal/jsonx"
)

const (
	sectionGuardrail       = "guardrails[]"
	sectionGuardrailParams = sectionGuardrail + ".litellm_params"
	sectionGuardPattern    = sectionGuardrailParams + ".patterns[]"
	sectionGuardWord       = sectionGuardrailParams + ".blocked_words[]"
	sectionGuardMode       = sectionGuardrailParams + ".mode"
)

// guardTimeout bounds a check. LiteLLM has no such bound for its content filter.
const guardTimeout = 10 * time.Second

// contentFilter is LiteLLM's type of a guardrail of words and patterns.
const contentFilter = "litellm_content_filter"

// Guardrail is a guardrail as it is configured.
type Guardrail struct {
	// Rule is complete but for its Checker if a service checks.
	guard.Rule

	// Service is the service that checks; nil if none does.
	Service *services.Settings
	// ID is what LiteLLM's endpoints call it by.
	ID string
	// Params are litellm_params as they may be shown, and Info is guardrail_info; nil if there is none. Both are JSON.
	Params, Info jsonx.Raw
	// Path is the guardrail's path in the configuration, such as guardrails[0], and Position where it is.
	Path     string
	Position Position
}

// guardDefaults are settings for all guardrails.
type guardDefaults struct{ skipSystem bool }

// guardrails reads the guardrails.
func (l *loader) guardrails(n *node, defaults guardDefaults) (all []Guardrail) {
	if n == nil {
		return nil
	}
	for i, item := range n.items {
		path := fmt.Sprintf("guardrails[%d]", i)
		g := l.guardrail(item, path, defaults)
		if g == nil {
			continue
		}
		if g.ID == "" {
			g.ID = idOf(g.Name, all)
		}
		all = append(all, *g)
	}
	return all
}

// guardrail reads one guardrail; nil if it has problems, or is left out because the operator accepts that.
func (l *loader) guardrail(n *node, path string, defaults guardDefaults) *Guardrail {
	r := &Guardrail{Rule: guard.Rule{Timeout: guardTimeout, SkipSystem: defaults.skipSystem}, Path: path, Position: l.position(n)}
	var params *node
	before := l.count[Error]
	l.fields(n, sectionGuardrail, path, nil, func(k Key, n *node, path string) {
		switch k.Name {
		case "guardrail_name":
			if r.Name, _ = l.text(k, n, path); strings.ContainsFunc(r.Name, func(c rune) bool { return c <= ' ' || c > '~' || c == ',' }) {
				l.errorAt(n.file, n.line, n.column, path, "must be a word, because headers of responses have it", "ASCII without spaces and commas", "")
			}
		case "litellm_params":
			params = n
		case "guardrail_id":
			r.ID, _ = l.text(k, n, path)
		case "guardrail_info":
			r.Info, _ = raw(n, maxInfos)
		}
	})
	if n.kind != mapping {
		return nil
	}
	if r.Name == "" {
		l.errorAt(n.file, n.line, n.column, path, "guardrail_name is missing", "a word", "")
	}
	if params == nil {
		l.errorAt(n.file, n.line, n.column, path, "litellm_params is missing", "a mapping with guardrail and mode", "")
		return nil
	}
	path += ".litellm_params"
	if known := l.guardType(r, params, path); !known || r.Checker == nil && !l.guardParams(r, params, path) || l.count[Error] > before {
		return nil
	}
	r.Params = l.shownParams(params)
	return r
}

// idOf is the id of a guardrail that has none of its own, in the form of LiteLLM's. It is the same at every start, and another one for each of
// a name.
func idOf(name string, before []Guardrail) string {
	for i := range before {
		if before[i].Name == name {
			name += " and another"
		}
	}
	sum := sha256.Sum256([]byte("guardrail " + name))
	id := hex.EncodeToString(sum[:16])
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
}

// shownParams are settings as they may be shown: without secrets, and with what refers to other values as it was written.
func (l *loader) shownParams(n *node) jsonx.Raw {
	own := *n
	own.members = slices.Clone(n.members)
	for i := range own.members {
		m := &own.members[i]
		if k, ok := l.table.find(sectionGuardrailParams, m.key); ok && k.Type != SecretType && m.key != "headers" {
			continue
		}
		m.value = &node{kind: scalar, text: "****"}
	}
	text, _ := raw(&own, maxInfos) // one that is too large is not shown
	return text
}

// guardType reads the type, and reports whether there is such a guardrail here, or none is named.
func (l *loader) guardType(r *Guardrail, params *node, path string) bool {
	at := params.get("guardrail")
	if at == nil {
		l.errorAt(params.file, params.line, params.column, path, "guardrail is missing", strings.Join(guardTypes(), ", "), "")
		return true
	}
	path += ".guardrail"
	var ok bool
	if r.Kind, ok = l.text(Key{Type: StringType}, at, path); !ok {
		return false
	}
	if !slices.Contains(guardTypes(), r.Kind) {
		message := fmt.Sprintf("guardrails of the type %q are not supported yet", r.Kind)
		if r.Kind == "lakera" {
			message = "Lakera's first API, which the type lakera asks, is not supported; lakera_v2 asks the second one"
		}
		if always := params.get("default_on"); l.src.AllowUnsupported || always != nil && !strings.EqualFold(always.text, "false") {
			l.unenforced(at, path, message, strings.Join(guardTypes(), ", "))
			return false
		}
		// Only the calls that ask for it need a verdict.
		r.Mode, r.Checker = guard.PreCall, guard.Missing(r.Kind)
		l.warnAt(at.file, at.line, at.column, path, message+": calls that ask for it are refused", "these are: "+strings.Join(guardTypes(), ", "))
	}
	return true
}

// guardTypes are the types of guardrails that there are, in LiteLLM's words.
func guardTypes() []string {
	return []string{contentFilter, "bedrock", "presidio", "lakera_v2", "generic_guardrail_api", "openai_moderation"}
}

// unenforced reports a restriction that would not be in force: an error, unless the operator accepts that.
func (l *loader) unenforced(n *node, path, message, accepted string) {
	if l.src.AllowUnsupported {
		l.warnAt(n.file, n.line, n.column, path, message+", and the guardrail is left out", "")
		return
	}
	l.errorAt(n.file, n.line, n.column, path, message, accepted, "remove the guardrail, or start with --allow-unsupported to run without it")
}

// guardKind reads the settings that only a type of guardrails has.
type guardKind interface {
	// read reads a setting; false if the type has none of the name.
	read(l *loader, k Key, n *node, path string) bool
	// settle completes the guardrail when all settings have been read. Problems are those of params.
	settle(l *loader, g *Guardrail, params *node, path string)
}

// guardKindOf is the reader of a type's settings.
func guardKindOf(kind string) guardKind {
	switch kind {
	case "bedrock":
		return &bedrockGuard{aws: map[string]string{}}
	case "presidio":
		return &presidioGuard{}
	case "lakera_v2":
		return &lakeraGuard{}
	case "generic_guardrail_api":
		return &genericGuard{}
	case "openai_moderation":
		return &moderationGuard{}
	default:
		return &filterGuard{guard.NewFilter()}
	}
}

// guardParams reads the settings of a guardrail whose type is known. It reports false if the guardrail is left out.
func (l *loader) guardParams(r *Guardrail, params *node, path string) bool {
	kind := guardKindOf(r.Kind)
	enforced, openIfAway, openAlways := true, false, false
	l.fields(params, sectionGuardrailParams, path, nil, func(k Key, n *node, path string) {
		switch k.Name {
		case "guardrail":
		case "mode":
			enforced = l.guardModes(r, n, path)
		case "default_on":
			r.Always, _ = l.boolean(k, n, path)
		case "skip_system_message_in_guardrail":
			r.SkipSystem, _ = l.boolean(k, n, path)
		case "timeout":
			r.Timeout = l.seconds(k, n, path)
		case "unreachable_fallback":
			openIfAway = l.oneOf(k, n, path, "fail_closed", "fail_open") == "fail_open"
		case "fail_on_error":
			fail, ok := l.boolean(k, n, path)
			openAlways = ok && !fail
		default:
			if !kind.read(l, k, n, path) {
				l.errorAt(n.file, n.line, n.column, path, "guardrails of the type "+r.Kind+" have no such setting", "", "remove it")
			}
		}
	})
	switch {
	case openAlways:
		r.Open = guard.Open
	case openIfAway:
		r.Open = guard.OpenIfUnreachable
	}
	if !enforced {
		return false
	}
	if r.Modes() == 0 {
		l.errorAt(params.file, params.line, params.column, path, "mode is missing", guardModeNames, "")
	}
	kind.settle(l, r, params, path)
	return true
}

// noMasks reports a mode in which nothing can be masked, of a guardrail that masks.
func (l *loader) noMasks(g *Guardrail, params *node, path string) {
	if g.Modes()&guard.DuringCall != 0 {
		l.errorAt(params.file, params.line, params.column, path+".mode", "during_call cannot mask anything, because the model has the request already", "pre_call and post_call", "use pre_call, or the action BLOCK")
	}
}

// oneOf reads one of several words; empty, and a problem, if it is another.
func (l *loader) oneOf(k Key, n *node, path string, words ...string) string {
	text, ok := l.text(k, n, path)
	if !ok || slices.Contains(words, text) {
		return text
	}
	l.errorAt(n.file, n.line, n.column, path, shown(k, n)+" is not one of the values", strings.Join(words, ", "), "")
	return ""
}

// guardModeNames are the modes that there are.
const guardModeNames = "pre_call, during_call, post_call or logging_only"

// guardModes reads mode, and reports whether all of it can be in force.
func (l *loader) guardModes(r *Guardrail, n *node, path string) (enforced bool) {
	if n.kind != mapping {
		r.Mode, enforced = l.modes(n, path)
		return enforced
	}
	enforced = true
	r.Tags = map[string]guard.Mode{}
	l.fields(n, sectionGuardMode, path, nil, func(k Key, n *node, path string) {
		if k.Name == "default" {
			var ok bool
			r.Mode, ok = l.modes(n, path)
			enforced = enforced && ok
			return
		}
		for i := range n.members {
			m, ok := l.modes(n.members[i].value, path+"."+n.members[i].key)
			r.Tags[n.members[i].key] = m
			enforced = enforced && ok
		}
	})
	return enforced
}

// modes reads a word or a list of words, and reports whether there are such modes.
func (l *loader) modes(n *node, path string) (all guard.Mode, known bool) {
	items := []*node{n}
	if n.kind == sequence {
		items = n.items
	}
	for _, item := range items {
		name, ok := l.text(Key{Type: StringType}, item, path)
		if !ok {
			continue
		}
		m, known := guard.ParseMode(name)
		if !known {
			l.unenforced(item, path, "the mode "+strconv.Quote(name)+" is not supported yet", guardModeNames)
			return 0, false
		}
		all |= m
	}
	return all, true
}

// filterGuard reads the settings of litellm_content_filter.
type filterGuard struct{ filter *guard.Filter }

func (f *filterGuard) read(l *loader, k Key, n *node, path string) bool {
	switch k.Name {
	case "pattern_redaction_format":
		f.filter.PatternTag, _ = l.text(k, n, path)
	case "keyword_redaction_tag":
		f.filter.WordTag, _ = l.text(k, n, path)
	case "patterns":
		for i, item := range n.items {
			l.guardPattern(f.filter, item, fmt.Sprintf("%s[%d]", path, i))
		}
	case "blocked_words":
		for i, item := range n.items {
			l.guardWord(f.filter, item, fmt.Sprintf("%s[%d]", path, i))
		}
	default:
		return false
	}
	return true
}

func (f *filterGuard) settle(l *loader, g *Guardrail, params *node, path string) {
	g.Checker = f.filter
	switch {
	case f.filter.Empty():
		l.errorAt(params.file, params.line, params.column, path, "the guardrail looks for nothing", "patterns or blocked_words", "")
	case f.filter.Masks():
		l.noMasks(g, params, path)
	}
}

// guardAction reads the action of a pattern or word.
func (l *loader) guardAction(text string, n *node, path string) guard.Action {
	switch a := guard.Action(strings.ToUpper(text)); a {
	case guard.ActionBlock, guard.ActionMask:
		return a
	}
	l.errorAt(n.file, n.line, n.column, path+".action", "the action is missing or unknown", "BLOCK or MASK", "")
	return guard.ActionBlock
}

// guardPattern reads an item of patterns.
func (l *loader) guardPattern(f *guard.Filter, n *node, path string) {
	set := map[string]string{}
	l.fields(n, sectionGuardPattern, path, nil, func(k Key, n *node, path string) { set[k.Name], _ = l.text(k, n, path) })
	if n.kind != mapping {
		return
	}
	action := l.guardAction(set["action"], n, path)
	switch set["pattern_type"] {
	case "prebuilt":
		if !f.AddPrebuilt(set["pattern_name"], action) {
			names, _ := guard.Prebuilt()
			l.errorAt(n.file, n.line, n.column, path+".pattern_name", "there is no prebuilt pattern "+strconv.Quote(set["pattern_name"]), strings.Join(names, ", "), "write a regular expression instead: pattern_type: regex")
		}
	case "regex":
		switch err := f.AddPattern(set["name"], set["pattern"], action); {
		case set["pattern"] == "":
			l.errorAt(n.file, n.line, n.column, path, "pattern is missing", "a regular expression", "")
		case err != nil:
			l.errorAt(n.file, n.line, n.column, path+".pattern", "is not a valid regular expression", "RE2 syntax, without look-around", "")
		}
	default:
		l.errorAt(n.file, n.line, n.column, path+".pattern_type", "is missing or unknown", "prebuilt or regex", "")
	}
}

// guardWord reads an item of blocked_words.
func (l *loader) guardWord(f *guard.Filter, n *node, path string) {
	set := map[string]string{}
	l.fields(n, sectionGuardWord, path, nil, func(k Key, n *node, path string) { set[k.Name], _ = l.text(k, n, path) })
	if n.kind != mapping {
		return
	}
	if strings.Trim(set["keyword"], " *") == "" {
		l.errorAt(n.file, n.line, n.column, path, "keyword is missing", "a word", "")
		return
	}
	f.AddWord(set["keyword"], set["description"], l.guardAction(set["action"], n, path))
}

// guard reads guardrails and policies.
func (l *loader) guard(cfg *Config, n *node, sets *policies, defaults guardDefaults) {
	cfg.Guardrails = l.guardrails(n, defaults)
	for i := range cfg.Guardrails {
		if name := cfg.Guardrails[i].Name; !slices.Contains(l.guarded, name) {
			l.guarded = append(l.guarded, name)
		}
	}
	cfg.Policies = sets.read(l)
	if n == nil {
		return
	}
	text, _ := raw(n, maxInfos) // one that is too large is refused as a whole
	cfg.GuardrailsAs = string(text) + fmt.Sprint(defaults)
	if len(cfg.Guardrails) > 0 && cfg.Cache.Type != "" {
		l.warnAt(n.file, n.line, n.column, "guardrails", "the response cache of litellm_settings.cache is not used: it would answer before a guardrail has checked the request", "")
	}
}

// guardrails reads the guardrails that are in force for an entry's calls. What is stored in a database may be read by gateways that
// have others: calls are refused then.
func (e *entry) guardrails(n *node, path string) []string {
	names := e.words(n, path)
	for _, name := range names {
		if !e.l.addition && !slices.Contains(e.l.guarded, name) {
			e.l.errorAt(n.file, n.line, n.column, path, "there is no guardrail "+strconv.Quote(name), strings.Join(e.l.guarded, ", "), "add it to guardrails, or remove the name")
		}
	}
	return names
}
