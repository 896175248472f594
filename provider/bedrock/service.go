package bedrock

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock/diagnose"
	"outcrop/provider/bedrock/endpoint"
	"outcrop/provider/bedrock/sign"
)

// serviceTarget is a region of the deployment, for operations that are about no model.
type serviceTarget struct {
	d      *deployment
	region string
}

// services are the targets for operations that are about no model: the deployment's own regions.
func (d *deployment) services() ([]provider.Target, error) {
	var out []provider.Target
	for _, region := range d.own {
		if err := regionError(region); err != nil {
			return nil, err
		}
		out = append(out, &serviceTarget{d, region})
	}
	return out, nil
}

// Location is the region that is called.
func (s *serviceTarget) Location() string { return s.region }

// Places are the region that is called: what is kept there stays there. A call that must not leave regions goes to no other: see
// regionFor.
func (s *serviceTarget) Places() ([]string, bool) { return []string{s.region}, true }

// ID is empty: no model is called.
func (s *serviceTarget) ID() string { return "" }

// Speaks reports whether the target takes calls in a dialect: AWS's own.
func (s *serviceTarget) Speaks(dialect string) bool { return dialect == llm.DialectBedrock }

// serviceOperation is an operation that is passed on.
type serviceOperation struct {
	control bool   // of the control plane
	list    string // the member of the response with a list of what may be called
	id      string // the member of an item with its id
	model   bool   // the last segment of the path names a model or a profile
}

// serviceOperationOf is the operation that the frontend names; no other is passed on.
func serviceOperationOf(name string) (op serviceOperation, ok bool) {
	switch name {
	case "apply-guardrail", "get-async-invoke", "list-async-invokes":
		return serviceOperation{}, true
	case "list-foundation-models":
		return serviceOperation{control: true, list: "modelSummaries", id: "modelId"}, true
	case "list-inference-profiles":
		return serviceOperation{control: true, list: "inferenceProfileSummaries", id: "inferenceProfileId"}, true
	case "get-foundation-model", "get-inference-profile":
		return serviceOperation{control: true, model: true}, true
	default:
		return op, false
	}
}

// Pass makes one call of an operation that is about no model. The policy holds: what may not be called
// is not listed or described, and only the deployment's own regions are asked.
func (s *serviceTarget) Pass(ctx context.Context, raw *llm.Raw) (*llm.RawResponse, error) {
	ctx = withSession(ctx, &raw.Call)
	op, ok := serviceOperationOf(raw.Operation)
	if !ok {
		return nil, llm.Unsupported("operation", "the operation %q is not supported", raw.Operation)
	}
	region, err := s.regionFor(raw, op)
	if err != nil {
		return nil, err
	}
	end, err := s.endpoint(op, region)
	if err != nil {
		return nil, err
	}
	destination := llm.Destination{API: raw.Operation, Region: end.Region, ID: "bedrock", Note: s.d.params.Note}
	u := end.URL(raw.Query, raw.Path...)
	r := &sign.Request{Method: raw.Method, Host: end.Host, Path: u.EscapedPath(), Query: raw.Query, Header: http.Header{}}
	if len(raw.Body) > 0 {
		r.Header, r.Body = passedHeader(raw.Headers), [][]byte{raw.Body}
	}
	resp, err := s.d.send(ctx, r, u, &destination, func() diagnose.Case { return diagnose.Case{Target: destination, Now: s.d.now()} })
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var buf buffer
	if err := buf.readFrom(ctx, resp.Body); err != nil {
		return nil, diagnose.Stream(err, diagnose.Case{Target: destination, Now: s.d.now()})
	}
	out := &llm.RawResponse{Body: buf.bytes, Meta: llm.Meta{Destination: destination, UpstreamID: resp.Header.Get("X-Amzn-Requestid"), Header: clientHeader(resp.Header)}}
	if op.list != "" {
		out.Body = s.allowed(out.Body, op)
	}
	return out, nil
}

// PassStream refuses: no operation of these streams.
func (s *serviceTarget) PassStream(_ context.Context, raw *llm.Raw) (llm.RawStream, error) {
	return nil, llm.Unsupported("operation", "the operation %q has no stream", raw.Operation)
}

// regionFor is the region in which an operation is called: that of the ARN at the end of its path, or
// of the target. A model or profile must be one that may be called. A call that must not leave regions stays in the target's region,
// which is the one that was checked.
func (s *serviceTarget) regionFor(raw *llm.Raw, op serviceOperation) (string, error) {
	last := raw.Path[len(raw.Path)-1]
	bound := len(raw.Routing.Regions) > 0
	if op.model {
		only := ""
		if bound {
			only = s.region
		}
		t, err := s.targetOf(last, only)
		if err != nil {
			return "", err
		}
		return t.Location(), nil
	}
	for _, segment := range raw.Path {
		region := arnRegion(segment)
		if region == "" || region == s.region {
			continue
		}
		if !slices.Contains(s.d.own, region) {
			e := llm.Invalid("arn", "The region %s of the ARN is not one that this gateway calls.", strconv.Quote(llm.Clip(region, 40)))
			e.Fix = "The gateway's operator can add it to outcrop_settings.bedrock.policy.regions."
			return "", e
		}
		if bound {
			return "", s.leaves(raw, region)
		}
		return region, nil
	}
	return s.region, nil
}

// targetOf is a target that calls an id itself, or the model of an id by a profile: in the only region, if there is one.
func (s *serviceTarget) targetOf(id, only string) (*target, error) {
	targets, err := s.d.Targets(llm.VerbRaw, id)
	if err != nil {
		return nil, err
	}
	for _, t := range targets {
		if w, ok := t.(*target); ok && (w.destination.ID == id || w.base == id) && (only == "" || w.Location() == only) {
			return w, nil
		}
	}
	e := &llm.Error{
		Code: llm.CodeModelWrongPlace, Status: 404, Type: "ResourceNotFoundException", Message: "the policy does not allow calls of " + strconv.Quote(llm.Clip(id, 200)) + ".",
		Fix: "GET /v1/models lists what can be called.",
	}
	if only != "" {
		e.Message = "the policy does not allow calls of " + strconv.Quote(llm.Clip(id, 200)) + " in " + only + ", the region that this call must not leave (allowed_model_region)."
	}
	return nil, e
}

// leaves refuses a call that must not leave regions, for what is in another region than the one that was checked.
func (s *serviceTarget) leaves(raw *llm.Raw, region string) *llm.Error {
	return &llm.Error{
		Code: llm.CodeModelDenied, Status: 403, Param: "allowed_model_region", Actor: llm.ActorCaller, // the deployment has not failed
		Message: "the ARN is of " + region + ", and this call goes to " + s.region + ", because it must not leave " + strings.Join(raw.Routing.Regions, " and ") + " (allowed_model_region).",
		Fix:     "Use an ARN of " + s.region + ", or have the gateway's operator add a deployment of " + region + " alone if calls may go there.",
	}
}

// arnRegion is the region of an ARN; empty for other texts.
func arnRegion(s string) string {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" {
		return ""
	}
	return parts[3]
}

// endpoint is where an operation is called. A deployment with an address of its own for the runtime
// API has no control plane: its credentials may be for that address alone.
func (s *serviceTarget) endpoint(op serviceOperation, region string) (*endpoint.Endpoint, error) {
	if !op.control {
		end, err := s.d.runtime(region)
		return end, requestError(err)
	}
	if !s.d.listable {
		return nil, &llm.Error{
			Code: llm.CodeNotFound, Status: 404, Type: "ResourceNotFoundException", Message: "this deployment has an endpoint of its own, so AWS's lists do not apply to it.",
			Fix: "GET /v1/models lists what the gateway serves.",
		}
	}
	end, err := s.d.control(region)
	return end, requestError(err)
}

// allowed is a list without what the policy does not allow to be called. A list that cannot be read is
// empty.
func (s *serviceTarget) allowed(body jsonx.Raw, op serviceOperation) jsonx.Raw {
	return jsonx.Filter(body, op.list, op.id, func(id string) bool {
		_, err := s.targetOf(id, "")
		return err == nil
	})
}

var _ provider.Passer = (*serviceTarget)(nil)
