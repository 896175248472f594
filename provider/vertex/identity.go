package vertex

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"outcrop/internal/jsonx"
	"outcrop/provider"
	"outcrop/upstream"
)

// identity is where tokens come from, found once, in the background: finding the default credentials
// may ask the machine's metadata server.
type identity interface {
	// Find returns the source of tokens, and the project that goes with it; empty if none does.
	Find(ctx context.Context) (source oauth2.TokenSource, project string, err error)
}

// configured is an identity of a JSON file of Google's, or the default credentials if there is none.
type configured struct {
	json   func() []byte // a function, because formatters print fields; nil for the default credentials
	kind   google.CredentialsType
	client *http.Client
}

// Find reads the credentials.
func (c *configured) Find(ctx context.Context) (oauth2.TokenSource, string, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, c.client)
	var found *google.Credentials
	var err error
	if c.json == nil {
		found, err = google.FindDefaultCredentials(ctx, scope)
	} else {
		found, err = google.CredentialsFromJSONWithType(ctx, c.json(), c.kind, scope)
	}
	if err != nil {
		return nil, "", err
	}
	return found.TokenSource, found.ProjectID, nil
}

// newIdentity reads vertex_credentials: JSON, or the path of a file with JSON. Without it the variable
// GOOGLE_APPLICATION_CREDENTIALS names the file, and without that the default credentials count. key
// identifies what was read. project is the one in the JSON.
func newIdentity(p provider.Params, client *http.Client) (id *configured, key [sha256.Size]byte, project string, err error) {
	id = &configured{client: client}
	text, from := p.Values["vertex_credentials"], "it"
	if text == "" {
		if text, from = p.Environ("GOOGLE_APPLICATION_CREDENTIALS"), "GOOGLE_APPLICATION_CREDENTIALS"; text == "" {
			return id, sha256.Sum256(nil), "", nil
		}
	}
	fail := func(reason string) error {
		return &provider.OptionError{Option: "vertex_credentials", Reason: reason}
	}
	data := []byte(text)
	if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		if data, err = os.ReadFile(text); err != nil {
			return nil, key, "", fail(unreadable(from, text, err))
		}
		from = "the file"
	}
	var head struct {
		Type    google.CredentialsType `json:"type"`
		Project string                 `json:"project_id"`
		Quota   string                 `json:"quota_project_id"`
	}
	if jsonx.Unmarshal(data, &head) != nil { // the error would quote it
		return nil, key, "", fail(from + " is not the JSON of Google's credentials")
	}
	switch head.Type {
	case google.ServiceAccount, google.AuthorizedUser, google.ExternalAccount, google.ExternalAccountAuthorizedUser, google.ImpersonatedServiceAccount:
	default:
		return nil, key, "", fail(from + " has not one of the types service_account, authorized_user, external_account, external_account_authorized_user and impersonated_service_account")
	}
	if from == "it" && p.Upstream.Guard() != upstream.Anywhere && head.Type != google.ServiceAccount && head.Type != google.AuthorizedUser {
		return nil, key, "", fail("credentials of the type " + string(head.Type) + " say which files and addresses of the gateway's machine are read, so that only the configuration's file may have them; a model that is added while the gateway runs takes service_account or authorized_user")
	}
	id.kind, id.json = head.Type, func() []byte { return data }
	if reason := incomplete(head.Type, data); reason != "" {
		return nil, key, "", fail(from + " cannot be used: " + reason)
	}
	if _, _, err := id.Find(context.Background()); err != nil { // it only reads the JSON
		return nil, key, "", fail(from + " cannot be used: a member is missing or wrong")
	}
	project = head.Project
	if project == "" {
		project = head.Quota
	}
	return id, sha256.Sum256(data), project, nil
}

// unreadable says what is wrong with a text that is neither JSON nor a file that can be read. It does not
// quote the text, which may be a secret.
func unreadable(from, text string, err error) string {
	path := !strings.ContainsAny(text, "\n\r") && (strings.ContainsAny(text, `/\`) || strings.HasSuffix(text, ".json"))
	switch {
	case errors.Is(err, fs.ErrNotExist) && path && strings.HasPrefix(text, "~"):
		return from + " names a file that does not exist; write the home folder's path instead of ~"
	case errors.Is(err, fs.ErrNotExist) && path:
		return from + " names a file that does not exist"
	case errors.Is(err, fs.ErrPermission):
		return from + " names a file that the gateway may not read; check its permissions"
	case path:
		return from + " names a file that cannot be read"
	default:
		return from + " is neither JSON nor the path of a file"
	}
}

// incomplete says which member of credentials is missing or wrong; empty if none is. The other types are
// checked where they are read (https://google.aip.dev/auth/4112, https://google.aip.dev/auth/4113).
func incomplete(kind google.CredentialsType, data []byte) string {
	var members map[string]jsonx.Raw
	if jsonx.Unmarshal(data, &members) != nil {
		return "it is not a JSON object"
	}
	text := func(name string) string {
		var s string
		if jsonx.Unmarshal(members[name], &s) != nil {
			return ""
		}
		return strings.TrimSpace(s)
	}
	var needed []string
	switch kind {
	case google.ServiceAccount:
		needed = []string{"client_email", "private_key"}
	case google.AuthorizedUser:
		needed = []string{"client_id", "client_secret", "refresh_token"}
	case google.ExternalAccount:
		needed = []string{"audience", "subject_token_type", "token_url"}
	case google.ImpersonatedServiceAccount:
		needed = []string{"service_account_impersonation_url"}
	case google.ExternalAccountAuthorizedUser, google.GDCHServiceAccount:
	}
	if source := string(members["credential_source"]); kind == google.ExternalAccount && !strings.HasPrefix(strings.TrimSpace(source), "{") {
		return "credential_source, which says where the external token is, is missing"
	}
	needed = slices.DeleteFunc(needed, func(name string) bool { return text(name) != "" })
	switch {
	case len(needed) == 1:
		return needed[0] + " is missing"
	case len(needed) > 1:
		last := len(needed) - 1
		return strings.Join(needed[:last], ", ") + " and " + needed[last] + " are missing"
	case kind == google.ServiceAccount && !isKey([]byte(text("private_key"))):
		return "private_key is not a private key in PEM format; check that its line breaks are \\n"
	default:
		return ""
	}
}

// isKey reports whether a text is a private key in PEM, as Google writes it.
func isKey(text []byte) bool {
	block, _ := pem.Decode(text)
	if block == nil {
		return false
	}
	if _, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		return true
	}
	_, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	return err == nil
}
