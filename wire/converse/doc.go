// Package converse is the wire format of Amazon Bedrock's Converse and
// ConverseStream operations, in both directions, to and from llm.
//
// The provider's side is WriteRequest, DecodeResponse, Reader and DecodeFault;
// the server's side DecodeRequest, AppendResponse, AppendEvent, AppendException
// and AppendErrorFrame. Requests are read strictly, by AWS's service model
// (bedrock-runtime, 2023-09-30); answers leniently, with what is unknown kept.
// Nothing here speaks HTTP.
//
// A field of an llm.Request is named in errors and warnings by its place there:
// system[0], messages[3].content[1].format (turn 3, block 1), tools[2].schema,
// tool_choice, max_tokens, format, and by their own names the members of
// Extensions.
package converse
