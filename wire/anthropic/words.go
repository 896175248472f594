package anthropic

import (
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/lazyregexp"
	"outcrop/llm"
)

// This file says in Anthropic's words what clients read out of an error's message. Claude Code
// shortens a conversation on "prompt is too long: N tokens > M maximum", and repeats a call with a
// lower limit on "max_tokens: A > B, which is the maximum allowed number of output tokens"
// (seen with 2.1.332). The providers' own words follow in parentheses.

// Asked is what a request asked for, as far as errors tell it back.
type Asked struct {
	Model     string
	MaxTokens int64 // 0 if unknown
}

// InWords returns e with a message in Anthropic's words, if its code has any: e itself if its message
// already is, or lacks the numbers that belong into them. asked may be nil.
func InWords(e *llm.Error, asked *Asked) *llm.Error {
	var words string
	switch e.Code {
	case llm.CodeTooLong:
		words = tooLong(e.Message)
	case llm.CodeMaxTokens:
		words = tooMany(e.Message, asked)
	default:
	}
	if words == "" {
		return e
	}
	own := *e
	own.Message = words + " (" + strings.TrimSuffix(e.Message, ".") + ")"
	return &own
}

// Patterns in the words of providers.
var (
	numbers   = lazyregexp.New(`\d[\d,]*`)
	ofContext = lazyregexp.New(`(?i)(?:maximum|limit|context (?:length|window))(?:\D{0,40}?)(\d[\d,]*)`)
	ofOutput  = lazyregexp.New(`(?i)(?:model limit of|less than or equal to|less or equal to|lower than|at most|maximum(?: allowed)?(?: value)?(?: of| is|:)?|limit(?: of| is|:)?) (\d[\d,]*)`)
	ownWords  = lazyregexp.New(`(?i)prompt is too long: *\d+ tokens|input is too long for requested model|input length and .?max_tokens.? exceed context limit: *\d+`)
)

// maxWords bounds the part of a message that is searched for numbers, in bytes.
const maxWords = 4 << 10

// tooLong returns Anthropic's words for a prompt that is too long; empty if message has them, or has
// other words that clients know.
func tooLong(message string) string {
	message = message[:min(len(message), maxWords)]
	if ownWords.MatchString(message) || strings.HasPrefix(message, "prompt is too long") {
		return ""
	}
	all := numbersIn(message)
	most := all[:max(0, len(all)-1)]
	limit := int64(0)
	if m := ofContext.FindStringSubmatch(message); m != nil {
		limit = number(m[1])
	} else if len(most) > 0 {
		limit = most[len(most)-1]
	}
	if len(all) == 0 || limit <= 0 || all[len(all)-1] <= limit {
		return "prompt is too long"
	}
	return "prompt is too long: " + strconv.FormatInt(all[len(all)-1], 10) + " tokens > " + strconv.FormatInt(limit, 10) + " maximum"
}

// tooMany returns Anthropic's words for a max_tokens above the model's limit; empty if message has
// them, or if either number is unknown.
func tooMany(message string, asked *Asked) string {
	message = message[:min(len(message), maxWords)]
	m := ofOutput.FindStringSubmatch(message)
	if m == nil || strings.Contains(message, "which is the maximum allowed number of output tokens") {
		return ""
	}
	limit, wanted := number(m[1]), int64(0)
	if asked != nil {
		wanted = asked.MaxTokens
	}
	if all := numbersIn(message); wanted <= limit && len(all) > 0 {
		wanted = all[len(all)-1]
	}
	if limit <= 0 || wanted <= limit {
		return ""
	}
	words := "max_tokens: " + strconv.FormatInt(wanted, 10) + " > " + strconv.FormatInt(limit, 10) + ", which is the maximum allowed number of output tokens"
	if asked != nil && asked.Model != "" {
		words += " for " + asked.Model
	}
	return words
}

// numbersIn are the numbers of a message that may count tokens, in ascending order.
func numbersIn(message string) []int64 {
	var all []int64
	for _, text := range numbers.FindAllString(message, 64) {
		if n := number(text); n >= 100 {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all
}

// number reads a number that may have commas between its digits; 0 if it is too large.
func number(text string) int64 {
	n, err := strconv.ParseInt(strings.ReplaceAll(text, ",", ""), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
