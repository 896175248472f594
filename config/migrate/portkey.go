package migrate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"outcrop/config"
)

// Facts about configs are those of the checks in Portkey's gateway 1.15.2 (npm: @portkey-ai/gateway).

// portkeyProviders are Portkey's names of providers, with those that they have here.
func portkeyProviders() map[string]string {
	return map[string]string{
		"openai": "openai", "anthropic": "anthropic", "azure-openai": "azure", "azure-ai": "azure_ai", "bedrock": "bedrock", "vertex-ai": "vertex_ai", "google": "gemini", "cohere": "cohere",
		"mistral-ai": "mistral", "groq": "groq", "together-ai": "together_ai", "perplexity-ai": "perplexity", "deepseek": "deepseek", "fireworks-ai": "fireworks_ai", "ollama": "ollama",
		"openrouter": "openrouter", "x-ai": "xai", "cerebras": "cerebras", "nebius": "nebius", "huggingface": "huggingface", "sagemaker": "sagemaker", "deepinfra": "deepinfra", "anyscale": "anyscale",
		"ai21": "ai21_chat", "moonshot": "moonshot", "novita-ai": "novita", "sambanova": "sambanova", "lambda": "lambda_ai", "dashscope": "dashscope", "jina": "jina_ai", "voyage": "voyage",
		"z-ai": "zai", "zhipu": "bigmodel", "github": "github", "nscale": "nscale", "hyperbolic": "hyperbolic", "featherless-ai": "featherless_ai", "cometapi": "cometapi", "ovhcloud": "ovhcloud",
		"workers-ai": "cloudflare", "reka-ai": "reka",
	}
}

func portkeyReasons() map[string]string {
	guards := "Outcrop has guardrails of its own: docs/guardrails.md."
	return map[string]string{
		"input_guardrails": guards, "output_guardrails": guards, "before_request_hooks": guards, "after_request_hooks": guards,
		"forward_headers":             "Clients' headers are not passed on; extra_headers of an entry are sent with every call.",
		"strict_open_ai_compliance":   "Responses follow OpenAI's API, with reasoning_content and other fields of LiteLLM's beside it.",
		"on_status_codes":             "Outcrop goes on to the next entry after every failure that another could serve: rate limits, time-outs, failures of the provider.",
		"use_retry_after_header":      "Retry-After of the provider always counts.",
		"semantic_cache":              "The response cache takes the same requests, not similar ones.",
		"openai_project":              "It is not supported here.",
		"azure_auth_mode":             "Without an api_key, Azure's usual credentials are used; see docs/providers.md.",
		"azure_model_name":            "Set model_info.base_model, so that prices and limits are known.",
		"aws_auth_type":               "Without aws_access_key_id, AWS's usual credentials are used, and aws_role_name assumes a role.",
		"vertex_service_account_json": "",
	}
}

// portkey converts a config.
type portkey struct {
	*draft
	leaves []*leaf
}

// leaf is a target with a provider.
type leaf struct {
	v        *value
	path     string
	order    int
	weight   float64
	branch   string // the name of the target of a conditional strategy; empty for others
	from     inherited
	provider string // by its name here; empty if it is unknown
	slug     string // the virtual key, or the provider's name in Portkey's console
	model    string // that every call has; empty for the one that the client asks for
}

// inherited is what targets have of the levels above.
type inherited struct {
	retries, timeout string
	params           map[string]*value
}

func fromPortkey(o Options, n ast.Node) (*Result, error) {
	root := read(n)
	if root.kind != object {
		return nil, wrongKind(o, root, "a config of Portkey's is an object with strategy and targets, or with provider")
	}
	if inner := root.find("config"); isKind(inner, object) && root.find("targets") == nil && root.find("provider") == nil {
		root = inner // as Portkey's API returns it
	}
	p := &portkey{draft: newDraft(o, Portkey)}
	p.say("made from a config of Portkey's by outcrop config migrate. Clients need neither the header x-portkey-config nor x-portkey-virtual-key: the name of a model selects the entries below.")
	levels := p.walk(root, "", 0, 1, inherited{params: map[string]*value{}}, "")
	p.cache(root)
	name := p.publicName()
	for i, l := range p.leaves {
		p.add(l, name, i, levels)
	}
	if !slices.ContainsFunc(p.leaves, func(l *leaf) bool { return l.from.retries != "" }) {
		p.litellm = append(p.litellm, setting{"num_retries", "0", "As in Portkey without retry. Without this setting, Outcrop tries a failed call twice more."})
	}
	p.leftOver(root, "", portkeyReasons())
	return p.finish()
}

// walk collects the targets below a config, and returns how many levels of fallbacks it has.
func (p *portkey) walk(v *value, path string, order int, weight float64, from inherited, branch string) int {
	from = p.inherit(v, path, from)
	targets := v.find("targets")
	if !isKind(targets, array) || len(targets.items) == 0 {
		if v.find("strategy") != nil {
			v.find("strategy").string("mode")
		}
		p.leaves = append(p.leaves, &leaf{v: v, path: path, order: order, weight: weight, from: from, branch: branch})
		return 1
	}
	v.take("targets")
	v.take("strategy")
	strategy := v.find("strategy")
	mode := cmp.Or(strategy.string("mode"), "single")
	var sum float64
	for _, t := range targets.items {
		sum += share(t)
	}
	used := 0
	for i, t := range targets.items {
		at := strings.TrimPrefix(fmt.Sprintf("%s.targets[%d]", path, i), ".")
		switch mode {
		case "fallback":
			used += p.walk(t, at, order+used, weight, from, branch)
			t.take("weight")
		case "loadbalance":
			part := weight
			if sum > 0 {
				part = weight * share(t) / sum
			}
			t.take("weight")
			levels := p.walk(t, at, order, part, from, branch)
			if levels > 1 {
				p.say(fmt.Sprintf("%s has fallbacks of its own. Here they serve what any of the targets beside it could not.", at))
			}
			used = max(used, levels)
		case "conditional":
			name := cmp.Or(t.string("name"), fmt.Sprintf("target-%d", i+1))
			used = max(used, p.walk(t, at, order, weight, from, name))
		default: // single: the first one
			if i > 0 {
				p.drop(fmt.Sprintf("not taken over: %s (line %d). The strategy single uses the first target only.", at, t.line))
				done(t)
				continue
			}
			used = p.walk(t, at, order, weight, from, branch)
		}
	}
	if mode == "conditional" {
		p.conditions(strategy)
	}
	return used
}

// done marks everything in a value as taken care of.
func done(v *value) {
	for _, m := range v.members {
		m.taken = true
		done(m.value)
	}
	for _, item := range v.items {
		done(item)
	}
}

// share is the weight of a target; 1 if it has none.
func share(t *value) float64 {
	w := t.find("weight")
	if w == nil {
		return 1
	}
	f, err := strconv.ParseFloat(w.text, 64)
	if err != nil {
		return 1
	}
	return f
}

// conditions says which names take the place of conditions.
func (p *portkey) conditions(strategy *value) {
	if list := strategy.take("conditions"); isKind(list, array) {
		for _, c := range list.items {
			query := c.find("query")
			text := "a condition"
			if query != nil {
				text = p.flow(query)
			}
			p.drop(fmt.Sprintf("not taken over: the condition of line %d, %s. Clients ask for the model %q instead, or entries with tags and router_settings.enable_tag_filtering choose by the tags of calls.", c.line, text, c.string("then")))
			done(c)
		}
	}
	if name := strategy.string("default"); name != "" {
		p.say(fmt.Sprintf("without a condition, Portkey uses the target %q.", name))
	}
}

// inherit adds what a level says to what those above say.
func (p *portkey) inherit(v *value, path string, from inherited) inherited {
	out := inherited{from.retries, from.timeout, maps.Clone(from.params)}
	if retry := v.take("retry"); retry != nil {
		out.retries = cmp.Or(retry.string("attempts"), out.retries)
	}
	if ms := v.string("request_timeout"); ms != "" {
		if f, err := strconv.ParseFloat(ms, 64); err == nil && f > 0 {
			out.timeout = strconv.FormatFloat(f/1000, 'f', -1, 64)
		}
	}
	if params := v.take("override_params"); isKind(params, object) {
		for _, m := range params.members {
			m.taken = true
			out.params[m.name] = m.value
		}
	}
	if path != "" && v.find("cache") != nil {
		v.take("cache")
		done(v.find("cache"))
		p.drop(fmt.Sprintf("not taken over: %s.cache. The response cache is for all models, or for requests that say so.", path))
	}
	return out
}

// cache reads the cache of the whole config.
func (p *portkey) cache(root *value) {
	v := root.take("cache")
	if v == nil {
		return
	}
	mode := v.text
	if v.kind == object {
		mode = v.string("mode")
	}
	why := ""
	if mode == "semantic" {
		why = "Portkey also answers similar requests from its cache (semantic). Here only the same requests are."
	}
	p.litellm = append(p.litellm, setting{"cache", "true", why})
	if age := v.string("max_age"); age != "" {
		p.litellm = append(p.litellm, setting{"cache_params", "{type: local, ttl: " + numeral(age) + "}", ""})
	}
}

// publicName is the name that clients ask for: * if a target serves the model of the request, and otherwise the model
// of the first target.
func (p *portkey) publicName() string {
	name := ""
	for _, l := range p.leaves {
		p.resolve(l)
		if l.model == "" {
			return "*"
		}
		name = cmp.Or(name, l.model)
	}
	return name
}

// resolve finds out the provider and the model of a target.
func (p *portkey) resolve(l *leaf) {
	known := portkeyProviders()
	name := l.v.string("provider")
	if m := l.from.params["model"]; m != nil {
		l.model = m.text
		if slug, model, ok := strings.Cut(l.model, "/"); ok && strings.HasPrefix(slug, "@") {
			name, l.model = cmp.Or(name, slug), model
		}
	}
	l.model = cmp.Or(l.model, l.v.string("azure_deployment_id"))
	l.slug = cmp.Or(l.v.string("virtual_key"), strings.TrimPrefix(name, "@"))
	if own, ok := known[name]; ok {
		l.provider = own
		if l.v.find("virtual_key") == nil {
			l.slug = ""
		}
		return
	}
	for _, guess := range slices.SortedFunc(maps.Keys(known), func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) }) {
		if strings.Contains(l.slug, guess) {
			l.provider = known[guess]
			return
		}
	}
}

// add makes an entry of a target.
func (p *portkey) add(l *leaf, name string, index, levels int) {
	e := &entry{name: cmp.Or(l.branch, name), weight: strconv.FormatFloat(l.weight, 'f', -1, 64)}
	if l.weight == 1 {
		e.weight = ""
	}
	p.entries = append(p.entries, e)
	prefix := l.provider
	switch {
	case prefix == "" && l.slug == "":
		prefix = cmp.Or(l.v.string("provider"), "PROVIDER")
		e.off = true
		p.decide(e, "the config does not say which provider this is: it comes with the request, or it is one that Outcrop does not know. Write it in place of "+prefix+", and remove the #.")
	case prefix == "":
		prefix, e.off = "PROVIDER", true
		p.decide(e, fmt.Sprintf("the provider of %q is known to Portkey only. Write it in place of PROVIDER, and remove the #.", l.slug))
	case !p.provider(prefix):
		e.off = true
		p.decide(e, fmt.Sprintf("Outcrop does not support the provider %s; docs/providers.md lists those that it does.", prefix))
	case l.slug != "":
		e.remarks = append(e.remarks, fmt.Sprintf("the provider is guessed from the name %q.", l.slug))
	}
	model := cmp.Or(l.model, "*")
	if l.branch != "" && l.model == "" {
		model = "MODEL"
		e.off = true
		p.decide(e, "the model comes with the request. Write it in place of MODEL, and remove the #.")
	}
	e.set("model", prefix+"/"+model)
	p.keys(l, e, prefix, index)
	if levels > 1 {
		e.raw("order", strconv.Itoa(l.order+1))
	}
	e.number("timeout", l.from.timeout)
	e.number("num_retries", l.from.retries)
	p.params(l, e)
}

// keys adds credentials and addresses.
func (p *portkey) keys(l *leaf, e *entry, provider string, index int) {
	words := cmp.Or(l.slug, fmt.Sprint(provider, " ", index+1))
	switch key := l.v.string("api_key"); {
	case key != "":
		e.set("api_key", p.secret(key, words, "api_key"))
	case l.slug == "":
	case provider == "bedrock" || provider == "sagemaker" || provider == "vertex_ai":
		p.decide(e, fmt.Sprintf("the credentials of %q are in Portkey. Without a setting, those of the environment are used.", l.slug))
	default:
		p.decide(e, fmt.Sprintf("the key of %q is in Portkey. Set the environment variable %s to it.", l.slug, variable(l.slug, "api_key")))
		e.set("api_key", references[0]+variable(l.slug, "api_key"))
	}
	if name := l.v.string("azure_resource_name"); name != "" {
		e.set("api_base", "https://"+name+".openai.azure.com")
	} else if provider == "azure" && l.slug != "" && l.v.find("custom_host") == nil {
		e.set("api_base", references[0]+variable(l.slug, "api_base"))
		e.remarks = append(e.remarks, fmt.Sprintf("set %s to the address of the resource, https://NAME.openai.azure.com.", variable(l.slug, "api_base")))
	}
	for _, s := range [...][2]string{
		{"custom_host", "api_base"},
		{"azure_api_version", "api_version"},
		{"aws_access_key_id", "aws_access_key_id"},
		{"aws_secret_access_key", "aws_secret_access_key"},
		{"aws_session_token", "aws_session_token"},
		{"aws_region", "aws_region_name"},
		{"aws_role_arn", "aws_role_name"},
		{"aws_external_id", "aws_external_id"},
		{"vertex_project_id", "vertex_project"},
		{"vertex_region", "vertex_location"},
		{"openai_organization", "organization"},
	} {
		text := l.v.string(s[0])
		if secretSetting(s[1]) && secretName(s[1]) {
			text = p.secret(text, words, s[1])
		}
		e.set(s[1], text)
	}
	if account := l.v.take("vertex_service_account_json"); isKind(account, object) {
		e.raw("vertex_credentials", p.flow(account, words))
	}
	if l.branch == "" {
		l.v.take("name")
	}
}

// params adds the parameters of calls that a target sets.
func (p *portkey) params(l *leaf, e *entry) {
	defaults := false
	for _, name := range slices.Sorted(maps.Keys(l.from.params)) {
		v := l.from.params[name]
		if name == "model" {
			continue
		}
		if !slices.ContainsFunc(config.Keys(), func(k config.Key) bool {
			return k.Section == "model_list[].litellm_params" && k.Name == name && k.Class == config.Supported
		}) {
			e.remarks = append(e.remarks, fmt.Sprintf("not taken over: override_params.%s, which entries cannot set.", name))
			p.result.Removed++
			continue
		}
		e.raw(name, p.flow(v))
		defaults = true
	}
	if defaults {
		e.remarks = append(e.remarks, "the parameters are for requests that do not set them; in Portkey they replace those of requests.")
	}
}
