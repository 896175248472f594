package config

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/provider"
	"outcrop/wire/litellm"
)

const (
	sectionModel  = "model_list[]"
	sectionParams = "model_list[].litellm_params"
	sectionInfo   = "model_list[].model_info"
)

// Limits in bytes on values that are written as JSON, which aliases could multiply.
const (
	maxInfo  = 64 << 10 // model_info of an entry
	maxInfos = 32 << 20 // model_info of all entries
	maxValue = 4 << 10  // a setting, as input of the id
	maxList  = 64 << 10 // a setting that is a list or mapping
)

// credential is an entry of credential_list that entries of model_list refer to.
type credential struct {
	values *node
	path   string
}

// credentials reads credential_list.
func (l *loader) credentials(list *node) map[string]credential {
	found := map[string]credential{}
	if list == nil {
		return found
	}
	for i, n := range list.items {
		path := fmt.Sprintf("credential_list[%d]", i)
		var name, values *node
		l.fields(n, "credential_list[]", path, nil, func(k Key, n *node, _ string) {
			switch k.Name {
			case "credential_name":
				name = n
			case "credential_values":
				values = n
			}
		})
		if n.kind != mapping {
			if n.kind == null {
				l.errorAt(n.file, n.line, n.column, path, "must be a mapping, not nothing", "", "")
			}
			continue
		}
		if name == nil {
			l.errorAt(n.file, n.line, n.column, path, "credential_name is missing", "", "")
			continue
		}
		s, ok := l.text(Key{Type: StringType}, name, path+".credential_name")
		if !ok {
			continue
		}
		if _, dup := found[s]; dup {
			l.errorAt(name.file, name.line, name.column, path+".credential_name", fmt.Sprintf("%q is already the name of another entry", s), "", "")
			continue
		}
		if values == nil {
			values = &node{kind: mapping}
		}
		found[s] = credential{values, path + ".credential_values"}
	}
	return found
}

// models reads model_list.
func (l *loader) models(cfg *Config, all calls, everywhere policy, list *node, creds map[string]credential) {
	if list == nil {
		return
	}
	ids := idSet{at: map[string]Position{}, copies: map[string]int{}}
	cfg.Models = slices.Grow(cfg.Models, len(list.items))
	l.places = make(places, 0, usualPlaces*len(list.items))
	for i, n := range list.items {
		e := entry{l: l, node: n, path: fmt.Sprintf("model_list[%d]", i), all: all, everywhere: everywhere, creds: creds}
		found := e.read()
		if e.skipped {
			cfg.Skipped++
		}
		for _, m := range found {
			m.ID = l.uniqueID(m, ids)
			if m.Blocked {
				cfg.Blocked = append(cfg.Blocked, m)
				continue
			}
			cfg.Models = append(cfg.Models, m)
		}
	}
}

// idSet holds the ids in use, their positions, and how often each was generated.
type idSet struct {
	at     map[string]Position
	copies map[string]int
}

// uniqueID checks that an id from the file is unique. It replaces a generated id that
// is taken by another, which depends on how many equal ones came before.
func (l *loader) uniqueID(m Model, ids idSet) string {
	at, given := m.options.find("model_info.id")
	if given {
		if first, taken := ids.at[m.ID]; taken {
			l.errorAt(slices.Index(l.files, at.File), at.Line, at.Column, m.Path+".model_info.id",
				fmt.Sprintf("%q is already the id of another entry: line %d, column %d", m.ID, first.Line, first.Column), "a unique id", "")
		}
		ids.at[m.ID] = at.Position
		return m.ID
	}
	id := m.ID
	for _, taken := ids.at[id]; taken; _, taken = ids.at[id] {
		ids.copies[m.ID]++
		sum := sha256.Sum256([]byte(m.ID + "#" + strconv.Itoa(1+ids.copies[m.ID])))
		id = hex.EncodeToString(sum[:])
	}
	ids.at[id] = m.Position
	return id
}

// entry is an entry of model_list that is being read.
type entry struct {
	l     *loader
	node  *node
	path  string
	all   calls
	creds map[string]credential
	// everywhere is the policy for all models.
	everywhere policy

	name, params, info *node
	policy             policy
	skipped            bool // its provider is not available
}

// read returns the models of the entry: one, or none if it is invalid, or one for each
// provider if its model is *.
func (e *entry) read() []Model {
	l, n := e.l, e.node
	if n.kind != mapping {
		l.errorAt(n.file, n.line, n.column, e.path, "must be a mapping, not "+n.kind.String(), "model_name and litellm_params", "")
		return nil
	}
	l.fields(n, sectionModel, e.path, nil, func(k Key, n *node, _ string) {
		switch k.Name {
		case "model_name":
			e.name = n
		case "litellm_params":
			e.params = n
		case "model_info":
			e.info = n
		}
	})
	m := Model{Path: e.path, Position: l.position(n)}
	if e.params != nil {
		if at := e.params.get("model"); at != nil && at.kind == scalar {
			m.options.set("model", place{Position: l.position(at)})
		}
	}
	name, nameOK := e.required(e.name, n, "model_name", e.path+".model_name")
	if p := n.get("litellm_params"); p == nil || p.kind == null {
		l.errorAt(n.file, n.line, n.column, e.path, "litellm_params is missing", "a mapping with model and the settings to reach it", "")
	}
	e.readInfo(&m)
	if e.params == nil {
		return nil
	}
	model, modelOK := e.required(e.params.get("model"), e.params, "model", e.path+".litellm_params.model")
	if !modelOK {
		e.settings(&m, nil)
		return nil
	}
	providers, rest, ok := e.providers(model)
	if !ok {
		e.settings(&m, nil)
		return nil
	}
	if !nameOK { // an error, but Inspect returns the rest of the entry
		m.Provider, m.Model = providers[0].Name, rest
		e.settings(&m, providers[0])
		return []Model{m}
	}
	if !e.wildcards(name, model) {
		e.settings(&m, providers[0])
		return nil
	}
	var out []Model
	for _, p := range providers {
		one := m
		one.Name, one.Provider, one.Model, one.Bare = name, p.Name, rest, rest == model && model != "*" && !given(e.params, "custom_llm_provider")
		if model == "*" && !given(e.params, "custom_llm_provider") {
			one.Name = strings.Replace(name, "*", p.Name+"/*", 1)
		}
		if len(providers) > 1 && m.ID != "" {
			one.ID = m.ID + "/" + p.Name
		}
		if one.Team == "" {
			one.Public = ""
		} else {
			one.Public = cmp.Or(one.Public, one.Name)
		}
		one.options = slices.Clone(m.options)
		e.settings(&one, p)
		if one.ID == "" {
			one.ID = e.id(one, p)
		}
		e.ownName(&one)
		one.options = l.keep(one.options)
		out = append(out, one)
	}
	return out
}

// required reads a text that must be there.
func (e *entry) required(n, parent *node, key, path string) (string, bool) {
	if n == nil || n.kind == null {
		if parent.kind == mapping {
			e.l.errorAt(parent.file, parent.line, parent.column, strings.TrimSuffix(path, "."+key), key+" is missing", "", "")
		}
		return "", false
	}
	s, ok := e.l.text(Key{Type: StringType}, n, path)
	if ok && strings.TrimSpace(s) == "" {
		e.l.errorAt(n.file, n.line, n.column, path, "must not be empty", "", "")
		return "", false
	}
	return s, ok
}

// quote returns part of a value in quotes, unless it came from the environment.
func (e *entry) quote(n *node, part string) string {
	if refers(n.text) || len(part) > 60 {
		return shown(Key{}, n)
	}
	return strconv.Quote(part)
}

// settings reads litellm_params into m; p is nil if the provider is unknown.
func (e *entry) settings(m *Model, p *provider.Info) {
	l := e.l
	own := calls{}
	m.Values = Values{}
	e.credential(m, p)
	l.fields(e.params, sectionParams, e.path+".litellm_params", p, func(k Key, n *node, path string) {
		switch k.Name {
		case "model", "custom_llm_provider", "litellm_credential_name": // read already
		case "base_model":
			m.BaseModel, _ = l.text(k, n, path) // that of model_info precedes it
		case "timeout", "stream_timeout", "ttft_timeout", "stream_idle_timeout", "keepalive_seconds", "num_retries", "drop_params":
			own.read(l, k, n, path)
		case "configurable_clientside_auth_params":
			e.callers(m, p, n, path)
		case "guardrails":
			m.Guardrails = e.guardrails(n, path)
		default:
			if litellm.IsPrice(k.Name) {
				e.price(m, k, n, path)
				return
			}
			if isLimit(k.Name) {
				e.limit(m, k, n, path)
				return
			}
			if isRouting(k.Name) {
				e.routing(m, p, k, n, path)
				return
			}
			if own, _ := l.table.find(sectionParams, k.Name); own.Class == Supported {
				e.parameter(m, k, n, path)
				return
			}
			e.value(m, p, e.params, k, n, path)
		}
	})
	own.settle(e.all, m)
	e.policy.settle(e.everywhere, m)
}

// settle sets the model's settings: its own, else those for all models. A
// stream_timeout for all models takes precedence over a timeout of the model, as in
// LiteLLM.
func (c calls) settle(all calls, m *Model) {
	c = c.or(all)
	m.Timeout = c.timeout
	m.StreamTimeout = cmp.Or(c.streamTimeout, c.timeout)
	m.FirstTimeout, m.IdleTimeout = c.firstTimeout, c.idleTimeout
	m.NumRetries, m.KeepAlive, m.DropParams = *c.numRetries, c.keepAlive, *c.dropParams
}

// value reads a provider's setting from the mapping from, under the provider's name
// for it.
func (e *entry) value(m *Model, p *provider.Info, from *node, k Key, n *node, path string) {
	o, ok := option(p, k.Name)
	if !ok || o.Name != k.Name && given(from, o.Name) {
		return
	}
	var s string
	if o.Listed && n.kind != scalar {
		s, ok = e.list(k, n, path)
	} else {
		s, ok = e.l.text(k, n, path)
	}
	if !ok {
		m.Incomplete = true
		return
	}
	m.Values[o.Name] = s
	m.options.set(o.Name, place{Position: e.l.position(n)})
}

// list reads a setting that is a list or mapping, as JSON.
func (e *entry) list(k Key, n *node, path string) (string, bool) {
	plain, ok := e.l.resolved(k, n, path)
	if !ok {
		return "", false
	}
	v, ok := raw(plain, maxList)
	if !ok {
		e.l.errorAt(n.file, n.line, n.column, path, "is too large", fmt.Sprintf("at most %d KiB", maxList>>10), "")
	}
	return string(v), ok
}

func given(from *node, key string) bool {
	n := from.get(key)
	return n != nil && n.kind != null
}

// credential reads the settings of the entry of credential_list that this entry refers
// to, except those that this entry sets itself.
func (e *entry) credential(m *Model, p *provider.Info) {
	n, path := e.params.get("litellm_credential_name"), e.path+".litellm_params.litellm_credential_name"
	if n == nil || n.kind == null {
		return
	}
	s, ok := e.l.text(Key{Type: StringType}, n, path)
	if !ok {
		m.Incomplete = true
		return
	}
	c, ok := e.creds[s]
	if !ok {
		m.Incomplete = true
		e.l.errorAt(n.file, n.line, n.column, path, "credential_list has no entry "+e.quote(n, s), "", "")
		return
	}
	e.l.fields(c.values, sectionParams, c.path, p, func(k Key, n *node, path string) {
		switch {
		case given(e.params, k.Name):
		case isLimit(k.Name):
			e.limit(m, k, n, path)
		default:
			e.value(m, p, c.values, k, n, path)
		}
	})
}

// readInfo reads model_info.
func (e *entry) readInfo(m *Model) {
	if e.info == nil {
		return
	}
	l, n, path := e.l, e.info, e.path+".model_info"
	for i := range n.members {
		mem := &n.members[i]
		k, known := l.table.find(sectionInfo, mem.key)
		if known {
			l.use(k, known, mem, sectionInfo, path+"."+mem.key, nil)
		}
		switch {
		case !known || mem.value.kind == null: // a note
		case k.Name == "blocked":
			m.Blocked, _ = l.boolean(k, mem.value, path+".blocked")
		case k.Name == "access_windows":
			m.Limits.Reserved = e.windows(mem.value, path+".access_windows")
		case k.Name == "team_id":
			m.Team, _ = l.text(k, mem.value, path+".team_id")
		case k.Name == "team_public_model_name":
			m.Public, _ = l.text(k, mem.value, path+".team_public_model_name")
		case k.Class == Ignored:
			l.unsupported(k, mem, path+"."+mem.key, nil)
		case k.Class == Limits:
			l.unsupported(k, mem, path+"."+mem.key, nil)
		case k.Name == "outcrop":
			l.fields(mem.value, sectionInfoOutcrop, path+".outcrop", nil, func(k Key, n *node, path string) {
				if k.Name == "policy" {
					e.policy = l.policy(n, path)
				}
			})
		case litellm.IsPrice(k.Name):
			e.price(m, k, mem.value, path+"."+mem.key)
		case k.Name == "access_groups":
			m.AccessGroups = e.words(mem.value, path+".access_groups")
		case k.Name == "mode":
			m.Probe.Mode = e.mode(k, mem, path+".mode")
			m.Responses = m.Probe.Mode == "responses"
		case isProbe(k.Name):
			e.probe(&m.Probe, k, mem.value, path+"."+mem.key)
		case k.Name == "base_model":
			if s, ok := l.text(k, mem.value, path+".base_model"); ok {
				m.BaseModel = s
			}
		case k.Name == "id":
			if s, ok := l.text(k, mem.value, path+".id"); ok && s != "" {
				m.ID = s
				m.options.set("model_info.id", place{Position: l.position(mem.value)})
			}
		}
	}
	var ok bool
	if m.Info, ok = raw(n, min(maxInfo, l.infoLeft)); !ok {
		l.errorAt(n.file, n.line, n.column, path, "is too large", fmt.Sprintf("at most %d KiB in an entry and %d MiB in all", maxInfo>>10, maxInfos>>20), "")
	}
	l.infoLeft -= len(m.Info)
}

// words reads a list of names.
func (e *entry) words(n *node, path string) (words []string) {
	if n.kind != sequence {
		e.l.errorAt(n.file, n.line, n.column, path, "must be a list, not "+n.kind.String(), "a list of names, such as [beta]", "")
	}
	for i, item := range n.items {
		if s, ok := e.l.text(Key{Type: StringType}, item, path+"["+strconv.Itoa(i)+"]"); ok && s != "" {
			words = append(words, s)
		}
	}
	return words
}

// modes are the kinds of models that are served, in LiteLLM's words.
func modes() []string {
	return []string{
		"chat", "completion", "responses", "embedding", "rerank", "image_generation", "image_edit", "audio_transcription", "audio_speech", "moderation", "batch",
	}
}

// mode reads what the model is for, and warns of what is not served.
func (e *entry) mode(k Key, mem *member, path string) string {
	s, ok := e.l.text(k, mem.value, path)
	mode := strings.ToLower(s)
	if ok && !slices.Contains(modes(), mode) {
		e.l.warnAt(mem.file, mem.line, mem.column, path, "Outcrop serves models of the modes "+strings.Join(modes(), ", ")+", and the mode of this entry is another", "remove the entry")
	}
	return mode
}

// id hashes the name and the settings as written in the file, as LiteLLM does, but
// without secrets.
func (e *entry) id(m Model, p *provider.Info) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s", m.Name, m.Provider)
	for _, mem := range e.params.members {
		k, _ := e.l.table.find(sectionParams, mem.key)
		opt, _ := option(p, mem.key)
		if secret := k.Type == SecretType || opt.Secret; secret && !refers(mem.value.text) {
			continue
		}
		v, ok := raw(mem.value, maxValue)
		if !ok {
			v = jsonx.Raw("null")
		}
		fmt.Fprintf(h, "\x00%s\x00%s", mem.key, v)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (l *loader) position(n *node) Position {
	return Position{File: l.files[n.file], Line: n.line, Column: n.column}
}
