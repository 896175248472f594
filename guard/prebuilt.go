package guard

import (
	"net/netip"
	"regexp"
	"strings"
	"sync"
)

// pattern is something that filters can look for by its name. The names are LiteLLM's; what they find is described here anew, with the
// check digits that LiteLLM leaves out.
type pattern struct {
	name, about string
	expression  *regexp.Regexp
	valid       func(match string) bool // nil for any
	reach       int
}

// find returns where the pattern matches. Where a match is not valid as a whole, groups at its ends are left out: numbers may
// stand beside others.
func (p *pattern) find(text string) (all [][2]int) {
	for _, at := range spans(p.expression, text) {
		if from, to, ok := p.within(text[at[0]:at[1]]); ok {
			all = append(all, [2]int{at[0] + from, at[0] + to})
		}
	}
	return all
}

// within is where the first longest valid part of a match is.
func (p *pattern) within(match string) (from, to int, ok bool) {
	for p.valid != nil {
		for end := len(match); end > from; end = strings.LastIndexAny(match[:end], " -") {
			if p.valid(match[from:end]) {
				return from, end, true
			}
		}
		next := strings.IndexAny(match[from:], " -")
		if next < 0 {
			return 0, 0, false
		}
		from += next + 1
	}
	return 0, len(match), true
}

// Prebuilt lists the names of the patterns that AddPrebuilt knows, with what they find.
func Prebuilt() (names, about []string) {
	for _, p := range prebuilt() {
		names, about = append(names, p.name), append(about, p.about)
	}
	return names, about
}

var prebuilt = sync.OnceValue(func() []*pattern {
	const card = `[0-9](?:[ -]?[0-9]){11,18}`
	digits := regexp.MustCompile(`\b` + card + `\b`)
	issuer := func(expression string) func(string) bool {
		begins := regexp.MustCompile(expression)
		return func(match string) bool { return begins.MatchString(onlyDigits(match)) && luhn(match) }
	}
	of := func(name, about, expression string, reach int, valid func(string) bool) *pattern {
		return &pattern{name, about, regexp.MustCompile(expression), valid, reach}
	}
	return []*pattern{
		of("email", "e-mail addresses", `(?i)\b[a-z0-9._%+'-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,62})\.)+[a-z]{2,63}\b`, longReach, nil),
		of("us_ssn", "US social security numbers with hyphens", `\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b`, shortReach, nil),
		of("us_ssn_no_dash", "US social security numbers without hyphens", `\b[0-9]{9}\b`, shortReach, socialSecurity),
		of("us_phone", "US telephone numbers", `(?:\+?1[ .-]?)?(?:\([0-9]{3}\)|\b[0-9]{3})[ .-]?[0-9]{3}[ .-]?[0-9]{4}\b`, shortReach, nil),
		{"visa", "numbers of Visa cards", digits, issuer(`^4[0-9]{12}(?:[0-9]{3}){0,2}$`), shortReach},
		{"mastercard", "numbers of Mastercard cards", digits, issuer(`^(?:5[1-5]|2[2-7])[0-9]{14}$`), shortReach},
		{"amex", "numbers of American Express cards", digits, issuer(`^3[47][0-9]{13}$`), shortReach},
		{"discover", "numbers of Discover cards", digits, issuer(`^6(?:011|4[4-9][0-9]|5[0-9]{2})[0-9]{12}$`), shortReach},
		{"credit_card", "numbers of payment cards, whoever issued them", digits, issuer(`^[2-6][0-9]{11,18}$`), shortReach},
		of("aws_access_key", "access key ids of AWS", `\b(?:AKIA|ASIA)[0-9A-Z]{16}\b`, shortReach, nil),
		of("aws_secret_key", "secret access keys of AWS: 40 characters of base64 by themselves", `[A-Za-z0-9/+=]{40,}`, shortReach, func(m string) bool { return len(m) == 40 }),
		of("github_token", "tokens of GitHub", `\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{36,255})\b`, longReach, nil),
		of("slack_token", "tokens of Slack", `\bxox[abeoprs]-[0-9A-Za-z-]{10,250}\b`, longReach, nil),
		of("openai_api_key", "API keys of OpenAI", `\bsk-(?:(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,400}|[A-Za-z0-9]{20,64}\b)`, 2*longReach, nil),
		of("anthropic_api_key", "API keys of Anthropic", `\bsk-ant-[A-Za-z0-9_-]{20,250}`, longReach, nil),
		of("gemini_api_key", "API keys of Google", `\bAIza[A-Za-z0-9_-]{35}`, shortReach, nil),
		of("generic_api_key", "what is called an API key and looks like one", `(?i)\bapi[-_]?key[\s:=]+['"]?[a-z0-9_-]{20,200}['"]?`, longReach, nil),
		of("ipv4", "addresses of IPv4", `\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b`, shortReach, isAddress),
		of("ipv6", "addresses of IPv6", `(?i)[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}`, shortReach, isAddress),
		of("url", "addresses of the web", `(?i)\b(?:https?://|www\.)[^\s"<>]+`, longReach, nil),
		of("iban", "international bank account numbers", `\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{1,4}){3,8}\b`, shortReach, bankAccount),
		of("br_cpf", "Brazilian taxpayer numbers", `\b[0-9]{3}\.[0-9]{3}\.[0-9]{3}[-/][0-9]{2}\b`, shortReach, nil),
		of("br_cnpj", "Brazilian company numbers", `\b[0-9]{2}\.[0-9]{3}\.[0-9]{3}/[0-9]{4}-[0-9]{2}\b`, shortReach, nil),
		of("fr_phone", "French telephone numbers", `(?:\+33|\b0033|\b0)[1-9][0-9]{8}\b`, shortReach, nil),
		of("sg_nric", "Singaporean identity numbers", `(?i)\b[stfgm][0-9]{7}[a-z]\b`, shortReach, nil),
		of("uae_emirates_id", "identity numbers of the United Arab Emirates", `\b784-?[0-9]{4}-?[0-9]{7}-?[0-9]\b`, shortReach, nil),
	}
})

func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// luhn reports whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B).
func luhn(s string) bool {
	s = onlyDigits(s)
	sum := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return len(s) > 0 && sum%10 == 0
}

// socialSecurity reports whether the parts of a number of nine digits are ones that the Social Security Administration gives out.
func socialSecurity(s string) bool {
	return s[:3] != "000" && s[:3] != "666" && s[0] != '9' && s[3:5] != "00" && s[5:] != "0000"
}

// bankAccount reports whether the check digits are those of the account (ISO 13616, modulo 97).
func bankAccount(s string) bool {
	s = strings.ToUpper(strings.ReplaceAll(s, " ", ""))
	if len(s) < 15 || len(s) > 34 {
		return false
	}
	rest := 0
	for _, c := range []byte(s[4:] + s[:4]) {
		if c >= 'A' {
			rest = (rest*100 + int(c-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(c-'0')) % 97
		}
	}
	return rest == 1
}

func isAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil && s != "::"
}
