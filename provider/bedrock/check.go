package bedrock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/creds"
)

// checkTimeout bounds each check by default.
const checkTimeout = 15 * time.Second

// Identity returns the key of the account in identities, and the regions of calls that name none.
func (d *deployment) Identity() (who string, places []string) {
	return d.account.key.name(d.params.Environ), d.own
}

// Check asks STS for the caller identity, reads the lists, and checks the clock and the endpoint of
// each region.
func (d *deployment) Check(ctx context.Context, e provider.CheckOptions, report func(provider.Finding)) {
	x := &check{d: d, CheckOptions: e, report: report}
	x.Timeout = cmp.Or(x.Timeout, checkTimeout)
	if x.nobody(ctx) {
		return
	}
	var checks sync.WaitGroup
	checks.Go(func() { x.identity(ctx) })
	for _, region := range e.Locations {
		if err := regionError(region); err != nil {
			x.found(ctx, provider.Finding{Check: provider.CheckEndpoint, Subject: "region", Location: region, State: provider.StateFail, Err: err})
			continue
		}
		checks.Go(func() { x.lists(ctx, region) })
		checks.Go(func() { x.endpoint(ctx, region) })
	}
	checks.Wait()
}

// nobody reports whether there are no credentials at all, and adds the finding. Then only regions
// that do not exist are checked further.
func (x *check) nobody(ctx context.Context) bool {
	limited, cancel := context.WithTimeout(ctx, x.Timeout)
	defer cancel()
	_, err := x.d.source.Get(limited)
	if err == nil || llm.AsError(credentialError(err)).Code != llm.CodeCredentialsMissing {
		return false
	}
	for _, region := range x.Locations {
		if wrong := regionError(region); wrong != nil {
			x.found(ctx, provider.Finding{Check: provider.CheckEndpoint, Subject: "region", Location: region, State: provider.StateFail, Err: wrong})
		}
	}
	x.identity(ctx)
	return true
}

// check is one run of the checks of a deployment.
type check struct {
	d *deployment
	provider.CheckOptions

	mu     sync.Mutex // held to report
	report func(provider.Finding)
	timed  bool // the clock has been checked
}

// found reports a finding, unless the check was cancelled.
func (x *check) found(ctx context.Context, f provider.Finding) {
	if ctx.Err() != nil && f.State != provider.StateOK {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.report(f)
}

// identity determines the calling identity.
func (x *check) identity(ctx context.Context) {
	f := provider.Finding{Check: provider.CheckIdentity, Subject: provider.SubjectCredentials}
	source := x.d.source
	start := time.Now()
	limited, cancel := context.WithTimeout(ctx, x.Timeout)
	defer cancel()
	c, err := source.Get(limited)
	f.Identity.Origin = source.Origin()
	if err != nil {
		f.State, f.Err = provider.StateFail, llm.AsError(credentialError(err))
		x.found(ctx, f)
		return
	}
	f.Identity.Key, f.Identity.Expires, f.Identity.Credential = c.AccessKey, c.Expires, provider.CredentialKey
	if c.SessionToken() != "" {
		f.Identity.Credential = provider.CredentialSession
	}
	if c.BearerToken() != "" {
		f.State, f.Detail = provider.StateOK, "a long-term Bedrock API key; its owner is unknown, because STS does not support API keys"
		f.Identity.Credential = provider.CredentialAPIKey
		if key, ok := c.ShortTermKey(); ok {
			x.shortTerm(&f, key)
		}
		x.found(ctx, f)
		return
	}
	who, err := source.WhoAmI(limited, x.home())
	f.Took = time.Since(start)
	f.Identity.Account, f.Identity.Principal = who.Account, who.ARN
	f.State, f.Detail = provider.StateOK, who.ARN
	if err != nil {
		f.State, f.Err = provider.StateFail, x.identityError(err)
		if f.Err.Code == llm.CodeUnreachable || f.Err.Code == llm.CodeDenied { // calls do not need STS
			f.State = provider.StateWarn
		}
	}
	x.found(ctx, f)
}

// home is the region whose STS is asked: the default region if the deployment's own does not exist.
func (x *check) home() string {
	if regionError(x.d.home) != nil {
		return defaultRegion
	}
	return x.d.home
}

// identityError is the error for a refusal by STS.
func (x *check) identityError(err error) *llm.Error {
	e := llm.AsError(credentialError(err))
	if said, twice := strings.CutSuffix(e.Message, ".."); twice { // AWS's message ends with a full stop
		e.Message = said + "."
	}
	switch e.Code {
	case llm.CodeCredentialsInvalid:
		if strings.Contains(e.Message, ": SignatureDoesNotMatch: ") { // its name in STS's answer
			e.Code, e.Fix = llm.CodeSignature, cmp.Or(e.Fix, "Check that the secret access key belongs to the access key id, and that no proxy rewrites requests.")
			break
		}
		e.Fix = cmp.Or(e.Fix, "Check the access key id and its secret. A key is valid in one partition only: keys of AWS China or GovCloud are unknown elsewhere.")
	case llm.CodeCredentialsExpired:
		e.Fix = cmp.Or(e.Fix, "Get new temporary credentials.")
	case llm.CodeUnreachable:
		e.Message = strings.TrimSuffix(e.Message, ".") + "; model calls do not need STS."
	default:
	}
	return e
}

// soon is how long before its expiry a credential is worth a warning.
const soon = time.Hour

// shortTerm completes the finding for a short-term Bedrock API key.
func (x *check) shortTerm(f *provider.Finding, key creds.ShortTermKey) {
	f.Identity.Credential, f.Identity.Expires, f.Identity.Location = provider.CredentialShortTerm, key.Expires, key.Region
	f.Detail = "a short-term Bedrock API key"
	if key.Region != "" {
		f.Detail += " of " + key.Region
	}
	now := x.d.now()
	until := ", until " + key.Expires.UTC().Format(time.RFC3339) + " at the latest"
	elsewhere := slices.DeleteFunc(slices.Clone(x.Locations), func(region string) bool { return region == key.Region })
	const renew = "Create a new key with the token generator or in the Bedrock console."
	switch {
	case key.Region == "" || key.Expires.IsZero():
		f.State, f.Detail, f.Fix = provider.StateWarn, "a malformed short-term Bedrock API key, which AWS may refuse", "Check that the whole key was copied."
	case !now.Before(key.Expires):
		f.State = provider.StateFail
		f.Err = &llm.Error{
			Code: llm.CodeAPIKeyExpired, Status: 403, Fix: renew,
			Message: "the short-term Bedrock API key expired at " + key.Expires.UTC().Format(time.RFC3339) + "; this machine's time is " + now.UTC().Format(time.RFC3339) + ".",
		}
	case len(elsewhere) > 0:
		f.State = provider.StateFail
		f.Err = &llm.Error{
			Code: llm.CodeAPIKeyInvalid, Status: 403, Fix: "Create a key in " + strings.Join(elsewhere, ", ") + ", or set aws_region_name to " + key.Region + ".",
			Message: "the short-term Bedrock API key was made in " + key.Region + " and is valid only there; calls go to " + strings.Join(elsewhere, ", ") + ".",
		}
	case key.Expires.Sub(now) < soon:
		f.State, f.Detail, f.Fix = provider.StateWarn, f.Detail+until, renew
	default:
		f.State, f.Detail = provider.StateOK, f.Detail+until
	}
}

// lists checks which lists can be read in a region, through the same refresh that calls use.
func (x *check) lists(ctx context.Context, region string) {
	d := x.d
	if !d.listable {
		x.found(ctx, provider.Finding{
			Check: provider.CheckLists, Subject: "lists", Location: region, State: provider.StateSkipped,
			Detail: "the runtime endpoint is not AWS's, so AWS's model lists do not apply; set AWS_ENDPOINT_URL_BEDROCK to read the lists from another endpoint",
		})
		return
	}
	limited, cancel := context.WithTimeout(ctx, x.Timeout)
	defer cancel()
	start := time.Now()
	err := d.account.RefreshLists(limited, region, x.Since, d.get)
	took := time.Since(start)
	of := map[string]error{}
	for _, e := range split(err) {
		of[operationOf(e)] = e
	}
	var models, profiles int
	for _, s := range d.account.Status() {
		if s.Region == region {
			models, profiles = s.Models, s.Profiles
		}
	}
	for _, list := range []struct {
		operation, what string
		count           int
	}{
		{"ListFoundationModels", "models", models},
		{"ListInferenceProfiles", "profiles", profiles},
	} {
		f := provider.Finding{
			Check: provider.CheckLists, Subject: list.operation, Location: region, State: provider.StateOK, Took: took,
			Count: list.count, Detail: fmt.Sprintf("%d %s", list.count, list.what),
		}
		if e := cmp.Or(of[list.operation], of[""]); e != nil {
			f.State, f.Err, f.Detail = provider.StateWarn, listError(e), ""
			if list.count > 0 {
				f.Detail = fmt.Sprintf("%d %s are known from an earlier list", list.count, list.what)
			}
		}
		x.found(ctx, f)
	}
	if !x.Brief {
		x.single(ctx, region)
	}
}

// single checks whether single profiles and models can be looked up, with one call for each.
func (x *check) single(ctx context.Context, region string) {
	known := x.d.account.Snapshot().Catalogue
	var profile, model string
	for _, p := range known.Profiles() {
		if p.From(region) == catalog.Yes && !p.Application {
			profile = p.ID
			break
		}
	}
	for _, m := range known.Models() {
		if m.In(region) == catalog.Yes {
			model = m.ID
			break
		}
	}
	for _, ask := range []struct{ operation, segment, id string }{
		{"GetInferenceProfile", "inference-profiles", profile},
		{"GetFoundationModelAvailability", "foundation-model-availability", model},
	} {
		f := provider.Finding{Check: provider.CheckLists, Subject: ask.operation, Location: region}
		if ask.id == "" {
			f.State, f.Detail = provider.StateSkipped, "nothing to look up is known in "+region
			x.found(ctx, f)
			continue
		}
		limited, cancel := context.WithTimeout(ctx, x.Timeout)
		start := time.Now()
		_, err := x.d.get(limited, region, "", ask.segment, ask.id)
		cancel()
		f.Took, f.State, f.Detail = time.Since(start), provider.StateOK, "looked up "+ask.id
		if err != nil {
			f.State, f.Err, f.Detail = provider.StateWarn, listError(err), ""
		}
		x.found(ctx, f)
	}
}

// split returns the single errors of a refresh.
func split(err error) []error {
	switch joined, ok := err.(interface{ Unwrap() []error }); {
	case err == nil:
		return nil
	case ok:
		return joined.Unwrap()
	default:
		return []error{err}
	}
}

// operationOf names the operation that failed; empty if unknown.
func operationOf(err error) string {
	e, ok := errors.AsType[*llm.Error](err)
	if !ok {
		return ""
	}
	switch e.Destination.ID {
	case "foundation-models":
		return "ListFoundationModels"
	case "inference-profiles":
		return "ListInferenceProfiles"
	default:
		return ""
	}
}

// listError says why a list could not be read. A response that cannot be parsed did not come from
// AWS.
func listError(err error) *llm.Error {
	if e, ok := errors.AsType[*llm.Error](err); ok {
		return e
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &llm.Error{Code: llm.CodeTimeout, Status: 504, Message: "reading the model lists timed out.", Fix: "Check the network route to the control plane (bedrock.REGION.amazonaws.com).", Err: err}
	}
	return &llm.Error{
		Code: llm.CodeUnreachable, Status: 502, Err: err,
		Message: "the response cannot be parsed: " + llm.Clip(err.Error(), 200) + ".",
		Fix:     "Check what responds at the control plane's address: it may be a proxy, or the configured endpoint may be another service's.",
	}
}
