package config

import (
	"fmt"
	"net/url"

	"outcrop/fetch"
)

const sectionMedia = "outcrop_settings.media"

// media reads outcrop_settings.media.
func (l *loader) media(cfg *Config, n *node, path string) {
	l.fields(n, sectionMedia, path, nil, func(k Key, n *node, path string) {
		switch k.Name {
		case "fetch":
			if v, ok := l.boolean(k, n, path); ok {
				cfg.Media.Fetch = v
			}
		case "allow":
			cfg.Media.Allow = append(cfg.Media.Allow, l.rules(n, path)...)
		case "max_mb":
			if f, ok := l.number(k, n, path); ok {
				cfg.Media.MaxSize = int64(f * (1 << 20))
			}
		case "timeout":
			cfg.Media.Timeout = l.seconds(k, n, path)
		case "proxy":
			cfg.Media.Proxy = l.proxy(k, n, path)
		}
	})
}

// rules reads a list of hosts and networks.
func (l *loader) rules(n *node, path string) (list []fetch.Rule) {
	for i, item := range n.items {
		at := fmt.Sprintf("%s[%d]", path, i)
		k := Key{Type: StringType}
		s, ok := l.text(k, item, at)
		if !ok {
			continue
		}
		r, err := fetch.ParseRule(s)
		if err != nil {
			l.errorAt(item.file, item.line, item.column, at, shown(k, item)+" is not a host, an IP address or a network", "files.corp.example, *.corp.example, 10.1.2.3 or 10.0.0.0/8, with or without a port", "")
			continue
		}
		list = append(list, r)
	}
	return list
}

// proxy reads the URL of a proxy.
func (l *loader) proxy(k Key, n *node, path string) Secret {
	s, ok := l.text(k, n, path)
	if !ok || s == "" {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		l.errorAt(n.file, n.line, n.column, path, "the value is not the URL of a proxy", "an http or https URL, such as http://proxy.corp.example:3128", "")
		return ""
	}
	return Secret(s)
}
