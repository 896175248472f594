// Package azureblob keeps the answers of the response cache in a container of Azure Blob Storage
// (https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api). It makes five calls of its API, which are less than its SDK
// would bring.
package azureblob

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"outcrop/cache"
	"outcrop/internal/parallel"
	"outcrop/internal/renew"
	"outcrop/provider/azure/entra"
)

// Options say where the container is, and who may use it.
type Options struct {
	// Account is the address of the storage account, and Container the container's name. It is made if there is none.
	Account, Container string
	// Environ has the credentials of the application, as the Azure SDK reads them.
	Environ func(string) string
	// Token is what requests are made with; by Environ if nil.
	Token renew.Fetch
	// Roots are the authorities that are trusted; the system's if nil.
	Roots *x509.CertPool
	// MaxAnswer is the size of the largest value that is read, in bytes.
	MaxAnswer int64
	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

// folder is where values are within the container: Flush deletes what is in it, and nothing else.
const folder = "outcrop-cache/"

// scope is that of the tokens of all storage accounts
// (https://learn.microsoft.com/azure/storage/blobs/authorize-access-azure-active-directory).
const scope = "https://storage.azure.com/.default"

// version is that of the API. Tokens of Entra ID are taken from 2017-11-09 on.
const version = "2021-12-02"

// Store keeps each value in a blob.
type Store struct {
	opt    Options
	base   string // of the container, without a slash at the end
	tokens *renew.Source
	client *http.Client
}

var _ cache.Store = (*Store)(nil)

// Open makes a store. It calls nobody.
func Open(opt Options) (*Store, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	u, err := url.Parse(opt.Account)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" {
		return nil, errors.New("the address of the storage account must be a URL such as https://example.blob.core.windows.net")
	}
	s := &Store{opt: opt, base: strings.TrimRight(opt.Account, "/") + "/" + url.PathEscape(opt.Container)}
	if opt.Token != nil {
		s.tokens = renew.New(opt.Token, opt.Now)
	} else if s.tokens, err = tokens(opt.Environ); err != nil {
		return nil, err
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 32, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: 10 * time.Second}
	if opt.Roots != nil {
		transport.TLSClientConfig = &tls.Config{RootCAs: opt.Roots, MinVersion: tls.VersionTLS12}
	}
	s.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return s, nil
}

// tokens are those of the application that the environment names. AZURE_AD_TOKEN and AZURE_SCOPE are for models.
func tokens(environ func(string) string) (*renew.Source, error) {
	source, _, err := entra.Open(func(_ string, variables ...string) (value, from string) {
		for _, name := range variables {
			if name == "AZURE_AD_TOKEN" || name == "AZURE_SCOPE" {
				continue
			}
			if v := environ(name); v != "" {
				return v, name
			}
		}
		return "", ""
	}, scope)
	if err == nil && source == nil {
		err = errors.New("there are no credentials for Azure: set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or AZURE_CREDENTIAL=ManagedIdentityCredential")
	}
	return source, err
}

// call makes a call. The caller closes the response's body.
func (s *Store) call(ctx context.Context, method, target string, body []byte) (*http.Response, error) {
	token, err := s.tokens.Get(ctx)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, s.base+target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("X-Ms-Version", version)
	req.Header.Set("X-Ms-Date", s.opt.Now().UTC().Format(http.TimeFormat))
	if body != nil {
		req.Header.Set("Content-Type", "application/octet-stream")
		req.Header.Set("X-Ms-Blob-Type", "BlockBlob")
	}
	return s.client.Do(req)
}

// maxText bounds what is read of responses that are no values.
const maxText = 4 << 20

// statusError is a refusal of the service.
type statusError struct {
	status int
	code   string // such as ContainerNotFound; empty if there is none
}

func (e *statusError) Error() string {
	return strings.TrimSpace("Azure Blob Storage answers " + strconv.Itoa(e.status) + " " + e.code)
}

// coded reports whether an error is a refusal with a code.
func coded(err error, code string) bool {
	e, ok := errors.AsType[*statusError](err)
	return ok && e.code == code
}

const (
	noBlob          = "BlobNotFound"
	noContainer     = "ContainerNotFound"
	containerExists = "ContainerAlreadyExists"
)

// answer makes a call, and returns what its response has, at most of a size; nil if it has more.
func (s *Store) answer(ctx context.Context, method, target string, body []byte, most int64) ([]byte, error) {
	resp, err := s.call(ctx, method, target, body)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // for the connection
		return nil, &statusError{resp.StatusCode, resp.Header.Get("X-Ms-Error-Code")}
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err != nil || int64(len(text)) > most {
		return nil, err
	}
	return text, nil
}

func blob(name string) string {
	return "/" + strings.ReplaceAll(url.PathEscape(name), "%2F", "/")
}

// overhead is what a value has besides the answer, at most.
const overhead = 64 << 10

// Get returns the value of a key.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	value, err := s.answer(ctx, http.MethodGet, blob(folder+key), nil, s.opt.MaxAnswer+overhead)
	if coded(err, noBlob) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return cache.Undated(value, s.opt.Now()), nil
}

// Set keeps a value. It makes the container if there is none.
func (s *Store) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	put := func() error {
		_, err := s.answer(ctx, http.MethodPut, blob(folder+key), cache.Dated(value, s.opt.Now(), ttl), maxText)
		return err
	}
	err := put()
	if !coded(err, noContainer) {
		return err
	}
	if _, err := s.answer(ctx, http.MethodPut, "?restype=container", nil, maxText); err != nil && !coded(err, containerExists) {
		return err
	}
	return put()
}

// together is how many blobs are deleted at the same time.
const together = 16

// Delete forgets keys.
func (s *Store) Delete(ctx context.Context, keys []string) error {
	return s.remove(ctx, len(keys), func(i int) string { return folder + keys[i] })
}

func (s *Store) remove(ctx context.Context, n int, name func(i int) string) error {
	return parallel.Do(ctx, n, together, func(ctx context.Context, i int) error {
		_, err := s.answer(ctx, http.MethodDelete, blob(name(i)), nil, maxText)
		if coded(err, noBlob) {
			return nil
		}
		return err
	})
}

// Flush forgets everything.
func (s *Store) Flush(ctx context.Context) error {
	return cache.RemoveAll(ctx, func(ctx context.Context, page string) ([]string, string, error) {
		names, next, err := s.list(ctx, 1000, page)
		if coded(err, noContainer) {
			err = nil
		}
		return names, next, err
	}, s.remove)
}

// list lists blobs, most of them at most, from the marker that the last call has returned on. next is the next marker; empty after the
// last page.
func (s *Store) list(ctx context.Context, most int, from string) (names []string, next string, err error) {
	query := "?restype=container&comp=list&maxresults=" + strconv.Itoa(most) + "&prefix=" + url.QueryEscape(folder)
	if from != "" {
		query += "&marker=" + url.QueryEscape(from)
	}
	text, err := s.answer(ctx, http.MethodGet, query, nil, maxText)
	if err != nil {
		return nil, "", err
	}
	var page struct {
		Names []string `xml:"Blobs>Blob>Name"`
		Next  string   `xml:"NextMarker"`
	}
	if err := xml.Unmarshal(text, &page); err != nil {
		return nil, "", fmt.Errorf("the list of blobs cannot be read: %w", err)
	}
	return page.Names, page.Next, nil
}

// Ping reports whether the container can be read. One that is not there yet is made by the first value.
func (s *Store) Ping(ctx context.Context) error {
	if _, _, err := s.list(ctx, 1, ""); err != nil && !coded(err, noContainer) {
		return err
	}
	return nil
}

// Close ends the connections and the renewal of tokens.
func (s *Store) Close() error {
	s.client.CloseIdleConnections()
	s.tokens.Close()
	return nil
}
