package bucket

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"outcrop/export"
)

// GCS is LiteLLM's callback gcs_bucket (litellm/integrations/gcs_bucket, 1.110.2).
type GCS struct {
	// Bucket is the bucket, perhaps with a folder behind a slash.
	Bucket string
	// ServiceAccount is a file with a service account's key; empty for the credentials that Google's tools find.
	ServiceAccount string
	// Batched is whether a batch is one object with a line for each record.
	Batched bool
	// Base is the address of the API; Google's if empty. Token is where tokens come from; by ServiceAccount if nil.
	Base  string
	Token oauth2.TokenSource
	Form  export.Form
}

type gcs struct {
	*export.Poster

	opt    GCS
	bucket string
	folder string

	mu    sync.Mutex
	token oauth2.TokenSource
}

// storageScope is the permission that tokens are asked for.
const storageScope = "https://www.googleapis.com/auth/devstorage.read_write"

// NewGCS makes the sender. It calls nobody.
func NewGCS(opt GCS) export.Sender {
	if opt.Base == "" {
		opt.Base = "https://storage.googleapis.com"
	}
	bucket, folder, _ := strings.Cut(opt.Bucket, "/")
	if folder = strings.Trim(folder, "/"); folder != "" {
		folder += "/"
	}
	return &gcs{Poster: export.NewPoster(nil), opt: opt, bucket: bucket, folder: folder, token: opt.Token}
}

func (s *gcs) Send(ctx context.Context, batch []*export.Record) ([]*export.Record, error) {
	token, err := s.credentials(ctx)
	if err != nil {
		return batch, err
	}
	if !s.opt.Batched {
		return export.Each(batch, func(r *export.Record) error {
			return s.put(ctx, token, r.Started.UTC().Format("2006-01-02/")+r.ID, "application/json", s.opt.Form.Append(nil, r))
		})
	}
	var body []byte
	for i, r := range batch {
		if i > 0 {
			body = append(body, '\n')
		}
		body = s.opt.Form.Append(body, r)
	}
	var random [4]byte
	_, _ = rand.Read(random[:])
	now := time.Now().UTC()
	name := now.Format("2006-01-02/") + "batch-" + strconv.FormatInt(now.UnixMilli(), 10) + "-" + hex.EncodeToString(random[:]) + ".ndjson"
	if err := s.put(ctx, token, name, "application/x-ndjson", body); err != nil {
		return batch, err
	}
	return nil, nil
}

func (s *gcs) put(ctx context.Context, token *oauth2.Token, name, kind string, body []byte) error {
	address := s.opt.Base + "/upload/storage/v1/b/" + url.PathEscape(s.bucket) + "/o?uploadType=media&name=" + url.QueryEscape(s.folder+name)
	_, err := s.Do(ctx, http.MethodPost, address, http.Header{"Content-Type": {kind}, "Authorization": {"Bearer " + token.AccessToken}}, body)
	return err
}

// credentials is a valid token.
func (s *gcs) credentials(ctx context.Context) (*oauth2.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == nil {
		// The source keeps the context for later tokens.
		background := context.WithValue(context.WithoutCancel(ctx), oauth2.HTTPClient, &http.Client{Timeout: 10 * time.Second})
		if s.opt.ServiceAccount == "" {
			found, err := google.FindDefaultCredentials(background, storageScope)
			if err != nil {
				return nil, fmt.Errorf("google Cloud's credentials: %w", err)
			}
			s.token = found.TokenSource
		} else {
			key, err := os.ReadFile(s.opt.ServiceAccount)
			if err != nil {
				return nil, err
			}
			config, err := google.JWTConfigFromJSON(key, storageScope)
			if err != nil {
				return nil, &export.FinalError{Err: fmt.Errorf("GCS_PATH_SERVICE_ACCOUNT: %w", err)}
			}
			s.token = config.TokenSource(background)
		}
	}
	return s.token.Token()
}
