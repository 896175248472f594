// Package openai is OpenAI's API on Bedrock: which of its APIs a model has at which host, what bodies become
// there, and how its refusals are read. It makes no calls.
//
// The API is under /openai/v1 of bedrock-runtime, with the ids and profiles of Converse, and on bedrock-mantle,
// with ids of its own and neither profiles nor guardrails
// (https://docs.aws.amazon.com/bedrock/latest/userguide/bedrock-mantle.html).
package openai

import (
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/modelid"
	wire "outcrop/wire/converse"
	"outcrop/wire/openaichat"
)

// API is one of OpenAI's APIs, as it stands in llm.Destination.
type API string

// APIs.
const (
	Chat      API = "chat"
	Responses API = "responses"
)

// Surface is where a model has OpenAI's API.
type Surface struct {
	// ID is the model in bodies.
	ID string
	// OnMantle reports whether the host is bedrock-mantle; otherwise it is bedrock-runtime.
	OnMantle bool

	chat, responses []string // paths, as unescaped segments; nil without the API
	sealed          bool     // reasoning can be had encrypted, so that it can be sent back
	open            bool     // the model is one of OpenAI's open ones, which have functions alone
}

// Mantle returns where bedrock-mantle has the model, nil if it has no API of OpenAI's for it. That is the
// only place for models that Converse does not have.
func Mantle(m *catalog.Model) *Surface {
	s := &Surface{ID: m.Mantle.ID, OnMantle: true}
	if m.Mantle.Chat == catalog.Yes {
		s.chat = []string{"v1", "chat", "completions"}
	}
	if m.Mantle.Responses == catalog.Yes && m.Mantle.ResponsesBase != "" {
		s.responses = append(strings.Split(strings.Trim(m.Mantle.ResponsesBase, "/"), "/"), "responses")
		s.sealed, s.open = seals(m), m.Mantle.ResponsesBase == "/v1"
	}
	if m.Mantle.ID == "" || s.chat == nil && s.responses == nil {
		return nil
	}
	return s
}

// Runtime returns where bedrock-runtime has the Responses API for calls of a profile, nil if it has none:
// models with that API are called by the whole id of a profile only. Chats go by Converse, which
// has guardrails, cache points and documents besides.
func Runtime(m *catalog.Model, id string) *Surface {
	parsed, err := modelid.Parse(id)
	if m.OpenAIResponses != catalog.Yes || err != nil || parsed.Geography == "" || parsed.ARN.Kind != modelid.NoARN {
		return nil
	}
	return &Surface{ID: id, responses: []string{"openai", "v1", "responses"}, sealed: seals(m)}
}

// seals reports whether the model encrypts its reasoning: OpenAI's own do, except the open ones, whose
// reasoning is plain.
func seals(m *catalog.Model) bool {
	return m.Vendor == "openai" && m.Reasoning.Supported == catalog.Yes && m.Mantle.ResponsesBase != "/v1"
}

// Path is the path of an API as unescaped segments; nil if the surface does not have it.
func (s *Surface) Path(api API) []string {
	if api == Chat {
		return s.chat
	}
	return s.responses
}

// Sealer names who encrypts the reasoning that the surface can be given back, for package openairesponses; empty
// if the model does not encrypt it.
func (s *Surface) Sealer() string {
	if !s.sealed {
		return ""
	}
	return "bedrock-openai"
}

// sealedReasoning is the part of a response that has the reasoning for the next request.
const sealedReasoning = "reasoning.encrypted_content"

// Body is what a client's body for the Responses API becomes, in segments that share its memory: it has the
// model's own id, and AWS keeps nothing, because the gateway does. Reasoning is then asked for in the
// encrypted form in which it can be sent back. Tools that AWS would refuse in their place are moved to one where
// it takes them; see fitTools. An error is an *llm.Error.
func (s *Surface) Body(body jsonx.Raw) (*Body, error) {
	edits := []jsonx.Edit{
		{Name: "model", Value: jsonx.AppendString(nil, s.ID), Add: true},
		{Name: "store", Value: jsonx.Raw("false"), Add: true},
	}
	if s.sealed {
		var asked struct {
			Include []string  `json:"include"`
			Rest    jsonx.Raw `json:",embed"`
		}
		if jsonx.Unmarshal(body, &asked) == nil && !slices.Contains(asked.Include, sealedReasoning) {
			w := jsonx.Writer{}
			w.Array()
			for _, part := range append(asked.Include, sealedReasoning) {
				w.String(part)
			}
			w.EndArray()
			edits = append(edits, jsonx.Edit{Name: "include", Value: w.Buf, Add: true})
		}
	}
	fitted, out := s.fitTools(body)
	var err error
	if out.Segments, err = jsonx.EditMembers(body, append(edits, fitted...), nil); err != nil {
		return nil, llm.Invalid("", "the request body is not a JSON object")
	}
	return out, nil
}

// Body is a body for AWS.
type Body struct {
	Segments [][]byte
	Warnings []llm.Warning
	// Tools are a copy of the client's tools, for the response to repeat, if AWS gets others; empty if it gets
	// the client's.
	Tools jsonx.Raw
}

// Read puts what an error body in OpenAI's form says into a fault; a body in AWS's own form is left to
// package converse.
func Read(f *wire.Fault, body []byte) {
	if f.Type != "" || !jsonx.Valid(body) {
		return
	}
	r := openaichat.DecodeRefusal(f.Status, body)
	if !r.Known {
		return
	}
	f.Message, f.Type, f.Param = r.Message, r.Type, llm.Clip(r.Param, 100)
	if r.Code != "" && strings.Trim(r.Code, "0123456789") != "" {
		f.Type = r.Code
	}
	f.Type = llm.Clip(f.Type, 100)
}
