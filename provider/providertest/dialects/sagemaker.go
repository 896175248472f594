package dialects

import (
	"encoding/binary"
	"hash/crc32"

	"outcrop/llm"
	"outcrop/provider/providertest"
)

// SageMaker is an endpoint of SageMaker, in whose container another upstream speaks: its streams come as
// events of InvokeEndpointWithResponseStream, which are cut anywhere
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointWithResponseStream.html).
type SageMaker struct{ providertest.Upstream }

// StreamType is that of AWS's frames.
func (SageMaker) StreamType() string { return "application/vnd.amazon.eventstream" }

// Events are the container's events, each in two frames.
func (s SageMaker) Events(a *providertest.Answer) []string {
	inner := s.Upstream.Events(a)
	out := make([]string, len(inner))
	for i, event := range inner {
		at := len(event) / 3
		out[i] = PayloadPart(event[:at]) + PayloadPart(event[at:])
	}
	return out
}

// Corrupt is a frame whose checksum is wrong.
func (SageMaker) Corrupt() string {
	frame := []byte(PayloadPart("data: {}\n\n"))
	frame[len(frame)-1] ^= 1
	return string(frame)
}

// Refusals are SageMaker's own, and those of the container, which SageMaker passes on. Their texts are
// those of public reports, and the types and statuses those of botocore's service model of
// sagemaker-runtime and of AWS's common errors.
func (SageMaker) Refusals() []providertest.Refusal {
	aws := func(kind, message string) (map[string][]string, string) {
		return map[string][]string{"X-Amzn-Errortype": {kind}, "X-Amzn-Requestid": {"rock-request"}}, text(object{"Message": message})
	}
	own := func(status int, code llm.Code, kind, message, words string) providertest.Refusal {
		header, body := aws(kind, message)
		return providertest.Refusal{Status: status, Header: header, Body: body, Words: words, Code: code}
	}
	container := func(status int, code llm.Code, said, words string) providertest.Refusal {
		return providertest.Refusal{
			Status: 424, Words: words, Code: code,
			Header: map[string][]string{"X-Amzn-Errortype": {"ModelError"}, "X-Amzn-Requestid": {"rock-request"}},
			Body: text(object{
				"ErrorCode": "CLIENT_ERROR_FROM_MODEL", "LogStreamArn": "arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/Endpoints/rocks",
				"Message": "Received client error from primary with message \"" + said + "\". See the log for more information.", "OriginalMessage": said, "OriginalStatusCode": status,
			}),
		}
	}
	const denied = "User: arn:aws:sts::123456789012:assumed-role/gateway/outcrop is not authorized to perform: sagemaker:InvokeEndpoint on resource: arn:aws:sagemaker:us-east-1:123456789012:endpoint/rocks because no identity-based policy allows the sagemaker:InvokeEndpoint action"
	return []providertest.Refusal{
		own(400, llm.CodeLimitRequests, "ThrottlingException", "Rate exceeded", "Rate exceeded"),
		own(403, llm.CodeIdentityMissing, "AccessDeniedException", denied, "is not authorized"),
		own(400, llm.CodeModelUnknown, "ValidationError", "Endpoint rocks of account 123456789012 not found.", "not found"),
		own(400, llm.CodeModelUnknown, "ValidationError", "Inference Component Name header is required for endpoints to which you plan to deploy inference components. Please include Inference Component Name header or consider using SageMaker models.", "header is required"),
		own(400, llm.CodeInvalid, "ValidationError", "Variant rocks-2 is unknown.", "is unknown"),
		own(429, llm.CodeModelNotReady, "ModelNotReadyException", "Either a serverless endpoint variant's resources are still being provisioned, or a multi-model endpoint is still downloading or loading the target model.", "still being provisioned"),
		own(503, llm.CodeUnavailable, "ServiceUnavailable", "The service is currently unavailable.", "currently unavailable"),
		own(500, llm.CodeServiceInternal, "InternalFailure", "An internal failure occurred.", "internal failure"),
		own(530, llm.CodeServiceInternal, "InternalDependencyException", "A dependency failed.", "dependency failed"),
		own(403, llm.CodeCredentialsInvalid, "UnrecognizedClientException", "The security token included in the request is invalid.", "is invalid"),
		own(403, llm.CodeCredentialsExpired, "ExpiredTokenException", "The security token included in the request is expired", "is expired"),
		container(400, llm.CodeTooLong, `{"object":"error","message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","param":null,"code":400}`, "maximum context length"),
		container(422, llm.CodeTooLong, `{"error":"Input validation error: `+"`inputs` tokens + `max_new_tokens`"+` must be <= 4096. Given: 5000 (too many tokens)","error_type":"validation"}`, "must be <= 4096"),
		container(400, llm.CodeContentFiltered, "The content policy of this endpoint does not allow the request.", "content policy"),
		container(422, llm.CodeInvalid, `{"error":"Input validation error: temperature must be strictly positive","error_type":"validation"}`, "strictly positive"),
		container(404, llm.CodeModelUnknown, `{"object":"error","message":"The model `+"`rocks`"+` does not exist.","type":"NotFoundError","param":null,"code":404}`, "does not exist"),
		container(404, llm.CodeWrongSurface, `{"detail":"Not Found"}`, "Not Found"),
		container(401, llm.CodeAPIKeyInvalid, `{"error":"Unauthorized"}`, "Unauthorized"),
		container(429, llm.CodeLimitRequests, `{"error":"Model is overloaded","error_type":"overloaded"}`, "overloaded"),
		container(500, llm.CodeServiceInternal, "Internal Server Error", "Internal Server Error"),
		container(503, llm.CodeUnavailable, `{"error":"no workers"}`, "no workers"),
	}
}

// PayloadPart is a part of a container's stream as an event.
func PayloadPart(part string) string {
	return frame([][2]string{{":message-type", "event"}, {":event-type", "PayloadPart"}, {":content-type", "application/octet-stream"}}, part)
}

// StreamException is an exception with which SageMaker ends a stream.
func StreamException(kind, body string) string {
	return frame([][2]string{{":message-type", "exception"}, {":exception-type", kind}, {":content-type", "application/json"}}, body)
}

// frame is a message of AWS's event streams (https://smithy.io/2.0/aws/amazon-eventstream.html).
func frame(headers [][2]string, payload string) string {
	var h []byte
	for _, name := range headers {
		h = append(append(h, byte(len(name[0]))), name[0]...)
		h = append(binary.BigEndian.AppendUint16(append(h, 7), uint16(len(name[1]))), name[1]...)
	}
	b := binary.BigEndian.AppendUint32(nil, uint32(16+len(h)+len(payload)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(h)))
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	b = append(append(b, h...), payload...)
	return string(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b)))
}
