package sagemaker

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/modellist"
	"outcrop/provider/transport"
	"outcrop/upstream"
)

// Operations of the API that lists endpoints
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListEndpoints.html).
const (
	listEndpoints    = "ListEndpoints"
	describeEndpoint = "DescribeEndpoint"
)

// inService is the status of an endpoint that takes calls. Endpoints that are being updated take them
// too.
const inService = "InService"

// takesCalls reports whether endpoints with a status take calls.
func takesCalls(status string) bool {
	switch status {
	case inService, "Updating", "SystemUpdating", "RollingBack", "UpdateRollbackFailed":
		return true
	default:
		return false
	}
}

// notListed is the error for the lists of another address than AWS's.
func (e *end) notListed() *llm.Error {
	return &llm.Error{
		Code: llm.CodeFeature, Status: http.StatusBadRequest, Message: "calls go to an address of your own, for which AWS's list of endpoints does not apply.",
		Fix: "Set AWS_ENDPOINT_URL_SAGEMAKER to read the list from another address.",
	}
}

// ask makes a call of the API that lists endpoints, in JSON 1.1. name is the endpoint that it is about;
// empty for all.
func (e *end) ask(ctx context.Context, operation, name string, body []byte) ([]byte, error) {
	if e.control == nil {
		return nil, e.notListed()
	}
	to := llm.Destination{Provider: "sagemaker", API: operation, Region: e.control.Region, ID: name, Note: e.params.Note}
	r := &upstream.Request{Method: http.MethodPost, URL: e.control.URL("", ""), Body: [][]byte{body}, Header: http.Header{
		"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {"SageMaker." + operation},
	}}
	secrets, err := e.sign(ctx, r, e.control)
	if err != nil {
		out := transport.Copy(llm.AsError(err))
		out.Destination = to
		return nil, out
	}
	resp, err := e.client.Do(ctx, r)
	if err != nil {
		return nil, transport.NoResponse(e.vendor.Title, err, to)
	}
	if resp.Status != http.StatusOK {
		return nil, e.refusedList(resp, transport.ReadErrorBody(resp, secrets...), to)
	}
	answer, err := transport.ReadBody(ctx, resp)
	if err != nil {
		return nil, transport.Interrupted(e.vendor.Title, err, to)
	}
	return answer, nil
}

// refusedList is the error for a refusal of the API that lists endpoints.
func (e *end) refusedList(resp *upstream.Response, body []byte, to llm.Destination) *llm.Error {
	if out := e.Refusal(resp, body, to); out != nil {
		return out
	}
	return &llm.Error{
		Code: llm.CodeUnreachable, Status: http.StatusBadGateway, Destination: to, UpstreamStatus: resp.Status,
		Message: "the response to " + to.API + " has the status " + http.StatusText(resp.Status) + ", and is not AWS's.",
		Fix:     "Check what responds at " + e.control.String() + ": it may be a proxy.",
	}
}

// ReadModels lists the endpoints of the account in the region that take calls.
func (e *end) ReadModels(ctx context.Context) ([]provider.Model, error) {
	to := llm.Destination{Provider: "sagemaker", API: listEndpoints, Region: e.at.Region, Note: e.params.Note}
	get := func(ctx context.Context, token string) ([]byte, error) {
		body := []byte(`{"MaxResults":100`)
		if token != "" {
			body = jsonx.AppendString(append(body, `,"NextToken":`...), token)
		}
		return e.ask(ctx, listEndpoints, "", append(body, '}'))
	}
	return modellist.Pages(ctx, e.vendor.Title, to, get, func(models []provider.Model, body []byte) ([]provider.Model, string, error) {
		var page struct {
			Endpoints []struct {
				Name   string    `json:"EndpointName"`
				Status string    `json:"EndpointStatus"`
				Rest   jsonx.Raw `json:",embed"`
			} `json:"Endpoints"`
			Next string    `json:"NextToken"`
			Rest jsonx.Raw `json:",embed"`
		}
		if err := jsonx.Unmarshal(body, &page); err != nil {
			return nil, "", err
		}
		if page.Endpoints == nil {
			return nil, "", errors.New("it has no Endpoints")
		}
		for _, p := range page.Endpoints {
			if !takesCalls(p.Status) {
				continue
			}
			m := provider.Model{ID: p.Name, Owner: "the account", Verb: llm.VerbChat}
			if strings.Contains(strings.ToLower(p.Name), "embed") {
				m.Verb = llm.VerbEmbed
			}
			models = append(models, m)
		}
		return models, page.Next, nil
	})
}

// described is what AWS says of an endpoint.
type described struct {
	Status string    `json:"EndpointStatus"`
	Reason string    `json:"FailureReason"`
	Rest   jsonx.Raw `json:",embed"`
}

// describe asks AWS about an endpoint.
func (e *end) describe(ctx context.Context, name string) (*described, error) {
	body, err := e.ask(ctx, describeEndpoint, name, append(jsonx.AppendString([]byte(`{"EndpointName":`), name), '}'))
	if err != nil {
		return nil, err
	}
	var d described
	to := llm.Destination{Provider: "sagemaker", API: describeEndpoint, Region: e.at.Region, ID: name, Note: e.params.Note}
	if err := jsonx.Unmarshal(body, &d); err != nil {
		return nil, modellist.Invalid(e.vendor.Title, to, err)
	}
	if d.Status == "" {
		return nil, modellist.Invalid(e.vendor.Title, to, errors.New("it has no EndpointStatus"))
	}
	return &d, nil
}
