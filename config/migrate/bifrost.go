package migrate

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"outcrop/internal/lazyregexp"
)

// Facts about the file are those of Bifrost's schema (https://www.getbifrost.ai/schema, transports/config.schema.json
// of github.com/maximhq/bifrost, September 2026).

// bifrostProvider returns the name that a provider of Bifrost has here.
func bifrostProvider(name string) string {
	switch name {
	case "vertex":
		return "vertex_ai"
	case "vllm":
		return "hosted_vllm"
	case "sgl":
		return "sglang"
	case "fireworks":
		return "fireworks_ai"
	case "opencode-go":
		return "opencode_go"
	}
	return name
}

// bifrostReasons explain, by their names, members that are not taken over.
func bifrostReasons() map[string]string {
	return map[string]string{
		"mcp":                           "Outcrop is no gateway for MCP.",
		"plugins":                       "Guardrails, callbacks and the response cache have settings of their own: docs/guardrails.md, docs/monitoring.md and docs/caching.md.",
		"config_store":                  "Outcrop keeps keys, teams and budgets in general_settings.database_url.",
		"logs_store":                    "Outcrop keeps what calls cost in general_settings.database_url; callbacks send the rest elsewhere.",
		"vector_store":                  "The response cache takes the same requests, not similar ones.",
		"encryption_key":                "Outcrop encrypts models of the database with LITELLM_SALT_KEY.",
		"auth_config":                   "The master key is the key of those who manage the gateway.",
		"concurrency_and_buffer_size":   "Calls do not wait for workers; max_parallel_requests of an entry limits them.",
		"retry_backoff_initial":         "router_settings.retry_after is the least pause before a retry.",
		"retry_backoff_max":             "router_settings.retry_after is the least pause before a retry.",
		"retry_backoff_initial_ms":      "router_settings.retry_after is the least pause before a retry.",
		"retry_backoff_max_ms":          "router_settings.retry_after is the least pause before a retry.",
		"proxy_config":                  "Set HTTPS_PROXY for the process.",
		"ca_cert_pem":                   "Write the certificate to a file, and name it in ssl_verify.",
		"rate_limits":                   "rpm_limit and tpm_limit of keys, and rpm and tpm of entries, are the requests and tokens a minute.",
		"teams":                         "Make them with `outcrop teams`.",
		"customers":                     "Make organizations or customers of them, with LiteLLM's API.",
		"business_units":                "Make organizations of them, with LiteLLM's API.",
		"model_configs":                 "rpm, tpm and max_budget of the entries of model_list limit a model.",
		"blacklisted_models":            "Leave the models out of model_list, or give keys lists of models.",
		"use_for_batch_api":             "Every entry serves batches of its provider.",
		"batch_s3_config":               "Batches of Bedrock need their files in S3; see docs/openai-api.md.",
		"log_retention_days":            "Rows of what calls cost have no end.",
		"prometheus_labels":             "docs/monitoring.md has the labels of metrics.",
		"allow_direct_keys":             "general_settings.allow_client_side_credentials lets clients bring credentials of their own.",
		"enable_logging":                "Each call has a line in the log, without prompts and answers.",
		"disable_content_logging":       "Prompts and answers are not in the log.",
		"drop_excess_requests":          "Calls are refused when the memory for them is used up: general_settings.max_in_flight_mb.",
		"project_id":                    "It is not supported here.",
		"arn":                           "Write whole ARNs of inference profiles as model_id of entries.",
		"whitelisted_routes":            "general_settings.public_routes lists paths that need no key.",
		"keep_alive_timeout_in_seconds": "Connections are kept as long as the provider keeps them.",
	}
}

// bifrost converts a config.json.
type bifrost struct {
	*draft
	root    *value
	budgets map[string]*value
}

func fromBifrost(o Options, n ast.Node) (*Result, error) {
	b := &bifrost{draft: newDraft(o, Bifrost), root: read(n), budgets: map[string]*value{}}
	if b.root.kind != object {
		return nil, wrongKind(o, b.root, "Bifrost's config.json is an object with providers")
	}
	b.root.take("$schema")
	if s := b.root.find("providers"); s != nil && s.kind != object {
		return nil, wrongKind(o, s, "providers is an object: {\"openai\": {\"keys\": [...]}}")
	}
	b.say("made from Bifrost's config.json by outcrop config migrate. Clients go on asking for provider/model.")
	version := b.root.string("version")
	providers := b.root.take("providers")
	if providers != nil {
		for _, m := range providers.members {
			m.taken = true
			b.provide(m, version == "1")
		}
	}
	b.litellm = append(b.litellm, setting{"num_retries", "0", "As in Bifrost without max_retries. Without this setting, Outcrop tries a failed call twice more."})
	b.client(b.root.find("client"))
	b.governance(b.root.find("governance"))
	b.leftOver(b.root, "", bifrostReasons())
	return b.finish()
}

// text takes a text that may be a reference: env.NAME, or an object that names a variable.
func (b *bifrost) text(v *value, name string) string {
	m := v.take(name)
	switch {
	case m == nil:
		return ""
	case m.kind == object:
		env, ref, plain := m.string("env_var"), m.string("ref"), m.string("value")
		m.take("from_env")
		kind := m.string("type")
		if env = cmp.Or(env, ref); env != "" && kind != "vault" && plain == "" {
			plain = "env." + strings.TrimPrefix(env, "env.")
		}
		return b.reference(cmp.Or(plain, ref))
	default:
		return b.reference(m.text)
	}
}

func (b *bifrost) reference(text string) string {
	if name, ok := strings.CutPrefix(text, "env."); ok {
		return references[0] + name
	}
	if path, ok := strings.CutPrefix(text, "vault."); ok {
		name := variable(path)
		b.say(fmt.Sprintf("%s takes the place of a reference to a vault, which had the path %s. general_settings.key_management_system names a secret manager; see docs/deployment.md.", name, path))
		return references[0] + name
	}
	return text
}

// provide converts a provider: each model of each key becomes an entry.
func (b *bifrost) provide(m *member, old bool) {
	v := m.value
	base := m.name
	custom := v.take("custom_provider_config")
	if custom != nil {
		base = cmp.Or(custom.string("base_provider_type"), base)
	}
	prefix := bifrostProvider(base)
	network := v.take("network_config")
	shared := b.network(network, base, custom != nil)
	keys := v.take("keys")
	if keys == nil || len(keys.items) == 0 {
		keys = &value{kind: array, items: []*value{{kind: object}}}
	}
	meta := v.take("meta_config") // of versions before 1.2
	for i, key := range keys.items {
		if key.kind != object {
			continue
		}
		name := key.string("name")
		common := append(b.credentials(key, meta, base, cmp.Or(name, fmt.Sprint(m.name, " ", i+1))), shared...)
		models := key.list("models")
		open := slices.Contains(models, "*") || old && len(models) == 0
		if open {
			models = slices.DeleteFunc(models, func(s string) bool { return s == "*" })
		}
		ids := b.aliases(key, base)
		for _, alias := range ids {
			if !slices.Contains(models, alias.name) {
				models = append(models, alias.name)
			}
		}
		weight := key.string("weight")
		enabled := key.take("enabled")
		var entries []*entry
		for _, model := range models {
			id := alias{id: model}
			if at := slices.IndexFunc(ids, func(a alias) bool { return a.name == model }); at >= 0 {
				id = ids[at]
			}
			e := &entry{name: m.name + "/" + model, weight: weight}
			e.set("model", prefix+"/"+id.id)
			e.settings = append(e.settings, id.settings...)
			e.settings = append(e.settings, slices.DeleteFunc(slices.Clone(common), func(s setting) bool {
				return slices.ContainsFunc(id.settings, func(own setting) bool { return own.key == s.key })
			})...)
			entries = append(entries, e)
		}
		if open || len(models) == 0 {
			e := &entry{name: m.name + "/*", weight: weight}
			e.set("model", prefix+"/*")
			e.settings = append(e.settings, common...)
			if !open {
				e.off = true
				b.decide(e, `the key has no list of models, with which Bifrost from 1.5 on serves none. Remove the # for all models of the provider, or list those that you need.`)
			}
			entries = append(entries, e)
		}
		b.add(entries, base, i == 0, enabled != nil && enabled.text == "false")
	}
}

// add takes over the entries of a provider's key. Those that cannot be called are commented out; that the provider is not
// supported is said at its first key.
func (b *bifrost) add(entries []*entry, base string, first, disabled bool) {
	for j, e := range entries {
		switch {
		case !b.provider(bifrostProvider(base)):
			e.off = true
			if first && j == 0 {
				b.decide(e, fmt.Sprintf("Outcrop does not support the provider %s; docs/providers.md lists those that it does.", base))
			}
		case disabled:
			e.off = true
			e.remarks = append(e.remarks, "the key is not enabled in Bifrost.")
		}
		b.entries = append(b.entries, e)
	}
}

// network reads the settings of a provider's connections.
func (b *bifrost) network(v *value, provider string, custom bool) []setting {
	if v == nil {
		return nil
	}
	var e entry
	if url := b.text(v, "base_url"); url != "" {
		if (custom && provider == "openai" || slices.Contains([]string{"openai", "vllm", "sgl"}, provider)) && !refers(url) && !strings.HasSuffix(strings.TrimSuffix(url, "/"), "/v1") {
			url = strings.TrimSuffix(url, "/") + "/v1" // which Bifrost adds to each call
		}
		e.set("api_base", url)
	}
	for _, s := range [...][2]string{{"default_request_timeout_in_seconds", "timeout"}, {"max_retries", "num_retries"}, {"stream_idle_timeout_in_seconds", "stream_idle_timeout"}} {
		e.number(s[1], v.string(s[0]))
	}
	if headers := v.take("extra_headers"); isKind(headers, object) && len(headers.members) > 0 {
		for _, h := range headers.members {
			h.value.text = b.reference(h.value.text)
		}
		e.raw("extra_headers", b.flow(headers, provider))
	}
	if v.string("insecure_skip_verify") == "true" {
		e.raw("ssl_verify", "false")
	}
	return e.settings
}

// credentials reads what a key has to be used with.
func (b *bifrost) credentials(key, meta *value, provider, name string) []setting {
	var e entry
	add := func(v *value, from, to string) {
		text := b.text(v, from)
		if secretSetting(to) {
			text = b.secret(text, name, to)
		}
		e.set(to, text)
	}
	add(key, "value", "api_key")
	own := key.take(provider + "_key_config")
	if own == nil {
		own = meta
	}
	if own == nil {
		return e.settings
	}
	var pairs [][2]string
	switch provider {
	case "bedrock", "bedrock_mantle":
		pairs = [][2]string{{"access_key", "aws_access_key_id"}, {"secret_key", "aws_secret_access_key"}, {"secret_access_key", "aws_secret_access_key"}, {"session_token", "aws_session_token"}, {"region", "aws_region_name"}, {"role_arn", "aws_role_name"}, {"external_id", "aws_external_id"}, {"session_name", "aws_session_name"}}
	case "azure":
		pairs = [][2]string{{"endpoint", "api_base"}, {"api_version", "api_version"}, {"client_id", "client_id"}, {"client_secret", "client_secret"}, {"tenant_id", "tenant_id"}}
	case "vertex":
		pairs = [][2]string{{"project_id", "vertex_project"}, {"region", "vertex_location"}, {"auth_credentials", "vertex_credentials"}}
	case "ollama", "vllm", "sgl":
		pairs = [][2]string{{"url", "api_base"}}
	}
	for _, p := range pairs {
		add(own, p[0], p[1])
	}
	if provider == "vllm" || provider == "sgl" {
		for i, s := range e.settings {
			if s.key == "api_base" && !strings.Contains(s.value, references[0]) && !strings.HasSuffix(s.value, "/v1") {
				e.settings[i].value = strings.TrimSuffix(s.value, "/") + "/v1"
			}
		}
	}
	return e.settings
}

// alias is a name of a model, with what it stands for.
type alias struct {
	name, id string
	settings []setting
}

// aliases reads the names that a key has for models.
func (b *bifrost) aliases(key *value, provider string) []alias {
	var all []alias
	own := key.find(provider + "_key_config")
	for _, v := range []*value{key.take("aliases"), own.take("deployments")} {
		if v == nil {
			continue
		}
		for _, m := range v.members {
			m.taken = true
			a := alias{name: m.name, id: m.value.text}
			if m.value.kind == object {
				var e entry
				a.id = m.value.string("model_id")
				e.set("model_id", b.text(m.value, "inference_profile_arn"))
				region := "aws_region_name"
				if provider == "vertex" {
					region = "vertex_location"
				}
				e.set(region, b.text(m.value, "region"))
				e.set("api_version", b.text(m.value, "api_version"))
				e.set("api_base", b.text(m.value, "endpoint"))
				if provider == "vertex" {
					e.set("vertex_project", b.text(m.value, "project_id"))
				}
				m.value.take("description")
				a.settings = e.settings
			}
			all = append(all, a)
		}
	}
	if own != nil && provider == "vllm" {
		if name := own.string("model_name"); name != "" {
			all = append(all, alias{name: name, id: name})
		}
	}
	return all
}

// client reads the settings of the gateway itself.
func (b *bifrost) client(v *value) {
	if v == nil {
		return
	}
	b.root.take("client")
	if n := v.string("max_request_body_size_mb"); n != "" {
		b.general = append(b.general, setting{"max_request_size_mb", numeral(n), ""})
	}
	if v.find("compat").string("should_drop_params") == "true" {
		v.take("compat")
		b.litellm = append(b.litellm, setting{"drop_params", "true", ""})
	}
	if v.string("enforce_auth_on_inference") == "true" || v.string("enforce_governance_header") == "true" {
		b.masterKey()
	}
}

// masterKey makes the gateway ask for keys.
func (b *bifrost) masterKey() {
	if slices.ContainsFunc(b.general, func(s setting) bool { return s.key == "master_key" }) {
		return
	}
	b.general = append(b.general, setting{"master_key", references[0] + "LITELLM_MASTER_KEY", "Bifrost asks for virtual keys. With a master key Outcrop does, too; `outcrop keys create` makes them."})
}

// sameModel is an expression of a rule that holds for one model.
var sameModel = lazyregexp.New(`^\s*model\s*==\s*["']([^"']+)["']\s*$`)

// governance reads budgets of providers, and rules with fallbacks.
func (b *bifrost) governance(v *value) {
	if v == nil {
		return
	}
	b.root.take("governance")
	used := map[*value]bool{}
	if list := v.find("budgets"); isKind(list, array) {
		for _, item := range list.items {
			b.budgets[item.string("id")] = item
		}
	}
	var limits []string
	if list := v.take("providers"); isKind(list, array) {
		for _, item := range list.items {
			name, budget := item.string("name"), b.budgets[item.string("budget_id")]
			if budget == nil || budget.string("max_limit") == "" {
				continue
			}
			used[budget] = true
			limits = append(limits, fmt.Sprintf("%s: {budget_limit: %s, time_period: %s}", quoted(bifrostProvider(name)), numeral(budget.string("max_limit")), period(budget.string("reset_duration"))))
		}
	}
	if len(limits) > 0 {
		b.router = append(b.router, setting{"provider_budget_config", "{" + strings.Join(limits, ", ") + "}", ""})
	}
	if list := v.take("budgets"); isKind(list, array) {
		for i, item := range list.items {
			if !used[item] {
				b.drop(fmt.Sprintf("not taken over: governance.budgets[%d], %s US dollars in %s. `outcrop keys create --max-budget` and `outcrop budgets` make budgets of keys.", i, item.string("max_limit"), item.string("reset_duration")))
			}
			done(item)
		}
	}
	b.rules(v.take("routing_rules"))
	b.virtualKeys(v.take("virtual_keys"))
}

// virtualKeys says how to make the keys that are not taken over.
func (b *bifrost) virtualKeys(list *value) {
	if isKind(list, array) && len(list.items) > 0 {
		b.masterKey()
		for i, item := range list.items {
			var models []string
			if configs := item.find("provider_configs"); isKind(configs, array) {
				for _, c := range configs.items {
					for _, m := range c.list("allowed_models") {
						models = append(models, c.string("provider")+"/"+m)
					}
				}
			}
			text := fmt.Sprintf("not taken over: governance.virtual_keys[%d] (line %d). Make a key: outcrop keys create %s", i, item.line, variableless(item.string("name")))
			if len(models) > 0 {
				text += " --models '" + strings.Join(models, ",") + "'"
			}
			b.drop(text + ". Its budget and limits are in governance.budgets and governance.rate_limits.")
			done(item)
		}
	}
}

// variableless is a name as a shell reads it as one word.
func variableless(name string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '\'' || r == '"' {
			return '-'
		}
		return r
	}, name)
}

// rules takes over the fallbacks of rules that are for one model or for all.
func (b *bifrost) rules(list *value) {
	if !isKind(list, array) {
		return
	}
	var fallbacks []string
	for i, rule := range list.items {
		name, expression, scope := rule.string("name"), rule.string("cel_expression"), cmp.Or(rule.string("scope"), "global")
		models := rule.list("fallbacks")
		from := ""
		if m := sameModel.FindStringSubmatch(expression); m != nil {
			from = b.listed(m[1])
		}
		if trimmed := strings.TrimSpace(expression); trimmed == "" || trimmed == "true" {
			from = "*"
		}
		if rule.string("enabled") != "false" && from != "" && scope == "global" && len(models) > 0 {
			fallbacks = append(fallbacks, "{"+quoted(from)+": "+listOf(models)+"}")
			b.say(fmt.Sprintf("of the routing rule %q (governance.routing_rules[%d]) the fallbacks are in router_settings.fallbacks; its targets are not taken over.", name, i))
		} else {
			b.drop(fmt.Sprintf("not taken over: the routing rule %q (governance.routing_rules[%d]). Outcrop has no rules by expressions; router_settings.fallbacks, weights and tags of entries are alike.", name, i))
		}
		done(rule)
	}
	if len(fallbacks) > 0 {
		b.router = append(b.router, setting{"fallbacks", "[" + strings.Join(fallbacks, ", ") + "]", ""})
	}
}

// listed returns the name under which a model is listed.
func (b *bifrost) listed(model string) string {
	for _, e := range b.entries {
		if e.name == model || strings.HasSuffix(e.name, "/"+model) {
			return e.name
		}
	}
	return model
}

// period writes a duration as LiteLLM does.
func period(text string) string { return quoted(months(text)) }

// months writes months and years of a duration as months.
func months(text string) string {
	if n, ok := strings.CutSuffix(text, "M"); ok {
		return n + "mo"
	}
	if n, ok := strings.CutSuffix(text, "Y"); ok {
		if years, err := strconv.Atoi(n); err == nil {
			return strconv.Itoa(12*years) + "mo"
		}
	}
	return cmp.Or(text, "30d")
}
