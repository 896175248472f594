// Package gcs keeps the answers of the response cache in a bucket of Google Cloud Storage
// (https://cloud.google.com/storage/docs/json_api/v1). It makes four calls of its API, which are less than its SDK would bring.
package gcs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"outcrop/cache"
	"outcrop/internal/jsonx"
	"outcrop/internal/parallel"
	"outcrop/internal/renew"
)

// Options say where the bucket is, and who may use it.
type Options struct {
	Bucket string
	// Path is a folder within the bucket; empty for none.
	Path string
	// Credentials are a key or other credentials of Google Cloud as JSON, or the name of a file with them; empty for those that Google's
	// tools would find.
	Credentials string
	// Base is the address of the API; Google's if empty. Token is what requests are made with; by Credentials if nil.
	Base  string
	Token renew.Fetch
	// MaxAnswer is the size of the largest value that is read, in bytes.
	MaxAnswer int64
	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

// folder is where values are within Options.Path: Flush deletes what is in it, and nothing else.
const folder = "outcrop-cache/"

// scope is the permission that tokens are asked for.
const scope = "https://www.googleapis.com/auth/devstorage.read_write"

// Store keeps each value in an object.
type Store struct {
	opt    Options
	prefix string // of the objects' names
	tokens *renew.Source
	client *http.Client
}

var _ cache.Store = (*Store)(nil)

// Open makes a store. It calls nobody.
func Open(opt Options) (*Store, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Base == "" {
		opt.Base = "https://storage.googleapis.com"
	}
	if opt.Token == nil {
		fetch, err := credentials(opt.Credentials)
		if err != nil {
			return nil, err
		}
		opt.Token = fetch
	}
	s := &Store{opt: opt, prefix: folder, tokens: renew.New(opt.Token, opt.Now)}
	if path := strings.Trim(opt.Path, "/"); path != "" {
		s.prefix = path + "/" + folder
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 32, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: 10 * time.Second}
	s.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return s, nil
}

// credentials gets tokens. Each time it reads the credentials anew, which may have been replaced.
func credentials(from string) (renew.Fetch, error) {
	inline := strings.HasPrefix(strings.TrimSpace(from), "{")
	if inline {
		if _, err := kindOf([]byte(from)); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context) (string, time.Time, error) {
		ctx = context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Timeout: tokenTimeout})
		var found *google.Credentials
		var err error
		if from == "" {
			found, err = google.FindDefaultCredentials(ctx, scope)
		} else {
			data := []byte(from)
			if !inline {
				if data, err = os.ReadFile(from); err != nil {
					return "", time.Time{}, err
				}
			}
			var kind google.CredentialsType
			if kind, err = kindOf(data); err != nil {
				return "", time.Time{}, err
			}
			found, err = google.CredentialsFromJSONWithType(ctx, data, kind, scope)
		}
		var t *oauth2.Token
		if err == nil {
			t, err = found.TokenSource.Token()
		}
		if err != nil {
			return "", time.Time{}, fmt.Errorf("google Cloud's credentials: %w", err)
		}
		return t.AccessToken, t.Expiry, nil
	}, nil
}

// tokenTimeout bounds a call for a token.
const tokenTimeout = 20 * time.Second

// kindOf is the type of credentials.
func kindOf(data []byte) (google.CredentialsType, error) {
	var head struct {
		Type google.CredentialsType `json:"type"`
	}
	if err := jsonx.Unmarshal(data, &head); err != nil || head.Type == "" {
		return "", errors.New("the credentials of Google Cloud must be a JSON object with a type, as its console and gcloud write them")
	}
	return head.Type, nil
}

// call makes a call. The caller closes the response's body.
func (s *Store) call(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	token, err := s.tokens.Get(ctx)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, s.opt.Base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		req.Header.Set("Content-Type", "application/octet-stream")
	}
	return s.client.Do(req)
}

// maxText bounds what is read of responses that are no values.
const maxText = 4 << 20

// refusal is the error that a response tells of.
func refusal(resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // the status says enough
	var told struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if jsonx.Unmarshal(text, &told) == nil && told.Error.Message != "" {
		return fmt.Errorf("Cloud Storage answers %d: %s", resp.StatusCode, told.Error.Message) //nolint:staticcheck // a name
	}
	return fmt.Errorf("Cloud Storage answers %d", resp.StatusCode) //nolint:staticcheck // a name
}

// done makes a call whose response says nothing but that it succeeded. A status that is passed over is no failure.
func (s *Store) done(ctx context.Context, method, path string, body []byte, passed int) error {
	resp, err := s.call(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 && resp.StatusCode != passed {
		return refusal(resp)
	}
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, maxText))
	return err
}

func (s *Store) bucket() string { return "/storage/v1/b/" + url.PathEscape(s.opt.Bucket) + "/o" }

func (s *Store) object(name string) string { return s.bucket() + "/" + url.PathEscape(name) }

// Get returns the value of a key. An absent bucket is not told from an absent object, as the API does not: Ping tells it.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	resp, err := s.call(ctx, http.MethodGet, s.object(s.prefix+key)+"?alt=media", nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, nil
	default:
		return nil, refusal(resp)
	}
	most := s.opt.MaxAnswer + overhead
	value, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err != nil || int64(len(value)) > most {
		return nil, err
	}
	return cache.Undated(value, s.opt.Now()), nil
}

// overhead is what a value has besides the answer, at most.
const overhead = 64 << 10

// Set keeps a value.
func (s *Store) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	path := "/upload" + s.bucket() + "?uploadType=media&name=" + url.QueryEscape(s.prefix+key)
	return s.done(ctx, http.MethodPost, path, cache.Dated(value, s.opt.Now(), ttl), 0)
}

// together is how many objects are deleted at the same time.
const together = 16

// Delete forgets keys.
func (s *Store) Delete(ctx context.Context, keys []string) error {
	return s.remove(ctx, len(keys), func(i int) string { return s.prefix + keys[i] })
}

func (s *Store) remove(ctx context.Context, n int, name func(i int) string) error {
	return parallel.Do(ctx, n, together, func(ctx context.Context, i int) error {
		return s.done(ctx, http.MethodDelete, s.object(name(i)), nil, http.StatusNotFound)
	})
}

// Flush forgets everything.
func (s *Store) Flush(ctx context.Context) error {
	list := func(ctx context.Context, page string) ([]string, string, error) { return s.list(ctx, 1000, page) }
	return cache.RemoveAll(ctx, list, s.remove)
}

// list lists objects, most of them at most, from the page that the last call has named on. next is the name of the next page; empty after
// the last.
func (s *Store) list(ctx context.Context, most int, from string) (names []string, next string, err error) {
	query := "?fields=nextPageToken,items(name)&maxResults=" + strconv.Itoa(most) + "&prefix=" + url.QueryEscape(s.prefix)
	if from != "" {
		query += "&pageToken=" + url.QueryEscape(from)
	}
	resp, err := s.call(ctx, http.MethodGet, s.bucket()+query, nil)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, "", refusal(resp)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxText))
	if err != nil {
		return nil, "", err
	}
	var page struct {
		Next  string `json:"nextPageToken"`
		Items []struct {
			Name string `json:"name"`
		} `json:"items"`
	}
	if err := jsonx.Unmarshal(text, &page); err != nil {
		return nil, "", fmt.Errorf("the list of objects cannot be read: %w", err)
	}
	for _, o := range page.Items {
		names = append(names, o.Name)
	}
	return names, page.Next, nil
}

// Ping reports whether the bucket can be read.
func (s *Store) Ping(ctx context.Context) error {
	_, _, err := s.list(ctx, 1, "")
	return err
}

// Close ends the connections and the renewal of tokens.
func (s *Store) Close() error {
	s.client.CloseIdleConnections()
	s.tokens.Close()
	return nil
}
