package config

import "strings"

// WeakKey reports whether a master key is a well-known placeholder or example: one from
// documentation, such as sk-1234, which LiteLLM rejects as publicly known, or the text
// that a template has instead of a key. Such a key protects nothing.
func WeakKey(key string) bool {
	text := strings.ToLower(strings.TrimSpace(key))
	text = strings.TrimPrefix(text, "sk-")
	plain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, text)
	switch {
	case len(plain) < 3: // sk-..., sk-****, sk-<>
		return true
	case strings.Count(plain, plain[:1]) == len(plain): // sk-xxxx, sk-0000
		return true
	case partOf(plain, "01234567890"), partOf(plain, "abcdefghijklmnopqrstuvwxyz"):
		return true
	case strings.HasPrefix(text, "<") && strings.HasSuffix(text, ">"), strings.HasPrefix(text, "${"), strings.HasPrefix(text, "{{"):
		return true
	}
	switch plain {
	case "changeme", "changethis", "changemeplease", "replaceme", "replacethis", "replacewithyourkey", "fixme", "todo", "placeholder", "dummy", "dummykey",
		"yourkey", "yourkeyhere", "yourapikey", "yourapikeyhere", "yourmasterkey", "yourmasterkeyhere", "yoursecret", "yoursecretkey", "yourlitellmmasterkey", "yourlitellmkey",
		"mykey", "mymasterkey", "masterkey", "apikey", "key", "secret", "secretkey", "topsecret", "password", "passw0rd", "admin", "litellm", "litellmmasterkey", "outcrop",
		"test", "testkey", "test123", "test1234", "testing", "example", "examplekey", "sample", "demo", "default", "none", "null", "empty", "abc123", "qwerty", "letmein":
		return true
	}
	return false
}

// partOf reports whether longer contains text.
func partOf(text, longer string) bool { return strings.Contains(longer, text) }
