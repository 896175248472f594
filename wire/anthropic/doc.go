// Package anthropic implements Anthropic's Messages API, both sides of it. For clients it decodes
// requests into llm's form, and encodes responses, event streams, errors, model lists and token counts
// from it. For models that speak the dialect, such as Claude by Bedrock's InvokeModel, it encodes
// requests and decodes responses and events. Peek reads what routing needs of a request that is passed
// on as it is.
//
// The format is described at https://platform.claude.com/docs/en/api/messages and, for members in
// beta, by the types of Anthropic's SDKs (anthropic-sdk-python 2.12.0).
//
// Errors and warnings name a field by its path in the request, such as
// messages[1].content[0].source.data. Param writes such a path, or one in the words of the other
// packages, as Anthropic does: messages.1.content.0.source.data.
//
// # Tool search
//
// Decode is for targets that cannot search tools, so it unfolds what clients and Anthropic's API do
// to keep tools out of the prompt until they are found. Tools with defer_loading become plain tools.
// DeferredToolPlaceholder, which Claude Code sends only so that the API accepts references, is left
// out. A tool_reference in a tool result becomes a text that names the tool.
//
// A prompt is cached by its beginning, so unfolding must not change what an earlier request of the
// same conversation began with. Claude Code inserts the tools that it finds into the middle of its
// list. Decode moves them behind all others, in the order in which the conversation first refers to
// them: a tool that is found later is appended, and everything before it stays the same. Tools that a
// system message defines are appended in the same way. This applies if the placeholder is present, or
// if the conversation refers to every deferred tool. Other clients list all deferred tools from the
// first request on, and their order is kept.
//
// # System messages
//
// A message of role system at the beginning joins the system prompt. Later ones become user text
// between <system> tags, unless Options.SystemTurns is set, because most models have no such role.
// The text is the same whether the message is a string or a list of blocks, and wherever its cache
// mark is.
package anthropic
