package config

import (
	"cmp"
	"net"
	"net/url"
	"slices"
	"strconv"
)

// valkey is router_settings.redis_*.
type valkey struct {
	url, host, password string
	port, db            int
}

// read reads a setting, and reports whether it is one.
func (v *valkey) read(l *loader, k Key, n *node, path string) bool {
	switch k.Name {
	case "redis_url":
		v.url, _ = l.text(k, n, path)
		if u, err := url.Parse(v.url); v.url != "" && (err != nil || !slices.Contains([]string{"redis", "rediss", "unix"}, u.Scheme)) {
			l.errorAt(n.file, n.line, n.column, path, "it is not the address of a Valkey or Redis", "redis://user:password@host:6379/0", "")
		}
	case "redis_host":
		v.host, _ = l.text(k, n, path)
	case "redis_password":
		v.password, _ = l.text(k, n, path)
	case "redis_port":
		port, _ := l.number(k, n, path)
		v.port = int(port)
	case "redis_db":
		db, _ := l.number(k, n, path)
		v.db = int(db)
	default:
		return false
	}
	return true
}

// settle is the address, with what the environment has. The environment alone is for replicas that share a
// database: a variable for other programs does not make a gateway need a server.
func (v *valkey) settle(l *loader, shared bool) Secret {
	env := func(to *string, name string) {
		if *to == "" {
			*to, _ = l.env(name)
		}
	}
	if v.url == "" && v.host == "" && !shared {
		return ""
	}
	if v.host == "" {
		env(&v.url, "REDIS_URL")
	}
	if v.url != "" {
		return Secret(v.url)
	}
	env(&v.host, "REDIS_HOST")
	if v.host == "" {
		return ""
	}
	env(&v.password, "REDIS_PASSWORD")
	port := ""
	if v.port == 0 {
		env(&port, "REDIS_PORT")
	} else {
		port = strconv.Itoa(v.port)
	}
	u := url.URL{Scheme: "redis", Host: net.JoinHostPort(v.host, cmp.Or(port, "6379")), Path: "/" + strconv.Itoa(v.db)}
	if v.password != "" {
		u.User = url.UserPassword("", v.password)
	}
	return Secret(u.String())
}
