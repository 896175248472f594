package bedrock

import (
	"net/http"
	"net/url"
	"strings"
)

// route finds the operation of a request and the decoded variable part of its
// path. Model ids may stand there percent-encoded, or plain with their ':' and,
// in an ARN, their '/'.
func route(r *http.Request, body []byte) (operation, string, error) {
	path := r.URL.EscapedPath()
	segment := func(prefix, suffix string) (string, bool) {
		rest, ok := strings.CutPrefix(path, prefix)
		if !ok {
			return "", false
		}
		if rest, ok = strings.CutSuffix(rest, suffix); !ok || rest == "" {
			return "", false
		}
		id, err := url.PathUnescape(rest)
		return id, err == nil
	}
	for _, row := range []struct {
		method, prefix, suffix string
		operation              operation
	}{
		{http.MethodPost, "/model/", "/converse", operation{"Converse", serviceRuntime, (*Emulator).converse}},
		{http.MethodPost, "/model/", "/converse-stream", operation{"ConverseStream", serviceRuntime, (*Emulator).converseStream}},
		{http.MethodGet, "/foundation-models/", "", operation{"GetFoundationModel", serviceControl, (*Emulator).getFoundationModel}},
		{http.MethodGet, "/inference-profiles/", "", operation{"GetInferenceProfile", serviceControl, (*Emulator).getInferenceProfile}},
	} {
		if id, ok := segment(row.prefix, row.suffix); ok && r.Method == row.method {
			return row.operation, id, nil
		}
	}
	switch {
	case r.Method == http.MethodGet && path == "/foundation-models":
		return operation{"ListFoundationModels", serviceControl, (*Emulator).listFoundationModels}, "", nil
	case r.Method == http.MethodGet && path == "/inference-profiles":
		return operation{"ListInferenceProfiles", serviceControl, (*Emulator).listInferenceProfiles}, "", nil
	case r.Method == http.MethodPost && path == "/":
		return routeSTS(body)
	}
	return operation{}, "", unknownOperation()
}

// regionOf is the region in a host such as bedrock-runtime.eu-west-1.amazonaws.com
// or the name of a VPC endpoint; empty if it names none.
func regionOf(host string) string {
	labels := strings.Split(host, ".")
	for i, label := range labels[:len(labels)-1] {
		switch label {
		case "bedrock-runtime", "bedrock-runtime-fips", "bedrock", "bedrock-fips", "sts", "sts-fips":
			if region := labels[i+1]; strings.Count(region, "-") >= 2 {
				return region
			}
		}
	}
	return ""
}
