package config

import (
	"fmt"
	"os"
	"slices"
	"testing"
)

func TestCallbacksOfAFile(t *testing.T) {
	data, err := os.ReadFile("testdata/valid/callbacks.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cfg, problems := Load(source("callbacks.yaml", string(data)))
	if cfg == nil {
		t.Fatal(problems)
	}
	c := &cfg.Callbacks
	var got []string
	by := map[string]*Callback{}
	for i := range c.All {
		one := &c.All[i]
		by[one.Name] = one
		got = append(got, fmt.Sprint(one.Name, ",", one.Success, ",", one.Failure, ",", one.Content))
	}
	want := []string{
		"otel,true,true,true", "audit,false,true,true", "sqs,true,true,false", "langfuse,true,true,false", "s3_v2,true,false,false",
		"datadog,false,true,false", "gcs_bucket,false,true,false", "langfuse_otel,false,true,true",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if s := by["otel"].OTLP; s.Traces != "http://collector:4317" || !s.GRPC || s.Metrics != "" || s.Headers["x-key"] != "hunter2" || s.Service != "litellm" || s.Environment != "production" {
		t.Errorf("otel: %+v", s)
	}
	if s := by["audit"].Webhook; s.Endpoint != "https://logs.example.com/?key=hunter2" || !s.Lines || s.Headers["Authorization"] != "Bearer hunter2" || s.Headers["X-A"] != "b" {
		t.Errorf("audit: %+v", s)
	}
	if s := by["datadog"].Datadog; s.Endpoint != "https://http-intake.logs.datadoghq.eu/api/v2/logs" || s.Key != "hunter2" || s.Service != "litellm-server" {
		t.Errorf("datadog: %+v", s)
	}
	if s := by["langfuse"].Langfuse; s.Host != "https://langfuse.example.com" || s.Public != "pk" {
		t.Errorf("langfuse: %+v", s)
	}
	if s := by["langfuse_otel"].OTLP; s.Traces != "https://langfuse.example.com/api/public/otel/v1/traces" || s.Headers["Authorization"] != "Basic cGs6aHVudGVyMg==" {
		t.Errorf("langfuse_otel: %+v", s)
	}
	if s := by["s3_v2"].S3; s.Bucket != "logs" || s.Region != "eu-central-1" || s.Credentials.SecretKey != "swordfish" {
		t.Errorf("s3: %v %v", s.Bucket, s.Region)
	}
	if by["sqs"].SQS.Region != "eu-west-1" || by["gcs_bucket"].GCS.Bucket != "logs" || !by["gcs_bucket"].GCS.Batched {
		t.Error("sqs or gcs_bucket")
	}
	if p := c.Prometheus; p == nil || len(p.Only) != 1 || !slices.Equal(p.Only["litellm_spend_metric"], []string{"team", "model"}) || !slices.Equal(p.Buckets, []float64{.1, 1}) || !c.OpenMetrics {
		t.Errorf("prometheus: %+v", p)
	}
}

func TestWhatTurnsContentOn(t *testing.T) {
	for settings, want := range map[string]bool{
		"": false, "litellm_settings: {turn_off_message_logging: true}\ncallback_settings: {generic_api: {message_logging: true}}": false,
		"litellm_settings: {turn_off_message_logging: false}": true, "callback_settings: {generic_api: {turn_off_message_logging: false}}": true,
		"litellm_settings: {turn_off_message_logging: false}\ncallback_settings: {generic_api: {message_logging: false}}": false,
	} {
		text := "model_list: [{model_name: granite, litellm_params: {model: bedrock/granite, aws_region_name: us-east-1}}]\nenvironment_variables: {GENERIC_LOGGER_ENDPOINT: 'http://x/'}\n"
		if settings == "" || settings[0] == 'c' {
			settings = "litellm_settings: {}\n" + settings
		}
		text += settings[:len("litellm_settings: {")] + "callbacks: [generic_api], " + settings[len("litellm_settings: {"):] + "\n"
		cfg, problems := Load(source("c.yaml", text))
		if cfg == nil {
			t.Fatal(problems)
		}
		if got := cfg.Callbacks.All[0].Content; got != want || cfg.Callbacks.Content() != want {
			t.Errorf("%s: %t", settings, got)
		}
	}
}

func TestAddressesOfSignals(t *testing.T) {
	for _, one := range [][2]string{{"http://c:4318", "http://c:4318/v1/metrics"}, {"http://c:4318/", "http://c:4318/v1/metrics"}, {"https://c/otlp/v1/traces", "https://c/otlp/v1/metrics"}, {"https://c/v1/metrics", "https://c/v1/metrics"}} {
		if got := signalAddress(one[0], "metrics"); got != one[1] {
			t.Errorf("%s becomes %s", one[0], got)
		}
	}
	if got := pairs("a=b%20c, d = e=f ,,x"); len(got) != 2 || got["a"] != "b c" || got["d"] != "e=f" {
		t.Errorf("got %v", got)
	}
}
