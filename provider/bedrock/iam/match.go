package iam

import "strings"

// match reports whether a pattern of IAM's matches the whole of s: * stands for
// any characters, none among them, and ? for one
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html).
func match(pattern, s string) bool {
	star, mark := -1, 0
	p := 0
	for i := 0; i < len(s); {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// matchFold is match without regard to letter case.
func matchFold(pattern, s string) bool { return match(strings.ToLower(pattern), strings.ToLower(s)) }
