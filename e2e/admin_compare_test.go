package e2e

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/internal/jsonx"
)

// jsonDifference is a member in which two answers differ.
type jsonDifference struct {
	// path names the member. Members of an array have their id in it, or nothing.
	path string
	// of LiteLLM and Outcrop; empty for none.
	litellm, outcrop string
}

func (d jsonDifference) String() string {
	return fmt.Sprintf("%s: LiteLLM %s, Outcrop %s", d.path, orNothing(d.litellm), orNothing(d.outcrop))
}

func orNothing(text string) string {
	if text == "" {
		return "nothing"
	}
	if len(text) > 200 {
		return text[:200] + "…"
	}
	return text
}

// compareJSON compares two answers member by member, numbers as far as they are exact, times as moments, and arrays of
// objects with an id without their order.
func compareJSON(path string, litellm, outcrop any) []jsonDifference {
	switch a := litellm.(type) {
	case map[string]any:
		b, ok := outcrop.(map[string]any)
		if !ok {
			break
		}
		var found []jsonDifference
		for _, name := range names(a, b) {
			left, inLeft := a[name]
			right, inRight := b[name]
			inner := path + "." + name
			switch {
			case !inLeft:
				found = append(found, jsonDifference{inner, "", shown(right)})
			case !inRight:
				found = append(found, jsonDifference{inner, shown(left), ""})
			default:
				found = append(found, compareJSON(inner, left, right)...)
			}
		}
		return found
	case []any:
		b, ok := outcrop.([]any)
		if !ok {
			break
		}
		return compareArrays(path, a, b)
	}
	if sameScalar(litellm, outcrop) {
		return nil
	}
	return []jsonDifference{{path, shown(litellm), shown(outcrop)}}
}

// compareArrays compares arrays: by the ids of their objects, or sorted.
func compareArrays(path string, a, b []any) []jsonDifference {
	left, right := byID(a), byID(b)
	if left == nil || right == nil {
		a, b = slices.Clone(a), slices.Clone(b)
		slices.SortStableFunc(a, func(x, y any) int { return strings.Compare(shown(x), shown(y)) })
		slices.SortStableFunc(b, func(x, y any) int { return strings.Compare(shown(x), shown(y)) })
		if len(a) != len(b) {
			return []jsonDifference{{path, shown(a), shown(b)}}
		}
		var found []jsonDifference
		for i := range a {
			found = append(found, compareJSON(path+"[]", a[i], b[i])...)
		}
		return found
	}
	var found []jsonDifference
	for _, id := range names(left, right) {
		x, inLeft := left[id]
		y, inRight := right[id]
		inner := path + "[" + id + "]"
		switch {
		case !inLeft:
			found = append(found, jsonDifference{inner, "", shown(y)})
		case !inRight:
			found = append(found, jsonDifference{inner, shown(x), ""})
		default:
			found = append(found, compareJSON(inner, x, y)...)
		}
	}
	return found
}

// byID returns the objects of an array by their ids, and nil if not all have one of their own.
func byID(array []any) map[string]any {
	found := map[string]any{}
	for _, v := range array {
		o, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		id := ""
		user, isMember := o["user_id"].(string)
		if team, ok := o["team_id"].(string); ok && isMember && o["token"] == nil && o["request_id"] == nil {
			id = team + "/" + user
		}
		for _, name := range [...]string{"request_id", "token", "name", "team_id", "budget_id", "credential_name", "access_group_id", "access_group", "model_group", "date", "model_name", "user_id"} {
			if text, ok := o[name].(string); ok && text != "" && id == "" {
				id = text
				break
			}
		}
		if info, ok := o["model_info"].(map[string]any); ok {
			if text, ok := info["id"].(string); ok && o["model_name"] != nil {
				id += " " + text
			}
		}
		if id == "" || found[id] != nil {
			return nil
		}
		found[id] = v
	}
	return found
}

// names are those of both objects, sorted.
func names(a, b map[string]any) []string {
	var all []string
	for name := range a {
		all = append(all, name)
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

func sameScalar(a, b any) bool {
	x, isNumber := a.(float64)
	y, areNumbers := b.(float64)
	if isNumber && areNumbers {
		return math.Abs(x-y) <= 1e-12+1e-9*math.Abs(x)
	}
	if a == b {
		return true
	}
	s, isText := a.(string)
	r, areTexts := b.(string)
	if !isText || !areTexts {
		return false
	}
	then, err := moment(s)
	other, otherErr := moment(r)
	return err == nil && otherErr == nil && then.Equal(other)
}

// moment reads a time in one of the forms that LiteLLM's answers have, which are those of Python's datetime.
func moment(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t, err = time.Parse("2006-01-02T15:04:05", text)
	}
	return t.Truncate(time.Millisecond), err
}

func shown(v any) string {
	switch v := v.(type) {
	case string:
		return strconv.Quote(v)
	case nil:
		return "null"
	}
	text, err := jsonx.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// knownDifference is a difference that is as it should be, by the pattern of its path.
type knownDifference struct{ paths, why string }

// unexplained are the differences that are not among the explained, once for each member of an array's elements.
//
// Two kinds need no explanation: a member without a value, null, that the other leaves out, and a member that only Outcrop's
// answer has.
func unexplained(found []jsonDifference, table []knownDifference, used map[string]bool) []string {
	kinds := map[string]int{}
	var all []string
	for _, d := range found {
		if (d.litellm == "null" || d.litellm == "") && (d.outcrop == "null" || d.outcrop == "") || d.litellm == "" && !strings.HasSuffix(d.path, "]") {
			continue
		}
		at := slices.IndexFunc(table, func(e knownDifference) bool {
			return slices.ContainsFunc(strings.Fields(e.paths), func(pattern string) bool { return matches(pattern, d.path) })
		})
		if at >= 0 {
			used[table[at].paths] = true
			continue
		}
		kind := elements.ReplaceAllString(d.path, "*")
		if kinds[kind]++; kinds[kind] == 1 {
			all = append(all, d.String())
		}
	}
	return all
}

// elements are ids in paths.
var elements = regexp.MustCompile(`\[[^\]]*\]|[0-9a-f]{64}`)

// matches reports whether a path is of a pattern, in which * stands for any part of it.
func matches(pattern, path string) bool {
	first, rest, more := strings.Cut(pattern, "*")
	if !more {
		return pattern == path
	}
	if !strings.HasPrefix(path, first) {
		return false
	}
	for i := len(first); i <= len(path); i++ {
		if matches(rest, path[i:]) {
			return true
		}
	}
	return false
}
