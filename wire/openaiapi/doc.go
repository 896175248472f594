// Package openaiapi reads and writes the bodies of OpenAI's APIs that pass through the gateway as they
// are: images, audio, moderations, files and batches. What the gateway needs of them is the model, whether
// the response is streamed, and the usage; what LiteLLM's clients say to the gateway itself is left out.
//
// The APIs are described at https://platform.openai.com/docs/api-reference.
package openaiapi
