package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"outcrop/bearer"
	"outcrop/tenant"
)

const sectionTokens = "general_settings.litellm_jwtauth"

// Tokens is which JSON Web Tokens are accepted in place of keys: general_settings.enable_jwt_auth and litellm_jwtauth,
// and the environment variables JWT_PUBLIC_KEY_URL, JWT_AUDIENCE and JWT_ISSUER.
type Tokens struct {
	Enabled bool
	// URLs are the addresses of the public keys, or of the providers' descriptions.
	URLs []string
	// Audience and Issuer are what tokens must be for and from; empty for anything.
	Audience, Issuer string
	// Fields are the claims that say what a token belongs to.
	Fields bearer.Fields
	// TTL is how often the public keys are read, and Stale how long beyond that they serve while they cannot be.
	TTL, Stale time.Duration
	// Policy is what tokens may do.
	Policy tenant.Tokens
}

// defaultTokens are LiteLLM's defaults (litellm/proxy/_types.py, LiteLLM_JWTAuth, 1.110.2).
func defaultTokens() Tokens {
	return Tokens{
		TTL: 600 * time.Second, Stale: time.Hour,
		Fields: bearer.Fields{AdminScope: "litellm_proxy_admin"}, Policy: tenant.Tokens{AdminRoutes: tenant.DefaultAdminRoutes()},
	}
}

// tokenSettings reads litellm_jwtauth.
func (l *loader) tokenSettings(to *Tokens, n *node, path string) {
	texts := map[string]*string{
		"user_id_jwt_field": &to.Fields.User, "user_email_jwt_field": &to.Fields.Email, "team_id_jwt_field": &to.Fields.Team, "team_ids_jwt_field": &to.Fields.Teams,
		"team_id_default": &to.Fields.DefaultTeam, "org_id_jwt_field": &to.Fields.Organization, "end_user_id_jwt_field": &to.Fields.Customer, "admin_jwt_scope": &to.Fields.AdminScope,
		"user_allowed_email_domain": &to.Policy.Domain, "roles_jwt_field": &to.Fields.Roles, "user_roles_jwt_field": &to.Fields.UserRoles, "object_id_jwt_field": &to.Fields.Object,
	}
	l.fields(n, sectionTokens, path, nil, func(k Key, n *node, path string) {
		switch k.Name {
		case "user_id_upsert":
			to.Policy.MakeUsers, _ = l.boolean(k, n, path)
		case "enforce_team_based_model_access":
			to.Policy.EnforceTeam, _ = l.boolean(k, n, path)
		case "user_allowed_roles":
			to.Policy.UserRoles = l.texts(n, path)
		case "role_mappings":
			to.Policy.RoleMappings = l.roleMappings(n, path)
		case "jwt_litellm_role_map":
			to.Policy.RoleSyncs = l.roleSyncs(n, path)
		case "sync_user_role_and_teams":
			to.Policy.SyncUsers, _ = l.boolean(k, n, path)
		case "enforce_rbac":
			to.Policy.EnforceRoles, _ = l.boolean(k, n, path)
		case "scope_mappings":
			to.Policy.ScopeMappings = l.scopeMappings(n, path)
		case "enforce_scope_based_access":
			to.Policy.EnforceScopes, _ = l.boolean(k, n, path)
		case "public_key_ttl":
			to.TTL = l.seconds(k, n, path)
		case "public_key_stale_ttl":
			if f, ok := l.number(k, n, path); ok {
				to.Stale = time.Duration(f * float64(time.Second))
			}
		case "admin_allowed_routes":
			to.Policy.AdminRoutes = l.routes(k, n, path)
		case "team_allowed_routes":
			to.Policy.TeamRoutes = l.routes(k, n, path)
		default:
			if text := texts[k.Name]; text != nil {
				*text, _ = l.text(k, n, path)
			}
		}
	})
	to.Policy.NeedTeam = to.Fields.Team != ""
	to.Policy.SyncTeams = to.Policy.SyncUsers && to.Fields.Teams != ""
	if to.Policy.SyncUsers && !to.Policy.SyncTeams {
		l.warnAt(n.file, n.line, n.column, path+".sync_user_role_and_teams", "users keep the teams that they have, because team_ids_jwt_field names no claim", "set team_ids_jwt_field, if tokens have the teams")
	}
	l.roleSettings(to, n, path)
}

// routes reads a list of paths and groups of paths. An empty list allows none.
func (l *loader) routes(k Key, n *node, path string) []string {
	list := []string{}
	for i, item := range n.items {
		if s, ok := l.text(Key{Type: StringType, Name: k.Name}, item, path+"["+strconv.Itoa(i)+"]"); ok {
			list = append(list, s)
		}
	}
	if len(list) == 0 {
		list = []string{"none"} // a group that has no path
	}
	return list
}

// tokenEnvironment reads what the environment says of tokens, which are accepted.
func (l *loader) tokenEnvironment(cfg *Config, n *node, path string) {
	to := &cfg.Accounting.Tokens
	if cfg.General.MasterKey == "" {
		l.errorAt(n.file, n.line, n.column, path, "needs general_settings.master_key: without it, anyone may call, with or without a token", "", "set a master key, which clients with tokens need not know")
	}
	if len(to.Policy.RolePermissions) > 0 && !to.Policy.EnforceRoles {
		l.warnAt(n.file, n.line, n.column, path, "role_permissions have no effect without litellm_jwtauth.enforce_rbac", "set it to true")
	}
	urls, _ := l.env("JWT_PUBLIC_KEY_URL")
	for address := range strings.SplitSeq(urls, ",") {
		if address = strings.TrimSpace(address); address == "" {
			continue
		}
		u, err := url.Parse(address)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
			l.errorAt(n.file, n.line, n.column, "JWT_PUBLIC_KEY_URL", "has an address that is not one of http or https", "the address of a JSON Web Key Set, or of a .well-known/openid-configuration; several are separated by commas", "")
			continue
		case u.Scheme == "http" && !loopback(u.Hostname()):
			l.warnAt(n.file, n.line, n.column, "JWT_PUBLIC_KEY_URL", "has an address without TLS: who is on the way to it can sign tokens", "use https")
		}
		to.URLs = append(to.URLs, address)
	}
	if strings.Trim(urls, " ,") == "" {
		l.errorAt(n.file, n.line, n.column, path, "needs the environment variable JWT_PUBLIC_KEY_URL", "the address of a JSON Web Key Set, or of a .well-known/openid-configuration; several are separated by commas", "")
	}
	to.Audience, _ = l.env("JWT_AUDIENCE")
	to.Issuer, _ = l.env("JWT_ISSUER")
	if to.Audience == "" {
		l.warnAt(n.file, n.line, n.column, path, "JWT_AUDIENCE is not set, so tokens for any other application of the identity provider are accepted", "set it to the audience of this gateway's tokens, and JWT_ISSUER to their issuer")
	}
	if f := &to.Fields; f.User == "" && f.Email == "" && f.Team == "" && f.Teams == "" && f.DefaultTeam == "" && f.Object == "" {
		l.warnAt(n.file, n.line, n.column, path, "litellm_jwtauth names no claim for a user or a team, so every valid token may call every model, and its calls are nobody's", "set user_id_jwt_field or team_id_jwt_field")
	}
}

// loopback reports whether a host is this machine.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// addresses reads allowed_ips: addresses and prefixes. LiteLLM takes addresses only.
func (l *loader) addresses(n *node, path string) []netip.Prefix {
	allowed := []netip.Prefix{}
	for i, item := range n.items {
		at := path + "[" + strconv.Itoa(i) + "]"
		s, ok := l.text(Key{Type: StringType}, item, at)
		if !ok {
			continue
		}
		prefix, err := netip.ParsePrefix(s)
		if ip, failed := netip.ParseAddr(s); failed == nil {
			ip = ip.Unmap().WithZone("")
			prefix, err = netip.PrefixFrom(ip, ip.BitLen()), nil
		}
		switch {
		case err != nil:
			l.errorAt(item.file, item.line, item.column, at, shown(Key{}, item)+" is not an IP address or a network", "an address such as 203.0.113.7, or a network such as 10.0.0.0/8 or 2001:db8::/32", "")
		case prefix != prefix.Masked():
			l.errorAt(item.file, item.line, item.column, at, shown(Key{}, item)+" is an address within a network, and not the network", fmt.Sprintf("%s for the network, or %s for the address", prefix.Masked(), prefix.Addr()), "")
		default:
			allowed = append(allowed, prefix)
		}
	}
	if len(n.items) == 0 {
		l.errorAt(n.file, n.line, n.column, path, "is an empty list, which allows no address", "", "remove it to allow every address")
	}
	return allowed
}
