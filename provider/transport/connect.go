package transport

import (
	"cmp"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"

	"outcrop/provider"
	"outcrop/upstream"
)

// Options are the settings of how a deployment's connections are made, which Connect reads.
func Options() []provider.Option {
	return []provider.Option{
		{Name: "ssl_verify", Help: "Whether to verify certificates, or a file with the CAs to trust; default SSL_VERIFY, SSL_CERT_FILE."},
		{Name: "ssl_certificate", Help: "File with the client certificate, and its key unless ssl_certificate_key is set; default SSL_CERTIFICATE."},
		{Name: "ssl_certificate_key", Help: "File with the key of the client certificate."},
	}
}

// Connect returns the client for a deployment's settings, which it shares with the others that have
// the same, and the settings.
//
// ssl_verify is whether certificates are checked, or a file with the authorities to trust; without it
// SSL_VERIFY counts, and for the file the variables caFiles, then SSL_CERT_FILE. ssl_certificate, else
// SSL_CERTIFICATE, is the client's certificate. The names are LiteLLM's
// (https://docs.litellm.ai/docs/guides/security_settings). An error is a *provider.OptionError.
func Connect(p provider.Params, guard upstream.Guard, caFiles ...string) (*upstream.Client, upstream.Settings, error) {
	s, err := connection(p, caFiles)
	if err != nil {
		return nil, s, err
	}
	s.Guard = guard
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
		return nil, s, &provider.OptionError{Option: option, Reason: err.Error()}
	}
	if s.Insecure {
		p.Logger.Warn("certificates are not verified: anyone on the network path can read and change traffic, and take the credentials",
			slog.String("model", p.Model), slog.String("setting", "ssl_verify"))
	}
	return client, s, nil
}

func connection(p provider.Params, caFiles []string) (upstream.Settings, error) {
	v := p.Values
	var s upstream.Settings
	verify, from := v["ssl_verify"], "ssl_verify"
	if verify == "" {
		verify, from = p.Environ("SSL_VERIFY"), "SSL_VERIFY"
	}
	switch strings.ToLower(verify) {
	case "false", "no", "off", "0":
		s.Insecure = true
	case "", "true", "yes", "on", "1":
		for _, from = range append(slices.Clip(caFiles), "SSL_CERT_FILE") {
			if s.CAFile = p.Environ(from); s.CAFile != "" {
				break
			}
		}
	default:
		s.CAFile = verify
	}
	s.CertFile = cmp.Or(v["ssl_certificate"], p.Environ("SSL_CERTIFICATE"))
	s.KeyFile = v["ssl_certificate_key"]
	if _, err := os.Stat(s.CAFile); err != nil && s.CAFile != "" {
		return s, &provider.OptionError{Option: "ssl_verify", Reason: from + " is a file that cannot be read: " + err.Error()}
	}
	return s, nil
}
