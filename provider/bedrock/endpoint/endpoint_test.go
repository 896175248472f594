package endpoint

import (
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func environ(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestAWSsOwnHosts(t *testing.T) {
	for _, c := range []struct {
		service Service
		s       Settings
		want    string
		signing string
	}{
		{Runtime, Settings{Region: "eu-west-1"}, "https://bedrock-runtime.eu-west-1.amazonaws.com", "bedrock"},
		{Control, Settings{Region: "eu-west-1"}, "https://bedrock.eu-west-1.amazonaws.com", "bedrock"},
		{AgentRuntime, Settings{Region: "eu-west-1"}, "https://bedrock-agent-runtime.eu-west-1.amazonaws.com", "bedrock"},
		{Mantle, Settings{Region: "us-east-2"}, "https://bedrock-mantle.us-east-2.api.aws", "bedrock-mantle"},
		{Runtime, Settings{Region: "cn-north-1"}, "https://bedrock-runtime.cn-north-1.amazonaws.com.cn", "bedrock"},
		{Runtime, Settings{Region: "us-gov-west-1"}, "https://bedrock-runtime.us-gov-west-1.amazonaws.com", "bedrock"},
		{Runtime, Settings{Region: "eusc-de-east-1"}, "https://bedrock-runtime.eusc-de-east-1.amazonaws.eu", "bedrock"},
		{Runtime, Settings{Region: "us-iso-east-1"}, "https://bedrock-runtime.us-iso-east-1.c2s.ic.gov", "bedrock"},
		{Runtime, Settings{Region: "us-isob-east-1"}, "https://bedrock-runtime.us-isob-east-1.sc2s.sgov.gov", "bedrock"},
		{Runtime, Settings{Region: "us-isof-south-1"}, "https://bedrock-runtime.us-isof-south-1.csp.hci.ic.gov", "bedrock"},
		{Runtime, Settings{Region: "eu-isoe-west-1"}, "https://bedrock-runtime.eu-isoe-west-1.cloud.adc-e.uk", "bedrock"},
		{Runtime, Settings{Region: "us-east-1", Environ: environ("AWS_USE_FIPS_ENDPOINT", "true")}, "https://bedrock-runtime-fips.us-east-1.amazonaws.com", "bedrock"},
		{Control, Settings{Region: "us-east-1", Environ: environ("AWS_USE_FIPS_ENDPOINT", "true")}, "https://bedrock-fips.us-east-1.amazonaws.com", "bedrock"},
		{Runtime, Settings{Region: "us-east-1", Environ: environ("AWS_USE_DUALSTACK_ENDPOINT", "true")}, "https://bedrock-runtime.us-east-1.api.aws", "bedrock"},
		{Runtime, Settings{Region: "us-east-1", Environ: environ("AWS_USE_FIPS_ENDPOINT", "true", "AWS_USE_DUALSTACK_ENDPOINT", "true")}, "https://bedrock-runtime-fips.us-east-1.api.aws", "bedrock"},
		{Runtime, Settings{Region: "cn-north-1", Environ: environ("AWS_USE_DUALSTACK_ENDPOINT", "true")}, "https://bedrock-runtime.cn-north-1.api.amazonwebservices.com.cn", "bedrock"},
		{Runtime, Settings{Region: "us-east-1", Environ: environ("AWS_USE_DUALSTACK_ENDPOINT", "TRUE")}, "https://bedrock-runtime.us-east-1.api.aws", "bedrock"},
		{SageMakerRuntime, Settings{Region: "eu-west-1"}, "https://runtime.sagemaker.eu-west-1.amazonaws.com", "sagemaker"},
		{SageMakerRuntime, Settings{Region: "cn-north-1"}, "https://runtime.sagemaker.cn-north-1.amazonaws.com.cn", "sagemaker"},
		{SageMakerRuntime, Settings{Region: "us-east-1", Environ: environ("AWS_USE_DUALSTACK_ENDPOINT", "true")}, "https://runtime.sagemaker.us-east-1.api.aws", "sagemaker"},
		{SageMakerRuntime, Settings{Region: "us-east-1", Environ: environ("AWS_USE_FIPS_ENDPOINT", "true")}, "https://runtime-fips.sagemaker.us-east-1.amazonaws.com", "sagemaker"},
		{SageMakerRuntime, Settings{Region: "us-gov-west-1", Environ: environ("AWS_USE_FIPS_ENDPOINT", "true")}, "https://runtime.sagemaker.us-gov-west-1.amazonaws.com", "sagemaker"},
		{SageMakerRuntime, Settings{Region: "us-iso-east-1", Environ: environ("AWS_USE_FIPS_ENDPOINT", "true")}, "https://runtime.sagemaker-fips.us-iso-east-1.c2s.ic.gov", "sagemaker"},
		{SecretsManager, Settings{Region: "eu-west-1"}, "https://secretsmanager.eu-west-1.amazonaws.com", "secretsmanager"},
		{SecretsManager, Settings{Region: "us-east-1", Environ: environ("AWS_USE_FIPS_ENDPOINT", "true")}, "https://secretsmanager-fips.us-east-1.amazonaws.com", "secretsmanager"},
		{SageMaker, Settings{Region: "eu-west-1"}, "https://api.sagemaker.eu-west-1.amazonaws.com", "sagemaker"},
		{SageMaker, Settings{Region: "us-gov-west-1", Environ: environ("AWS_USE_FIPS_ENDPOINT", "true")}, "https://api-fips.sagemaker.us-gov-west-1.amazonaws.com", "sagemaker"},
		{SageMaker, Settings{Region: "us-east-1", Environ: environ("AWS_USE_FIPS_ENDPOINT", "true", "AWS_USE_DUALSTACK_ENDPOINT", "true")}, "https://api.sagemaker-fips.us-east-1.api.aws", "sagemaker"},
	} {
		e, err := Resolve(c.service, c.s)
		if err != nil {
			t.Errorf("%s: %v", c.want, err)
			continue
		}
		if e.String() != c.want || e.Signing != c.signing || e.Region != c.s.Region || e.From != "" {
			t.Errorf("got %s %+v, want %s signed for %s", e, *e, c.want, c.signing)
		}
	}
}

func TestWhichEndpointSettingWins(t *testing.T) {
	all := environ(
		"AWS_BEDROCK_RUNTIME_ENDPOINT", "http://litellm", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://sdk-runtime",
		"AWS_ENDPOINT_URL_BEDROCK", "http://sdk-control", "AWS_ENDPOINT_URL", "http://sdk",
	)
	ignoring := func(name string) string {
		if name == "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS" {
			return "true"
		}
		return all(name)
	}
	for _, c := range []struct {
		name       string
		service    Service
		override   string
		environ    func(string) string
		want, from string
	}{
		{"the deployment's own", Runtime, "http://own", all, "http://own", "aws_bedrock_runtime_endpoint"},
		{"LiteLLM's variable", Runtime, "", all, "http://litellm", "AWS_BEDROCK_RUNTIME_ENDPOINT"},
		{"the SDKs' variable for the runtime", Runtime, "", environ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://sdk-runtime", "AWS_ENDPOINT_URL", "http://sdk"), "http://sdk-runtime", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"},
		{"the SDKs' variable for all", Runtime, "", environ("AWS_ENDPOINT_URL", "http://sdk"), "http://sdk", "AWS_ENDPOINT_URL"},
		{"the control plane has its own variable", Control, "", all, "http://sdk-control", "AWS_ENDPOINT_URL_BEDROCK"},
		{"an agent takes none of the others'", AgentRuntime, "", all, "http://sdk", "AWS_ENDPOINT_URL"},
		{"ignoring keeps LiteLLM's", Runtime, "", ignoring, "http://litellm", "AWS_BEDROCK_RUNTIME_ENDPOINT"},
		{"ignoring drops the SDKs'", Control, "", ignoring, "https://bedrock.eu-west-1.amazonaws.com", ""},
		{"ignoring keeps the deployment's own", Control, "http://own", ignoring, "http://own", "aws_bedrock_runtime_endpoint"},
	} {
		e, err := Resolve(c.service, Settings{Region: "eu-west-1", Override: c.override, OverrideName: "aws_bedrock_runtime_endpoint", Environ: c.environ})
		if err != nil || e.String() != c.want || e.From != c.from {
			t.Errorf("%s: got %v %+v, %v", c.name, e, e, err)
		}
	}
}

func TestTheRegionOfAnOverride(t *testing.T) {
	for _, c := range []struct{ name, override, region, want string }{
		{"a VPC endpoint's host gives it", "https://vpce-0a1b2c-d3e4.bedrock-runtime.eu-west-1.vpce.amazonaws.com", "", "eu-west-1"},
		{"also one of a zone", "https://vpce-0a1b2c-d3e4-eu-west-1a.bedrock-runtime.eu-west-1.vpce.amazonaws.com", "", "eu-west-1"},
		{"also in China", "https://vpce-0a.bedrock-runtime.cn-north-1.vpce.amazonaws.com.cn", "", "cn-north-1"},
		{"and it is stronger than the setting", "https://vpce-0a.bedrock-runtime.eu-west-1.vpce.amazonaws.com", "us-east-1", "eu-west-1"},
		{"an ordinary host gives it", "https://bedrock-runtime.us-gov-west-1.amazonaws.com:443", "", "us-gov-west-1"},
		{"a dual-stack host gives it", "https://bedrock-runtime.us-east-2.api.aws", "", "us-east-2"},
		{"a host of others does not", "https://bedrock-runtime.eu-west-1.example.com", "us-east-1", "us-east-1"},
		{"nor one with a suffix of another partition", "https://bedrock-runtime.eu-west-1.amazonaws.com.cn", "us-east-1", "us-east-1"},
		{"nor one with more in front of the suffix", "https://eu-west-1.evil.amazonaws.com", "us-east-1", "us-east-1"},
		{"nor a local one", "http://127.0.0.1:8080", "us-east-1", "us-east-1"},
	} {
		e, err := Resolve(Runtime, Settings{Region: c.region, Override: c.override})
		if err != nil || e.Region != c.want {
			t.Errorf("%s: got %+v, %v", c.name, e, err)
		}
	}
}

func TestAnOverrideKeepsItsPath(t *testing.T) {
	for _, c := range []struct{ override, base, want string }{
		{"http://proxy/", "http://proxy", "http://proxy/model/a%3A0/converse"},
		{"http://proxy:81/aws/bedrock/", "http://proxy:81/aws/bedrock", "http://proxy:81/aws/bedrock/model/a%3A0/converse"},
		{"http://proxy/a%2Fb", "http://proxy/a%2Fb", "http://proxy/a%2Fb/model/a%3A0/converse"},
	} {
		e, err := Resolve(Runtime, Settings{Region: "eu-west-1", Override: c.override})
		if err != nil {
			t.Fatal(err)
		}
		if got := e.String(); got != c.base {
			t.Errorf("%s: base %s, want %s", c.override, got, c.base)
		}
		if got := e.URL("", "model", "a:0", "converse").String(); got != c.want {
			t.Errorf("%s: URL %s, want %s", c.override, got, c.want)
		}
	}
}

func TestSettingsThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		name    string
		service Service
		s       Settings
		setting string
		says    string
	}{
		{"no region", Runtime, Settings{}, "region", "AWS_REGION"},
		{"a region that is not one", Runtime, Settings{Region: "us_east_1"}, "region", `"us_east_1"`},
		{"a zone", Runtime, Settings{Region: "us-east-1a"}, "region", `"us-east-1a"`},
		{"a host smuggled in as a region", Runtime, Settings{Region: "x.evil.com/"}, "region", "evil"},
		{"an override without a scheme", Runtime, Settings{Region: "eu-west-1", Override: "proxy:8080"}, "endpoint", "https://"},
		{"an override without a host", Runtime, Settings{Region: "eu-west-1", Override: "https:///x"}, "endpoint", "https://"},
		{"an override with a query", Runtime, Settings{Region: "eu-west-1", Override: "https://x/?a=b"}, "endpoint", "query or fragment"},
		{"an override that is no URL", Runtime, Settings{Region: "eu-west-1", Override: "http://a b"}, "endpoint", "not a URL"},
		{"an override without region", Runtime, Settings{Override: "http://localhost:1"}, "region", "does not contain one"},
		{"a variable is named", Control, Settings{Region: "eu-west-1", Environ: environ("AWS_ENDPOINT_URL", "ftp://x")}, "AWS_ENDPOINT_URL", "ftp://x"},
		{"no FIPS host", Mantle, Settings{Region: "us-east-1", Environ: environ("AWS_USE_FIPS_ENDPOINT", "true")}, "AWS_USE_FIPS_ENDPOINT", "bedrock-mantle"},
		{"no such service", 0, Settings{Region: "us-east-1"}, "service", "not known"},
	} {
		_, err := Resolve(c.service, c.s)
		var e *Error
		if !errors.As(err, &e) || e.Setting != c.setting || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
}

func TestASecretInAnOverrideIsNotShown(t *testing.T) {
	for _, override := range []string{"https://user:hidden@host", "https://host/path?key=hidden", "https://host/#hidden", "ftp://host/?k=hidden", "host/?hidden", "https://user:hidden%zz@host", "://user:hidden@host"} {
		_, err := Resolve(Runtime, Settings{Region: "eu-west-1", Override: override})
		if err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("got %v", err)
		}
	}
}

func TestTheShapeOfRegions(t *testing.T) {
	for _, s := range []string{"us-east-1", "ap-southeast-7", "us-gov-west-1", "us-iso-east-1", "us-isob-east-1", "eusc-de-east-1", "mx-central-1", "ap-east-12"} {
		if !ValidRegion(s) {
			t.Errorf("%q is a region", s)
		}
	}
	for _, s := range []string{"", "us", "us-east", "us-1", "us-east-", "-east-1", "us--1", "us-east-1a", "us-east-100", "US-EAST-1", "u-east-1", "global-east-1", "us-a-b-c-1", "us-east-1-2", "us-e4st-1", "us-east-1\n", "us.east.1"} {
		if ValidRegion(s) {
			t.Errorf("%q is not a region", s)
		}
	}
}

func TestPathsOfModels(t *testing.T) {
	for _, c := range []struct{ id, want string }{
		{"openai.gpt-5.6-sol", "/model/openai.gpt-5.6-sol/converse"},
		{"us.anthropic.claude-haiku-4-5-20251001-v1:0", "/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse"},
		{"arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123def456", "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc123def456/converse"},
		{"a b%/é~_", "/model/a%20b%25%2F%C3%A9~_/converse"},
	} {
		if got := Path(c.id, "converse"); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

// FuzzURL holds that what goes into the request line is Path, and that it is
// decoded to what came in.
func FuzzURL(f *testing.F) {
	f.Add("us.amazon.nova-pro-v1:0")
	f.Add("arn:aws:bedrock:us-east-1:123456789012:prompt/abcdefghij:1")
	f.Add("../%2e\x00")
	e, err := Resolve(Runtime, Settings{Region: "eu-west-1"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, id string) {
		u := e.URL("", "model", id, "converse")
		if got, want := u.EscapedPath(), Path(id, "converse"); got != want {
			t.Errorf("URL has %s, Path %s", got, want)
		}
		back, err := url.PathUnescape(u.RequestURI())
		if err != nil || back != "/model/"+id+"/converse" {
			t.Errorf("%q comes back as %q, %v", id, back, err)
		}
	})
}

// TestEveryHostOfTheServiceModels compares with the hosts that botocore names.
func TestEveryHostOfTheServiceModels(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "data", "aws-bedrock-endpoints.json"))
	if err != nil {
		t.Skip("no table beside the checkout:", err)
	}
	var file struct {
		Partitions []struct {
			Partition, DNSSuffix string
			Regions              []string
			Named                map[string]string
		}
	}
	if err := json.Unmarshal(data, &file); err != nil || len(file.Partitions) == 0 {
		t.Fatal(len(file.Partitions), err)
	}
	for _, p := range file.Partitions {
		for _, region := range p.Regions {
			if got := PartitionOf(region); got.ID != p.Partition || got.DNSSuffix != p.DNSSuffix || !ValidRegion(region) {
				t.Errorf("%s: %+v, want %s %s", region, got, p.Partition, p.DNSSuffix)
			}
			if err := CheckRegion(region); err != nil {
				t.Error(err)
			}
		}
		for name, host := range p.Named {
			region := RegionOf(host)
			service := Control
			if strings.HasPrefix(name, "bedrock-runtime") {
				service = Runtime
			}
			e, err := Resolve(service, Settings{Region: region, Environ: environ("AWS_USE_FIPS_ENDPOINT", strconv.FormatBool(strings.Contains(name, "-fips-")))})
			if err != nil || e.Host != host {
				t.Errorf("%s: got %+v, %v; want %s", name, e, err, host)
			}
		}
	}
}

func BenchmarkPath(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Path("us.anthropic.claude-haiku-4-5-20251001-v1:0", "converse-stream")
	}
}

func BenchmarkURL(b *testing.B) {
	e, err := Resolve(Runtime, Settings{Region: "eu-west-1"})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		e.URL("", "model", "us.anthropic.claude-haiku-4-5-20251001-v1:0", "converse-stream")
	}
}
