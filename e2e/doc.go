// Package e2e contains tests of the whole program: an app.App on a free port with an
// upstream, used from outside. The official SDKs in sdks/ call the gateway and, boto3,
// the emulator; a raw Bedrock of package roughbedrock fails in every way that a network
// and a service can. Package botomodel validates the gateways' requests to either
// against AWS's service model.
//
// A scenario of an SDK is in its program under sdks/ and in the list of names that the
// Go test compares with the program's. The programs client_* show unmodified clients:
// OpenAI's helpers, frameworks and tools. docs/clients.md is generated from their
// results and from the lines to paste in sdks/lines, which are also run.
//
// The programs in sdks/aws, aws_node, aws_go and aws_java are clients of AWS's own API.
// The one on AWS SDK for Go is a module of its own, so that the gateway's module does
// not need the SDK's client for Bedrock.
//
// LiteLLM's proxy in sdks/litellm runs without a database but for one test, in which it
// has a PostgreSQL. Its client of that, Prisma's, wants a native program that Prisma
// publishes for download only; sdks/litellm_database has the same engine from npm.
//
// The package openai for Node stays at its version 6, and Vercel's ai at its version 6:
// the next ones require Node 22, and Debian 13 has 20.
//
// It contains only tests.
package e2e
