package config

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"outcrop/secrets"
)

const (
	pathKeySystem        = "general_settings.key_management_system"
	sectionKeyManagement = "general_settings.key_management_settings"
)

// KeyManagement is general_settings.key_management_system with its settings (LiteLLM 1.110.2,
// litellm/types/secret_managers/main.py).
type KeyManagement struct {
	Settings *secrets.Settings
	// Read is whether values that refer to the environment are read from the manager first.
	Read bool
	// Hosted are the only names that the manager has; nil if it may have all.
	Hosted []string
	// StoreKeys is whether keys that the gateway makes are written to the manager, under names that begin with
	// KeyPrefix.
	StoreKeys bool
	KeyPrefix string
}

// label is the manager in messages.
func (m *KeyManagement) label() string {
	if m.Settings.System == secrets.AWS {
		return "AWS Secrets Manager"
	}
	return "Vault"
}

// asked reports whether the manager is asked for a name. How the manager itself is reached can only come from the
// environment.
func (m *KeyManagement) asked(name string) bool {
	if !m.Read || name == "" || m.Hosted != nil && !slices.Contains(m.Hosted, name) {
		return false
	}
	if m.Settings.System == secrets.Vault {
		return !strings.HasPrefix(name, "HCP_VAULT_") && name != "VAULT_CACERT"
	}
	switch name {
	case "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION_NAME", "AWS_REGION", "AWS_BEDROCK_RUNTIME_ENDPOINT":
		return false
	}
	return true
}

// managed is what has been read from a secret manager.
type managed struct {
	by *KeyManagement

	mu    sync.Mutex
	known map[string]secrets.Result
	away  bool // the manager gave nothing at all, which has been reported
}

// get returns what is known of a name; false if the manager was not asked.
func (m *managed) get(name string) (secrets.Result, bool) {
	if m == nil {
		return secrets.Result{}, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.known[name]
	return r, ok
}

// unavailable reports whether the manager gave nothing at all.
func (m *managed) unavailable() bool {
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.away
}

// openManager reads which secret manager there is, and reads all that the file refers to from it.
func (l *loader) openManager(root *node) {
	general := root.get("general_settings")
	if general == nil || general.kind != mapping {
		return
	}
	named, settings := general.get("key_management_system"), general.get("key_management_settings")
	if named == nil && settings == nil {
		return
	}
	l.environment = l.literals(root.get("environment_variables"))
	before := l.count[Error]
	system := l.system(named)
	m := l.managerSettings(system, settings)
	wrong := l.count[Error] > before
	if system == "" && !wrong {
		return
	}
	l.managed = &managed{by: m, known: map[string]secrets.Result{}, away: wrong}
	if wrong {
		return // what the manager would have had is not missing
	}
	names := map[string]bool{}
	for name, setting := range map[string]string{"LITELLM_MASTER_KEY": "master_key", "DATABASE_URL": "database_url"} {
		if n := general.get(setting); n == nil || n.kind == null {
			names[name] = true
		}
	}
	for _, hosted := range m.Hosted {
		names[hosted] = true
	}
	references(root, map[*node]bool{named: true, settings: true}, names)
	l.fetch(slices.Sorted(maps.Keys(names)), named, pathKeySystem)
}

// system reads key_management_system; empty if there is no manager, or an error.
func (l *loader) system(n *node) secrets.System {
	if n == nil || n.kind == null {
		return ""
	}
	k, _ := l.table.find("general_settings", "key_management_system")
	name, ok := l.text(k, n, pathKeySystem)
	if !ok {
		return ""
	}
	switch system := secrets.System(name); system {
	case secrets.AWS, secrets.Vault:
		return system
	case "local", "":
	case "google_kms", "aws_kms", "azure_key_vault", "google_secret_manager", "cyberark", "custom":
		l.warnAt(n.file, n.line, n.column, pathKeySystem, strconv.Quote(name)+" is not supported yet; what the file refers to is read from the environment", "aws_secret_manager and hashicorp_vault are supported")
	default:
		l.errorAt(n.file, n.line, n.column, pathKeySystem, shown(k, n)+" is not a secret manager", "aws_secret_manager or hashicorp_vault", "")
	}
	return ""
}

// references collects the names of the environment that a value refers to. Nodes in seen are left out.
func references(n *node, seen map[*node]bool, names map[string]bool) {
	if n == nil || seen[n] {
		return
	}
	seen[n] = true
	if name, ok := strings.CutPrefix(n.text, envPrefix); ok && n.kind == scalar {
		names[name] = true
	}
	for _, item := range n.items {
		references(item, seen, names)
	}
	for _, m := range n.members {
		references(m.value, seen, names)
	}
}

// fetch reads the names from the manager that it is asked for, and that it has not given yet. A manager that gives
// nothing is an error, at a place: without what it has, a gateway might serve without a master key or its database.
func (l *loader) fetch(names []string, at *node, path string) {
	m := l.managed
	if m == nil {
		return
	}
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		known, _ := m.get(name)
		return known.Found || !m.by.asked(name)
	})
	if len(names) == 0 {
		return
	}
	if l.src.Secrets == nil {
		l.errorAt(at.file, at.line, at.column, path, "secret managers cannot be called here", "", "")
		m.away = true
		return
	}
	found, err := l.src.Secrets(m.by.Settings, names)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away = err != nil; m.away {
		hint := ""
		if e, ok := err.(*secrets.Error); ok { //nolint:errorlint // it is not wrapped
			hint = e.Fix
		}
		l.errorAt(at.file, at.line, at.column, path, err.Error(), "", hint)
		return
	}
	maps.Copy(m.known, found)
}

// managerSettings reads key_management_settings.
func (l *loader) managerSettings(system secrets.System, n *node) *KeyManagement {
	m := &KeyManagement{Read: true, KeyPrefix: "litellm/", Settings: &secrets.Settings{System: system, AWS: map[string]string{}, Environ: l.environ()}}
	if n == nil {
		return m
	}
	var access *node
	l.fields(n, sectionKeyManagement, sectionKeyManagement, nil, func(k Key, n *node, path string) {
		switch k.Name {
		case "hosted_keys":
			m.Hosted = l.texts(n, path)
		case "access_mode":
			access = n
			m.Read = l.either(k, n, path, "read_only", "write_only", "read_and_write") != "write_only"
		case "primary_secret_name":
			m.Settings.Primary, _ = l.text(k, n, path)
		case "store_virtual_keys":
			m.StoreKeys, _ = l.boolean(k, n, path)
		case "prefix_for_stored_virtual_keys":
			if s, ok := l.text(k, n, path); ok {
				m.KeyPrefix = strings.TrimSuffix(s, "/") + "/"
			}
		case "description":
			m.Settings.Description, _ = l.text(k, n, path)
		case "tags":
			m.Settings.Tags = l.words(n, path)
		case "kms_key_id":
			m.Settings.KMSKey, _ = l.text(k, n, path)
		case "replica_regions":
			m.Settings.Regions = l.texts(n, path)
		default: // aws_*
			if s, ok := l.text(k, n, path); ok && s != "" {
				m.Settings.AWS[k.Name] = s
			}
		}
	})
	if m.StoreKeys && access != nil && access.text == "read_only" {
		l.warnAt(access.file, access.line, access.column, sectionKeyManagement+".access_mode", "store_virtual_keys writes to the manager all the same, as in LiteLLM", "write read_and_write, or turn store_virtual_keys off")
	}
	return m
}

// words reads a mapping of texts.
func (l *loader) words(n *node, path string) map[string]string {
	out := map[string]string{}
	for i := range n.members {
		if s, ok := l.text(Key{Type: StringType}, n.members[i].value, path+"."+n.members[i].key); ok {
			out[n.members[i].key] = s
		}
	}
	return out
}

// host adds the hosted names to the environment, in which providers look for what the file does not set.
func (l *loader) host() {
	if l.managed == nil {
		return
	}
	for _, name := range l.managed.by.Hosted {
		if r, _ := l.managed.get(name); r.Found {
			l.environment[name] = Secret(r.Reveal())
		}
	}
}

// unread reports, for a variable that the file does not refer to, that the manager may have it and does not give it.
func (l *loader) unread(s Severity, name string) {
	if r, _ := l.managed.get(name); r.Err != nil {
		hint := r.Err.Fix
		if l.managed.by.Hosted == nil {
			hint = "If it is not there, list the names that are under key_management_settings.hosted_keys. Otherwise: " + hint
		}
		l.report(s, -1, 0, 0, name, r.Err.Message, "", hint)
	}
}
