package bedrock

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGetFoundationModelAvailability(t *testing.T) {
	t.Parallel()
	const sonnet, opus = "anthropic.claude-sonnet-4-6", "anthropic.claude-opus-4-6-v1"
	s := start(t, Options{Access: map[string]Access{
		sonnet: {Agreement: "NOT_AVAILABLE"},
		opus:   {Agreement: "ERROR", AgreementError: "The offer has ended.", Authorization: "NOT_AUTHORIZED", Entitlement: "NOT_AVAILABLE", Region: "NOT_AVAILABLE"},
	}})
	tests := []struct{ name, id, host, want string }{
		{
			"everything by default", micro, "",
			`{"agreementAvailability":{"status":"AVAILABLE"},"authorizationStatus":"AUTHORIZED","entitlementAvailability":"AVAILABLE","modelId":"` + micro + `","regionAvailability":"AVAILABLE"}`,
		},
		{
			"one word", sonnet, "",
			`{"agreementAvailability":{"status":"NOT_AVAILABLE"},"authorizationStatus":"AUTHORIZED","entitlementAvailability":"AVAILABLE","modelId":"` + sonnet + `","regionAvailability":"AVAILABLE"}`,
		},
		{
			"all words", opus, "",
			`{"agreementAvailability":{"errorMessage":"The offer has ended.","status":"ERROR"},"authorizationStatus":"NOT_AUTHORIZED","entitlementAvailability":"NOT_AVAILABLE","modelId":"` + opus + `","regionAvailability":"NOT_AVAILABLE"}`,
		},
		{
			"a model of another region", "deepseek.r1-v1:0", "bedrock.eu-west-1.amazonaws.com",
			`{"agreementAvailability":{"status":"AVAILABLE"},"authorizationStatus":"AUTHORIZED","entitlementAvailability":"AVAILABLE","modelId":"deepseek.r1-v1:0","regionAvailability":"NOT_AVAILABLE"}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := s.send(t, http.MethodGet, "/foundation-model-availability/"+url.PathEscape(tt.id), "", host(tt.host))
			if diff := cmp.Diff(tt.want, string(a.body)); a.status != 200 || diff != "" {
				t.Errorf("got %d (-want +got):\n%s", a.status, diff)
			}
		})
	}
	wantRefusal(t, s.get(t, "/foundation-model-availability/anthropic.claude-9"), 400, "ValidationException", "The provided model identifier is invalid.")
	for _, id := range []string{"arn:aws:bedrock:us-east-1::foundation-model/" + micro, "a." + strings.Repeat("b", 150)} {
		wantRefusal(t, s.get(t, "/foundation-model-availability/"+url.PathEscape(id)), 400, "ValidationException", "at 'modelId' failed to satisfy constraint")
	}
	if a := s.post(t, "us."+sonnet, "converse", hello); a.status != 200 {
		t.Errorf("calls depend on Options.Access: got %d %s", a.status, a.body)
	}
}

// inAccount is the prefix of the ARNs of the account in Virginia, up to the kind.
const inAccount = "arn:aws:bedrock:us-east-1:" + DemoAccount + ":"

// accountModels is an account with one model of each kind that is called by ARN.
func accountModels() Options {
	return Options{
		Provisioned: []ProvisionedModel{
			{ID: "abcdefghijk1", Name: "team-a", Region: "us-east-1", Model: "anthropic.claude-3-haiku-20240307-v1:0"},
			{ID: "abcdefghijk2", Region: "us-east-1", Model: micro, CustomModel: "qrstuvwxyz12"},
			{ID: "abcdefghijk3", Region: "eu-west-1", Model: micro},
		},
		Deployments: []CustomModelDeployment{{ID: "bcdefghijkl1", Name: "support_bot", Region: "us-east-1", Model: micro, CustomModel: "qrstuvwxyz12"}},
		Imported:    []ImportedModel{{ID: "cdefghijklm1", Name: "our-llama", Region: "us-east-1", Architecture: "llama", Model: "meta.llama3-3-70b-instruct-v1:0"}},
	}
}

func TestModelsOfTheAccountAreDescribed(t *testing.T) {
	t.Parallel()
	s := start(t, accountModels())
	const (
		throughput = "/provisioned-model-throughput/"
		deployment = "/model-customization/custom-model-deployments/"
		imported   = "/imported-models/"

		teamA = `{"creationTime":"2026-11-22T12:00:00Z",` +
			`"desiredModelArn":"arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0","desiredModelUnits":1,` +
			`"foundationModelArn":"arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0","lastModifiedTime":"2026-11-22T12:00:00Z",` +
			`"modelArn":"arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0","modelUnits":1,` +
			`"provisionedModelArn":"` + inAccount + `provisioned-model/abcdefghijk1","provisionedModelName":"team-a","status":"InService"}`
		custom = `{"creationTime":"2026-11-22T12:00:00Z",` +
			`"desiredModelArn":"` + inAccount + `custom-model/amazon.nova-micro-v1:0/qrstuvwxyz12","desiredModelUnits":1,` +
			`"foundationModelArn":"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0","lastModifiedTime":"2026-11-22T12:00:00Z",` +
			`"modelArn":"` + inAccount + `custom-model/amazon.nova-micro-v1:0/qrstuvwxyz12","modelUnits":1,` +
			`"provisionedModelArn":"` + inAccount + `provisioned-model/abcdefghijk2","provisionedModelName":"abcdefghijk2","status":"InService"}`
		bot = `{"createdAt":"2026-11-22T12:00:00Z","customModelDeploymentArn":"` + inAccount + `custom-model-deployment/bcdefghijkl1","lastUpdatedAt":"2026-11-22T12:00:00Z",` +
			`"modelArn":"` + inAccount + `custom-model/amazon.nova-micro-v1:0/qrstuvwxyz12","modelDeploymentName":"support_bot","status":"Active"}`
		llama = `{"creationTime":"2026-11-22T12:00:00Z","customModelUnits":{"customModelUnitsPerModelCopy":1,"customModelUnitsVersion":"v1.0"},"instructSupported":true,` +
			`"jobArn":"` + inAccount + `model-import-job/cdefghijklm1","jobName":"import-cdefghijklm1","modelArchitecture":"llama",` +
			`"modelArn":"` + inAccount + `imported-model/cdefghijklm1","modelDataSource":{"s3DataSource":{"s3Uri":"s3://emulated-models/cdefghijklm1/"}},"modelName":"our-llama"}`
	)
	for _, tt := range []struct{ path, id, want string }{
		{throughput, "abcdefghijk1", teamA},
		{throughput, "team-a", teamA},
		{throughput, inAccount + "provisioned-model/abcdefghijk1", teamA},
		{throughput, "abcdefghijk2", custom},
		{deployment, "support_bot", bot},
		{deployment, inAccount + "custom-model-deployment/bcdefghijkl1", bot},
		{imported, "our-llama", llama},
		{imported, inAccount + "imported-model/cdefghijklm1", llama},
	} {
		a := s.get(t, tt.path+url.PathEscape(tt.id))
		if diff := cmp.Diff(tt.want, string(a.body)); a.status != 200 || diff != "" {
			t.Errorf("%s%s: got %d (-want +got):\n%s", tt.path, tt.id, a.status, diff)
		}
	}
	for _, tt := range []struct{ path, id string }{
		{throughput, "abcdefghijk9"},
		{throughput, "abcdefghijk3"}, // another region's
		{throughput, inAccount + "provisioned-model/abcdefghijk9"},
		{throughput, "arn:aws:bedrock:us-east-1:999999999999:provisioned-model/abcdefghijk1"},
		{deployment, "abcdefghijk1"}, // another kind's
		{deployment, inAccount + "custom-model-deployment/abcdefghijk9"},
		{imported, "their-llama"},
	} {
		wantRefusal(t, s.get(t, tt.path+url.PathEscape(tt.id)), 404, "ResourceNotFoundException", `{"message":"The specified `)
	}
	for path, member := range map[string]string{throughput: "provisionedModelId", deployment: "customModelDeploymentIdentifier", imported: "modelIdentifier"} {
		wantRefusal(t, s.get(t, path+url.PathEscape(inAccount+"guardrail/abcdefghijk1")), 400, "ValidationException", "at '"+member+"' failed to satisfy constraint")
	}
}

func TestModelsOfTheAccountAreCalledByTheirARN(t *testing.T) {
	t.Parallel()
	s := start(t, accountModels())
	for _, id := range []string{"provisioned-model/abcdefghijk1", "provisioned-model/abcdefghijk2", "custom-model-deployment/bcdefghijkl1", "imported-model/cdefghijklm1"} {
		for _, path := range []string{url.QueryEscape(inAccount + id), inAccount + id} {
			for _, operation := range []string{"/converse", "/converse-stream"} {
				if a := s.send(t, http.MethodPost, "/model/"+path+operation, hello, apiKey); a.status != 200 {
					t.Errorf("%s%s: got %d %s", path, operation, a.status, a.body)
				}
			}
		}
	}
	// A rule of Llama shows which model answers.
	const begins = `{"messages":[{"role":"assistant","content":[{"text":"hello"}]}]}`
	wantRefusal(t, s.post(t, inAccount+"imported-model/cdefghijklm1", "converse", begins), 400, "ValidationException", "must start with a user message")
	for _, id := range []string{"provisioned-model/abcdefghijk3", "provisioned-model/abcdefghijk9", "custom-model-deployment/abcdefghijk1", "imported-model/bcdefghijkl1"} {
		wantRefusal(t, s.post(t, inAccount+id, "converse", hello), 404, "ResourceNotFoundException", `{"message":"Could not resolve the foundation model from the provided model identifier."}`)
	}
	wantRefusal(t, s.post(t, inAccount+"custom-model/amazon.nova-micro-v1:0/qrstuvwxyz12", "converse", hello), 400, "ValidationException", "The provided model identifier is invalid.")
	wantRefusal(t, s.post(t, "arn:aws:bedrock:us-east-1:999999999999:provisioned-model/abcdefghijk1", "converse", hello), 400, "ValidationException", "The provided model identifier is invalid.")
}

func TestNewRefusesModelsOfTheAccountThatCannotBe(t *testing.T) {
	t.Parallel()
	good := ProvisionedModel{ID: "abcdefghijk1", Region: "us-east-1", Model: micro}
	provisioned := func(change func(*ProvisionedModel)) Options {
		p := good
		change(&p)
		return Options{Provisioned: []ProvisionedModel{p}}
	}
	tests := []struct {
		name, want string
		options    Options
	}{
		{"an id of another form", `provisioned-model "ABC": its id`, provisioned(func(p *ProvisionedModel) { p.ID = "ABC" })},
		{"a name of another form", `name "a b"`, provisioned(func(p *ProvisionedModel) { p.Name = "a b" })},
		{"a long name", "name", provisioned(func(p *ProvisionedModel) { p.Name = strings.Repeat("a", 64) })},
		{"a region without Bedrock", `region "nowhere-1"`, provisioned(func(p *ProvisionedModel) { p.Region = "nowhere-1" })},
		{"a model that there is not", `model "no.such"`, provisioned(func(p *ProvisionedModel) { p.Model = "no.such" })},
		{"a custom model of another form", `custom model "x"`, provisioned(func(p *ProvisionedModel) { p.CustomModel = "x" })},
		{"a deployment without an id", `custom-model-deployment ""`, Options{Deployments: []CustomModelDeployment{{Region: "us-east-1", Model: micro}}}},
		{"an imported model that nobody plays", `imported-model "abcdefghijk1": model ""`, Options{Imported: []ImportedModel{{ID: "abcdefghijk1", Region: "us-east-1"}}}},
		{"a word that AWS does not have", `agreement "MAYBE" is none of AVAILABLE`, Options{Access: map[string]Access{micro: {Agreement: "MAYBE"}}}},
		{"a page above AWS's", "page size 1001", Options{PageSize: 1001}},
		{"a page below nothing", "page size -1", Options{PageSize: -1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := New(tt.options); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}
