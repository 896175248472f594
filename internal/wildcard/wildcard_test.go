package wildcard_test

import (
	"regexp"
	"strings"
	"testing"

	"outcrop/internal/wildcard"
)

// same is what a regular expression says: LiteLLM makes one of a pattern.
func same(pattern, name string) ([]string, bool) {
	expr := regexp.MustCompile("(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, "(.+)") + "$")
	m := expr.FindStringSubmatch(name)
	if m == nil {
		return nil, false
	}
	return m[1:], true
}

func TestPatternsMatchAsRegularExpressionsDo(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"*", "bedrock/*", "*-latest", "a*b", "bedrock/*/anthropic.*", "*claude*", "fo::*::static::*", "a*a*a", "**", "x**y", "*.*.*"} {
		p, wild := wildcard.Parse(pattern)
		if !wild {
			t.Errorf("%s is no pattern", pattern)
		}
		for _, name := range []string{
			"", "a", "ab", "aab", "aaa", "aaaa", "aaaaa", "a-a-a-a-a", "bedrock/", "bedrock/nova", "bedrock/us/anthropic.claude", "bedrock/us/anthropic.a/anthropic.b", "my-claude-3", "claude", "claudeclaudeclaude",
			"fo::bar::static::baz", "fo::bar::static::static::", "gpt-latest", "-latest", "xy", "xaby", "xay", "1.2.3.4", "a.b", "..", "...", "*", "bedrock/*/anthropic.*", "*.*.*",
		} {
			captured, ok := p.Match(name)
			want, wanted := same(pattern, name)
			if ok != wanted {
				t.Errorf("%s matches %q: %t", pattern, name, ok)
				continue
			}
			if !ok {
				continue
			}
			if got := strings.Split(captured, "\x00"); strings.Join(got, "|") != strings.Join(want, "|") || wildcard.Parts(captured) != len(want) {
				t.Errorf("%s of %q: %q, want %q", pattern, name, got, want)
			}
			if back := wildcard.Fill(pattern, captured); back != name && !strings.Contains(name, "*") {
				t.Errorf("%s filled is %q, want %q", pattern, back, name)
			}
		}
	}
}

func TestWhatIsNoPattern(t *testing.T) {
	t.Parallel()
	if _, wild := wildcard.Parse("gpt-4"); wild {
		t.Error("a name is a pattern")
	}
	p, _ := wildcard.Parse("a*")
	if _, ok := p.Match("a\x00b"); ok {
		t.Error("a name with NUL is matched")
	}
	if p.Before() != 1 || p.Literal() != 1 || !p.Single() {
		t.Errorf("%+v", p)
	}
}
