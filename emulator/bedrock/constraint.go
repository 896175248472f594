package bedrock

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/internal/lazyregexp"
)

// malformed translates the decoder's error about a body to AWS's words, which are those
// of its services' common framework (public reports: "1 validation error detected:
// Value at 'toolConfig.tools.1.member.toolSpec.name' failed to satisfy constraint:
// Member must have length less than or equal to 64").
func malformed(err error, body []byte) error {
	var fault *jsonx.Error
	if !errors.As(err, &fault) {
		return err
	}
	if fault.Syntax {
		return &refusal{status: http.StatusBadRequest, kind: "SerializationException", message: fault.Reason}
	}
	value := valueAt(body, fault.Path)
	path := fault.Path
	if m := reasonMissing.FindStringSubmatch(fault.Reason); m != nil {
		path += "." + m[1]
	}
	if m := reasonUnion.FindStringSubmatch(fault.Reason); m != nil {
		return unionFault(fault.Path, value, strings.Split(m[1], ", "))
	}
	return invalid("1 validation error detected: Value at '%s' failed to satisfy constraint: %s", strings.TrimPrefix(counted(path), "."), constraint(fault.Reason, value))
}

// The decoder's reasons, and their variable parts.
var (
	reasonMissing = lazyregexp.New(`^(\S+) is missing$`)
	reasonUnion   = lazyregexp.New(`^must have exactly one of the members (.*)$`)
	reasonLeast   = lazyregexp.New(`^must have at least (\d+) \w+$`)
	reasonMost    = lazyregexp.New(`^must have at most (\d+) \w+$`)
	reasonAtLeast = lazyregexp.New(`^must be at least (\S+)$`)
	reasonBetween = lazyregexp.New(`^must be between (\S+) and (\S+)$`)
	reasonEnum    = lazyregexp.New(`(?s)^".*" must be one of (.*)$`)
	reasonPattern = lazyregexp.New(`(?s)^".*" does not match \^\(\?:(.*)\)\$$`)
)

// constraint returns AWS's words for one of the decoder's reasons; others are
// unchanged.
func constraint(reason string, value jsonx.Raw) string {
	if reasonMissing.MatchString(reason) {
		return "Member must not be null"
	}
	if m := reasonLeast.FindStringSubmatch(reason); m != nil {
		return "Member must have length greater than or equal to " + m[1]
	}
	if m := reasonMost.FindStringSubmatch(reason); m != nil {
		return "Member must have length less than or equal to " + m[1]
	}
	if m := reasonAtLeast.FindStringSubmatch(reason); m != nil {
		return "Member must have value greater than or equal to " + m[1]
	}
	if m := reasonBetween.FindStringSubmatch(reason); m != nil {
		if strings.HasPrefix(string(value), "-") {
			return "Member must have value greater than or equal to " + m[1]
		}
		return "Member must have value less than or equal to " + m[2]
	}
	if m := reasonEnum.FindStringSubmatch(reason); m != nil {
		words := strings.Split(m[1], ", ")
		slices.Sort(words)
		return "Member must satisfy enum value set: [" + strings.Join(words, ", ") + "]"
	}
	if m := reasonPattern.FindStringSubmatch(reason); m != nil {
		return "Member must satisfy regular expression pattern: " + m[1]
	}
	return reason
}

// unionFault refuses a union with none of its members, or with several (public
// reports of both).
func unionFault(path string, value jsonx.Raw, names []string) error {
	plain := strings.NewReplacer("[", ".", "]", "").Replace(path)
	if members, err := jsonx.Members(value); err == nil && len(members) > 1 {
		last := len(names) - 1
		return invalid("The value at %s can only set one of the following keys: %s, or %s.", plain, strings.Join(names[:last], ", "), names[last])
	}
	return invalid("The value at %s must set one of the following keys: %s.", plain, strings.Join(names, ", "))
}

var indexed = lazyregexp.New(`\[(\d+)\]`)

// counted returns a path in the form of AWS's framework: elements are members, counted
// from one.
func counted(path string) string {
	return indexed.ReplaceAllStringFunc(path, func(s string) string {
		n, err := strconv.Atoi(s[1 : len(s)-1])
		if err != nil {
			return s
		}
		return "." + strconv.Itoa(n+1) + ".member"
	})
}

// valueAt returns the value at a path of a body, such as messages[0].role; nil if there
// is none.
func valueAt(body []byte, path string) jsonx.Raw {
	value := jsonx.Raw(body)
	for name := range strings.SplitSeq(strings.NewReplacer("[", ".", "]", "").Replace(path), ".") {
		if name != "" && value != nil {
			value = memberOf(value, name)
		}
	}
	return value
}
