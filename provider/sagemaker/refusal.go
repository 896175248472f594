package sagemaker

import (
	"net/http"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/diagnose"
	"outcrop/provider/transport"
	"outcrop/upstream"
	"outcrop/wire/awserror"
	"outcrop/wire/openaichat"
)

// Pages of AWS's documentation.
const (
	docsInvoke = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html"
	docsIAM    = "https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemakerai.html"
)

// modelError is a refusal of the container: ModelError in the service model of sagemaker-runtime.
type modelError struct {
	Status  int       `json:"OriginalStatusCode"`
	Message string    `json:"OriginalMessage"`
	Log     string    `json:"LogStreamArn"`
	Code    string    `json:"ErrorCode"`
	Rest    jsonx.Raw `json:",embed"`
}

// errorCode is the reason of a ModelStreamError; empty if there is none.
func errorCode(payload []byte) string {
	var m modelError
	_ = jsonx.Unmarshal(payload, &m) // it is then empty
	return m.Code
}

// fault reads an error response.
func fault(resp *upstream.Response, body []byte) *awserror.Fault {
	h := resp.Header
	return awserror.Decode(resp.Status, h.Get("X-Amzn-Errortype"), h.Get("X-Amzn-Requestid"), h.Get("Retry-After"), body)
}

// Relayed is the container's own refusal, with its status and its words.
func (e *end) Relayed(resp *upstream.Response, body []byte) *openaichat.RefusalError {
	var m modelError
	if f := fault(resp, body); f.Type != "ModelError" || jsonx.Unmarshal(body, &m) != nil || m.Status < 400 || m.Message == "" {
		return nil //nolint:nilerr // a Fault is what was read
	}
	return openaichat.DecodeRefusal(m.Status, []byte(m.Message))
}

// Explain says that the refusal is the container's, where its log is, and for what an operator sets
// what that is.
func (e *end) Explain(out *llm.Error, body []byte) {
	var m modelError
	_ = jsonx.Unmarshal(body, &m) // Relayed has read it
	out.Cause = "The container of the endpoint responded with status " + strconv.Itoa(m.Status) + "."
	if m.Log != "" {
		out.Cause += " Its log is the CloudWatch log stream " + m.Log + "."
	}
	switch out.Code {
	case llm.CodeModelUnknown:
		out.Actor, out.Fix = llm.ActorOperator, "Set hf_model_name of the model to the name under which the container serves it."
	case llm.CodeWrongSurface:
		out.Actor, out.Fix = llm.ActorOperator, "Check which API the container has: sagemaker_chat/ is for OpenAI's chat format, sagemaker/ for text generation."
	case llm.CodeAPIKeyInvalid, llm.CodeAPIKeyExpired, llm.CodeNotGranted, llm.CodeBilling:
		out.Actor, out.Fix = llm.ActorOperator, "Check the settings of the container, which asks for credentials of its own."
	default:
	}
}

// Refusal is the error for a refusal of SageMaker's own; nil for one of the container's, and for a
// response that is not AWS's.
func (e *end) Refusal(resp *upstream.Response, body []byte, to llm.Destination) *llm.Error {
	if e.Relayed(resp, body) != nil {
		return nil //nolint:nilerr // a refusal is what was read
	}
	f := fault(resp, body)
	if f.Type == "" && resp.Header.Get("X-Amzn-Requestid") == "" {
		return nil
	}
	served, _ := http.ParseTime(resp.Header.Get("Date")) // if it is missing, AWS's message has the times
	out := diagnose.Fault(f, diagnose.Case{Target: to, Now: e.params.Now(), Served: served})
	e.advise(out, f, to)
	if jsonx.Valid(body) {
		out.Body = body
	}
	if used := e.used.Load(); used != nil && (out.Code == llm.CodeCredentialsExpired || out.Code == llm.CodeCredentialsInvalid) { // a key may have been replaced
		out.Retry = llm.RetryNo
		if e.source.Invalidate(*used) {
			out.Retry = llm.RetryAfterRefresh
		}
	}
	return out
}

// advise corrects what differs from Bedrock in a diagnosis: the exceptions of SageMaker's service
// model, its words, and the next step.
func (e *end) advise(out *llm.Error, f *awserror.Fault, to llm.Destination) {
	set := func(code llm.Code, status int, cause, fix string) {
		out.Code, out.Status, out.Cause, out.Fix, out.Docs, out.Param = code, status, cause, fix, docsInvoke, ""
	}
	name := strconv.Quote(strings.TrimPrefix(to.ID, openAIRoute))
	words := strings.ToLower(f.Message)
	switch {
	case f.Type == "ValidationError" || f.Type == "ValidationException":
		e.adviseInvalid(out, words, name)
	case f.Type == "ModelError": // without the container's words
		set(llm.CodeModelError, http.StatusBadGateway, "The container of the endpoint failed.", "Look at the endpoint's log in CloudWatch, in the log group /aws/sagemaker/Endpoints/"+strings.Trim(name, `"`)+".")
	case f.Type == "ModelNotReadyException":
		set(llm.CodeModelNotReady, http.StatusTooManyRequests, "The model of the endpoint is being loaded, or its instances are being added.", "Send the request again in a minute, or keep at least one copy of the model.")
	case f.Type == "InternalDependencyException":
		set(llm.CodeServiceInternal, http.StatusBadGateway, "", "Send the request again; if the error persists, open an AWS support case with the request id.")
	case out.Code == llm.CodeLimitRequests || out.Code == llm.CodeLimitTokens:
		out.Status, out.Docs = http.StatusTooManyRequests, "https://docs.aws.amazon.com/general/latest/gr/sagemaker.html"
		out.Fix = "Send the request again later, or add instances to the endpoint."
	case f.Status == http.StatusRequestEntityTooLarge && out.Code == llm.CodeTooLong:
		out.Docs = docsInvoke
		out.Fix = "Send a smaller request: SageMaker takes bodies of up to 6 MB."
	case out.Code.Denied():
		if strings.Contains(out.Docs, "/bedrock/") {
			out.Docs = docsIAM
		}
	case out.Code == llm.CodeCredentialsMissing:
		out.Fix = "Configure credentials for the gateway: a profile, a role or keys. A proxy that removes the Authorization header has the same effect."
	case out.Code == llm.CodeServiceQuota || out.Code == llm.CodeTokensPerDay:
		out.Fix = "Request an increase of the quota in Service Quotas for Amazon SageMaker" + in(e.at.Region) + "."
	}
	if f.Message == "" {
		out.Message = "SageMaker gave no reason."
	}
	localize(out)
}

func in(region string) string { return " in " + region }

// localize takes out of a diagnosis what is true of Bedrock only.
func localize(out *llm.Error) {
	foreign := func(s string) bool { return strings.Contains(strings.ToLower(s), "bedrock") }
	if foreign(out.Docs) {
		out.Docs = docsInvoke
	}
	if foreign(out.Cause) {
		out.Cause = ""
	}
	if foreign(out.Fix) {
		out.Fix = "Check the endpoint with outcrop doctor, and send the request again later."
	}
}

// adviseInvalid is for a request that SageMaker refuses before the container sees it.
func (e *end) adviseInvalid(out *llm.Error, words, name string) {
	region := in(e.at.Region)
	out.Docs, out.Param, out.Status, out.Cause = docsInvoke, "", http.StatusBadRequest, ""
	switch {
	case strings.Contains(words, "inference component name header is required"):
		out.Code, out.Actor = llm.CodeModelUnknown, llm.ActorOperator
		out.Cause = "The endpoint " + name + " has several inference components, and the call names none."
		out.Fix = "Set model_id of the model to the name of an inference component; aws sagemaker list-inference-components --endpoint-name-equals " + strings.Trim(name, `"`) + " lists them."
	case strings.Contains(words, "inference component name header is not allowed"):
		out.Code, out.Actor = llm.CodeModelUnknown, llm.ActorOperator
		out.Cause = "The endpoint " + name + " has no inference components."
		out.Fix = "Remove model_id of the model."
	case strings.Contains(words, "not found") || strings.Contains(words, "could not find"):
		out.Code, out.Actor, out.Status = llm.CodeModelUnknown, llm.ActorOperator, http.StatusNotFound
		out.Cause = "The account of the gateway's credentials has no endpoint " + name + region + "."
		out.Fix = "Check the endpoint's name, the account, and the region: aws_region_name or AWS_REGION; aws sagemaker list-endpoints --region " + e.at.Region + " lists them."
	case strings.Contains(words, "not in service") || strings.Contains(words, "inservice") || strings.Contains(words, "creating"):
		out.Code, out.Actor, out.Status = llm.CodeModelNotReady, llm.ActorOperator, http.StatusServiceUnavailable
		out.Cause = "The endpoint " + name + region + " is not in service."
		out.Fix = "Wait until aws sagemaker describe-endpoint reports InService; outcrop doctor shows its status."
	default:
		out.Code, out.Fix = llm.CodeInvalid, "Check what the message names; SageMaker refuses the request before the container sees it."
	}
}

// failedStream is the error of a stream that SageMaker ends with an exception: ModelStreamError or
// InternalStreamFailure.
func (e *end) failedStream(f *awserror.Fault, code string, resp *upstream.Response, secrets []string, to llm.Destination) error {
	message := string(transport.Hide([]byte(f.Message), secrets...))
	out := &llm.Error{
		Code: llm.CodeModelError, Status: http.StatusBadGateway, Type: f.Type, Message: message, Destination: to, Docs: docsInvoke,
		Upstream: true, UpstreamStatus: resp.Status, RequestID: resp.Header.Get("X-Amzn-Requestid"), Actor: llm.ActorProvider,
	}
	if message == "" || message == "{}" {
		out.Message = "SageMaker ended the stream with " + f.Type + " and gave no reason."
	}
	if code != "" {
		out.Message += " (" + code + ")"
	}
	switch { // the codes are those of ModelStreamError's documentation
	case code == "ModelInvocationTimeExceeded":
		out.Code, out.Status = llm.CodeTimeout, http.StatusGatewayTimeout
	case code == "StreamBroken":
		out.Code = llm.CodeInterrupted
	case f.Type == "InternalStreamFailure":
		out.Code = llm.CodeServiceInternal
	case f.Type == "ThrottlingException":
		out.Code, out.Status = llm.CodeLimitRequests, http.StatusTooManyRequests
	}
	return out
}
