package creds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"outcrop/internal/jsonx"
)

// tokenForms lists the notations for the source of a web identity token, which are LiteLLM's
// (https://docs.litellm.ai/docs/oidc).
const tokenForms = "oidc/file/PATH, oidc/env/VARIABLE, oidc/env_path/VARIABLE, oidc/google/AUDIENCE, oidc/github/AUDIENCE, oidc/azure/AUDIENCE, oidc/circleci/ or oidc/circleci_v2/"

// tokenReader gets a web identity token. It is called for each assumed role: a token lasts as long
// as one, and is not cached.
type tokenReader func(ctx context.Context) (tokenText, *Error)

// tokenText is a token that has been read. It implements stscreds.IdentityTokenRetriever.
type tokenText []byte

// GetIdentityToken returns the token.
func (t tokenText) GetIdentityToken() ([]byte, error) { return t, nil }

// hide removes the token from an error.
func (t tokenText) hide(e *Error) *Error {
	if len(t) > 0 {
		e.Message = strings.ReplaceAll(e.Message, string(t), "(hidden)")
	}
	return e
}

// IsToken reports whether a text is a web identity token rather than a reference to one: a JSON Web
// Token in its compact form, three parts in base64url of which the first is a JSON object (RFC
// 7519, section 3).
func IsToken(s string) bool {
	return strings.HasPrefix(s, "eyJ") && strings.Count(s, ".") == 2 && isMadeOf(s, "-_.")
}

// readerOf returns the reader for the token that a setting refers to; nil if the setting has no
// known form. The setting may be the token itself, which works as long as it is valid.
func (p *plan) readerOf(setting string) tokenReader {
	if IsToken(setting) {
		return func(context.Context) (tokenText, *Error) { return tokenText(setting), nil }
	}
	rest, ok := strings.CutPrefix(setting, "oidc/")
	how, argument, more := strings.Cut(rest, "/")
	if !ok || !more {
		return nil
	}
	read, needsArgument := p.local(how, argument), true
	switch how {
	case "circleci", "circleci_v2":
		needsArgument = false
	case "google":
		read = func(ctx context.Context) ([]byte, error) { return p.google(ctx, argument) }
	case "github":
		read = func(ctx context.Context) ([]byte, error) { return p.github(ctx, argument) }
	case "azure":
		read = func(ctx context.Context) ([]byte, error) { return p.azure(ctx, argument) }
	}
	if read == nil || needsArgument && argument == "" {
		return nil
	}
	return func(ctx context.Context) (tokenText, *Error) {
		token, err := read(ctx)
		if err == nil && len(strings.TrimSpace(string(token))) == 0 {
			err = errors.New("it is empty")
		}
		if err != nil {
			e := p.explain("read the web identity token of oidc/"+how, err)
			if e.Kind != Unreachable {
				e.Fix = "Check aws_web_identity_token, and that this machine can get such tokens."
			}
			return nil, e
		}
		return tokenText(strings.TrimSpace(string(token))), nil
	}
}

// local returns a function that reads a token from a file or variable; nil for other sources.
func (p *plan) local(how, argument string) func(context.Context) ([]byte, error) {
	switch how {
	case "file":
		return func(context.Context) ([]byte, error) { return os.ReadFile("/" + strings.TrimPrefix(argument, "/")) }
	case "env":
		return func(context.Context) ([]byte, error) { return p.variable(argument) }
	case "env_path":
		return func(context.Context) ([]byte, error) {
			file, err := p.variable(argument)
			if err != nil {
				return nil, err
			}
			return os.ReadFile(string(file))
		}
	case "circleci": // https://circleci.com/docs/openid-connect-tokens/
		return func(context.Context) ([]byte, error) { return p.variable("CIRCLE_OIDC_TOKEN") }
	case "circleci_v2":
		return func(context.Context) ([]byte, error) { return p.variable("CIRCLE_OIDC_TOKEN_V2") }
	default:
		return nil
	}
}

func (p *plan) variable(name string) ([]byte, error) {
	if v := p.environ(name); v != "" {
		return []byte(v), nil
	}
	return nil, errors.New(name + " is not set")
}

// googleMetadata is the host of Google Cloud's metadata server.
const googleMetadata = "metadata.google.internal"

// google gets the identity of the machine's service account from the metadata server
// (https://docs.cloud.google.com/compute/docs/instances/verifying-instance-identity).
func (p *plan) google(ctx context.Context, audience string) ([]byte, error) {
	u := "http://" + googleMetadata + "/computeMetadata/v1/instance/service-accounts/default/identity?audience=" + url.QueryEscape(audience)
	return p.ask(ctx, u, http.Header{"Metadata-Flavor": {"Google"}})
}

// github gets the identity of the workflow in which this process runs
// (https://docs.github.com/en/actions/reference/security/oidc).
func (p *plan) github(ctx context.Context, audience string) ([]byte, error) {
	address, err := p.variable("ACTIONS_ID_TOKEN_REQUEST_URL")
	if err != nil {
		return nil, err
	}
	key, err := p.variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(string(address))
	if err != nil {
		return nil, errors.New("ACTIONS_ID_TOKEN_REQUEST_URL is not a URL")
	}
	query := u.Query()
	query.Set("audience", audience)
	u.RawQuery = query.Encode()
	answer, err := p.ask(ctx, u.String(), http.Header{"Authorization": {"Bearer " + string(key)}, "Accept": {"application/json; api-version=2.0"}})
	if err != nil {
		return nil, err
	}
	var token struct {
		Value string `json:"value"`
	}
	if jsonx.Unmarshal(answer, &token) != nil {
		return nil, errors.New("the response is not GitHub's")
	}
	return []byte(token.Value), nil
}

// azure returns the token of a pod's workload identity, or else that of the machine's managed
// identity
// (https://learn.microsoft.com/en-us/entra/identity/managed-identities-azure-resources/how-to-use-vm-token).
func (p *plan) azure(ctx context.Context, audience string) ([]byte, error) {
	if file := p.environ("AZURE_FEDERATED_TOKEN_FILE"); file != "" {
		return os.ReadFile(file)
	}
	query := url.Values{"api-version": {"2018-02-01"}, "resource": {audience}}
	if id := p.environ("AZURE_CLIENT_ID"); id != "" {
		query.Set("client_id", id)
	}
	answer, err := p.ask(ctx, "http://169.254.169.254/metadata/identity/oauth2/token?"+query.Encode(), http.Header{"Metadata": {"true"}})
	if err != nil {
		return nil, err
	}
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if jsonx.Unmarshal(answer, &token) != nil {
		return nil, errors.New("the response is not Azure's")
	}
	return []byte(token.AccessToken), nil
}

// maxToken limits the size in bytes of a response with a token; STS accepts 20,000 characters.
const maxToken = 64 << 10

// ask makes one request for a token.
func (p *plan) ask(ctx context.Context, address string, header http.Header) ([]byte, error) {
	client, failure := p.httpClient(&bound{ctx: ctx})
	if failure != nil {
		return nil, failure
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, errors.New("its URL is invalid")
	}
	r.Header = header
	resp, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxToken))
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s responded with status %d", r.URL.Host, resp.StatusCode)
	default:
		return body, nil
	}
}
