package sagemaker

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock/endpoint"
)

// checkTimeout bounds each check by default.
const checkTimeout = 15 * time.Second

// Identity identifies the credentials and the address of calls, and returns the region.
func (d *deployment) Identity() (who string, places []string) {
	who, _ = d.end.Identity()
	return who + " " + d.end.at.String(), []string{d.end.at.Region}
}

// Check asks STS who the credentials are, and AWS for the status of each endpoint that deployments with
// these credentials call, and for the list of endpoints if one of them has a wildcard.
func (d *deployment) Check(ctx context.Context, opt provider.CheckOptions, report func(provider.Finding)) {
	found := func(f provider.Finding) bool {
		if ctx.Err() != nil && f.State != provider.StateOK {
			return false
		}
		report(f)
		return f.State != provider.StateFail
	}
	if wrong := endpoint.CheckRegion(d.end.at.Region); wrong != nil && wrong.Certain && d.end.at.From == "" {
		message := wrong.Error()
		if wrong.Near == "" { // otherwise it ends with a question
			message += "."
		}
		e := &llm.Error{Code: llm.CodeUnknownRegion, Status: http.StatusBadRequest, Message: message, Fix: "Set aws_region_name or AWS_REGION to the endpoint's region."}
		found(provider.Finding{Check: provider.CheckEndpoint, Subject: "region", Location: d.end.at.Region, State: provider.StateFail, Err: e})
		return
	}
	timeout := cmp.Or(opt.Timeout, checkTimeout)
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if !found(d.checkIdentity(limited)) {
		return
	}
	for _, e := range d.end.sources.beside(d.end) {
		f := e.check(limited, opt)
		if found(f); f.State == provider.StateSkipped || f.Err != nil && f.Err.Code.Persistent() {
			return // the others would say the same
		}
	}
}

// checkIdentity determines the calling identity.
func (d *deployment) checkIdentity(ctx context.Context) provider.Finding {
	f := provider.Finding{Check: provider.CheckIdentity, Subject: provider.SubjectCredentials, State: provider.StateOK}
	source := d.end.source
	start := time.Now()
	c, err := source.Get(ctx)
	f.Identity.Origin = source.Origin()
	if err != nil {
		f.State, f.Err = provider.StateFail, credentialError(err)
		return f
	}
	f.Identity.Key, f.Identity.Expires, f.Identity.Credential = c.AccessKey, c.Expires, provider.CredentialKey
	if c.SessionToken() != "" {
		f.Identity.Credential = provider.CredentialSession
	}
	if d.end.control == nil { // they are for an address of the user's own, and AWS is not called
		f.Detail = "not checked with AWS, because calls go to " + d.end.at.Host
		return f
	}
	who, err := source.WhoAmI(ctx, d.end.at.Region)
	f.Took = time.Since(start)
	f.Identity.Account, f.Identity.Principal = who.Account, who.ARN
	f.Detail = who.ARN
	if err != nil {
		f.State, f.Err = provider.StateFail, credentialError(err)
		if f.Err.Code == llm.CodeUnreachable || f.Err.Code == llm.CodeDenied { // calls do not need STS
			f.State = provider.StateWarn
		}
	}
	return f
}

// check asks AWS about the endpoint, or for the list of endpoints. Without the permission, calls may work
// all the same.
func (e *end) check(ctx context.Context, opt provider.CheckOptions) provider.Finding {
	f := provider.Finding{Check: provider.CheckLists, Subject: describeEndpoint, Location: e.at.Region, State: provider.StateOK}
	if e.refresh != nil {
		f.Subject = listEndpoints
	}
	if e.control == nil {
		f.State, f.Detail = provider.StateSkipped, "calls go to "+e.at.Host+", to which AWS's lists do not apply; set AWS_ENDPOINT_URL_SAGEMAKER to read them from another address"
		return f
	}
	start := time.Now()
	var err error
	if e.refresh != nil {
		for _, status := range e.refresh(ctx, opt.Since) {
			f.Count, err = status.Models, status.Err
		}
		f.Detail = "endpoints that take calls: " + strconv.Itoa(f.Count)
	} else {
		err = e.checkStatus(ctx, strings.TrimPrefix(e.params.Model, openAIRoute), &f)
	}
	f.Took = time.Since(start)
	if err == nil {
		return f
	}
	f.Err, f.State, f.Detail = llm.AsError(err), provider.StateWarn, ""
	switch {
	case f.Err.Code == llm.CodeModelUnknown: // there is no such endpoint
		f.State = provider.StateFail
	case f.Err.Code.Denied():
		f.Detail = "calls may work without this permission"
	}
	return f
}

// checkStatus completes the finding with an endpoint's status.
func (e *end) checkStatus(ctx context.Context, name string, f *provider.Finding) error {
	is, err := e.describe(ctx, name)
	if err != nil {
		return err
	}
	f.Count, f.Detail = 1, "endpoint "+name+" is "+llm.Clip(is.Status, 40)
	if takesCalls(is.Status) {
		return nil
	}
	f.State = provider.StateFail
	f.Err = &llm.Error{
		Code: llm.CodeModelNotReady, Status: http.StatusServiceUnavailable, Actor: llm.ActorOperator,
		Message: "the status of the endpoint " + name + " is " + llm.Clip(is.Status, 40) + ", in which it takes no calls.",
		Fix:     "Wait until it is InService, or update the endpoint.",
	}
	if is.Reason != "" {
		f.Err.Message += " AWS gives the reason: " + llm.Clip(is.Reason, 400)
		f.Err.Fix = "Update the endpoint, or delete and create it again."
	}
	return nil
}

var _ provider.Checker = (*deployment)(nil)
