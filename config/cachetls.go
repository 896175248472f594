package config

import "strings"

// CacheTLS is how a cache's Valkey or Redis proves who it is, and the gateway to it.
type CacheTLS struct {
	// CA, Cert and Key are files: with the authorities that are trusted, and with the gateway's own certificate and key. Empty for none.
	CA, Cert, Key string
	// AnyName trusts certificates for other names, and AnyCertificate all certificates.
	AnyName, AnyCertificate bool
}

// connection reads a setting of how the Valkey or Redis is reached, in the words of redis-py, and reports whether it is one.
func (c *cacheReader) connection(l *loader, k Key, n *node, path string) bool {
	switch k.Name {
	case "ssl_ca_certs":
		c.TLS.CA, _ = l.text(k, n, path)
	case "ssl_certfile":
		c.TLS.Cert, _ = l.text(k, n, path)
		c.cert = n
	case "ssl_keyfile":
		c.TLS.Key, _ = l.text(k, n, path)
		c.key = n
	case "ssl_check_hostname":
		check, ok := l.boolean(k, n, path)
		c.TLS.AnyName = ok && !check
	case "ssl_cert_reqs":
		text, ok := l.text(k, n, path)
		switch strings.ToLower(strings.TrimPrefix(text, "CERT_")) {
		case "none":
			c.TLS.AnyCertificate = true
		case "optional", "required", "": // a server always sends a certificate
		default:
			if ok {
				l.wrong(k, n, path, shown(k, n)+" is not one of none, optional, required")
			}
		}
	case "sentinel_password":
		text, _ := l.text(k, n, path)
		c.SentinelPassword = Secret(text)
	default:
		return false
	}
	return true
}

// settleTLS checks what belongs together.
func (c *cacheReader) settleTLS(l *loader) {
	switch {
	case c.cert != nil && c.key == nil:
		l.errorAt(c.cert.file, c.cert.line, c.cert.column, c.path+".ssl_certfile", "ssl_keyfile is missing", "both, or neither", "")
	case c.key != nil && c.cert == nil:
		l.errorAt(c.key.file, c.key.line, c.key.column, c.path+".ssl_keyfile", "ssl_certfile is missing", "both, or neither", "")
	}
}
