package guard_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	"outcrop/guard"
)

func check(t *testing.T, f *guard.Filter, text string) (masked, blocked string) {
	t.Helper()
	v, err := f.Check(t.Context(), &guard.Input{Side: guard.Request, Texts: []string{"first", text}})
	switch {
	case err != nil:
		t.Fatal(err)
	case v.Block != nil:
		return "", v.Block.Reason
	case v.Texts == nil:
		return text, ""
	case len(v.Texts) != 2 || v.Texts[0] != "first":
		t.Fatalf("got %q", v.Texts)
	}
	return v.Texts[1], ""
}

func TestPrebuiltPatterns(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"email", "to jo.doe+x@mail.example.org, or a@b", "to [EMAIL_REDACTED], or a@b"},
		{"us_ssn", "078-05-1120 and 078-05-11201", "[US_SSN_REDACTED] and 078-05-11201"},
		{"us_ssn_no_dash", "078051120, not 000051120, 666051120, 978051120, 078001120 or 078050000", "[US_SSN_NO_DASH_REDACTED], not 000051120, 666051120, 978051120, 078001120 or 078050000"},
		{"us_phone", "(212) 555-0123 or +1 212.555.0123", "[US_PHONE_REDACTED] or [US_PHONE_REDACTED]"},
		{"visa", "4111 1111 1111 1111, not 4111 1111 1111 1112 or 5555555555554444", "[VISA_REDACTED], not 4111 1111 1111 1112 or 5555555555554444"},
		{"mastercard", "5555-5555-5555-4444", "[MASTERCARD_REDACTED]"},
		{"amex", "378282246310005", "[AMEX_REDACTED]"},
		{"discover", "6011111111111117", "[DISCOVER_REDACTED]"},
		{"credit_card", "2 4111 1111 1111 1111 12 5555555555554444 1234567890123", "2 [CREDIT_CARD_REDACTED] 12 [CREDIT_CARD_REDACTED] 1234567890123"},
		{"aws_access_key", "AKIAIOSFODNN7EXAMPLE ASIAIOSFODNN7EXAMPLE", "[AWS_ACCESS_KEY_REDACTED] [AWS_ACCESS_KEY_REDACTED]"},
		{"aws_secret_key", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY, " + strings.Repeat("a", 41), "[AWS_SECRET_KEY_REDACTED], " + strings.Repeat("a", 41)},
		{"github_token", "ghp_" + strings.Repeat("a1", 18) + ".", "[GITHUB_TOKEN_REDACTED]."},
		{"slack_token", "xoxb-1234567890-abcdef", "[SLACK_TOKEN_REDACTED]"},
		{"openai_api_key", "sk-proj-" + strings.Repeat("a", 40) + " sk-abc", "[OPENAI_API_KEY_REDACTED] sk-abc"},
		{"anthropic_api_key", "sk-ant-api03-" + strings.Repeat("a", 30), "[ANTHROPIC_API_KEY_REDACTED]"},
		{"gemini_api_key", "AIza" + strings.Repeat("b", 35), "[GEMINI_API_KEY_REDACTED]"},
		{"generic_api_key", `API_KEY = "` + strings.Repeat("c", 24) + `"`, "[GENERIC_API_KEY_REDACTED]"},
		{"ipv4", "10.0.0.1, not 10.0.0.256", "[IPV4_REDACTED], not 10.0.0.256"},
		{"ipv6", "2001:db8::1 at 10:30:00", "[IPV6_REDACTED] at 10:30:00"},
		{"url", "see https://example.org/a?b=c now", "see [URL_REDACTED] now"},
		{"iban", "DE89 3704 0044 0532 0130 00 IS MINE, DE88370400440532013000 is not", "[IBAN_REDACTED] IS MINE, DE88370400440532013000 is not"},
		{"br_cpf", "123.456.789-09", "[BR_CPF_REDACTED]"},
		{"br_cnpj", "12.345.678/0001-95", "[BR_CNPJ_REDACTED]"},
		{"fr_phone", "+33612345678", "[FR_PHONE_REDACTED]"},
		{"sg_nric", "S1234567D", "[SG_NRIC_REDACTED]"},
		{"uae_emirates_id", "784-1234-1234567-1", "[UAE_EMIRATES_ID_REDACTED]"},
	} {
		f := guard.NewFilter()
		if !f.AddPrebuilt(c.name, guard.ActionMask) {
			t.Fatalf("no pattern %s", c.name)
		}
		if got, _ := check(t, f, c.text); got != c.want {
			t.Errorf("%s: got %q\nwant %q", c.name, got, c.want)
		}
	}
	names, about := guard.Prebuilt()
	for i, name := range names {
		if !guard.NewFilter().AddPrebuilt(name, guard.ActionBlock) || about[i] == "" {
			t.Errorf("%s, %q", name, about[i])
		}
	}
	if guard.NewFilter().AddPrebuilt("no_such", guard.ActionMask) {
		t.Error("there is no such pattern")
	}
}

func TestWordsAndExpressions(t *testing.T) {
	f := guard.NewFilter()
	f.AddWord("Project*X", "secret", guard.ActionMask)
	f.AddWord("granite", "", guard.ActionBlock)
	if err := f.AddPattern("badge", `emp-\d{4}`, guard.ActionMask); err != nil {
		t.Fatal(err)
	}
	if err := f.AddPattern("", "(", guard.ActionMask); err == nil {
		t.Error("an expression that is none")
	}
	if !f.Masks() || f.Empty() || !guard.NewFilter().Empty() || guard.NewFilter().Masks() {
		t.Error("what the filter has")
	}
	for text, want := range map[string]string{
		"on project-x and PROJECTX": "on [KEYWORD_REDACTED] and [KEYWORD_REDACTED]",
		"EMP-1234 of projectx":      "[BADGE_REDACTED] of [KEYWORD_REDACTED]",
		"nothing":                   "nothing",
	} {
		if got, _ := check(t, f, text); got != want {
			t.Errorf("%s: got %s", text, got)
		}
	}
	if _, blocked := check(t, f, "GRANITE of projectx"); blocked != "Content blocked: keyword 'granite' detected" {
		t.Errorf("got %q", blocked)
	}
	f.AddPrebuilt("us_ssn", guard.ActionBlock)
	if _, blocked := check(t, f, "078-05-1120"); blocked != "Content blocked: us_ssn pattern detected" {
		t.Errorf("got %q", blocked)
	}
}

func TestPartsThatOverlapBecomeOne(t *testing.T) {
	f := guard.NewFilter()
	f.AddWord("abcd", "", guard.ActionMask)
	_ = f.AddPattern("p", "cdef", guard.ActionMask)
	if got, _ := check(t, f, "xabcdefx"); got != "x[KEYWORD_REDACTED]x" {
		t.Errorf("got %s", got)
	}
}

func TestRulesWithOneNameShareTheWork(t *testing.T) {
	one, two := &guard.Rule{Name: "a", Always: true, Mode: guard.PreCall}, &guard.Rule{Name: "a", Always: true, Mode: guard.PreCall}
	after, other := &guard.Rule{Name: "a", Always: true, Mode: guard.PostCall}, &guard.Rule{Name: "b", Always: true, Mode: guard.PreCall}
	named := &guard.Rule{Name: "a", Mode: guard.PreCall}
	got := map[*guard.Rule]int{}
	for id := range 100 {
		chosen, _ := guard.Choose([]*guard.Rule{one, after, two, other, named}, nil, nil, strconv.Itoa(id))
		again, _ := guard.Choose([]*guard.Rule{one, after, two, other, named}, nil, nil, strconv.Itoa(id))
		if len(chosen) != 3 || chosen[1] != after || chosen[2] != other || !slices.Equal(chosen, again) {
			t.Fatalf("call %d: %v, and then %v", id, chosen, again)
		}
		got[chosen[0]]++
	}
	if got[one] < 20 || got[two] < 20 || got[one]+got[two] != 100 {
		t.Errorf("the calls of each: %d, %d and %d", got[one], got[two], got[named])
	}
}

func TestChoose(t *testing.T) {
	always, named := &guard.Rule{Name: "a", Always: true, Mode: guard.PreCall}, &guard.Rule{Name: "b", Mode: guard.PostCall}
	rules := []*guard.Rule{always, named}
	if got, unknown := guard.Choose(rules, nil, nil, ""); len(got) != 1 || got[0] != always || unknown != "" {
		t.Errorf("got %v, %q", got, unknown)
	}
	if got, _ := guard.Choose(rules, []string{"b", "a"}, nil, ""); len(got) != 2 {
		t.Errorf("got %v", got)
	}
	if _, unknown := guard.Choose(rules, []string{"b", "c"}, nil, ""); unknown != "c" {
		t.Errorf("got %q", unknown)
	}
	tagged := &guard.Rule{Name: "c", Always: true, Mode: guard.PostCall, Tags: map[string]guard.Mode{"x": guard.PreCall, "y": guard.DuringCall, "off": 0}}
	for _, c := range []struct {
		tags []string
		want guard.Mode
	}{
		{nil, guard.PostCall},
		{[]string{"z"}, guard.PostCall},
		{[]string{"z", "x"}, guard.PreCall},
		{[]string{"x", "y"}, guard.PreCall | guard.DuringCall},
		{[]string{"off"}, 0},
	} {
		got, _ := guard.Choose([]*guard.Rule{tagged}, nil, c.tags, "")
		if c.want == 0 && len(got) == 0 {
			continue
		}
		if len(got) != 1 || got[0].Mode != c.want {
			t.Errorf("%v: got %v", c.tags, got)
		}
	}
	if got, unknown := guard.Choose([]*guard.Rule{{Name: "log", Always: true, Mode: guard.Logging}}, []string{"log"}, nil, ""); len(got) != 0 || unknown != "" {
		t.Errorf("logging_only is in force for a call: %v, %q", got, unknown)
	}
	for _, name := range []string{"pre_call", "during_call", "post_call", "logging_only"} {
		m, ok := guard.ParseMode(name)
		if names := m.Names(); !ok || len(names) != 1 || names[0] != name {
			t.Errorf("%s: %v", name, names)
		}
	}
	if _, ok := guard.ParseMode("later"); ok || guard.Request.String() != "request" || guard.Response.String() != "response" {
		t.Error("words")
	}
}

// stream checks a text in pieces of a size, and returns what was released, the reason of a refusal, and the most that was held.
func stream(t *testing.T, f *guard.Filter, text string, size int) (released, blocked string, held int) {
	t.Helper()
	var w guard.Window
	reach, every := f.Reach().Held, f.Reach().Every
	judge := func(ctx context.Context, before, text string) (string, *guard.Block, error) {
		v, err := f.Check(ctx, &guard.Input{Side: guard.Response, Texts: []string{before + text}})
		if err != nil || v.Block != nil || v.Texts == nil {
			return text, v.Block, err
		}
		replaced, block := guard.Again(before, v.Texts[0])
		return replaced, block, nil
	}
	var out strings.Builder
	for at := 0; ; at += size {
		end := min(at+size, len(text))
		r, block, err := w.Add(t.Context(), text[at:end], end == len(text), reach, every, judge)
		if err != nil {
			t.Fatal(err)
		}
		if block != nil {
			return out.String(), block.Reason, held
		}
		out.WriteString(r)
		held = max(held, end-out.Len())
		if end == len(text) {
			return out.String(), "", held
		}
	}
}

func TestAStreamIsMaskedAsTheWholeIs(t *testing.T) {
	f := guard.NewFilter()
	f.AddPrebuilt("email", guard.ActionMask)
	f.AddPrebuilt("credit_card", guard.ActionMask)
	f.AddWord("granite", "", guard.ActionMask)
	text := strings.Repeat("Some words of no interest, é and 日本. ", 20)
	text = text + "jo.doe@mail.example.org" + text + "4111 1111 1111 1111" + text + "granite, granite jo@example.org.uk" + text + "a@example.org"
	want, _ := check(t, f, text)
	for size := 1; size < 700; size += 1 + size/7 {
		got, blocked, held := stream(t, f, text, size)
		if got != want || blocked != "" {
			t.Fatalf("pieces of %d: %s\ngot %s\nwant %s", size, blocked, got, want)
		}
		if reach, every := f.Reach().Held, f.Reach().Every; held > 4*reach+every+size+40 {
			t.Errorf("pieces of %d: %d bytes are held", size, held)
		}
	}
}

func TestAStreamStopsBeforeWhatIsBlocked(t *testing.T) {
	f := guard.NewFilter()
	f.AddPrebuilt("us_ssn", guard.ActionBlock)
	text := strings.Repeat("Some words of no interest. ", 20)
	for size := 1; size < 100; size += 3 {
		got, blocked, _ := stream(t, f, text+"078-05-1120 and more"+text, size)
		if blocked != "Content blocked: us_ssn pattern detected" || strings.Contains(got, "0") || !strings.HasPrefix(text, got) || len(got) < len(text)/2 {
			t.Fatalf("pieces of %d: %q, %s", size, blocked, got)
		}
	}
}

// What is longer than all that is held back cannot be masked any more, and must not be let through either.
func TestWhatIsTooLongToBeHeldEndsTheStream(t *testing.T) {
	f := guard.NewFilter()
	_ = f.AddPattern("long", "<[a-z]{600}>", guard.ActionMask)
	got, blocked, _ := stream(t, f, "before <"+strings.Repeat("a", 600)+"> behind", 10)
	if blocked != guard.Split || strings.Contains(got, ">") {
		t.Errorf("%q, %s", blocked, got)
	}
}
