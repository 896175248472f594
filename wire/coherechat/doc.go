// Package coherechat implements version 2 of Cohere's chat API, as a client of it: it encodes requests
// of llm's form, and decodes responses and streams.
//
// The format is described at https://docs.cohere.com/v2/reference/chat and, for fields that this page
// lacks, by the types of Cohere's SDK (cohere 7.3.1).
//
// What a model says beside its calls of tools is the tool_plan of Cohere's message, and a text in
// llm's form; it is a tool_plan again when it is sent back.
package coherechat
