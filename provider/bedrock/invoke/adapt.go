package invoke

import (
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Version is the value of anthropic_version, which Bedrock requires
// (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html).
const Version = "bedrock-2023-05-31"

// Options control Adapt.
type Options struct {
	// PassUnknownBetas is whether betas that the table does not know are sent. Otherwise they are
	// dropped with a warning.
	PassUnknownBetas bool
	// DropParams is whether settings that the model does not support are dropped with a warning instead
	// of being refused. It does not apply to tools and content.
	DropParams bool
	// NoFormat and NoStrict leave out output_config.format and strict tools, because AWS has refused
	// them for this model.
	NoFormat, NoStrict bool
	// Without are further features that AWS has refused, as Refused names them.
	Without []string
	// Suspects are those of Without that AWS may have refused, without naming them.
	Suspects []string
	// Count is whether the body is to be counted. Then it needs no max_tokens, which Bedrock requires
	// also for that, and gets one.
	Count bool
	// Guardrail is the operator's, in the form of Converse's guardrailConfig, which replaces the
	// client's; nil for none.
	Guardrail jsonx.Raw
	// Media is the content of images and documents that the request names by URL, which Bedrock does
	// not fetch. Remote lists the URLs.
	Media map[string]Media
}

// Media is content that was fetched.
type Media struct {
	Type   string // the media type, such as image/png
	Base64 llm.Base64
}

// Adapted is a request adapted to its model.
type Adapted struct {
	// Body is the body to send, in segments to be read in sequence. They share the memory of the
	// client's body, and must not be modified.
	Body [][]byte
	// Model is the model as the client named it, for the response; empty if it did not.
	Model string
	// Stream is the client's stream.
	Stream bool
	// Betas are the values of anthropic_beta that are sent.
	Betas []string
	// Headers are sent with the call.
	Headers []llm.Label
	// Warnings list what was changed or dropped.
	Warnings []llm.Warning
}

// Adapt adapts a body of the Messages API to a model. header are the values of the header
// anthropic-beta. The error is an *llm.Error with the field in Param, such as tools.0.type.
func Adapt(m *Model, body []byte, header []string, opt Options) (*Adapted, error) {
	doc, err := parse(body)
	if err != nil {
		return nil, err
	}
	a := &adapter{model: m, doc: doc, opt: opt}
	if opt.NoFormat {
		a.opt.Without = append(slices.Clip(a.opt.Without), featureFormat)
	}
	if opt.NoStrict {
		a.opt.Without = append(slices.Clip(a.opt.Without), featureStrict)
	}
	if err := a.adapt(header); err != nil {
		return nil, err
	}
	a.out.Body = doc.render(&doc.root)
	return &a.out, nil
}

// adapter is the state of one Adapt.
type adapter struct {
	model *Model
	doc   *document
	opt   Options
	out   Adapted
	wants []string // the client's betas
	needs []string // betas that the request needs
	marks []mark   // cache_control, in the order of the prompt
	seen  map[string]bool

	budget int64 // of thinking, which max_tokens must exceed; 0 if there is none
}

func (a *adapter) adapt(header []string) error {
	root := &a.doc.root
	a.out.Model = a.doc.text(root.member("model"))
	a.out.Stream = root.member("stream") != nil && root.member("stream").kind == 't'
	for _, step := range []func() error{
		func() error { return a.wanted(header) },
		a.guard, a.members, a.sampling, a.thinking, a.outputConfig, a.contextManagement, a.tools, a.system, a.messages,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	a.cacheAll()
	a.fourMarks()
	a.sendBetas()
	if a.opt.Count && root.member("max_tokens") == nil {
		root.add(`"max_tokens":` + strconv.FormatInt(a.budget+1, 10))
	}
	if v := root.member("anthropic_version"); v == nil {
		root.prepend(`"anthropic_version":"` + Version + `"`)
	} else if a.doc.text(v) != Version {
		v.replace(`"` + Version + `"`)
	}
	return nil
}

// warn adds a warning; the same one is given once, with the first field that it is about.
func (a *adapter) warn(code, field, detail string) {
	key := code + " " + plainPath(field) + " " + detail
	if a.seen[key] {
		return
	}
	if a.seen == nil {
		a.seen = map[string]bool{}
	}
	a.seen[key] = true
	a.out.Warnings = append(a.out.Warnings, llm.Warning{Code: code, Field: field, Detail: detail})
}

// plainPath is a path without the numbers of elements.
func plainPath(path string) string {
	parts := strings.Split(path, ".")
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { _, err := strconv.Atoi(p); return err == nil }), ".")
}

// dropAs removes a member with a warning.
func (a *adapter) dropAs(n *node, field, detail string) {
	n.drop()
	if n.kind != 'n' {
		a.warn(llm.WarnDropped, field, detail)
	}
}

// apply applies a rule to the value of a member.
func (a *adapter) apply(r *rule, n *node, field string) error {
	switch {
	case r.action == silent || n.kind == 'n':
		n.drop()
	case r.action == dropped || a.opt.DropParams || n.kind == '[' && len(n.kids) == 0:
		a.dropAs(n, field, r.detail)
	default:
		return llm.Unsupported(field, "%s: %s", field, r.detail)
	}
	return nil
}

// members removes top-level members.
func (a *adapter) members() error {
	for i := range a.doc.root.kids {
		n := &a.doc.root.kids[i]
		if n.gone() {
			continue
		}
		if plain, ok := plainValues[n.name]; ok && a.doc.text(n) == plain {
			n.drop()
			continue
		}
		switch n.name {
		case "metadata":
			a.metadata(n)
			continue
		case "service_tier":
			a.tier(n)
			continue
		}
		if r := ruleFor(bodyRules, n.name); r != nil {
			if err := a.apply(r, n, n.name); err != nil {
				return err
			}
		}
	}
	a.leaveOut(&a.doc.root, "", "")
	return nil
}

// metadata removes metadata, which Bedrock does not accept in the body. The caller sends user_id in a
// header.
func (a *adapter) metadata(n *node) {
	n.drop()
	for i := range n.kids {
		if k := &n.kids[i]; k.name != "user_id" && k.kind != 'n' {
			a.warn(llm.WarnDropped, "metadata."+k.name, "Bedrock does not accept it")
		}
	}
}

// tier turns service_tier into the header in which InvokeModel has it
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html).
func (a *adapter) tier(n *node) {
	tier := a.doc.text(n)
	switch tier {
	case "standard_only":
		tier = "default"
	case "default", "priority", "flex", "reserved":
	default:
		a.dropAs(n, n.name, "Bedrock has no such service tier")
		return
	}
	n.drop()
	a.out.Headers = append(a.out.Headers, llm.Label{Name: "X-Amzn-Bedrock-Service-Tier", Value: tier})
}

// leaveOut removes the members of an object that AWS has refused. place is the object in the words
// of Refused, such as tools, and path its own path.
func (a *adapter) leaveOut(n *node, place, path string) {
	if len(a.opt.Without) == 0 || n.kind != '{' {
		return
	}
	for i := range n.kids {
		k := &n.kids[i]
		if !k.gone() && k.name != AllBetas && below(place, k.name) != featureRole && slices.Contains(a.opt.Without, below(place, k.name)) {
			a.dropAs(k, below(path, k.name), "AWS refused it for this model")
		}
	}
}

// below is the path of a member.
func below(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func index(path string, i int) string { return below(path, strconv.Itoa(i)) }

// thinking adapts the setting for thinking: a model before 4.6 has no adaptive thinking, one from
// 4.7 on no budget.
func (a *adapter) thinking() error {
	const field = "thinking"
	n := a.doc.root.member(field)
	if n == nil || n.kind != '{' {
		return nil
	}
	kind := a.doc.text(n.member("type"))
	if !a.model.has(thinks) {
		if kind == "disabled" {
			n.drop()
		} else {
			a.dropAs(n, field, "this model does not think")
		}
		return nil
	}
	switch {
	case kind == "disabled" && !a.model.has(disabling):
		a.dropAs(n, field, "thinking cannot be disabled for this model")
		return nil
	case kind == "adaptive" && !a.model.has(adaptive):
		most := a.number("max_tokens")
		tokens := budgetFor(a.doc.text(a.doc.root.member("output_config").member("effort")))
		if most > 0 && tokens >= most {
			tokens = max(leastBudget, most/2)
		}
		if most > 0 && most <= leastBudget {
			a.dropAs(n, field, "this model requires a budget, for which max_tokens has no room")
			return nil
		}
		n.replace(`{"type":"enabled","budget_tokens":` + strconv.FormatInt(tokens, 10) + `}`)
		a.budget = tokens
		a.warn(llm.WarnChanged, field, "converted to a budget, because this model has no adaptive thinking")
		return nil
	case kind == "enabled" && !a.model.has(budget):
		n.member("type").replace(`"adaptive"`)
		if b := n.member("budget_tokens"); b != nil {
			b.drop()
		}
		a.warn(llm.WarnChanged, field, "converted to adaptive thinking, because this model does not accept a budget")
	case kind == "enabled":
		a.budget = max(0, a.integer(n.member("budget_tokens")))
	}
	if d := n.member("display"); d != nil {
		value := a.doc.text(d)
		switch {
		case !a.model.has(display) || a.without(featureDisplay):
			a.dropAs(d, field+".display", "this model does not accept it")
		case value == "updates" && (a.model.betaFor(betaUpdates).verdict == refuse || !a.need(betaUpdates)):
			a.dropAs(d, field+".display", `Bedrock does not support "updates" for this model`)
		}
	}
	a.leaveOut(n, field, field)
	return nil
}

// sampling adapts temperature and top_p. Where they ask for what is so anyway, 1, nothing is lost.
// Other values are left to AWS, which names the one that it refuses.
func (a *adapter) sampling() error {
	var set []*node
	for _, name := range []string{"temperature", "top_p", "top_k"} {
		n := a.doc.root.member(name)
		if n == nil || a.model.has(sampling) {
			if n != nil && name != "top_k" {
				set = append(set, n)
			}
			continue
		}
		switch {
		case name != "top_k" && a.isOne(n):
			n.drop()
		case a.opt.DropParams:
			a.dropAs(n, name, "this model does not support it")
		}
	}
	if len(set) < 2 || a.model.has(bothSampling) {
		return nil
	}
	for _, n := range set {
		if a.isOne(n) {
			n.drop()
			return nil
		}
	}
	if a.opt.DropParams {
		a.dropAs(set[1], "top_p", "this model does not support it beside temperature")
	}
	return nil
}

func (a *adapter) isOne(n *node) bool {
	v, err := strconv.ParseFloat(string(a.doc.raw(n)), 64)
	return err == nil && v == 1
}

// number is a top-level integer; 0 if there is none.
func (a *adapter) number(name string) int64 { return a.integer(a.doc.root.member(name)) }

// integer is the value of an integer; 0 if n is none.
func (a *adapter) integer(n *node) (v int64) {
	if n != nil && n.kind == '0' {
		v, _ = strconv.ParseInt(string(a.doc.raw(n)), 10, 64)
	}
	return v
}

// outputConfig adapts output_config, and output_format, the older name of its format.
func (a *adapter) outputConfig() error {
	const field = "output_config"
	root := &a.doc.root
	n := root.member(field)
	if n != nil && n.kind != '{' {
		return nil
	}
	old, f := root.member("output_format"), n.member("format")
	if old != nil {
		switch {
		case old.kind == 'n' || f != nil:
		case !a.formats():
			if err := a.instruct(old, "output_format"); err != nil {
				return err
			}
		case n == nil:
			root.add(`"output_config":{"format":` + string(a.doc.raw(old)) + `}`)
		default:
			n.add(`"format":` + string(a.doc.raw(old)))
		}
		old.drop()
	}
	if n == nil {
		return nil
	}
	if f != nil && !a.formats() {
		if f.kind != 'n' {
			if err := a.instruct(f, field+".format"); err != nil {
				return err
			}
		}
		f.drop()
	}
	a.effort(n, field+".effort")
	a.leaveOut(n, field, field)
	if !slices.ContainsFunc(n.kids, func(k node) bool { return !k.gone() }) && len(n.changes().back) == 0 {
		n.drop()
	}
	return nil
}

// effort adapts the member effort of output_config.
func (a *adapter) effort(config *node, field string) {
	e := config.member("effort")
	if e == nil {
		return
	}
	word := a.doc.text(e)
	best := a.model.effortFor(word)
	switch {
	case !a.model.has(effort) || a.without(featureEffort):
		a.dropAs(e, field, "this model does not support effort")
		return
	case best != word:
		e.replace(`"` + best + `"`)
		a.warn(llm.WarnChanged, field, "this model does not support "+word+"; set to "+best)
	}
	if row := a.model.betaFor(betaEffort); row.verdict == take && !a.need(betaEffort) {
		a.dropAs(e, field, "AWS refused the beta that it needs")
	}
}

// formats reports whether the model is given a format.
func (a *adapter) formats() bool { return a.model.has(format) && !a.without(featureFormat) }

// instruct asks for a format in the system prompt, for a model that does not enforce it.
func (a *adapter) instruct(f *node, field string) error {
	schema := f.member("schema")
	if schema == nil {
		return llm.Unsupported(field, "%s: this model does not support output formats", field)
	}
	text := "Answer with JSON and nothing else, without a code block around it. It must follow this JSON schema: " + string(a.doc.raw(schema))
	if t := a.doc.root.member("tools"); t != nil && len(t.kids) > 0 {
		text = "When you call no tool: " + text
	}
	block := `{"type":"text","text":` + string(jsonx.AppendString(nil, text)) + `}`
	a.warn(llm.WarnChanged, field, "the schema is passed to the model but is not enforced, because this model does not support output formats")
	switch s := a.doc.root.member("system"); {
	case s == nil:
		a.doc.root.add(`"system":[` + block + `]`)
	case s.kind == '[':
		s.add(block)
	case s.kind == '"' && len(a.doc.text(s)) > 0:
		s.replace(`[{"type":"text","text":` + string(a.doc.raw(s)) + `},` + block + `]`)
	default:
		s.replace(`[` + block + `]`)
	}
	return nil
}

// contextManagement adapts the edits of context_management, and asks for the betas that they need.
func (a *adapter) contextManagement() error {
	const field = "context_management"
	n := a.doc.root.member(field)
	if n == nil {
		return nil
	}
	if a.without(field) || n.kind == 'n' {
		a.dropAs(n, field, "AWS refused it for this model")
		return nil
	}
	kept := 0
	edits := n.member("edits")
	for i, e := range edits.elements {
		kind := a.doc.text(e.member("type"))
		at := index(field+".edits", i)
		switch {
		case strings.HasPrefix(kind, "clear_thinking_") && a.doc.text(e.member("keep")) == "all":
			a.dropAs(e, at, "keeping all thinking is what Bedrock does")
		case strings.HasPrefix(kind, "clear_") && (!a.model.has(contextEditing) || !a.need(betaContext)),
			strings.HasPrefix(kind, "compact_") && (!a.model.has(compaction) || !a.need(betaCompact)):
			a.dropAs(e, at, "this model does not support "+kind+" on Bedrock")
		default:
			kept++
		}
	}
	if edits != nil && kept == 0 {
		n.drop()
	}
	return nil
}
