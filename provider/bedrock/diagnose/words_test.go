package diagnose_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/diagnose"
	"outcrop/wire/converse"
)

// worded is a refusal with the verdict due.
type worded struct {
	status        int
	kind, message string
	code          llm.Code
}

// refusals reads testdata/refusals.txt.
func refusals(t testing.TB) []worded {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "refusals.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var all []worded
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSuffix(line, "\n"); line == "" || line[0] == '#' {
			continue
		}
		parts := strings.SplitN(line, "|", 4)
		status, err := strconv.Atoi(parts[0])
		if err != nil || len(parts) != 4 {
			t.Fatalf("%q is no refusal", line)
		}
		all = append(all, worded{status, parts[1], parts[3], llm.Code(parts[2])})
	}
	return all
}

func (w *worded) diagnosed(t testing.TB, key string, known *catalog.Catalogue) *llm.Error {
	t.Helper()
	body := `{"` + key + `":` + jsonText(t, w.message) + `}`
	return diagnose.Fault(converse.DecodeFault(w.status, w.kind+":http://internal.amazon.com/coral/com.amazon.bedrock/", "r-1", "", []byte(body)), diagnose.Case{
		Target: llm.Destination{API: "converse", Region: "us-east-1", ID: "us.anthropic.claude-sonnet-4-6"}, Base: "anthropic.claude-sonnet-4-6", Known: known,
	})
}

func embedded(t testing.TB) *catalog.Catalogue {
	t.Helper()
	known := catalog.Embedded()
	return known
}

func jsonText(t testing.TB, s string) string {
	t.Helper()
	text, err := jsonx.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// judged reports what is wrong with a diagnosis.
func (w *worded) judged(e *llm.Error) string {
	v := w.code.Info()
	switch {
	case e.Code != w.code:
		return fmt.Sprintf("is %s, want %s", e.Code, w.code)
	case e.Responsible() != v.Actor || e.CanRetry() != v.Retry:
		return fmt.Sprintf("is the move of %s and retry %s, want %s and %s", e.Responsible(), e.CanRetry(), v.Actor, v.Retry)
	case e.Cause == "" || e.Fix == "" || e.Docs == "":
		return fmt.Sprintf("lacks one of cause %q, fix %q, page %q", e.Cause, e.Fix, e.Docs)
	case !strings.Contains(e.Message, strings.TrimSpace(w.message)):
		return "lost AWS's words: " + e.Message
	}
	return ""
}

func TestAWSsWordsGetTheirVerdict(t *testing.T) {
	known := embedded(t)
	seen := map[llm.Code]bool{}
	for _, w := range refusals(t) {
		for _, key := range []string{"message", "Message"} {
			if wrong := w.judged(w.diagnosed(t, key, known)); wrong != "" {
				t.Errorf("%d %s %q %s", w.status, w.kind, w.message, wrong)
			}
		}
		seen[w.code] = true
	}
	for _, code := range llm.Codes() {
		switch family, _, _ := strings.Cut(string(code), "."); {
		case family == "gateway" || family == "network" || code == llm.CodeInterrupted || code == llm.CodeAnswerTooLarge: // Outcrop's own
		case code == llm.CodeBilling || code == llm.CodeRegionBlocked: // of other providers
		case code == llm.CodeModelNotInRegion || code == llm.CodeModelWrongPlace: // what AWS calls an invalid identifier, told apart by who knows the ways
		case !seen[code]:
			t.Errorf("no refusal here is %s", code)
		}
	}
}

// TestThePublishedCatalogueOfErrors holds the project's list of AWS's error texts,
// which lies beside the checkout.
func TestThePublishedCatalogueOfErrors(t *testing.T) {
	known := embedded(t)
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "data", "errors.json"))
	if err != nil {
		t.Skip("the list of errors is not beside this checkout; testdata/refusals.txt has texts of each kind")
	}
	var list struct {
		Errors []struct {
			Status  int    `json:"status"`
			Type    string `json:"type"`
			Key     string `json:"bodyKey"`
			Message string `json:"message"`
			Verdict string `json:"verdict"`
		} `json:"errors"`
	}
	if err := jsonx.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("{principalArn}", "arn:aws:sts::111122223333:assumed-role/app/s", "{action}", "bedrock:InvokeModel",
		"{resourceArn}", "arn:aws:bedrock:us-west-2::foundation-model/m.n", "{providerMessage}", "messages.0: bad", "{i}", "3", "{j}", "1", "{n}", "8192",
		"{max}", "4096", "{in}", "1", "{out}", "2", "{key}", "foo", "{tag}", "x", "{ids}", "a,b", "{modelId}", "m.n")
	good := 0
	for _, row := range list.Errors {
		w := worded{row.Status, row.Type, fill.Replace(row.Message), llm.Code(row.Verdict)}
		if w.status == 200 { // an exception in a stream; the wire gives it the status of its type
			w.status = map[string]int{"serviceUnavailableException": 503, "validationException": 400, "modelStreamErrorException": 424, "modelTimeoutException": 408}[row.Type]
		}
		if wrong := w.judged(w.diagnosed(t, "message", known)); wrong != "" {
			t.Errorf("%d %s %q %s", w.status, w.kind, w.message, wrong)
			continue
		}
		good++
	}
	t.Logf("%d of %d", good, len(list.Errors))
}

// mutations change what does not matter in a text: who is told about, how it is
// set, what stands in front.
func mutations() map[string]func(string) string {
	replace := func(pairs ...string) func(string) string { return strings.NewReplacer(pairs...).Replace }
	front := func(s string) func(string) string { return func(text string) string { return s + text } }
	return map[string]func(string) string{
		"other names":              replace("111122223333", "999988887777", "app/", "Admin_role.2+x@y/", "user/eve", "user/a/b/jane.doe@example.com", "deepseek.r1-v1:0", "mistral.pixtral-large-2502-v1:0", "us-west-2", "ap-southeast-2", "messages.", "messages.1", "toolu_x", "toolu_9"),
		"typographic quotes":       replace("'", "\u2019", "`", "\u2018"),
		"straight quotes":          replace("\u2019", "'", "`", "'"),
		"no backticks":             replace("`", ""),
		"no full stop":             func(s string) string { return strings.TrimSuffix(strings.TrimSpace(s), ".") },
		"two spaces":               replace(" ", "  "),
		"a line break":             replace(". ", ".\n"),
		"an exclamation mark":      func(s string) string { return strings.TrimSuffix(s, ".") + "!" },
		"the wrapper":              front("The model returned the following errors: "),
		"botocore's prefix":        front("An error occurred (SomeException) when calling the Converse operation: "),
		"botocore's and wrapper":   front("An error occurred (ValidationException) when calling the ConverseStream operation: The model returned the following errors: "),
		"a request id behind":      func(s string) string { return s + " (Service: BedrockRuntime, Status Code: 400, Request ID: 7a-b)" },
		"contractions written out": replace("isn’t", "is not", "isn't", "is not", "doesn't", "does not", "don't", "do not"),
	}
}

func TestOtherWordingKeepsTheVerdict(t *testing.T) {
	known := embedded(t)
	n := 0
	for _, w := range refusals(t) {
		for name, change := range mutations() {
			m := w
			if m.message = change(w.message); m.message == w.message {
				continue
			}
			n++
			if e := m.diagnosed(t, "message", known); e.Code != w.code {
				t.Errorf("%s: %q is %s, want %s", name, m.message, e.Code, w.code)
			}
		}
	}
	if n < 200 {
		t.Errorf("only %d mutations", n)
	}
	t.Logf("%d mutations", n)
}

// TestWordsThatNobodyKnowsGetTheClassOfTheirType holds what new wording of each
// class becomes: never worse than what type and status allow.
func TestWordsThatNobodyKnowsGetTheClassOfTheirType(t *testing.T) {
	known := embedded(t)
	for _, w := range []worded{
		{403, "AccessDeniedException", "Computer says no.", llm.CodeDenied},
		{403, "AccessDeniedException", "User: arn:aws:iam::111122223333:user/x is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/a.b because no quantum policy allows it", llm.CodeDenied},
		{403, "AccessDeniedException", "User: arn:aws:iam::111122223333:user/x is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/a.b with an explicit deny in a quantum policy", llm.CodeDenied},
		{403, "NovelException", "The security token included in the request is expired", llm.CodeCredentialsExpired},
		{403, "NovelException", "User: arn:aws:iam::111122223333:user/x is not authorized to perform: bedrock:InvokeModel because no session policy allows the bedrock:InvokeModel action", llm.CodeSessionMissing},
		{404, "ResourceNotFoundException", "Nowhere.", llm.CodeModelUnknown},
		{400, "ValidationException", "Something new is wrong.", llm.CodeInvalid},
		{400, "NovelException", "Input is too long for requested model.", llm.CodeTooLong},
		{429, "NovelException", "Too many tokens at once", llm.CodeLimitTokens},
		{429, "ThrottlingException", "Slow down.", llm.CodeLimitRequests},
		{418, "NovelException", "I am a teapot.", llm.CodeInvalid},
		{503, "NovelException", "Later.", llm.CodeUnavailable},
		{403, "InvalidSignatureException", "It does not add up.", llm.CodeSignature},
	} {
		if wrong := w.judged(w.diagnosed(t, "message", known)); wrong != "" {
			t.Errorf("%d %s %q %s", w.status, w.kind, w.message, wrong)
		}
	}
}
