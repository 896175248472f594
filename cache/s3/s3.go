// Package s3 keeps the answers of the response cache in a bucket of S3, or of a service with its API. It makes five calls of it, which are less
// than its SDK would bring.
package s3

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // S3 wants it as the checksum of lists of objects to delete
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"outcrop/cache"
	"outcrop/provider/bedrock/creds"
	"outcrop/upstream"
)

// Options say where the bucket is, and who may use it.
type Options struct {
	Bucket string
	// Region is the bucket's; empty for that of AWS's own settings.
	Region string
	// Endpoint is the address of another S3 than AWS's; empty for AWS's.
	Endpoint string
	// Path is a folder within the bucket; empty for none.
	Path string
	// Credentials are settings as models of Bedrock have them, such as aws_access_key_id; empty for those that AWS's tools would find.
	Credentials map[string]string
	// MaxAnswer is the size of the largest value that is read, in bytes.
	MaxAnswer int64
	Environ   func(string) string
	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

// folder is where values are within Options.Path: Flush deletes what is in it, and nothing else.
const folder = "outcrop-cache/"

// ends is the metadata of an object that says when its value ends, in milliseconds since 1970. S3 deletes no object by
// itself but by rules of the bucket.
const ends = "X-Amz-Meta-Outcrop-Ends"

// Store keeps each value in an object.
type Store struct {
	opt    Options
	base   string // of the bucket, without a slash at the end
	prefix string // of the objects' keys
	region string
	source *creds.Source
	signer *v4.Signer
	client *http.Client
}

var _ cache.Store = (*Store)(nil)

// defaultRegion is that of AWS's SDKs for S3 where nothing else is known.
const defaultRegion = "us-east-1"

// Open makes a store. It calls nobody.
func Open(opt Options) (*Store, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	options, err := creds.OptionsOf(opt.Credentials)
	if err != nil {
		return nil, err
	}
	options.NoAPIKey, options.Environ = true, opt.Environ // a Bedrock API key is for Bedrock only
	source, err := creds.Open(options)
	if err != nil {
		return nil, err
	}
	s := &Store{opt: opt, source: source, region: opt.Region, signer: v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })}
	if s.region == "" {
		s.region = source.Region(context.Background())
	}
	if s.region == "" {
		s.region = defaultRegion
	}
	if s.base, err = base(&opt, s.region); err != nil {
		source.Close()
		return nil, err
	}
	if s.prefix = folder; strings.Trim(opt.Path, "/") != "" {
		s.prefix = strings.Trim(opt.Path, "/") + "/" + folder
	}
	if s.client, err = newClient(opt.Environ); err != nil {
		source.Close()
		return nil, err
	}
	return s, nil
}

// newClient trusts the authorities of AWS_CA_BUNDLE if that is set, and no others, as every AWS SDK does. Answers that
// lead elsewhere are not followed: signed requests are for one address.
func newClient(environ func(string) string) (*http.Client, error) {
	transport := awshttp.NewBuildableClient().GetTransport()
	transport.MaxIdleConnsPerHost = 32
	if file := environ("AWS_CA_BUNDLE"); file != "" {
		roots, err := upstream.Authorities(file)
		if err != nil {
			return nil, fmt.Errorf("AWS_CA_BUNDLE: %w", err)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, nil
}

// base is the address of the bucket: a host of its own at AWS, where its name can be one, and a path elsewhere.
func base(opt *Options, region string) (string, error) {
	if opt.Endpoint != "" {
		u, err := url.Parse(opt.Endpoint)
		if err != nil || u.Host == "" {
			return "", errors.New("the address of the S3 cannot be read")
		}
		return strings.TrimRight(opt.Endpoint, "/") + "/" + escaped(opt.Bucket), nil
	}
	domain := "amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		domain = "amazonaws.com.cn"
	}
	if strings.ContainsFunc(opt.Bucket+region, func(r rune) bool { return r != '-' && (r < 'a' || r > 'z') && (r < '0' || r > '9') }) {
		return "https://s3." + region + "." + domain + "/" + escaped(opt.Bucket), nil
	}
	return "https://" + opt.Bucket + ".s3." + region + "." + domain, nil
}

// escaped is a key as it is in paths and queries that are signed: only letters, digits, slashes and four signs stay
// (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html).
func escaped(key string) string {
	var b strings.Builder
	for i := range len(key) {
		c := key[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~/", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// call makes a call. The caller closes the response's body.
func (s *Store) call(ctx context.Context, method, target string, body []byte, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.base+target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	maps.Copy(req.Header, header)
	c, err := s.source.Get(ctx)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	req.Header.Set("X-Amz-Content-Sha256", hash)
	own := aws.Credentials{AccessKeyID: c.AccessKey, SecretAccessKey: c.SecretKey(), SessionToken: c.SessionToken()}
	if err := s.signer.SignHTTP(ctx, own, req, hash, "s3", s.region, s.opt.Now()); err != nil {
		return nil, err
	}
	return s.client.Do(req)
}

// done makes a call whose response says nothing but that it succeeded.
func (s *Store) done(ctx context.Context, method, target string, body []byte, header http.Header) error {
	resp, err := s.call(ctx, method, target, body, header)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return refusal(resp)
	}
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, maxText))
	return err
}

// maxText bounds what is read of responses that are no values.
const maxText = 4 << 20

// refusal is the error that a response tells of.
func refusal(resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // the status says enough
	var told struct {
		Code    string `xml:"Code"`
		Message string `xml:"Message"`
	}
	if xml.Unmarshal(text, &told) == nil && told.Code != "" {
		return fmt.Errorf("S3 answers %d %s: %s", resp.StatusCode, told.Code, told.Message)
	}
	return fmt.Errorf("S3 answers %d", resp.StatusCode)
}

func (s *Store) object(key string) string { return "/" + escaped(s.prefix+key) }

// Get returns the value of a key.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	resp, err := s.call(ctx, http.MethodGet, s.object(key), nil, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return nil, absent(resp)
	case resp.StatusCode != http.StatusOK:
		return nil, refusal(resp)
	}
	if till := resp.Header.Get(ends); till != "" {
		at, err := strconv.ParseInt(till, 10, 64)
		if err != nil || s.opt.Now().UnixMilli() >= at {
			return nil, nil
		}
	}
	most := s.opt.MaxAnswer + overhead
	value, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if int64(len(value)) > most {
		return nil, nil
	}
	return value, err
}

// overhead is what a value has besides the answer, at most.
const overhead = 64 << 10

// absent is nil where the object is absent, and an error where the bucket is.
func absent(resp *http.Response) error {
	if err := refusal(resp); strings.Contains(err.Error(), "NoSuchBucket") {
		return err
	}
	return nil
}

// Set keeps a value.
func (s *Store) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	header := http.Header{"Content-Type": {"application/octet-stream"}}
	if ttl > 0 {
		header.Set(ends, strconv.FormatInt(s.opt.Now().Add(ttl).UnixMilli(), 10))
	}
	return s.done(ctx, http.MethodPut, s.object(key), value, header)
}

// atOnce is how many objects one call deletes, which is S3's limit.
const atOnce = 1000

// Delete forgets keys.
func (s *Store) Delete(ctx context.Context, keys []string) error {
	var objects []string
	for _, key := range keys {
		objects = append(objects, s.prefix+key)
	}
	return s.remove(ctx, objects)
}

func (s *Store) remove(ctx context.Context, objects []string) error {
	type object struct {
		Key string `xml:"Key"`
	}
	for len(objects) > 0 {
		n := min(atOnce, len(objects))
		list := struct {
			XMLName xml.Name `xml:"Delete"`
			Quiet   bool     `xml:"Quiet"`
			Objects []object `xml:"Object"`
		}{Quiet: true}
		for _, o := range objects[:n] {
			list.Objects = append(list.Objects, object{o})
		}
		objects = objects[n:]
		body, err := xml.Marshal(&list)
		if err != nil {
			return err
		}
		sum := md5.Sum(body) //nolint:gosec // as above
		header := http.Header{"Content-Type": {"application/xml"}, "Content-Md5": {base64.StdEncoding.EncodeToString(sum[:])}}
		if err := s.done(ctx, http.MethodPost, "?delete=", body, header); err != nil {
			return err
		}
	}
	return nil
}

// Flush forgets everything.
func (s *Store) Flush(ctx context.Context) error {
	for {
		objects, err := s.list(ctx, atOnce)
		if err != nil || len(objects) == 0 {
			return err
		}
		if err := s.remove(ctx, objects); err != nil {
			return err
		}
	}
}

// list lists objects, most of them at most.
func (s *Store) list(ctx context.Context, most int) ([]string, error) {
	query := "?list-type=2&max-keys=" + strconv.Itoa(most) + "&prefix=" + strings.ReplaceAll(escaped(s.prefix), "/", "%2F")
	resp, err := s.call(ctx, http.MethodGet, query, nil, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, refusal(resp)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxText))
	if err != nil {
		return nil, err
	}
	var page struct {
		Contents []struct {
			Key string `xml:"Key"`
		} `xml:"Contents"`
	}
	if err := xml.Unmarshal(text, &page); err != nil {
		return nil, fmt.Errorf("the list of objects cannot be read: %w", err)
	}
	var objects []string
	for _, o := range page.Contents {
		objects = append(objects, o.Key)
	}
	return objects, nil
}

// Ping reports whether the bucket can be read.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.list(ctx, 1)
	return err
}

// Close ends the connections and the renewal of credentials.
func (s *Store) Close() error {
	s.client.CloseIdleConnections()
	s.source.Close()
	return nil
}
