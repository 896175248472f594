// Package converse is the wire format of Amazon Bedrock's Converse and
// ConverseStream operations, in both directions, to and from llm.
//
// The provider's side is WriteRequest, DecodeResponse, Reader and DecodeFault; the server's side
// DecodeRequest, AppendResponse, AppendEvent, AppendException and AppendErrorFrame. Requests are
// read strictly, by AWS's service model (bedrock-runtime, 2023-09-30), responses leniently, and
// unknown content is kept. Nothing here uses HTTP.
//
// Errors and warnings name a field of an llm.Request by its position there: system[0],
// messages[3].content[1].format (turn 3, block 1), tools[2].schema, tool_choice, max_tokens,
// format. Members of Extensions keep their own names.
package converse
