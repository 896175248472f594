package roundtrip

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"outcrop/e2e/litellmproxy"
)

// besideKinds are the kinds of provider of the comparison with LiteLLM.
func besideKinds() []*upstreamKind {
	var out []*upstreamKind
	for _, u := range upstreams() {
		if !u.framed && !u.alone { // Bedrock has a comparison of its own
			out = append(out, u)
		}
	}
	return append(out, vendors()...)
}

// side is what one gateway made of a conversation.
type side struct {
	run
	calls []recorded
}

// elsewhere reports whether a call went to another API of the provider than the one that the fake speaks:
// LiteLLM calls OpenAI's Responses API, and the Messages API of DeepSeek.
func (s *side) elsewhere(u *upstreamKind) bool {
	_, chats := u.dialect.(chat)
	return chats && slices.ContainsFunc(s.calls, func(c recorded) bool {
		path, _, _ := strings.Cut(c.path, "?")
		return !strings.HasSuffix(path, "chat/completions")
	})
}

// theCall is the label of a call that failed, or of which one side cannot read the other.
const theCall = "the call"

// lost are the facts that did not arrive, by label, with what came instead. Schemas that arrive in
// another form are no loss.
func (s *side) lost() map[string]string {
	out := map[string]string{}
	for _, l := range s.losses {
		schema := strings.HasPrefix(l.label, "schema of ") || l.label == setSchema
		switch {
		case l.want == "" || l.label == "order" || schema && l.got != "":
		case strings.HasPrefix(l.why, "refused: "):
			out[theCall] = l.why
		default:
			out[plainLabel(l.label)] = fmt.Sprintf("%q beside %q", l.got, l.want)
		}
	}
	for _, f := range s.faults {
		out[theCall] = f
	}
	return out
}

// rule explains differences.
type rule struct {
	theirs  bool // whether LiteLLM delivers what Outcrop does not
	label   string
	values  *regexp.Regexp // of what came, nil for anything
	verdict string
	why     string

	count int
	where map[string]bool
}

// rules are searched in their order.
func rules() []*rule {
	const better, equal = "Outcrop's is better", "the same to a client"
	of := regexp.MustCompile
	return []*rule{
		{theirs: true, label: "cache point.*", verdict: better, why: "OpenAI's API refuses `cache_control`; Outcrop leaves it out with a warning."},
		{theirs: true, label: "thought", verdict: equal, why: "Gemini's API needs the signature back, not the thoughts."},

		{label: theCall, values: of(`UnsupportedParamsError|lacks .supports_reasoning`), verdict: better, why: "LiteLLM's table of parameters refuses what the vendor may take; Outcrop sends it, and the vendor has the last word."},
		{label: "citation", verdict: better, why: "LiteLLM leaves the citation out."},
		{label: "user", verdict: better, why: "LiteLLM sends `user` only to models that it knows."},
		{label: "name of a document", verdict: better, why: "LiteLLM leaves the name out."},
		{label: "strict schema of a tool", verdict: better, why: "LiteLLM leaves `strict` out."},
		{label: "parallel calls", verdict: better, why: "LiteLLM leaves out that the model may call one tool at a time."},
		{label: "failure of result.*", verdict: better, why: "LiteLLM leaves out that a tool failed."},
		{label: "thought|signature|reasoning tokens", verdict: better, why: "LiteLLM does not return the reasoning, its signature or its tokens, or does not send the signature back."},
		{label: "text", values: of(`"It is"`), verdict: better, why: "LiteLLM leaves out the text that came before a filter stopped the response."},
		{label: "(image|document).*", verdict: better, why: "LiteLLM leaves out content that it thinks the vendor does not take, in silence; Outcrop sends it, and the vendor has the last word."},
		{label: setSchema, verdict: equal, why: "LiteLLM asks for the schema by a tool."},
	}
}

func TestNothingArrivesByLiteLLMAlone(t *testing.T) {
	b := start(t, "")
	theirs := *b
	theirs.other = litellmproxy.Find(t, "../..").Start(t, b.config+"litellm_settings: {num_retries: 0}\nrouter_settings: {disable_cooldowns: true, num_retries: 0}\n", nil)
	all := rules()
	patterns := make([]*regexp.Regexp, len(all))
	for i, r := range all {
		patterns[i] = regexp.MustCompile("^(" + r.label + ")$")
		r.where = map[string]bool{}
	}
	requests, elsewhere, alike := 0, 0, 0
	for i, u := range besideKinds() {
		for k, d := range doors()[:3] {
			for j, c := range conversations() {
				if !d.served(u) || slices.Contains(d.passes, u.name) || (k > 0 || i >= len(besideKinds())-len(vendors())) && (i+j+k)%2 == 1 {
					continue // every second conversation by Messages and Responses, and for OpenAI's vendors, for the test's time
				}
				stream := (i+j/2)%2 == 1
				var s [2]side
				b.converse(t.Context(), d, u, &c, stream, &s[0].run, &s[0].calls)
				theirs.converse(t.Context(), d, u, &c, stream, &s[1].run, &s[1].calls)
				if s[0].elsewhere(u) || s[1].elsewhere(u) {
					elsewhere++
					continue
				}
				requests++
				name := fmt.Sprintf("%s → %s, %s, streamed %t", d.name, u.name, c.name, stream)
				if !explain(t, name, all, patterns, u.name, s[0].lost(), s[1].lost()) {
					alike++
				}
			}
		}
	}
	for _, r := range all {
		if r.count == 0 {
			t.Errorf("there is no difference any more: %s: %s", r.label, r.why)
		}
	}
	t.Logf("%d conversations, %d alike, %d to other APIs", requests, alike, elsewhere)
	checkBeside(t, besidePage(all, requests, alike, elsewhere))
}

// explain finds the rules of what arrives by one of the gateways only, and reports whether there was any.
func explain(t *testing.T, name string, all []*rule, patterns []*regexp.Regexp, kind string, ours, other map[string]string) (differs bool) {
	t.Helper()
	labels := maps.Clone(ours)
	maps.Copy(labels, other)
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		mine, its := ours[label], other[label]
		if (mine == "") == (its == "") || ours[theCall] != "" && other[theCall] != "" {
			continue
		}
		if label != theCall && (ours[theCall] != "" || other[theCall] != "") {
			continue // the call says it
		}
		if label == theCall && its != "" && len(ours) > 0 {
			continue // neither can do it
		}
		differs = true
		i := slices.IndexFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(label) })
		for i >= 0 && i < len(all) && (!patterns[i].MatchString(label) || all[i].theirs != (mine != "") || all[i].values != nil && !all[i].values.MatchString(mine+its)) {
			if i++; i == len(all) {
				i = -1
			}
		}
		if i < 0 {
			t.Errorf("%s: nothing explains %s: Outcrop lost %.600s, LiteLLM lost %.600s", name, label, mine, its)
			continue
		}
		all[i].count++
		all[i].where[kind] = true
	}
	return differs
}

// besideMark is where the section of the page begins.
const (
	besideMark = "\n## Other providers\n"
	besidePath = "../../docs/litellm-differences.md"
)

// checkBeside compares the section with the page, or writes it.
func checkBeside(t *testing.T, section string) {
	t.Helper()
	page, err := os.ReadFile(besidePath)
	if err != nil {
		t.Fatal(err)
	}
	before, now, _ := strings.Cut(string(page), besideMark)
	switch {
	case *update && !t.Failed():
		if err := os.WriteFile(besidePath, []byte(before+besideMark+section), 0o600); err != nil {
			t.Fatal(err)
		}
	case now != section:
		t.Errorf("the section about other providers of %s is not what the run gives; run go test ./e2e/roundtrip -run %s -update", besidePath, t.Name())
	}
}

// besidePage is the section of docs/litellm-differences.md.
func besidePage(all []*rule, requests, alike, elsewhere int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `
%d conversations, every second one streaming, were sent by chat completions, Messages and Responses to both gateways before one fake of
each of %d providers: %s. What arrives at the provider and at the client was read and compared with what was said. For %d
everything arrives alike. A further %d are not compared, because a gateway calls another API of the provider for them. This section is
generated by `+"`go test ./e2e/roundtrip -run TestNothingArrivesByLiteLLMAlone -update`"+`; a difference without an explanation fails the test.

| differences | providers | what does not arrive | by | |
| --- | --- | --- | --- | --- |
`, requests, len(besideKinds()), strings.Join(kindNames(), ", "), alike, elsewhere)
	for _, r := range all {
		by := "LiteLLM"
		if r.theirs {
			by = "Outcrop"
		}
		what := strings.NewReplacer(".*", "", "|", ", ", "(", "", ")", "").Replace(r.label)
		fmt.Fprintf(&b, "| %d | %s | %s | %s | **%s.** %s |\n", r.count, strings.Join(slices.Sorted(maps.Keys(r.where)), ", "), what, by, strings.ToUpper(r.verdict[:1])+r.verdict[1:], r.why)
	}
	return b.String()
}

func kindNames() []string {
	var names []string
	for _, u := range besideKinds() {
		names = append(names, u.name)
	}
	return names
}
