// Package bedrock checks texts with a guardrail of Amazon Bedrock, by the operation ApplyGuardrail
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ApplyGuardrail.html).
package bedrock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"outcrop/guard"
	"outcrop/guard/remote"
	"outcrop/llm"
	"outcrop/provider/bedrock/creds"
	"outcrop/provider/bedrock/diagnose"
	"outcrop/provider/bedrock/endpoint"
	"outcrop/provider/bedrock/sign"
	"outcrop/provider/transport"
	"outcrop/upstream"
	wire "outcrop/wire/converse"
)

// Settings are those of LiteLLM's guardrail bedrock (1.110.2).
type Settings struct {
	// ID is the guardrail's id or ARN, and Version its number, or DRAFT.
	ID, Version string
	// Full is whether AWS is asked for what it has not found as well; nothing here needs it.
	Full bool
	// Chunk is how many characters are sent at once at most; AWS's default quota if 0.
	Chunk int
	// Credentials are those of the calls, as a model of Bedrock has them. Without Region, it is the one of the ARN, of the
	// credentials' source, and then LiteLLM's default.
	Credentials creds.Options
	// Endpoint is the address of bedrock-runtime; AWS's if empty.
	Endpoint string
}

// Options are what a check has beside its settings.
type Options struct {
	Client  *upstream.Client
	Environ func(string) string
	Logger  *slog.Logger
	Now     func() time.Time
}

const (
	// defaultRegion is LiteLLM's.
	defaultRegion = "us-west-2"
	// defaultChunk is AWS's quota for most policies, 25 text units of 1000 characters
	// (https://docs.aws.amazon.com/general/latest/gr/bedrock.html), and LiteLLM's default.
	defaultChunk = 25_000
	// maxAnswer bounds an answer, in bytes.
	maxAnswer = 16 << 20
)

// Check applies a guardrail. It is safe for concurrent use.
type Check struct {
	settings Settings
	client   *upstream.Client
	source   *creds.Source
	at       *endpoint.Endpoint
	url      *url.URL
	signer   sign.Signer
	now      func() time.Time
}

// New returns a check. It calls nobody. Close ends the renewal of its credentials.
func New(s Settings, opt Options) (*Check, error) {
	c := &Check{settings: s, client: opt.Client, now: opt.Now}
	if c.now == nil {
		c.now = time.Now
	}
	c.settings.Chunk = cmp.Or(s.Chunk, defaultChunk)
	options := s.Credentials
	options.Environ, options.Now, options.Logger = opt.Environ, opt.Now, opt.Logger
	if file := opt.Environ("AWS_CA_BUNDLE"); file != "" {
		client, err := opt.Client.With(upstream.Settings{CAFile: file})
		if err != nil {
			return nil, fmt.Errorf("AWS_CA_BUNDLE: %w", err)
		}
		c.client, options.CAFile, options.Authorities = client, file, client.Authorities
	}
	var err error
	if c.source, err = creds.Open(options); err != nil {
		return nil, err
	}
	region := cmp.Or(s.Credentials.Region, regionOf(s.ID), c.source.Region(context.Background()), defaultRegion)
	c.at, err = endpoint.Resolve(endpoint.Runtime, endpoint.Settings{Region: region, Override: s.Endpoint, OverrideName: "aws_bedrock_runtime_endpoint", Environ: opt.Environ})
	if err != nil {
		c.source.Close()
		return nil, err
	}
	c.url = c.at.URL("", "guardrail", s.ID, "version", s.Version, "apply")
	return c, nil
}

// regionOf is the region of an ARN; empty for an id.
func regionOf(id string) string {
	if parts := strings.Split(id, ":"); len(parts) > 3 {
		return parts[3]
	}
	return ""
}

// Close ends the renewal of credentials.
func (c *Check) Close() { c.source.Close() }

// Reach is that of a service: a check of a stream costs one text unit.
func (c *Check) Reach() guard.Reach { return remote.Reach() }

// Check refuses what the guardrail blocks, and masks what it anonymizes.
func (c *Check) Check(ctx context.Context, in *guard.Input) (guard.Verdict, error) {
	pieces := cut(in.Texts, c.settings.Chunk)
	changed := false
	for _, batch := range batches(pieces, c.settings.Chunk) {
		block, masked, err := c.apply(ctx, in.Side, batch)
		if err != nil || block != nil {
			return guard.Verdict{Block: block}, err
		}
		changed = changed || masked
	}
	if !changed {
		return guard.Verdict{}, nil
	}
	return guard.Verdict{Texts: joined(in.Texts, pieces)}, nil
}

// apply asks about some pieces at once. Those that are masked are replaced.
func (c *Check) apply(ctx context.Context, side guard.Side, pieces []*piece) (block *guard.Block, masked bool, err error) {
	body := encode(side, pieces, c.settings.Full)
	got, err := c.ask(ctx, body)
	if err != nil {
		return nil, false, err
	}
	switch verdict := got.verdict(); {
	case verdict == passes:
		return nil, false, nil
	case verdict == blocks:
		return got.block(), false, nil
	case len(got.Outputs) == len(pieces):
		for i, p := range pieces {
			if p.text != got.Outputs[i].Text {
				p.text, masked = got.Outputs[i].Text, true
			}
		}
		return nil, masked, nil
	case len(pieces) == 1:
		return nil, false, errors.New("the guardrail has masked one text, and answers with another number of them")
	}
	for i := range pieces { // it is not known which output belongs to which text
		block, more, err := c.apply(ctx, side, pieces[i:i+1])
		if err != nil || block != nil {
			return block, false, err
		}
		masked = masked || more
	}
	return nil, masked, nil
}

// ask makes a call, and another one if the credentials have been replaced meanwhile.
func (c *Check) ask(ctx context.Context, body []byte) (*answer, error) {
	got, used, err := c.call(ctx, body)
	if e, ok := errors.AsType[*llm.Error](err); ok && (e.Code == llm.CodeCredentialsExpired || e.Code == llm.CodeCredentialsInvalid) && c.source.Invalidate(used) {
		got, _, err = c.call(ctx, body)
	}
	return got, err
}

// call makes a call. A refusal is diagnosed as that of a call of a model.
func (c *Check) call(ctx context.Context, body []byte) (*answer, creds.Credentials, error) {
	to := llm.Destination{API: "ApplyGuardrail", Region: c.at.Region, ID: c.settings.ID}
	used, err := c.source.Get(ctx)
	if err != nil {
		return nil, used, withoutCredentials(err, to)
	}
	r := &sign.Request{Method: http.MethodPost, Host: c.at.Host, Path: c.url.EscapedPath(), Header: http.Header{"Content-Type": {"application/json"}}, Body: [][]byte{body}}
	if token := used.BearerToken(); token != "" {
		sign.Bearer(r.Header, token)
	} else {
		c.signer.Sign(r, sign.Credentials{AccessKey: used.AccessKey, SecretKey: used.SecretKey(), SessionToken: used.SessionToken()}, c.at.Region, c.at.Signing, c.now())
	}
	resp, err := c.client.Do(ctx, &upstream.Request{Method: r.Method, URL: c.url, Header: r.Header, Body: r.Body})
	if err != nil {
		return nil, used, away(diagnose.Transport(err, to))
	}
	if resp.Status != http.StatusOK {
		return nil, used, c.refused(used, resp, to)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, used, away(diagnose.Transport(err, to))
	case len(text) > maxAnswer:
		return nil, used, errors.New("the guardrail's answer is too large")
	}
	got, err := decode(text)
	return got, used, err
}

// refused diagnoses an answer with an error status.
func (c *Check) refused(used creds.Credentials, resp *upstream.Response, to llm.Destination) error {
	body := transport.ReadErrorBody(resp, used.BearerToken(), used.SessionToken())
	h := resp.Header
	in := diagnose.Case{Target: to, APIKey: used.BearerToken() != "", Now: c.now()}
	if key, ok := used.ShortTermKey(); ok {
		in.KeyRegion = key.Region
	}
	in.Served, _ = http.ParseTime(h.Get("Date")) // if it is missing, AWS's message has the times
	e := diagnose.Fault(wire.DecodeFault(resp.Status, h.Get("X-Amzn-Errortype"), h.Get("X-Amzn-Requestid"), h.Get("Retry-After"), body), in)
	if resp.Status >= http.StatusInternalServerError {
		return away(e)
	}
	return e
}

// away marks an error as one of a service that was not there to be asked.
func away(err error) error { return fmt.Errorf("%w: %w", guard.ErrUnreachable, err) }

// withoutCredentials is the error of a call that cannot be signed.
func withoutCredentials(err error, to llm.Destination) error {
	known, ok := errors.AsType[*creds.Error](err)
	if !ok {
		return away(diagnose.Transport(err, to))
	}
	e := &llm.Error{Code: llm.CodeCredentialsMissing, Status: http.StatusForbidden, Message: known.Error() + ".", Fix: known.Fix, Destination: to, Err: err}
	if known.Kind == creds.Missing {
		e.Cause = known.Sources()
	}
	if known.Kind == creds.Unreachable {
		e.Code, e.Status = llm.CodeUnreachable, http.StatusServiceUnavailable
		return away(e)
	}
	return e
}
