package httpfield_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/httpfield"
)

func TestNamesAndValues(t *testing.T) {
	for s, want := range map[string]bool{
		"x-a": true, "X_a.1~": true, "!#$%&'*+-.^_`|~": true,
		"": false, "x a": false, "x:": false, "x\r\ny": false, "é": false, "x\x00": false, "x\x7f": false, "(x)": false,
	} {
		if got := httpfield.IsToken(s); got != want {
			t.Errorf("IsToken(%q) is %v", s, got)
		}
	}
	for s, want := range map[string]bool{"": true, "a b\tc": true, "é\x80": true, "a\r\nb": false, "a\x00": false, "a\x7f": false} {
		if got := httpfield.IsValue(s); got != want {
			t.Errorf("IsValue(%q) is %v", s, got)
		}
	}
}

func TestRulesOfHeaders(t *testing.T) {
	for name, want := range map[string]httpfield.Rule{
		"x-trace": httpfield.Pass, "X-Forwarded-For": httpfield.Pass, "contents": httpfield.Pass, "X-Amzn-SageMaker-Custom-Attributes": httpfield.Pass,
		"User-Agent": httpfield.Drop, "date": httpfield.Drop, "X-Api-Key": httpfield.Drop, "Content-Language": httpfield.Drop, "x-amzn-trace-id": httpfield.Drop, "X-Amzn-SageMaker-Target-Model": httpfield.Drop,
		"Authorization": httpfield.Refuse, "HOST": httpfield.Refuse, "transfer-encoding": httpfield.Refuse, "Content-Length": httpfield.Refuse, "X-Amz-Date": httpfield.Refuse,
	} {
		if got := httpfield.RuleOf(name); got != want {
			t.Errorf("RuleOf(%q) is %d, want %d", name, got, want)
		}
	}
}

func TestFieldsAreParsed(t *testing.T) {
	got, err := httpfield.Parse("content-type:  text/plain \r\nX-A: 1\nx-a:2\r\nX-Empty:\r\nX-Folded: one\r\n  two\r\n")
	want := map[string][]string{"Content-Type": {"text/plain"}, "X-A": {"1", "2"}, "X-Empty": {""}, "X-Folded": {"one two"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, bad := range []string{"no colon\r\n", ": 1\r\n", "a b: 1\r\n", "a : 1\r\n", " first: 1\r\n", "a: \x01\r\n", "a: 1\r\r\n"} {
		if got, err := httpfield.Parse(bad); err == nil {
			t.Errorf("%q is parsed as %v", bad, got)
		}
	}
}

func TestTokensInLists(t *testing.T) {
	for list, want := range map[string]bool{"close": true, "foo, Close": true, "\tCLOSE ,x": true, "": false, "closed": false, "foo close": false, "clo\u017fe": false} {
		if got := httpfield.HasToken([]string{"x", list}, "close"); got != want {
			t.Errorf("%q: %v", list, got)
		}
	}
}

func TestMediaTypes(t *testing.T) {
	for value, want := range map[string]string{
		"":                                 "",
		"text/event-stream":                "text/event-stream",
		"Text/Event-Stream ;charset=utf-8": "text/event-stream",
		"application/json;":                "application/json",
		";charset=utf-8":                   "",
	} {
		if got := httpfield.MediaType(value); got != want {
			t.Errorf("%q is of type %q, want %q", value, got, want)
		}
	}
}
