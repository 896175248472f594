// Package invoke adapts requests of Anthropic's Messages API to Claude models that are called by
// InvokeModel and InvokeModelWithResponseStream, and reads the responses.
//
// A request body passes through as the client wrote it, except for named edits: members that
// Bedrock reads elsewhere or refuses. What the edits are depends on the model and is data with
// sources (features.go, betas.go, members.go). A member that has no effect on the meaning of a
// request is removed with a warning; one that has is refused with an *llm.Error that names it, in
// Anthropic's form of a path, such as tools.0.type. Members that the tables do not know are passed
// on: AWS names the ones that it refuses, Refused reads such a refusal, and Options.Without repeats
// the request without them.
//
// Adapt and Whole share the memory of the body that they are given. Nothing here does I/O, except
// that a Reader reads the body of its response.
package invoke
