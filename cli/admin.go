package cli

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"outcrop/config"
	"outcrop/internal/jsonx"
)

// gatewayFlag says where a running gateway is.
type gatewayFlag struct {
	URL string `name:"url" env:"OUTCROP_URL" default:"http://127.0.0.1:4000" placeholder:"URL" help:"The gateway's address."`
}

// base returns the address without a slash at its end.
func (f *gatewayFlag) base() (string, error) {
	at, err := url.Parse(f.URL)
	if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" || at.User != nil || at.RawQuery != "" {
		return "", &usageError{fmt.Sprintf("--url %q is not the address of a gateway", f.URL), "Give it as http://HOST:PORT or https://HOST, also in OUTCROP_URL."}
	}
	return strings.TrimRight(f.URL, "/"), nil
}

// adminFlags say which gateway a command manages, and with which key.
type adminFlags struct {
	gatewayFlag
	Key        config.Secret `name:"key" placeholder:"KEY" help:"The master key, or an admin's key. Default: that of --config, or OUTCROP_API_KEY, or LITELLM_MASTER_KEY, or that of outcrop login."`
	ConfigFile string        `name:"config" short:"c" placeholder:"FILE" help:"The gateway's configuration file, to read the master key from."`
}

// outputFlags select the form of an answer.
type outputFlags struct {
	JSON   bool     `name:"json" help:"Print JSON, as the gateway's API has it."`
	Fields []string `hidden:"" help:"The fields to print with --json."`
}

// manager calls the management API of a gateway.
type manager struct {
	base   string
	key    config.Secret
	source string // of the key; empty if there is none
	client *http.Client
}

// Bounds of a call to the management API: lists are read in pages, and the largest answer is that of a team with all
// its keys.
const (
	adminTimeout = time.Minute
	mostAnswered = 256 << 20
)

// open returns the gateway that the flags name. The caller closes it.
func (f *adminFlags) open(ctx context.Context, w io.Writer) (*manager, error) {
	base, err := f.base()
	if err != nil {
		return nil, err
	}
	m := &manager{
		base: base, key: f.Key, source: "--key",
		client: &http.Client{
			Timeout:       adminTimeout,
			Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 1, TLSHandshakeTimeout: 10 * time.Second},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	if m.key == "" && f.ConfigFile != "" {
		flags := configFlags{ConfigFile: f.ConfigFile, AllowUnsupported: true, SkipUnsupported: true}
		cfg, problems, err := flags.inspect(ctx, w)
		if err != nil {
			return nil, err
		}
		if cfg == nil {
			_, err = started(w, nil, problems)
			return nil, err
		}
		m.key, m.source = cfg.General.MasterKey, f.ConfigFile
	}
	for _, name := range [...]string{"OUTCROP_API_KEY", "LITELLM_MASTER_KEY"} {
		if m.key == "" {
			m.key, m.source = config.Secret(os.Getenv(name)), name
		}
	}
	if m.key == "" {
		m.key, m.source = sessionKey(m.base), "outcrop login"
	}
	if m.key == "" {
		m.source = ""
	}
	return m, nil
}

// close ends the idle connections.
func (m *manager) close() { m.client.CloseIdleConnections() }

// apiError is a refusal of the management API.
type apiError struct {
	status               int
	kind, message, param string
}

func (e *apiError) Error() string { return e.message }

// hinted is an error with its next step.
type hinted struct{ what, hint string }

func (e *hinted) Error() string { return e.what }

// get reads a path of the API.
func (m *manager) get(ctx context.Context, path string, query url.Values) (jsonx.Raw, error) {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return m.do(ctx, http.MethodGet, path, nil)
}

// post sends an object to a path of the API.
func (m *manager) post(ctx context.Context, path string, body *object) (jsonx.Raw, error) {
	return m.do(ctx, http.MethodPost, path, body.bytes())
}

func (m *manager) do(ctx context.Context, method, path string, body []byte) (jsonx.Raw, error) {
	req, err := http.NewRequestWithContext(ctx, method, m.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if m.key != "" {
		req.Header.Set("Authorization", "Bearer "+m.key.Reveal())
	}
	res, err := m.client.Do(req)
	if err != nil {
		return nil, m.unreachable(ctx, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, mostAnswered+1))
	switch {
	case err != nil:
		return nil, m.unreachable(ctx, err)
	case len(answer) > mostAnswered:
		return nil, &hinted{"the gateway's answer is too large", "Ask for less at once."}
	case res.StatusCode/100 == 3:
		return nil, &hinted{m.base + " leads to another address", "Use --url with the address that it leads to: " + location(res)}
	case !jsonx.Valid(answer):
		return nil, m.stranger()
	case res.StatusCode/100 != 2:
		return nil, m.refused(res.StatusCode, answer)
	}
	return answer, nil
}

// location is where a redirection leads, without its path.
func location(res *http.Response) string {
	to, err := res.Location()
	if err != nil {
		return "it does not say which."
	}
	return to.Scheme + "://" + to.Host
}

// stranger is the error of a server that does not speak the management API.
func (m *manager) stranger() error {
	return &hinted{"what answers at " + m.base + " is not an Outcrop gateway with keys", "Set --url or OUTCROP_URL to the gateway's address."}
}

// unreachable explains why there is no answer.
func (m *manager) unreachable(ctx context.Context, err error) error {
	var unknown *net.DNSError
	var plain tls.RecordHeaderError
	var untrusted *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var timeout net.Error
	why := err
	if u, ok := errors.AsType[*url.Error](err); ok {
		why = u.Err
	}
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case errors.As(err, &unknown):
		return &hinted{"the host of " + m.base + " is not known: " + unknown.Err, "Check --url and OUTCROP_URL."}
	case errors.As(err, &plain), strings.Contains(why.Error(), "HTTP response to HTTPS client"):
		return &hinted{m.base + " does not speak HTTPS", "Use http:// in --url."}
	case errors.As(err, &untrusted), errors.As(err, &authority):
		return &hinted{"the certificate of " + m.base + " is not trusted: " + why.Error(), "Set SSL_CERT_FILE to the file of its authority or of the certificate itself."}
	case errors.As(err, &timeout) && timeout.Timeout():
		return &hinted{"the gateway at " + m.base + " does not answer", "Look at its log, and check --url."}
	default:
		return &hinted{"no gateway can be reached at " + m.base + ": " + why.Error(), "Start one with outcrop serve, or say where it runs with --url or OUTCROP_URL."}
	}
}

// refused reads a refusal.
func (m *manager) refused(status int, answer jsonx.Raw) error {
	var body struct {
		Error struct {
			Message string `json:"message"`
			Type    string `json:"type"`
			Param   string `json:"param"`
			Outcrop struct {
				Fix string `json:"fix"`
			} `json:"outcrop"`
		} `json:"error"`
	}
	if err := jsonx.Unmarshal(answer, &body); err != nil || body.Error.Message == "" {
		return m.stranger()
	}
	e := body.Error
	switch {
	case status == http.StatusUnauthorized && m.source == "":
		return &hinted{"the gateway at " + m.base + " needs its master key", "Set LITELLM_MASTER_KEY or --key, or name the gateway's configuration file with --config."}
	case status == http.StatusUnauthorized && e.Param == "key":
		return &hinted{"the gateway at " + m.base + " does not accept the key of " + m.source, "Give its master key, or the key of an admin, by --key, --config, OUTCROP_API_KEY or LITELLM_MASTER_KEY."}
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		what, _, _ := strings.Cut(strings.TrimPrefix(e.Message, "Authentication Error, "), ". Use the master key")
		return &hinted{capitalless(strings.TrimSuffix(what, ".")), "Use the master key, or the key of a user with the role proxy_admin; the key of " + cmp.Or(m.source, "this call") + " may not do this."}
	case status == http.StatusNotFound && e.Type != "not_found_error":
		return m.stranger()
	case status >= http.StatusInternalServerError:
		return &hinted{"the gateway failed: " + strings.TrimSpace(strings.TrimSuffix(e.Message, e.Outcrop.Fix)), cmp.Or(e.Outcrop.Fix, "Look at the gateway's log.")}
	}
	return &apiError{status: status, kind: e.Type, message: e.Message, param: e.Param}
}

// capitalless begins a message with a small letter, because words precede it.
func capitalless(message string) string {
	if len(message) > 1 && message[1] >= 'a' && message[1] <= 'z' {
		return strings.ToLower(message[:1]) + message[1:]
	}
	return message
}
