package bedrock

import (
	"cmp"
	"errors"
	"log/slog"
	"os"
	"strings"

	"outcrop/provider"
	"outcrop/upstream"
)

// connection reads how a deployment's connections are made. ssl_verify is whether
// certificates are checked, or a file with the authorities to trust; without it
// SSL_VERIFY counts, and for the file AWS_CA_BUNDLE, as for AWS's SDKs, then
// SSL_CERT_FILE. ssl_certificate, else SSL_CERTIFICATE, is the client's
// certificate. The names are LiteLLM's
// (https://docs.litellm.ai/docs/guides/security_settings). An error is a
// *provider.OptionError.
func connection(p provider.Params) (upstream.Settings, error) {
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
		for _, from = range []string{"AWS_CA_BUNDLE", "SSL_CERT_FILE"} {
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

// connect gives the client for a deployment's settings, which it shares with the
// others that have the same, and the settings.
func connect(p provider.Params, guard upstream.Guard) (*upstream.Client, upstream.Settings, error) {
	s, err := connection(p)
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
