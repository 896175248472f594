package bedrock

import (
	"net/http"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/converse"
)

// metadataHeader is where InvokeModel has requestMetadata
// (https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-request-metadata.html).
const metadataHeader = "X-Amzn-Bedrock-Request-Metadata"

// attribute adds the labels that say who calls to a call of AWS's own API, in the body of Converse or the header of
// InvokeModel. Without labels the body is as it was.
func attribute(raw *llm.Raw, body jsonx.Raw, header http.Header) (jsonx.Raw, []llm.Warning, error) {
	if len(raw.Attribution) == 0 {
		return body, nil, nil
	}
	switch raw.Operation {
	case opInvoke, opInvokeStream:
		var own jsonx.Raw
		if text := header.Get(metadataHeader); text != "" {
			own = jsonx.Raw(text)
		}
		set, warnings := converse.Attributed(own, raw.Attribution)
		header.Set(metadataHeader, string(set))
		return body, warnings, nil
	case opConverse, opConverseStream:
	default:
		return body, nil, nil
	}
	const field = "requestMetadata"
	members, err := jsonx.Members(body)
	if err != nil {
		return nil, nil, llm.Invalid("", "the body must be a JSON object")
	}
	set, warnings := converse.Attributed(jsonx.Find(members, field), raw.Attribution)
	var w jsonx.Writer
	w.Object()
	for _, m := range members {
		if m.Name != field {
			w.AnyKey(m.Name)
			w.Raw(m.Value)
		}
	}
	w.Key(field)
	w.Raw(set)
	w.EndObject()
	return w.Buf, warnings, nil
}
