package sagemaker

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock/creds"
	"outcrop/provider/bedrock/endpoint"
	"outcrop/provider/bedrock/sign"
	"outcrop/provider/openaicompat"
	"outcrop/upstream"
)

// Paths of calls of an endpoint
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Operations_Amazon_SageMaker_Runtime.html).
const (
	whole    = "invocations"
	streamed = "invocations-response-stream"
)

// componentHeader names the inference component that is called, in canonical form.
const componentHeader = "X-Amzn-Sagemaker-Inference-Component"

// end is where a deployment's calls go, and the credentials that sign them.
type end struct {
	params  provider.Params
	client  *upstream.Client
	source  *shared
	leave   func() (last bool) // ends the use of source
	sources *sources
	signer  sign.Signer
	vendor  *openaicompat.Vendor
	opened  bool // guarded by sources
	// refresh reads the list that a deployment with a wildcard keeps; nil for others.
	refresh func(ctx context.Context, after time.Time) []provider.List

	at      *endpoint.Endpoint // of the runtime API
	control *endpoint.Endpoint // of the API that lists endpoints; nil if the runtime is not AWS's
	fixed   *url.URL           // the address of all calls; nil if it follows from at

	used atomic.Pointer[creds.Credentials] // by the last call
}

// resolve determines where calls go. An error is an *endpoint.Error.
func (e *end) resolve() error {
	v := e.params.Values
	region := cmp.Or(v["aws_region_name"], e.source.Region(context.Background()), defaultRegion) // this reads AWS's configuration files
	base := v["sagemaker_base_url"]
	at, err := endpoint.Resolve(endpoint.SageMakerRuntime, endpoint.Settings{Region: region, Override: base, OverrideName: "sagemaker_base_url", Environ: e.params.Environ})
	if err != nil {
		return err
	}
	e.at = at
	if u := at.URL(""); base != "" && strings.Trim(u.Path, "/") != "" {
		e.fixed = u
	}
	control, err := endpoint.Resolve(endpoint.SageMaker, endpoint.Settings{Region: at.Region, Environ: e.params.Environ})
	if err != nil {
		return err
	}
	// AWS's lists do not apply to other addresses, and a deployment with its own must not call AWS.
	if control.From != "" || at.From == "" || endpoint.RegionOf(at.Host) != "" {
		e.control = control
	}
	return nil
}

// Region is the region of the calls.
func (e *end) Region() string { return e.at.Region }

// URL is the address of calls of an endpoint, whose container has one path for all of its APIs.
func (e *end) URL(api openaicompat.API, model string) *url.URL {
	switch {
	case e.vendor.Path(api) == "":
		return nil
	case e.fixed != nil:
		return e.fixed
	default:
		return e.at.URL("", "endpoints", strings.TrimPrefix(model, openAIRoute), whole)
	}
}

// StreamURL is the address of calls with a streaming response.
func (e *end) StreamURL(model string) *url.URL {
	if e.fixed == nil {
		return e.at.URL("", "endpoints", strings.TrimPrefix(model, openAIRoute), streamed)
	}
	u := *e.fixed
	if before, ok := strings.CutSuffix(u.Path, "/"+whole); ok && strings.Contains(before, "/endpoints/") {
		u.Path, u.RawPath = before+"/"+streamed, ""
	}
	return &u
}

// Root is the address of the runtime API.
func (e *end) Root() *url.URL { return e.at.URL("") }

// Name is the model in bodies.
func (e *end) Name(model string) string {
	return cmp.Or(e.params.Values["hf_model_name"], strings.TrimPrefix(model, openAIRoute))
}

// Authorize is not called: requests are signed.
func (e *end) Authorize(context.Context, http.Header) ([]string, error) { return nil, nil }

// Sign names the inference component, and signs a request.
func (e *end) Sign(ctx context.Context, r *upstream.Request) ([]string, error) {
	if id := e.params.Values["model_id"]; id != "" {
		r.Header[componentHeader] = []string{id}
	}
	return e.sign(ctx, r, e.at, componentHeader)
}

// sign signs a request to an API of SageMaker. It returns the secrets that the request or AWS's
// response to it may show.
func (e *end) sign(ctx context.Context, r *upstream.Request, at *endpoint.Endpoint, extra ...string) ([]string, error) {
	c, err := e.source.Get(ctx)
	if err != nil {
		return nil, credentialError(err)
	}
	e.used.Store(&c)
	signed := sign.Request{Method: r.Method, Host: r.URL.Host, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Header: r.Header, Body: r.Body}
	e.signer.Sign(&signed, sign.Credentials{AccessKey: c.AccessKey, SecretKey: c.SecretKey(), SessionToken: c.SessionToken()}, at.Region, at.Signing, e.params.Now(), extra...)
	return []string{c.SessionToken()}, nil // the secret key is not sent
}

// Missing returns nil: whether there are credentials is only known after asking for them.
func (e *end) Missing() *llm.Error { return nil }

// Identity identifies the credentials without showing them, and says where they come from.
func (e *end) Identity() (id, origin string) {
	return "sagemaker " + e.source.key.name(e.params.Environ) + " " + e.at.From, e.source.Origin()
}

// Close ends the use of the credentials.
func (e *end) Close() error {
	e.sources.release(e)
	return nil
}

var (
	_ openaicompat.Endpoint  = (*end)(nil)
	_ openaicompat.Namer     = (*end)(nil)
	_ openaicompat.Streamer  = (*end)(nil)
	_ openaicompat.Signer    = (*end)(nil)
	_ openaicompat.Regional  = (*end)(nil)
	_ openaicompat.Unwrapper = (*end)(nil)
	_ openaicompat.Refuser   = (*end)(nil)
	_ openaicompat.Relayer   = (*end)(nil)

	_ openaicompat.ModelReader = (*end)(nil)
)
