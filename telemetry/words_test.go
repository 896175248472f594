package telemetry_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"outcrop/llm"
	"outcrop/telemetry"
)

// refused is the line of a call that was refused, from its code on.
func refused(t *testing.T, e *llm.Error) string {
	t.Helper()
	line, _ := record(t, slog.LevelInfo, &telemetry.Call{ID: "1", Door: "d", Status: 400, Err: e})
	_, line, _ = strings.Cut(line, " retry=no ")
	return line
}

// A message writes a caller's values in quotation marks, and names its members as
// they are. Neither gets into the log, as either may be a prompt in the wrong place.
func TestALineHasNoValuesOfTheCallers(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  *llm.Error
		want string
	}{
		{"a value", llm.Invalid("messages[0].role", "messages[%d].role must be user, not %q", 0, "PROMPT"), `error="messages[0].role must be user, not \"…\"" param=messages[0].role`},
		{"a value with marks of its own", llm.Invalid("model", "model must be x, not %q or %q", "a\" PROMPT \\\"", "`PROMPT`"), `error="model must be x, not \"…\" or \"…\"" param=model`},
		{"a value in backquotes", llm.Invalid("", "the request body is not valid JSON: invalid `PROMPT` in a string"), "error=\"the request body is not valid JSON: invalid `…` in a string\""},
		{"a value that was cut", llm.Invalid("stop", "%q is too long", strings.Repeat("PROMPT", 1000)), `error="\"…" param=stop`},
		{"a name", llm.Invalid("metadata.PROMPT", "%s must be a string", "metadata.PROMPT"), `error="metadata.… must be a string" param=metadata.…`},
		{"a name with an index", llm.Invalid("PROMPT[0].a", "%s must be a string", "PROMPT[0].a"), `error="…[0].… must be a string" param=…[0].…`},
		{"a name in brackets", llm.Invalid("tools[PROMPT]", "%s must be a string", "tools[PROMPT]"), `error="tools[…] must be a string" param=tools[…]`},
		{"a name in another form", llm.Invalid("metadata.PROMPT", "a PROMPT must be a string"), `error="the request is not valid; the error names the field" param=metadata.…`},
		{"a name that was cut", llm.Invalid("metadata."+strings.Repeat("PROMPT", 100), "%s must be a string", "metadata."+strings.Repeat("PROMPT", 100)), `error="the request is not valid; the error names the field" param=metadata.…`},
		{"the error underneath", &llm.Error{Code: llm.CodeBadRequest, Message: "no", Err: errors.New(`Get "http://x/PROMPT": no`)}, `error=no cause="Get \"…\": no"`},
		{"words that were made for the log", &llm.Error{Code: llm.CodeBadRequest, Message: `"PROMPT"`, Logged: `"x"`}, `error="\"x\""`},
		{"the operator's own values", &llm.Error{Code: llm.CodeCredentialsMissing, Message: `there is no profile "prod"`}, `error="there is no profile \"prod\""`},
		{"a provider's words", &llm.Error{Code: llm.CodeInvalid, Upstream: true, Message: `"x" is odd`}, `error="\"x\" is odd"`},
	} {
		if got := refused(t, tt.err); got != tt.want {
			t.Errorf("%s: got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// The fields that the dialects read are no caller's words.
func TestFieldsOfTheDialectsAreLogged(t *testing.T) {
	tag := regexp.MustCompile(`json:"([A-Za-z_][A-Za-z_0-9-]*)`)
	field := regexp.MustCompile(`(?:Invalid|Unsupported)\("([A-Za-z_]+)"`)
	seen := map[string]bool{}
	for _, dir := range []string{"../wire/openaichat", "../wire/openaiapi", "../wire/gemini", "../wire/openaiembed", "../wire/cohererank", "../wire/litellm", "../provider/bedrock", "../provider/bedrock/converse", "../provider/bedrock/embed", "../provider/bedrock/rerank", "../httpd/files"} {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name := filepath.Base(file)
			if strings.HasSuffix(name, "_test.go") || name == "client.go" || strings.HasPrefix(name, "client_") || dir == "../wire/gemini" && name != "decode.go" {
				continue // what reads the responses of providers has no field of a request
			}
			found := field.FindAllSubmatch(text, -1)
			if strings.HasPrefix(dir, "../wire/") {
				found = append(found, tag.FindAllSubmatch(text, -1)...)
			}
			for _, m := range found {
				seen[string(m[1])] = true
			}
		}
	}
	if len(seen) < 60 {
		t.Fatalf("only %d fields were found; the test does not see what it is meant to", len(seen))
	}
	for name := range seen {
		if got := refused(t, llm.Invalid(name, "%s is odd", name)); got != `error="`+name+` is odd" param=`+name {
			t.Errorf("%s is missing among the known fields: %s", name, got)
		}
	}
}
