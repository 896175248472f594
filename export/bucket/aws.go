// Package bucket keeps records of calls as objects, in Amazon S3 (and what has its API) and in Google Cloud Storage, or puts
// them into a queue of Amazon SQS.
package bucket

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"

	"outcrop/export"
	"outcrop/provider/bedrock/creds"
	"outcrop/provider/bedrock/sign"
)

// S3 is LiteLLM's s3_callback_params (litellm/integrations/s3_v2.py, 1.110.2).
type S3 struct {
	Bucket, Region string
	// Endpoint is the address of what has S3's API; empty for AWS. VirtualHost is whether the bucket is in its host's name.
	Endpoint    string
	VirtualHost bool
	// Path is in front of all objects' names. TeamPrefix and KeyPrefix put the alias of the team and of the key behind it.
	Path                  string
	TeamPrefix, KeyPrefix bool
	// Hourly is whether there is a folder for each hour in that of the day.
	Hourly bool
	// Encryption and EncryptionKey are how objects are encrypted; empty for the bucket's own way.
	Encryption, EncryptionKey string
	Credentials               creds.Options
	Form                      export.Form
}

// SQS is LiteLLM's aws_sqs_callback_params (litellm/integrations/sqs.py, 1.110.2).
type SQS struct {
	Queue, Region string
	Credentials   creds.Options
	Form          export.Form
}

// amazon makes signed requests.
type amazon struct {
	*export.Poster

	source *creds.Source
	signer sign.Signer
}

func (a *amazon) Close() {
	a.Poster.Close()
	a.source.Close()
}

// do signs a request and makes it. header has the request's own headers.
func (a *amazon) do(ctx context.Context, method string, to *url.URL, header http.Header, body []byte, region, service string) error {
	c, err := a.source.Get(ctx)
	if err != nil {
		return err
	}
	a.signer.Sign(&sign.Request{Method: method, Host: to.Host, Path: to.EscapedPath(), Query: to.RawQuery, Header: header, Body: [][]byte{body}},
		sign.Credentials{AccessKey: c.AccessKey, SecretKey: c.SecretKey(), SessionToken: c.SessionToken()}, region, service, time.Now())
	_, err = a.Do(ctx, method, to.String(), header, body)
	return err
}

type s3 struct {
	amazon

	opt S3
	to  *url.URL // of the bucket
}

// NewS3 makes the sender. It calls nobody.
func NewS3(opt S3) (export.Sender, error) {
	source, err := creds.Open(opt.Credentials)
	if err != nil {
		return nil, err
	}
	if opt.Region == "" {
		opt.Region = source.Region(context.Background())
	}
	if opt.Region == "" {
		opt.Region = "us-west-2" // LiteLLM's
	}
	base := opt.Endpoint
	if base == "" {
		base, opt.VirtualHost = "https://s3."+opt.Region+"."+suffix(opt.Region), true
	}
	to, err := url.Parse(strings.TrimRight(base, "/"))
	if err != nil {
		source.Close()
		return nil, err
	}
	if opt.VirtualHost {
		to.Host = opt.Bucket + "." + to.Host
	} else {
		to.Path += "/" + opt.Bucket
	}
	return &s3{amazon{Poster: export.NewPoster(nil), source: source}, opt, to}, nil
}

// suffix is the end of AWS's host names in a region.
func suffix(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

func (s *s3) Send(ctx context.Context, batch []*export.Record) ([]*export.Record, error) {
	return export.Each(batch, func(r *export.Record) error {
		body := s.opt.Form.Append(nil, r)
		sum := sha256.Sum256(body)
		h := http.Header{
			"Content-Type": {"application/json"}, "X-Amz-Content-Sha256": {hex.EncodeToString(sum[:])}, "Content-Language": {"en"},
			"Cache-Control": {"private, immutable, max-age=31536000, s-maxage=0"},
		}
		if s.opt.Encryption != "" {
			h["X-Amz-Server-Side-Encryption"] = []string{s.opt.Encryption}
		}
		if s.opt.EncryptionKey != "" {
			h["X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"] = []string{s.opt.EncryptionKey}
		}
		to := *s.to
		to.Path += "/" + s.name(r)
		return s.do(ctx, http.MethodPut, &to, h, body, s.opt.Region, "s3")
	})
}

// name is the name of a record's object, as LiteLLM has it: path, prefixes, day, and time with the call's id.
func (s *s3) name(r *export.Record) string {
	var b strings.Builder
	if path := strings.Trim(s.opt.Path, "/"); path != "" {
		b.WriteString(path + "/")
	}
	if s.opt.TeamPrefix && r.Who.TeamAlias != "" {
		b.WriteString(r.Who.TeamAlias + "/")
	}
	if s.opt.KeyPrefix && r.Who.KeyAlias != "" {
		b.WriteString(r.Who.KeyAlias + "/")
	}
	at := r.Started.UTC()
	b.WriteString(at.Format("2006-01-02/"))
	if s.opt.Hourly {
		b.WriteString(at.Format("15/"))
	}
	b.WriteString("time-" + strings.ReplaceAll(at.Format("15-04-05.000000"), ".", "-") + "_" + r.ID + ".json")
	return plain(b.String())
}

// plain replaces what would have to be escaped in a path: S3 signs names as they are, and other services escape them once
// more, so that a name that needs no escaping has one signature.
func plain(name string) string {
	name = strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.ContainsRune("-._/", c):
			return c
		default:
			return '_'
		}
	}, name)
	parts := strings.Split(name, "/")
	for i, p := range parts {
		if p == "." || p == ".." {
			parts[i] = strings.ReplaceAll(p, ".", "_")
		}
	}
	return strings.Join(parts, "/")
}

type sqs struct {
	amazon

	opt SQS
	to  *url.URL
}

// NewSQS makes the sender. It calls nobody.
func NewSQS(opt SQS) (export.Sender, error) {
	to, err := url.Parse(opt.Queue)
	if err != nil {
		return nil, err
	}
	source, err := creds.Open(opt.Credentials)
	if err != nil {
		return nil, err
	}
	if opt.Region == "" {
		opt.Region = source.Region(context.Background())
	}
	return &sqs{amazon{Poster: export.NewPoster(nil), source: source}, opt, to}, nil
}

func (s *sqs) Send(ctx context.Context, batch []*export.Record) ([]*export.Record, error) {
	return export.Each(batch, func(r *export.Record) error {
		body := []byte("Action=SendMessage&Version=2012-11-05&MessageBody=" + url.QueryEscape(string(s.opt.Form.Append(nil, r))))
		return s.do(ctx, http.MethodPost, s.to, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, body, s.opt.Region, "sqs")
	})
}
