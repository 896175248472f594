package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"outcrop/provider"
)

// Limits on the problems reported and the keys visited, which aliases could multiply.
const (
	maxProblems = 1000      // errors, and as many warnings
	maxVisited  = 1_000_000 // keys
)

// defaultRefresh is how often the providers' lists of models are refreshed by default.
const defaultRefresh = 15 * time.Minute

// loader holds the state of one Load.
type loader struct {
	src         Source
	table       *table
	files       []string
	environment map[string]Secret
	problems    []located
	reported    map[located]bool     // the elements of problems without their paths: an alias repeats one text at several
	count       [2]int               // of problems, by severity
	ignored     map[string]bool      // ignored keys that have been reported
	visited     int                  // keys
	hints       map[[3]string]string // for unknown keys, by provider, section and key
	restricting map[[2]string]bool   // unknown keys, by section and key; see restricts
	infoLeft    int                  // bytes left for model_info as JSON
	managed     *managed             // what the secret manager has; nil without one
	guarded     []string             // the names of the guardrails
	places      places               // with room for those of entries, see keep
	addition    bool                 // an entry is read that is not in the file
	absent      bool                 // guardrails may be named that there are not
	used        func(Use)            // is told of keys; nil if nobody asks
}

// located is a problem with the index of its file, by which problems sort.
type located struct {
	Problem
	file int
}

func newLoader(src Source) *loader {
	return &loader{src: src, table: keyTable(), environment: map[string]Secret{}, reported: map[located]bool{}, hints: map[[3]string]string{}, restricting: map[[2]string]bool{}, ignored: map[string]bool{}, infoLeft: maxInfos}
}

func (l *loader) report(s Severity, file, line, column int, path, message, accepted, hint string) {
	p := Problem{Severity: s, Path: path, Line: line, Column: column, Message: message, Accepted: accepted, Hint: hint}
	if file >= 0 {
		p.File = l.files[file]
	}
	same := located{p, file}
	if line > 0 {
		same.Path = ""
	}
	if l.reported[same] {
		return
	}
	switch l.count[s]++; {
	case l.count[s] <= maxProblems:
		l.reported[same] = true
		l.problems = append(l.problems, located{p, file})
	case l.count[s] == maxProblems+1:
		p := Problem{Severity: s, Message: fmt.Sprintf("only the first %d %ss are shown", maxProblems, s)}
		l.problems = append(l.problems, located{p, len(l.files)})
	}
}

func (l *loader) errorAt(file, line, column int, path, message, accepted, hint string) {
	l.report(Error, file, line, column, path, message, accepted, hint)
}

func (l *loader) warnAt(file, line, column int, path, message, hint string) {
	l.report(Warning, file, line, column, path, message, "", hint)
}

// sorted returns the problems in the order of files, lines and columns.
func (l *loader) sorted() []Problem {
	slices.SortStableFunc(l.problems, func(a, b located) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	var out []Problem
	for _, p := range l.problems {
		out = append(out, p.Problem)
	}
	return out
}

// load reads the whole configuration. The result is valid only if no problem is an
// error.
func (l *loader) load() *Config {
	cfg := &Config{Accounting: Accounting{BudgetStatus: defaultBudgetStatus, Tokens: defaultTokens(), LogSweep: 24 * time.Hour}, Alerting: defaultAlerting(), General: General{MaxRequestSize: 100 << 20}, Refresh: defaultRefresh, Media: Media{Fetch: true, MaxSize: 25 << 20, Timeout: 30 * time.Second}}
	root := l.open()
	switch {
	case root == nil && len(l.problems) > 0:
		return cfg
	case root == nil:
		root = &node{} // an empty file
	}
	l.openManager(root)
	l.readEnvironment(root.get("environment_variables"))
	l.host()
	cfg.Environment = l.environment
	if l.managed != nil {
		cfg.General.KeyManagement = l.managed.by
	}

	g := globals{tls: map[string]settingAt{}}
	var models, credentials, database, guards *node
	var guardDefaults guardDefaults
	var sets policies
	var everywhere policy
	var counters valkey
	caching := newCacheReader()
	ways := routing{own: map[string]setting{}}
	var told callbacks
	var shares priorities
	var health healthSettings
	l.fields(root, "", "", nil, func(k Key, n *node, path string) {
		switch k.Name {
		case "model_list":
			models = n
		case "credential_list":
			credentials = n
		case "guardrails":
			guards = n
		case "policies":
			sets.all = n
		case "policy_attachments":
			sets.attachments = n
		case "general_settings":
			database = l.general(cfg, &health, n, path)
		case "outcrop_settings":
			everywhere = l.outcrop(cfg, &caching, &ways, n, path)
		case "callback_settings":
			told.settings, told.settingsPath = n, path
		case "litellm_settings", "router_settings":
			l.fields(n, k.Name, path, nil, func(k Key, n *node, path string) {
				switch k.Name {
				case "user_url_allowed_hosts":
					cfg.Media.Allow = append(cfg.Media.Allow, l.rules(n, path)...)
				case "ignore_invalid_deployments":
					if skip, ok := l.boolean(k, n, path); ok && skip {
						l.src.SkipUnsupportedModels = true
					}
				case "skip_system_message_in_guardrail":
					guardDefaults.skipSystem, _ = l.boolean(k, n, path)
				default:
					switch {
					case caching.read(l, k, n, path):
					case ways.take(k, n, path):
					case k.Section == "litellm_settings" && (l.serving(&cfg.General, k, n, path) || l.limit(&cfg.Accounting, k, n, path) || shares.read(l, &cfg.Accounting, k, n, path) || l.manage(&cfg.Management, k, n, path) || told.read(l, &cfg.Callbacks, k, n, path)):
					case k.Section == "router_settings" && (health.read(l, k, n, path) || counters.read(l, k, n, path) || g.limits.read(l, k, n, path)):
					default:
						g.read(l, k, n, path)
					}
				}
			})
		}
	})
	told.settle(l, &cfg.Callbacks)
	cfg.General.Health = health.settle(l)
	all := g.settle(l)
	cfg.Timeout, cfg.StreamTimeout = all.timeout, cmp.Or(all.streamTimeout, all.timeout)
	cfg.NumRetries, cfg.KeepAlive, cfg.DropParams = *all.numRetries, all.keepAlive, *all.dropParams
	l.masterKey(cfg)
	if database == nil {
		l.databaseURL(&cfg.Accounting, nil, "DATABASE_URL")
		if cfg.Accounting.DatabaseURL == "" {
			l.unread(Warning, "DATABASE_URL")
		}
	}
	cfg.Accounting.Valkey = counters.settle(l, cfg.Accounting.DatabaseURL != "")
	valkey := counters.settle(l, true)
	cfg.Cache = caching.settle(l, valkey, cfg.Accounting.DatabaseURL)
	if list := root.get("model_list"); list == nil || list.kind == null || list.kind == sequence && len(list.items) == 0 {
		l.warnAt(0, 0, 0, "model_list", "no model is listed, so every call will be rejected", `to serve every model of Bedrock by its id: model_list: [{model_name: "*", litellm_params: {model: bedrock/*}}]`)
	}
	if s, ok := l.env("STORE_MODEL_IN_DB"); ok && strings.EqualFold(strings.TrimSpace(s), "true") {
		cfg.Accounting.StoreModels = true
	}
	cfg.Accounting.Tokens.Policy.NewUsers = cfg.Management.NewUsers
	l.guard(cfg, guards, &sets, guardDefaults)
	creds := l.credentials(credentials)
	l.models(cfg, all, everywhere, models, creds)
	l.checkCache(cfg, &caching)
	cfg.Accounting.Providers = g.limits.providers
	cfg.base = &base{src: l.src, files: l.files, all: all, everywhere: everywhere, creds: creds, globals: g, managed: l.managed, guarded: l.guarded, caching: caching.limits(), valkey: func() Secret { return valkey }}
	for i := range cfg.Models {
		m := &cfg.Models[i]
		m.Callers.All = cfg.General.ClientCredentials
		g.connection(l, m)
		g.limits.settle(m)
		cfg.Accounting.Deployments = cfg.Accounting.Deployments || m.Limits.Any()
	}
	cfg.Routing = ways.settle(l, cfg.Models)
	l.checkReplacements(cfg, root.get("general_settings"))
	l.sameParameters(cfg.Models)
	l.checkAnthropic(cfg)
	return cfg
}

// fields visits the members of a mapping: it passes supported ones to take, and
// reports the others by their class. p is the provider whose settings are accepted in
// this section; nil for none.
func (l *loader) fields(n *node, section, path string, p *provider.Info, take func(k Key, n *node, path string)) {
	if n.kind == null {
		return
	}
	if n.kind != mapping {
		l.errorAt(n.file, n.line, n.column, path, "must be a mapping, not "+n.kind.String(), "", "")
		return
	}
	if l.visited += len(n.members); l.visited > maxVisited {
		l.errorAt(0, 0, 0, "", "the configuration is too large", fmt.Sprintf("at most %d keys, aliases followed", maxVisited), "")
		return
	}
	for i := range n.members {
		m := &n.members[i]
		at := m.key
		if path != "" {
			at = path + "." + m.key
		}
		k, known := l.table.find(section, m.key)
		if opt, ok := option(p, m.key); ok {
			if !known {
				k = Key{Section: section, Name: m.key, Type: StringType}
			}
			k.Class = Supported
			if opt.Secret {
				k.Type = SecretType
			}
			known = true
		}
		l.use(k, known, m, section, at, p)
		switch {
		case !known:
			l.unknown(m, section, at, p)
		case k.Class != Supported:
			l.unsupported(k, m, at, p)
		case m.value.kind == null: // treated as absent
		case k.Type == ListType && m.value.kind != sequence, k.Type == MapType && m.value.kind != mapping:
			message := "must not be " + m.value.kind.String()
			if v := m.value; k.Type == ListType && v.kind == scalar && len(v.text) <= 60 && !refers(v.text) {
				message = "must be a list: [" + v.text + "]"
			}
			l.wrong(k, m.value, at, message)
		default:
			take(k, m.value, at)
		}
	}
}

// option finds a provider's setting. region_name is an alias of aws_region_name, as in
// LiteLLM.
func option(p *provider.Info, name string) (provider.Option, bool) {
	if p == nil {
		return provider.Option{}, false
	}
	for _, o := range p.Settings() {
		if o.Name == name {
			return o, true
		}
	}
	if name == "region_name" {
		return option(p, "aws_region_name")
	}
	return provider.Option{}, false
}

// unknown reports a key that the table does not have. Where it may be meant to restrict calls or callers,
// it is an error: a gateway without the restriction would start in silence.
func (l *loader) unknown(m *member, section, path string, p *provider.Info) {
	if l.restricts(m.key, section) {
		l.errorAt(m.file, m.line, m.column, path, fmt.Sprintf("unknown key %q", m.key), "", l.hint(m.key, section, p))
		return
	}
	l.warnAt(m.file, m.line, m.column, path, fmt.Sprintf("unknown key %q has no effect", m.key), l.hint(m.key, section, p))
}

// restricts reports whether an unknown key may be meant to restrict something: it is among the settings
// that only Outcrop has, which no other program needs, or nearly has the name of a section, of the master
// key, or of a limit.
func (l *loader) restricts(name, section string) bool {
	if strict(section) {
		return true
	}
	if name == "master_key" && !strings.HasPrefix(section, "model_list") {
		return true // in the wrong section
	}
	at := [2]string{section, name}
	restricts, known := l.restricting[at]
	if !known {
		near := nearest(name, l.table.names(section))
		k, _ := l.table.find(section, near)
		restricts = k.Class == Limits && len(near) > 3 || near == "master_key" || near == "max_budget" || near == "database_url" || section == "" && strings.HasSuffix(near, "_settings")
		l.restricting[at] = restricts
	}
	return restricts
}

// unsupported reports a known key that has no effect here.
func (l *loader) unsupported(k Key, m *member, path string, p *provider.Info) {
	switch k.Class {
	case Supported: // nothing to report
	case PerProvider:
		if m.value.kind != null && p != nil {
			l.warnAt(m.file, m.line, m.column, path, fmt.Sprintf("has no effect: %s has no such setting", p.Name), "")
		}
	case Ignored:
		if kind := k.Section + "." + k.Name; !l.ignored[kind] {
			l.ignored[kind] = true
			l.warnAt(m.file, m.line, m.column, path, "has no effect", k.Note)
		}
	case NotYet:
		if !off(k, m.value) {
			message, hint := notYet(k)
			l.warnAt(m.file, m.line, m.column, path, message, hint)
		}
	case Limits:
		if off(k, m.value) {
			return
		}
		severity, hint := Error, "remove it, or start with --allow-unsupported to run without this limit"
		if k.Note != "" {
			hint = k.Note + " Or " + hint
		}
		if l.src.AllowUnsupported {
			severity, hint = Warning, ""
		}
		l.report(severity, m.file, m.line, m.column, path, limitOf(k.Limit), "", hint)
	}
}

// notYet describes what is missing for a key that is not supported yet, where users
// may rely on it.
func notYet(k Key) (message, hint string) {
	if k.Name == "json_logs" {
		return "has no effect: logs are JSON except on a terminal", "start with --log-format text for human-readable logs"
	}
	return "is not supported yet and has no effect", k.Note
}

// general reads general_settings.
func (l *loader) general(cfg *Config, health *healthSettings, n *node, path string) (database *node) {
	var cert, key, enabled *node // of HTTPS, and enable_jwt_auth
	var alerts alertTargets
	l.fields(n, "general_settings", path, nil, func(k Key, n *node, path string) {
		switch k.Name {
		case "master_key":
			if s, ok := l.text(k, n, path); ok {
				cfg.General.MasterKey = Secret(s)
				l.checkMasterKey(s, n.file, n.line, n.column, path)
			}
		case "ssl_certfile_path":
			cfg.General.CertFile, _ = l.text(k, n, path)
			cert = n
		case "ssl_keyfile_path":
			cfg.General.KeyFile, _ = l.text(k, n, path)
			key = n
		case "max_request_size_mb":
			if f, ok := l.number(k, n, path); ok {
				cfg.General.MaxRequestSize = int64(f * (1 << 20))
			}
		case "max_in_flight_mb":
			if f, ok := l.number(k, n, path); ok {
				cfg.General.MaxInFlight = int64(f * (1 << 20))
			}
		case "allow_client_side_credentials":
			cfg.General.ClientCredentials, _ = l.boolean(k, n, path)
		case "alerting", "alerting_threshold", "alert_types", "alert_to_webhook_url", "alerting_args", "alert_type_config", "spend_report_frequency":
			alerts.read(l, &cfg.Alerting, k, n, path)
		case "allowed_ips":
			cfg.General.AllowedIPs = l.addresses(n, path)
		case "allowed_routes", "public_routes", "litellm_key_header_name", "user_header_name", "user_header_mappings":
			l.access(&cfg.General.Access, k, n, path)
		case "team_metadata_schema":
			cfg.Management.TeamMetadata = l.teamMetadata(n, path)
		case "admin_only_routes":
			cfg.Accounting.AdminRoutes = l.texts(n, path)
		case "enforce_user_param", "enforced_params", "reject_clientside_metadata_tags", "service_account_settings":
			l.demands(&cfg.Demands, k, n, path)
		case "use_x_forwarded_for":
			cfg.General.ForwardedFor, _ = l.boolean(k, n, path)
		case "enable_jwt_auth":
			if cfg.Accounting.Tokens.Enabled, _ = l.boolean(k, n, path); cfg.Accounting.Tokens.Enabled {
				enabled = n
			}
		case "role_permissions":
			cfg.Accounting.Tokens.Policy.RolePermissions = l.rolePermissions(n, path)
		case "litellm_jwtauth":
			l.tokenSettings(&cfg.Accounting.Tokens, n, path)
		case "max_parallel_requests", "global_max_parallel_requests", "token_rate_limit_type":
			l.rates(&cfg.Accounting, k, n, path)
		case "maximum_spend_logs_retention_period", "maximum_spend_logs_retention_interval":
			l.logRetention(&cfg.Accounting, k, n, path)
		case "store_prompts_in_spend_logs":
			cfg.Callbacks.Stored, _ = l.boolean(k, n, path)
		case "store_model_in_db":
			cfg.Accounting.StoreModels, _ = l.boolean(k, n, path)
		case "database_url":
			if s, ok := l.text(k, n, path); ok && s != "" {
				cfg.Accounting.DatabaseURL, database = Secret(s), n
				l.databaseURL(&cfg.Accounting, n, path)
			}
		case "pass_through_endpoints":
			cfg.PassThrough = l.passThroughs(n, path)
		case "pass_through_request_timeout":
			cfg.PassThroughTimeout = l.seconds(k, n, path)
		default:
			_ = health.read(l, k, n, path) || l.serving(&cfg.General, k, n, path)
		}
	})
	alerts.settle(l, &cfg.Alerting)
	l.settleDrain(&cfg.General, n, path)
	if enabled != nil {
		l.masterKey(cfg)
		l.tokenEnvironment(cfg, enabled, path+".enable_jwt_auth")
	}
	switch {
	case cert != nil && key == nil:
		l.errorAt(cert.file, cert.line, cert.column, path+".ssl_certfile_path", "ssl_keyfile_path is missing", "both, or neither", "")
	case key != nil && cert == nil:
		l.errorAt(key.file, key.line, key.column, path+".ssl_keyfile_path", "ssl_certfile_path is missing", "both, or neither", "")
	}
	return database
}
