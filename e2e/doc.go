// Package e2e holds tests of the whole: an app.App on a free port with an
// upstream behind it, used from outside. The official SDKs of sdks/ talk to the
// gateway and, boto3, to the emulator; a raw Bedrock of package roughbedrock
// fails in every way that a network and a service can.
//
// It holds no code but tests.
package e2e
