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

Every failure has one of the codes on this page. Codes are public: new ones are added, existing ones are never renamed.
For AWS's refusals, Outcrop keeps AWS's message and adds the cause, who has to act, and the next step.

| where | what you find |
| --- | --- |
| error responses | ` + "`error.outcrop`" + `, an object with the members below. ` + "`error.message`" + ` ends with the fix |
| streams that have begun | the same object, in an error event |
| the log | ` + "`code`, `actor`, `retry`, `why` (the cause), `fix`" + ` and ` + "`error`" + ` in the line of the call |
| metrics | the label ` + "`code`" + ` of ` + "`outcrop_requests_total` and `outcrop_retries_total`" + ` |

| member of ` + "`error.outcrop`" + ` | what it is |
| --- | --- |
| ` + "`code`" + ` | one of the codes below |
| ` + "`actor`" + ` | who has to act |
| ` + "`retry`" + ` | whether sending the request again can help |
| ` + "`cause`" + ` | what went wrong, if more is known than the message says |
| ` + "`fix`" + ` | the next step |
| ` + "`statement`, `statements`" + ` | the missing IAM statement; all of them, if there are several |
| ` + "`docs`" + ` | a page of AWS's documentation |
| ` + "`request_id`" + ` | AWS's id of the call |

With OpenAI's SDK for Python, the object is in the exception's body:

` + "```python" + `
try:
    answer = client.chat.completions.create(model=model, messages=messages)
except openai.APIStatusError as e:
    details = (e.body or {}).get("outcrop", {})
    print(details.get("code"), details.get("fix"), details.get("statement"))
` + "```" + `

| ` + "`actor`" + ` | who that is |
| --- | --- |
| caller | the client that sent the request |
| operator | the gateway's operator |
| aws_admin | an administrator of the AWS account |
| organisation_admin | an administrator of the AWS organization |
| aws | AWS itself: wait, use another region, or open a support case |
| provider | another provider itself: wait, use another one, or ask its support |

| ` + "`retry`" + ` | what it means |
| --- | --- |
| no | the same request will fail again |
| later | try again after a pause |
| now_elsewhere | try again at once, best with another deployment |
| other_target | only another region, profile or API can help |
| after_refresh | try again with new credentials |
| before_first_token | a retry is safe as long as no content has reached the client |

The tables give the HTTP status that the client gets. Where it is empty, the status follows AWS's: 4xx, 500 and 503 are passed on,
except that AWS's 401 becomes 403, because 401 would say that the gateway's own key is wrong. Incomplete responses
and all other statuses become 502; endpoints that cannot be reached become 502 or 503.
`

// headings are the titles of the groups of codes, by the prefix of the codes; they are never
// written to.
var headings = map[string]string{
	"access":      "Access to models",
	"credentials": "The gateway's own credentials",
	"gateway":     "Outcrop's own errors",
	"iam":         "AWS permissions",
	"limit":       "Limits and quotas",
	"model":       "Models and regions",
	"network":     "Network",
	"request":     "Requests that AWS rejects",
	"service":     "Failures at AWS",
	"stream":      "Interrupted streams",
}

// WriteReference writes docs/errors.md, the list of all codes. It returns w's error.
func WriteReference(w io.Writer) error {
	b := bufio.NewWriter(w)
	b.WriteString(referenceHead)
	group := ""
	for _, c := range Codes() {
		if g, _, _ := strings.Cut(string(c), "."); g != group {
			group = g
			fmt.Fprintf(b, "\n## %s\n\n| code | status | actor | retry | meaning |\n| --- | --- | --- | --- | --- |\n", headings[g])
		}
		v := c.Info()
		status := ""
		if v.Status > 0 {
			status = strconv.Itoa(v.Status)
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", c, status, v.Actor, v.Retry, v.Meaning)
	}
	b.WriteString("\nThis page is generated from `llm/codes.go` by `go test ./llm -run TestReference -update`.\n")
	return b.Flush()
}
