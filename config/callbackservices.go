package config

import (
	"cmp"
	"net/url"
	"strconv"
	"strings"

	"outcrop/export"
	"outcrop/export/bucket"
	"outcrop/export/otlp"
	"outcrop/provider/bedrock/creds"
)

// otlp reads OpenTelemetry's variables, as LiteLLM and the SDKs do; nil if they are wrong.
func (l *loader) otlp(form export.Form, env func(...string) string) *otlp.Settings {
	s := &otlp.Settings{
		Service: cmp.Or(env("OTEL_SERVICE_NAME"), "litellm"), Environment: cmp.Or(env("OTEL_ENVIRONMENT_NAME"), "production"),
		Headers: map[string]export.Secret{}, Attributes: map[string]string{}, Form: form,
	}
	switch protocol := env("OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER"); protocol {
	case "", "otlp_http", "http/protobuf", "http/json", "console":
	case "otlp_grpc", "grpc":
		s.GRPC = true
	default:
		l.errorAt(-1, 0, 0, "OTEL_EXPORTER_OTLP_PROTOCOL", strconv.Quote(protocol)+" is no protocol", "http/protobuf or grpc (LiteLLM's otlp_http and otlp_grpc)", "")
		return nil
	}
	general := env("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_ENDPOINT")
	traces := env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	address := func(own, signal string) (string, bool) {
		text, name := own, "OTEL_EXPORTER_OTLP_"+strings.ToUpper(signal)+"_ENDPOINT"
		if text == "" {
			text, name = general, "OTEL_EXPORTER_OTLP_ENDPOINT"
		}
		if text == "" {
			return "", true
		}
		if s.GRPC && !strings.Contains(text, "://") {
			scheme := "https://"
			if strings.EqualFold(env("OTEL_EXPORTER_OTLP_INSECURE"), "true") {
				scheme = "http://"
			}
			text = scheme + text
		}
		if !l.serviceURL(text, nil, name) {
			return "", false
		}
		if s.GRPC || own != "" {
			return text, true
		}
		return signalAddress(text, signal), true
	}
	var ok, also bool
	if s.Traces, ok = address(traces, "traces"); !ok {
		return nil
	}
	if strings.EqualFold(env("LITELLM_OTEL_INTEGRATION_ENABLE_METRICS"), "true") || env("OTEL_METRICS_EXPORTER") == "otlp" {
		if s.Metrics, also = address(env("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"), "metrics"); !also {
			return nil
		}
	}
	for name, value := range pairs(env("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_HEADERS")) {
		if !l.callbackHeader(name, value, nil, "OTEL_EXPORTER_OTLP_HEADERS") {
			return nil
		}
		s.Headers[name] = export.Secret(value)
	}
	s.Attributes = pairs(env("OTEL_RESOURCE_ATTRIBUTES"))
	return s
}

// signalAddress is where a signal goes over HTTP: LiteLLM takes addresses with and without the signal's path.
func signalAddress(text, signal string) string {
	text = strings.TrimRight(text, "/")
	for _, other := range [...]string{"traces", "metrics", "logs"} {
		if base, ok := strings.CutSuffix(text, "/v1/"+other); ok {
			return base + "/v1/" + signal
		}
	}
	return text + "/v1/" + signal
}

// pairs reads a list of name=value with commas between them, which may be percent-encoded.
func pairs(text string) map[string]string {
	all := map[string]string{}
	for item := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(item, "=")
		if name = strings.TrimSpace(name); !ok || name == "" {
			continue
		}
		value = strings.TrimSpace(value)
		if decoded, err := url.PathUnescape(value); err == nil {
			value = decoded
		}
		all[name] = value
	}
	return all
}

// s3Params reads s3_callback_params.
func (l *loader) s3Params(n *node, path string) (s bucket.S3) {
	given := map[string]string{}
	l.fields(n, "litellm_settings.s3_callback_params", path, nil, func(k Key, n *node, path string) {
		switch k.Name {
		case "s3_use_team_prefix":
			s.TeamPrefix, _ = l.boolean(k, n, path)
		case "s3_use_key_prefix":
			s.KeyPrefix, _ = l.boolean(k, n, path)
		case "s3_use_virtual_hosted_style":
			s.VirtualHost, _ = l.boolean(k, n, path)
		case "s3_partition_granularity":
			text, ok := l.text(k, n, path)
			if s.Hourly = text == "hour"; ok && !s.Hourly && text != "day" {
				l.errorAt(n.file, n.line, n.column, path, shown(k, n)+" is no granularity", "day or hour", "")
			}
		case "s3_endpoint_url":
			if text, ok := l.text(k, n, path); ok && l.serviceURL(text, n, path) {
				s.Endpoint = text
			}
		default:
			given[k.Name], _ = l.text(k, n, path)
		}
	})
	s.Bucket, s.Region, s.Path = given["s3_bucket_name"], given["s3_region_name"], given["s3_path"]
	s.Encryption, s.EncryptionKey = given["s3_server_side_encryption"], given["s3_sse_kms_key_id"]
	s.Credentials = l.awsCredentials(given, "s3_")
	return s
}

// sqsParams reads aws_sqs_callback_params.
func (l *loader) sqsParams(n *node, path string) bucket.SQS {
	given := map[string]string{}
	l.fields(n, "litellm_settings.aws_sqs_callback_params", path, nil, func(k Key, n *node, path string) {
		text, ok := l.text(k, n, path)
		if k.Name == "sqs_queue_url" && ok && !l.serviceURL(text, n, path) {
			return
		}
		given[k.Name] = text
	})
	return bucket.SQS{Queue: given["sqs_queue_url"], Region: given["sqs_region_name"], Credentials: l.awsCredentials(given, "sqs_")}
}

// awsCredentials are the credentials among settings whose names begin alike.
func (l *loader) awsCredentials(given map[string]string, prefix string) creds.Options {
	return creds.Options{
		AccessKey: given[prefix+"aws_access_key_id"], SecretKey: given[prefix+"aws_secret_access_key"], SessionToken: given[prefix+"aws_session_token"],
		Profile: given[prefix+"aws_profile_name"], Role: given[prefix+"aws_role_name"], SessionName: given[prefix+"aws_session_name"],
		WebIdentityToken: given[prefix+"aws_web_identity_token"], STSEndpoint: given[prefix+"aws_sts_endpoint"], Region: given[prefix+"region_name"],
		NoAPIKey: true, Environ: l.environ(),
	}
}
