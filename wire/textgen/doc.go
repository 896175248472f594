// Package textgen implements the API of containers that generate text from a prompt, as a client of it:
// it encodes requests of llm's form, and decodes responses and streams. Containers with this API are
// Hugging Face's Text Generation Inference and its inference toolkit, and DJL's Large Model Inference,
// which SageMaker hosts.
//
// The format is described at
// https://huggingface.github.io/text-generation-inference/ (the routes / and /generate_stream) and
// https://docs.djl.ai/master/docs/serving/serving/docs/lmi/user_guides/lmi_input_output_schema.html.
//
// The API has no messages, tools, images or schemas: a conversation is one text, in the format that the
// model was trained with, which Template knows for some families.
package textgen
