package aws

import (
	"net/http"
	"strconv"
	"strings"

	"outcrop/gateway"
)

// maxInvocation bounds the SDK's id of a call, which is a UUID, in bytes.
const maxInvocation = 64

// note records how the SDK counts the call. Its attempts at one call have the same
// amz-sdk-invocation-id, and their number is in amz-sdk-request, such as "attempt=2; max=3"; the AWS
// SDKs for Python, JavaScript, Go and Java send both
// (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html).
func note(call *gateway.Call, h http.Header) {
	id := h.Get("Amz-Sdk-Invocation-Id")
	if len(id) > maxInvocation || strings.ContainsFunc(id, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		id = ""
	}
	attempt, most := attempts(h.Get("Amz-Sdk-Request"))
	call.Repeats(id, attempt, most)
}

// attempts reads amz-sdk-request; 0 is unknown.
func attempts(value string) (attempt, most int) {
	for part := range strings.SplitSeq(value, ";") {
		name, number, _ := strings.Cut(strings.TrimSpace(part), "=")
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			continue
		}
		switch name {
		case "attempt":
			attempt = int(n)
		case "max":
			most = int(n)
		}
	}
	return attempt, most
}
