// Package openairesponses implements OpenAI's Responses API: it decodes requests into llm's form, and
// encodes responses, server-sent events and errors from it.
//
// An item of a request's input is a turn of llm's form, so that errors about turns can name items.
// Tools with free text as input become functions with one text, tools in namespaces become functions
// with longer names, and calls of both are written as the client knows them. A reasoning item carries
// what the next call needs of the model's reasoning in encrypted_content: the text, its signature, or
// what the provider has redacted, byte for byte.
//
// For endpoints of the dialect it is a client: it encodes requests from llm's form, and decodes responses
// and events into it. Reasoning that the endpoint has encrypted is then the signature of a block, from which
// the reasoning item is made again as it was.
//
// The format is described at https://platform.openai.com/docs/api-reference/responses, and by the types
// of OpenAI's SDK for Python 3.57.0; what Codex needs beyond that was seen with version 0.171.0.
package openairesponses
