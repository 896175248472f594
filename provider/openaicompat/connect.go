package openaicompat

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"os"
	"strings"

	"outcrop/provider"
	"outcrop/upstream"
)

// ConnectionOptions are the settings that Connect reads.
func ConnectionOptions() []provider.Option {
	return []provider.Option{
		{Name: "ssl_verify", Help: "Whether to verify certificates, or a file with the CAs to trust; default SSL_VERIFY, SSL_CERT_FILE."},
		{Name: "ssl_certificate", Help: "File with the client certificate, and its key unless ssl_certificate_key is set; default SSL_CERTIFICATE."},
		{Name: "ssl_certificate_key", Help: "File with the key of the client certificate."},
	}
}

// Connect gives the client for a deployment's settings, which it shares with the others that have the
// same. The settings and their variables are LiteLLM's
// (https://docs.litellm.ai/docs/guides/security_settings). An error is a *provider.OptionError.
func Connect(p provider.Params, guard upstream.Guard) (*upstream.Client, error) {
	s := upstream.Settings{Guard: guard}
	verify, from := p.Values["ssl_verify"], "ssl_verify"
	if verify == "" {
		verify, from = p.Environ("SSL_VERIFY"), "SSL_VERIFY"
	}
	switch strings.ToLower(verify) {
	case "false", "no", "off", "0":
		s.Insecure = true
	case "", "true", "yes", "on", "1":
		from, s.CAFile = "SSL_CERT_FILE", p.Environ("SSL_CERT_FILE")
	default:
		s.CAFile = verify
	}
	s.CertFile = cmp.Or(p.Values["ssl_certificate"], p.Environ("SSL_CERTIFICATE"))
	s.KeyFile = p.Values["ssl_certificate_key"]
	if s.CAFile != "" {
		if _, err := os.Stat(s.CAFile); err != nil {
			return nil, &provider.OptionError{Option: "ssl_verify", Reason: from + " is a file that cannot be read: " + err.Error()}
		}
	}
	client, err := p.Upstream.With(s)
	if err != nil {
		option := "ssl_verify"
		if e, ok := errors.AsType[*upstream.SettingError](err); ok {
			switch e.Setting {
			case "CertFile":
				option = "ssl_certificate"
			case "KeyFile":
				option = "ssl_certificate_key"
			}
		}
		return nil, &provider.OptionError{Option: option, Reason: err.Error()}
	}
	if s.Insecure {
		p.Logger.Warn("certificates are not verified: anyone on the network path can read and change traffic, and take the credentials",
			slog.String("model", p.Model), slog.String("setting", "ssl_verify"))
	}
	return client, nil
}

// digest identifies a secret without showing it; empty for none.
func digest(secret string) string {
	if secret == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:8])
}
