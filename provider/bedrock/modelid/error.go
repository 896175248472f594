package modelid

import (
	"fmt"
	"strings"

	"outcrop/internal/levenshtein"
)

// Error reports a model string that cannot be parsed.
type Error struct {
	Input  string // the whole string
	Part   string // the faulty part; empty if it is the whole string
	Reason string // what is wrong with it
	Hint   string // the nearest valid form; empty if none is close
}

func (e *Error) Error() string {
	s := fmt.Sprintf("model %q: ", short(e.Input))
	if e.Part != "" && e.Part != e.Input {
		s += fmt.Sprintf("%q ", short(e.Part))
	}
	s += e.Reason
	if e.Hint != "" {
		s += fmt.Sprintf("; write it like %q", short(e.Hint))
	}
	return s
}

// short shortens a quoted string to keep a message readable.
func short(s string) string {
	if len(s) > 200 {
		return s[:197] + "..."
	}
	return s
}

// unknownPrefix returns the error for a segment before a slash that is not a route.
func unknownPrefix(input, segment, rest string) error {
	e := &Error{Input: input, Part: segment + "/", Reason: "is not a route or region"}
	switch segment {
	case "":
		e.Reason, e.Hint = "is an empty segment", rest
		return e
	case "bedrock_converse":
		e.Reason, e.Hint = "is a key of LiteLLM's price table, not a route", "bedrock/converse/"+rest
		return e
	case "bedrock_mantle":
		e.Reason, e.Hint = "must come first, and only once", mantlePrefix+rest
		return e
	}
	if i := strings.Index(segment, "arn:"); i >= 0 {
		e.Reason, e.Hint = "is not the beginning of an ARN", segment[i:]+"/"+rest
		return e
	}
	best, near := Auto, 3 // more than two changes make another word
	for _, r := range allRoutes() {
		if d := levenshtein.Distance(strings.ToLower(segment), r.String()); d < near {
			best, near = r, d
		}
	}
	switch {
	case best != Auto && best.needsARN() && best.IsFamily() && !strings.HasPrefix(rest, "arn:"):
		e.Hint = best.String() + "." + rest
	case best != Auto:
		e.Hint = best.String() + "/" + rest
	case isVendor(segment) && !strings.Contains(rest, "/"):
		e.Hint = segment + "." + rest
	}
	return e
}

func allRoutes() []Route {
	var all []Route
	for r := Converse; r <= ChatCompletions; r++ {
		all = append(all, r)
	}
	for r := OpenAI; r <= TwelveLabs; r++ {
		all = append(all, r)
	}
	return all
}
