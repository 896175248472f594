package e2e

import (
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	emulator "outcrop/emulator/bedrock"
)

// boto3Scenarios are the scenarios that boto3 must pass with the emulator.
func boto3Scenarios() []string {
	return []string{
		"ListFoundationModels describes each model",
		"ListFoundationModels filters by provider, modality and inference type",
		"GetFoundationModel answers to an id and to an ARN",
		"ListInferenceProfiles pages through all, each once",
		"GetInferenceProfile answers to an id and to an ARN",
		"an application inference profile can be called by its ARN",
		"Converse answers with usage and metrics",
		"ConverseStream sends its events in their order",
		"tools are called side by side, and their results end in text",
		"streamed tool input assembles to JSON",
		"reasoning is signed, and an edited signature is refused",
		"an image and a document arrive as bytes",
		"a bare id without on-demand throughput is refused in AWS's words",
		"an unknown id is invalid, and so is a profile of another geography",
		"every exception of the service model is raised as its type",
		"an exception in a stream is raised behind what came before",
		"a broken checksum is noticed, and a cut stream has no stop",
		"GetCallerIdentity names the caller",
		"an assumed role's session calls models under its own name",
		"AssumeRole wants the external id, and a role that there is",
		"a wrong secret, an unknown key and another region are refused",
		"a signature of an hour ago is refused",
		"a Bedrock API key comes from AWS_BEARER_TOKEN_BEDROCK",
	}
}

func TestBoto3WithTheEmulator(t *testing.T) { //nolint:tparallel // the subtests only report what one program has shown
	t.Parallel()
	c := python(t)
	const role, externalID = "arn:aws:iam::" + emulator.DemoAccount + ":role/e2e", "external-e2e"
	e, err := emulator.New(emulator.Options{
		Roles:    []emulator.Role{{ARN: role, ExternalID: externalID}},
		Profiles: []emulator.ApplicationProfile{{ID: "e2eprofile12", Name: "e2e", Region: "us-east-1", Source: claude}},
	})
	if err != nil {
		t.Fatal(err)
	}
	plain, secured := httptest.NewServer(e), httptest.NewTLSServer(e)
	defer plain.Close()
	defer secured.Close()
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secured.Certificate().Raw})
	if err := os.WriteFile(bundle, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	c.run(t, "boto3_emulator.py", boto3Scenarios(),
		"BASE_URL="+plain.URL, "TLS_URL="+secured.URL, "CA_BUNDLE="+bundle,
		"ACCESS_KEY="+emulator.DemoAccessKeyID, "SECRET_KEY="+string(emulator.DemoSecretAccessKey),
		"ROLE="+role, "EXTERNAL_ID="+externalID, "API_KEY="+string(emulator.DemoAPIKey))
}
