package bill

import (
	"slices"
	"strings"
	"unicode"

	"outcrop/internal/lazyregexp"
	"outcrop/provider/bedrock/catalog"
)

// parse splits a usage type into the model's name, with the region's before it, and the type of tokens; the type is empty
// for usage that is not of tokens. Usage types are such as USE1-Claude4Sonnet-input-tokens,
// USW2-anthropic.claude-opus-4-8-mantle-cache-write-tokens-global-standard, and, for what the marketplace sells,
// USE1-MP:USE1_CacheReadInputTokenCount-Units, which does not name the model.
func parse(usage string) (model string, t Tokens) {
	folded := strings.ToLower(strings.ReplaceAll(usage, "_", "-"))
	if _, sold, ok := strings.Cut(folded, "mp:"); ok {
		_, count, _ := strings.Cut(sold, "-")
		count = strings.ReplaceAll(count, "-", "")
		if !strings.Contains(count, "token") {
			return usage, ""
		}
		for _, k := range [...]struct {
			word string
			t    Tokens
		}{{"cacheread", CacheRead}, {"cachewrite", CacheWrite}, {"input", Input}, {"output", Output}, {"response", Output}} {
			if strings.HasPrefix(count, k.word) {
				return usage, k.t
			}
		}
		return usage, ""
	}
	at, found := len(usage), -1
	kinds := [...]struct {
		word string
		t    Tokens
	}{{"-cache-read-input-token", CacheRead}, {"-cache-write-input-token", CacheWrite}, {"-cache-read-token", CacheRead}, {"-cache-write-token", CacheWrite}, {"-cache-write-1h-", CacheWrite}, {"-cache-write-5m-", CacheWrite}, {"-input-token", Input}, {"-output-token", Output}}
	for i := range kinds {
		if n := strings.Index(folded, kinds[i].word); n >= 0 && n < at {
			at, found = n, i
		}
	}
	if found < 0 {
		return usage, ""
	}
	model = usage[:at]
	for _, kind := range [...]string{"-mantle", "-text"} { // the endpoint, and what the tokens are of
		model = strings.TrimSuffix(model, kind)
	}
	return model, kinds[found].t
}

var region = lazyregexp.New(`^[A-Z]{2,4}[0-9]*-`)

// model is the base id for a name of the bill; empty if the catalogue has none, or several.
func (b *reading) model(name string) string {
	if at := region.FindString(name); at != "" {
		if base := b.names[words(name[len(at):])]; base != "" {
			return base
		}
	}
	return b.names[words(name)]
}

// namesOf are the models by the words of their names. A name that several have is nobody's.
func namesOf(models *catalog.Catalogue) map[string]string {
	all := map[string]string{}
	for _, m := range models.Models() {
		for _, name := range append([]string{m.ID, m.Name}, models.NamesOf(m.ID)...) {
			key := words(name)
			if other, ok := all[key]; ok && other != m.ID {
				all[key] = ""
			} else if key != "" {
				all[key] = m.ID
			}
		}
	}
	return all
}

// words are the words and numbers of a name in the order of the alphabet, because AWS writes Claude4.6Opus for Claude Opus
// 4.6. A number's end .0 does not count.
func words(name string) string {
	var all []string
	var word []rune
	end := func() {
		if w := strings.ToLower(string(word)); w != "" && w != "0" {
			all = append(all, w)
		}
		word = nil
	}
	for _, c := range name {
		last := rune(0)
		if len(word) > 0 {
			last = word[len(word)-1]
		}
		switch {
		case !unicode.IsLetter(c) && !unicode.IsDigit(c):
			end()
			continue
		case len(word) > 0 && (unicode.IsDigit(c) != unicode.IsDigit(last) || unicode.IsUpper(c) && unicode.IsLower(last)):
			end()
		}
		word = append(word, c)
	}
	end()
	slices.Sort(all)
	return strings.Join(all, " ")
}
