// Package e2e holds tests of the whole: an app.App on a free port with an
// upstream behind it, used from outside. The official SDKs of sdks/ talk to the
// gateway and, boto3, to the emulator; a raw Bedrock of package roughbedrock
// fails in every way that a network and a service can. What the gateways send to
// either is held against AWS's service model by package botomodel.
//
// A scenario of an SDK stands in its program under sdks/ and in the list of names
// that the Go test holds the program to. The programs client_* show clients as
// they are, OpenAI's helpers, frameworks and tools; docs/clients.md is made from
// what they show and from the lines to paste in sdks/lines, which are run too.
//
// The programs in sdks/aws, aws_node, aws_go and aws_java are clients of AWS's own API. The one on AWS
// SDK for Go is a module of its own, so that the gateway's has no need of the SDK's client for Bedrock.
//
// The package openai for Node stays on its version 6, and ai of Vercel on its own
// 6: the next ones ask for Node 22, and Debian 13 has 20.
//
// It holds no code but tests.
package e2e
