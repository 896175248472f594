package door

import "testing"

func TestWithUsageOnlyAsksWhereTheClientHasNotSaid(t *testing.T) {
	for body, want := range map[string]string{
		`{"model":"m","stream":true}`:                                    `{"model":"m","stream":true,"stream_options":{"include_usage":true}}`,
		`{"stream_options":null,"stream":true}`:                          `{"stream_options":{"include_usage":true},"stream":true}`,
		`{"stream":true,"stream_options":{"include_obfuscation":false}}`: `{"stream":true,"stream_options":{"include_obfuscation":false,"include_usage":true}}`,
		`{"stream":true,"stream_options":{"include_usage":false}}`:       `{"stream":true,"stream_options":{"include_usage":false}}`,
		`{"stream":true,"stream_options":{"include_usage":true}}`:        `{"stream":true,"stream_options":{"include_usage":true}}`,
		`{"model":"m"}`:                `{"model":"m"}`,
		`{"model":"m","stream":false}`: `{"model":"m","stream":false}`,
		`{"stream":true`:               `{"stream":true`,
		`[]`:                           `[]`,
	} {
		if got := string(withUsage([]byte(body))); got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
}

func TestNoKeyAndNothingForTheGatewayIsForwarded(t *testing.T) {
	for name, want := range map[string]bool{
		"X-Request-Source": true, "x-team": true, "X-Custom-Trace": true,
		"X-Api-Key": false, "X-Litellm-Api-Key": false, "X-Goog-Api-Key": false, "X-Vendor-Api-Key": false, "X-Auth-Token": false, "X-Drain-Token": false,
		"X-Litellm-Tags": false, "X-Outcrop-Warnings": false, "X-Stainless-Os": false, "X-Forwarded-For": false, "X-Amz-Date": false, "X-Amzn-Trace-Id": false,
		"X-Goog-Iap-Jwt-Assertion": false, "X-Jwt-Assertion": false, "X-Ms-Client-Principal": false, "X-Apikey": false, "X-Auth-Key": false,
		"X-Password": false, "X-Goog-User-Project": false, "X-Session-Cookie": false, "x-client-CREDENTIALS": false, "X-Ms-Region": true,
		"Authorization": false, "Cookie": false, "User-Agent": false, "Traceparent": false,
	} {
		if got := forwardable(name); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
