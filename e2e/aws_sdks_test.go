package e2e

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"outcrop/app"
	"outcrop/cli"
	"outcrop/config"
	emulator "outcrop/emulator/bedrock"
	"outcrop/internal/need"
	"outcrop/provider/all"
)

// accessKeyID and secretAccessKey sign the calls of the AWS SDKs.
const (
	accessKeyID     = "AKIDGATEWAY"
	secretAccessKey = "e2e-secret-of-the-gateway"
)

// awsConfig is the gateway that the AWS SDKs talk to.
const awsConfig = sdkConfig + `
outcrop_settings: {aws_door: {access_keys: [{access_key_id: ` + accessKeyID + `, secret_access_key: ` + secretAccessKey + `}]}}
`

// awsScenarios are what each client of AWS's own API must show.
func awsScenarios() []string {
	return []string{"a response", "a stream", "a tool loop", "a tool call, streamed", "a refusal", "an unknown model", "a stream that breaks off"}
}

// javaScenarios are those of AWS SDK for Java, which has two clients.
func javaScenarios() []string {
	return []string{
		"a response: BedrockRuntimeClient", "a response: BedrockRuntimeAsyncClient", "a stream: BedrockRuntimeAsyncClient",
		"a tool loop: BedrockRuntimeClient", "a tool loop: BedrockRuntimeAsyncClient", "a refusal: BedrockRuntimeClient",
		"an unknown model: BedrockRuntimeAsyncClient", "a stream that breaks off: BedrockRuntimeAsyncClient",
	}
}

// awsRun is a client with one way to come in.
type awsRun struct {
	name      string
	version   pin
	client    func(t *testing.T) client
	program   string
	secure    bool // HTTPS with the certificate of outcrop cert
	signed    bool // Signature Version 4; else the master key as a Bedrock API key
	scenarios []string
	official  bool // one of the AWS SDKs
}

func awsRuns() []awsRun {
	py := func(t *testing.T) client { t.Helper(); return awsPython(t) }
	js := func(t *testing.T) client { t.Helper(); return node(t, "aws_node") }
	return []awsRun{
		{"boto3, signed", pin{"aws", "boto3"}, py, "aws_boto3.py", false, true, awsScenarios(), true},
		{"boto3, with a key over HTTPS", pin{"aws", "boto3"}, py, "aws_boto3.py", true, false, awsScenarios(), true},
		{"AWS SDK for JavaScript, signed over h2c", pin{"aws_node", "@aws-sdk/client-bedrock-runtime"}, js, "aws_sdk.mjs", false, true, awsScenarios(), true},
		{"AWS SDK for JavaScript, with a key over h2c", pin{"aws_node", "@aws-sdk/client-bedrock-runtime"}, js, "aws_sdk.mjs", false, false, awsScenarios(), true},
		{"AWS SDK for JavaScript, with a key over HTTPS", pin{"aws_node", "@aws-sdk/client-bedrock-runtime"}, js, "aws_sdk.mjs", true, false, awsScenarios(), true},
		{"AWS SDK for Go, signed", pin{"aws_go", "github.com/aws/aws-sdk-go-v2/service/bedrockruntime"}, awsGo, "", false, true, awsScenarios(), true},
		{"AWS SDK for Go, with a key over HTTPS", pin{"aws_go", "github.com/aws/aws-sdk-go-v2/service/bedrockruntime"}, awsGo, "", true, false, awsScenarios(), true},
		{"AWS SDK for Java, signed, also over h2c", pin{"aws_java", "aws.version"}, awsJava, "Aws", false, true, javaScenarios(), true},
		{"AWS SDK for Java, with a key, also over h2c", pin{"aws_java", "aws.version"}, awsJava, "Aws", false, false, javaScenarios(), true},
		{"LangChain's ChatBedrockConverse", pin{"aws", "langchain-aws"}, py, "aws_langchain.py", false, true, awsScenarios(), false},
		{"pydantic-ai's BedrockConverseModel", pin{"aws", "pydantic-ai-slim[bedrock]"}, py, "aws_pydantic_ai.py", false, true, awsScenarios(), false},
		{"Vercel's AI SDK with its Bedrock provider", pin{"aws_node", "@ai-sdk/amazon-bedrock"}, js, "ai_sdk.mjs", false, false, awsScenarios(), false},
	}
}

// TestAWSSDKs has clients of AWS's own API, unmodified, call the gateway, with nothing configured but
// the address and a key.
func TestAWSSDKs(t *testing.T) { //nolint:tparallel // the subtests only report what one program has shown
	t.Parallel()
	upstream := startEmulator(t)
	cert, key := certificate(t)
	text := strings.ReplaceAll(awsConfig, "UPSTREAM", upstream.URL())
	plain, secure := startTLS(t, text, "", ""), startTLS(t, text, cert, key)
	all := true
	for _, run := range awsRuns() {
		t.Run(run.name, func(t *testing.T) {
			defer func() { all = all && !t.Skipped() }()
			c := run.client(t)
			g := plain
			if run.secure {
				g = secure
			}
			before := len(g.log.lines(t))
			c.run(t, run.program, run.scenarios, run.environ(g.URL(), cert)...)
			if run.official {
				checkAttempts(t, g.log.lines(t)[before:])
			}
		})
	}
	if all && !t.Failed() {
		comparePage(t, "bedrock-api-clients.md", awsPage(t))
	}
}

const awsPageHead = `# Clients of AWS's own API

These clients call Bedrock through Outcrop's [own AWS API](bedrock-api.md) in the tests: the published packages, unmodified, with the
address and a key in the environment. Behind the gateway is the [emulator](emulator.md), which plays Claude Sonnet 4.5.

| client | version | address | key |
| --- | --- | --- | --- |
`

const awsPageLegend = `| AnthropicBedrock for Python | %s | http | an access key, and the master key |

Each of them shows:

- a response and a stream, with the usage;
- a tool loop with two calls side by side, whole and streamed;
- a refusal of AWS's and an unknown model, as the SDK's own exception with its message;
- a stream that breaks off, as an exception and never as an end.

Exceptions: AWS SDK for Java does not stream in its synchronous client. AnthropicBedrock calls InvokeModel, without tools.

## How to see the fix

AWS's refusals keep AWS's words, because clients read them. What they mean and how to fix them is in the response's
headers, which SDKs keep with the exception; the gateway's own refusals have the fix in their message as well:

` + "```python" + `
import boto3, botocore.exceptions

try:
    boto3.client("bedrock-runtime").converse(modelId="nova-lit", messages=[{"role": "user", "content": [{"text": "Hello"}]}])
except botocore.exceptions.ClientError as e:
    headers = e.response["ResponseMetadata"]["HTTPHeaders"]
    print(e, headers.get("x-outcrop-code"), headers.get("x-outcrop-fix"))
` + "```" + `

It prints ` + "`ValidationException`" + `, ` + "`model.unknown`" + ` and ` + "`Did you mean nova-2-lite, nova-lite or nova-micro?`" + ` In the AWS SDK for
JavaScript the headers are ` + "`error.$response.headers`" + `, in LangChain and pydantic-ai those of botocore's exception.
[Errors](bedrock-api.md#errors) lists the headers.

This page is generated by a test: run ` + "`make setup`" + `, then ` + "`go test ./e2e -run TestAWSSDKs -update`" + `.
`

// awsPage is docs/bedrock-api-clients.md.
func awsPage(t *testing.T) []byte {
	t.Helper()
	var b strings.Builder
	b.WriteString(awsPageHead)
	for _, r := range awsRuns() {
		name, how, _ := strings.Cut(r.name, ", ")
		scheme, credential := "http", "the master key"
		if r.secure {
			scheme = "https"
		}
		if r.signed {
			credential = "an access key"
		}
		if strings.Contains(how, "h2c") {
			scheme += ", HTTP/2"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, r.version.version(t), scheme, credential)
	}
	fmt.Fprintf(&b, awsPageLegend, pin{"aws", "anthropic[bedrock]"}.version(t))
	return []byte(b.String())
}

// checkAttempts checks that the log has the SDK's own id of each call, and the number of its attempt.
func checkAttempts(t *testing.T, lines []logLine) {
	t.Helper()
	calls := 0
	for _, l := range lines {
		if l.Msg != "call" {
			continue
		}
		calls++
		if l.ClientCall == "" || l.ClientAttempt == 0 {
			t.Errorf("a call without the SDK's id or attempt: %+v", l)
		}
	}
	if calls < 5 {
		t.Errorf("%d calls are in the log", calls)
	}
}

// environ is what a user of the SDKs sets.
func (r *awsRun) environ(url, cert string) []string {
	env := []string{"MODEL=claude", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME=" + url, "AWS_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true", "PYTHONPATH=../python", "AWS_CONFIG_FILE=" + os.DevNull}
	if r.secure {
		env = append(env, "AWS_CA_BUNDLE="+cert, "NODE_EXTRA_CA_CERTS="+cert, "SSL_CERT_FILE="+cert)
	}
	if r.signed {
		return append(env, "AWS_ACCESS_KEY_ID="+accessKeyID, "AWS_SECRET_ACCESS_KEY="+secretAccessKey)
	}
	return append(env, "AWS_BEARER_TOKEN_BEDROCK="+masterKey)
}

// TestAnthropicBedrock has Anthropic's client for Bedrock call InvokeModel through the gateway.
func TestAnthropicBedrock(t *testing.T) { //nolint:tparallel // the subtests only report what one program has shown
	t.Parallel()
	c := awsPython(t)
	text := strings.ReplaceAll(awsConfig, "UPSTREAM", startEmulator(t).URL())
	g := startTLS(t, text, "", "")
	for _, signed := range []bool{false, true} {
		r := awsRun{signed: signed}
		c.run(t, "aws_anthropic.py", []string{"a response", "a stream", "a refusal", "a stream that breaks off"}, r.environ(g.URL(), "")...)
	}
}

// certificate makes a certificate and its key with outcrop cert.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	var out bytes.Buffer
	if code := cli.Main([]string{"cert", "--cert", cert, "--key", key}, &out, &out); code != 0 {
		t.Fatalf("outcrop cert: %s", &out)
	}
	return cert, key
}

// startTLS is startApp with a certificate, if it is not empty.
func startTLS(t *testing.T, text, cert, key string) *gateway {
	t.Helper()
	cfg, problems := config.Load(config.Source{Name: "config.yaml", Data: []byte(text), Providers: all.Providers()})
	if cfg == nil {
		t.Fatalf("configuration: %v", problems)
	}
	g := &gateway{log: &logBuffer{}}
	a, err := app.New(t.Context(), app.Options{
		Config: cfg, CertFile: cert, KeyFile: key,
		Logger:  slog.New(slog.NewJSONHandler(g.log, nil)),
		Environ: func(string) string { return "" },
	})
	if err != nil {
		t.Fatal(err)
	}
	g.App = a
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.stop(t) })
	return g
}

func awsPython(t *testing.T) client {
	t.Helper()
	c := venv(t, "aws", "aws")
	c.dir = "sdks/aws"
	return c
}

func awsGo(t *testing.T) client {
	t.Helper()
	return goProgram(t, "aws_go")
}

// goProgram is the program of a folder of sdks, a module of its own.
func goProgram(t *testing.T, folder string) client {
	t.Helper()
	return client{interpreter: cached(t, "the program of e2e/sdks/"+folder, folder, "client"), dir: "sdks/" + folder}
}

func awsJava(t *testing.T) client {
	t.Helper()
	return javaProgram(t, "aws_java")
}

// javaProgram is the program of a folder of sdks; the class that runs is named as the program of a report.
func javaProgram(t *testing.T, name string) client {
	t.Helper()
	folder := need.Made(t, "../.cache/"+name, "the program of e2e/sdks/"+name)
	return client{interpreter: tool(t, "java"), dir: "sdks/" + name, flags: []string{"-cp", folder + "/*:" + folder + "/classes"}}
}

// TestAWSLists has boto3 and LangChain ask the gateway for models and inference profiles.
func TestAWSLists(t *testing.T) { //nolint:tparallel // the subtests only report what one program has shown
	t.Parallel()
	c := awsPython(t)
	const profile = "e2eprofile12"
	e, err := emulator.New(emulator.Options{Profiles: []emulator.ApplicationProfile{{ID: profile, Name: "e2e", Region: "us-east-1", Source: claude}}})
	if err != nil {
		t.Fatal(err)
	}
	upstream := startServer(t, judge.Watch(e))
	g := startApp(t, `
outcrop_settings:
  aws_door: {access_keys: [{access_key_id: `+accessKeyID+`, secret_access_key: `+secretAccessKey+`}]}
  bedrock: {policy: {global: false}}
general_settings: {master_key: `+masterKey+`}
model_list:
  - {model_name: "*", litellm_params: {model: "bedrock/*", aws_region_name: us-east-1, aws_access_key_id: `+emulator.DemoAccessKeyID+`, aws_secret_access_key: `+string(emulator.DemoSecretAccessKey)+`}}
`, "", map[string]string{"AWS_ENDPOINT_URL": upstream.URL()})
	r := awsRun{signed: true}
	c.run(t, "aws_lists.py", []string{
		"ListFoundationModels lists what may be called", "GetFoundationModel describes a model", "ListInferenceProfiles keeps to the policy, page by page",
		"GetInferenceProfile answers to an id and to an ARN", "a profile that the policy forbids is not found", "other operations are not served",
		"LangChain calls an application inference profile by its ARN",
	}, append(r.environ(g.URL(), ""), "ARN=arn:aws:bedrock:us-east-1:"+emulator.DemoAccount+":application-inference-profile/"+profile)...)
}
