package llm

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// referenceHead opens the page that WriteReference writes.
const referenceHead = `# Errors

Every failure has one of these codes, in the API, in the log and in the metrics.
The list is made from ` + "`llm/codes.go`" + `; to renew it, run ` + "`go test ./llm -run TestReference -update`" + `.

| where | how it is said |
| --- | --- |
| an API error | ` + "`error.outcrop`" + ` holds ` + "`code`, `actor`, `retry`" + ` and, where they are known, ` + "`cause`, `fix` (the next step, which the message ends with too), `statement` (the IAM statement that is missing) and, if there is more than one to add, `statements` (all), `docs` (a page of AWS's), `request_id` (AWS's)" + ` |
| a stream that has begun | the same object in an error event |
| the log | ` + "`code`, `actor`, `retry`, `why`, `fix`" + ` and ` + "`error`" + ` of the call's line; ` + "`error`" + ` without what AWS repeats of the request |
| metrics | the label ` + "`code`" + ` of ` + "`outcrop_requests_total` and `outcrop_retries_total`" + ` |

With OpenAI's SDK for Python it is in the exception's body:

	except openai.APIStatusError as e:
	    verdict = (e.body or {}).get("outcrop", {})
	    print(verdict.get("code"), verdict.get("fix"), verdict.get("statement"))

The status is the HTTP status that the client gets. Where none stands it follows
the provider's: AWS's 4xx, 500 and 503 are passed on, but for its 401, which is
403 here, since 401 would say that the gateway's own key is wrong; what is not
whole, or any other status, is 502, and what cannot be reached 502 or 503.

Who must act:

| actor | who that is |
| --- | --- |
| caller | whoever sent the request |
| operator | whoever runs the gateway |
| aws_admin | whoever administers the AWS account |
| organisation_admin | whoever administers the AWS organisation |
| aws | AWS itself: wait, go elsewhere, or open a support case |

Whether another try can help:

| retry | what it says |
| --- | --- |
| no | not as it is |
| later | after a pause |
| now_elsewhere | at once, best at another deployment |
| other_target | only by another way, such as another region, profile or API |
| after_refresh | with fresh credentials |
| before_first_token | as long as nothing of the answer has been said |
`

// headings are the groups of codes, by what stands before their dot; they are
// never written to.
var headings = map[string]string{
	"access":      "Access to models",
	"credentials": "The gateway's own credentials",
	"gateway":     "What Outcrop itself refuses or fails at",
	"iam":         "AWS permissions",
	"limit":       "Limits and quotas",
	"model":       "Models and where they are",
	"network":     "The way to the provider",
	"request":     "Requests that the provider refuses",
	"service":     "The provider's own failures",
	"stream":      "Streams that break off",
}

// WriteReference writes docs/errors.md, the list of all codes. The error is w's.
func WriteReference(w io.Writer) error {
	b := bufio.NewWriter(w)
	b.WriteString(referenceHead)
	group := ""
	for _, c := range Codes() {
		if g, _, _ := strings.Cut(string(c), "."); g != group {
			group = g
			fmt.Fprintf(b, "\n## %s\n\n| code | status | actor | retry | meaning |\n| --- | --- | --- | --- | --- |\n", headings[g])
		}
		v := c.Verdict()
		status := ""
		if v.Status > 0 {
			status = strconv.Itoa(v.Status)
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", c, status, v.Actor, v.Retry, v.Meaning)
	}
	return b.Flush()
}
