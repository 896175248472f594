package bedrock

import (
	"slices"
	"strings"

	"outcrop/emulator/bedrock/catalogue"
	"outcrop/emulator/bedrock/model"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/converse"
)

// versionedModelID is the pattern of model ids in the path of CountTokens: shape
// FoundationModelVersionIdentifier.
var versionedModelID = shape(`[a-zA-Z_\.\-/0-9:]+`)

const versionedModelIDMax = 256

// countTokens counts the prompt of a request of Converse or InvokeModel, as the call
// itself would.
func (e *Emulator) countTokens(c *call) error {
	if len(c.parameter) > versionedModelIDMax || !versionedModelID.MatchString(c.parameter) {
		return mismatch(c.parameter, "modelId", versionedModelID)
	}
	to, err := e.counted(c)
	if err != nil {
		return err
	}
	var body struct {
		Input *struct {
			InvokeModel *struct {
				Body *string `json:"body"`
			} `json:"invokeModel"`
			Converse jsonx.Raw `json:"converse"`
		} `json:"input"`
	}
	if err := jsonx.Unmarshal(c.body, &body); err != nil {
		return malformed(err, c.body)
	}
	in := body.Input
	var req *llm.Request
	switch {
	case in == nil:
		return lacking("input")
	case (in.InvokeModel == nil) == (in.Converse == nil):
		return unionFault("input", memberOf(c.body, "input"), []string{"converse", "invokeModel"})
	case in.InvokeModel != nil && in.InvokeModel.Body == nil:
		return lacking("input.invokeModel.body")
	case in.InvokeModel != nil:
		req, err = e.countedBody(*in.InvokeModel.Body, to)
	default:
		req, err = e.countedConverse(in.Converse, to)
	}
	if err != nil {
		return err
	}
	var w jsonx.Writer
	w.Object()
	w.Key("inputTokens")
	w.Int(max(1, model.PromptTokens(req)))
	w.EndObject()
	return c.writeJSON(w.Buf)
}

// counted returns the model, which must be named by its base id, even if only its
// profiles can be called. Claude counts from 3.5 on; profiles do not (recorded
// exchanges).
func (e *Emulator) counted(c *call) (*catalogue.Model, error) {
	id := strings.TrimPrefix(c.parameter, modelARN(c.region, ""))
	to := c.catalogue.Model(id)
	if to == nil || !to.In(c.region) {
		if _, isProfile := c.catalogue.Profile(id, c.region); isProfile || strings.HasPrefix(id, "arn:") {
			return nil, uncountable()
		}
		return nil, invalidIdentifier()
	}
	if to.Voice() != catalogue.VoiceAnthropic || strings.HasPrefix(id, "anthropic.claude-3-haiku") || strings.HasPrefix(id, "anthropic.claude-3-sonnet") || strings.HasPrefix(id, "anthropic.claude-3-opus") {
		return nil, uncountable()
	}
	return to, e.admit(c, to)
}

func uncountable() error {
	return invalid("The provided model doesn't support counting tokens.")
}

// countedBody decodes a body of InvokeModel in base64.
func (e *Emulator) countedBody(text string, to *catalogue.Model) (*llm.Request, error) {
	content, ok := llm.ParseBase64([]byte(text))
	if !ok {
		return nil, &refusal{status: 400, kind: "SerializationException", message: "body is not base64"}
	}
	how := claudeChat{}
	req, err := how.read(content.Decode(), to)
	if err != nil {
		return nil, unreadable(err)
	}
	if err := how.check(e, &question{info: to, request: req}); err != nil {
		return nil, naked(err)
	}
	return req, nil
}

// countedMembers are the members of a Converse request that CountTokens accepts: shape
// ConverseTokensRequest.
var countedMembers = []string{"messages", "system", "toolConfig", "additionalModelRequestFields"} // never written to

// countedConverse decodes a request of Converse, without the members that CountTokens
// ignores.
func (e *Emulator) countedConverse(body jsonx.Raw, to *catalogue.Model) (*llm.Request, error) {
	members, err := jsonx.Members(body)
	if err != nil {
		return nil, malformed(err, body)
	}
	var w jsonx.Writer
	w.Object()
	w.Members(slices.DeleteFunc(members, func(m jsonx.Member) bool { return !slices.Contains(countedMembers, m.Name) }))
	w.EndObject()
	req, err := converse.DecodeRequest(w.Buf)
	if err != nil {
		return nil, malformed(err, w.Buf)
	}
	asked := &question{info: to, request: req}
	asked.ownChoice()
	return req, naked(e.check(asked))
}
