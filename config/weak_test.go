package config_test

import (
	"testing"

	"outcrop/config"
)

func TestPlaceholdersAreWeakKeys(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"sk-...", "sk-1234", "SK-1234", "sk-12345", "sk-123456789", "sk-0000", "sk-xxxxxxxx", "sk-XXXX-XXXX", "sk-", "sk-****", "sk-changeme", "sk-change-me", "your-key",
		"sk-your-key-here", "<your-master-key>", "sk-<key>", "${MASTER_KEY}", "password", "sk-litellm-master-key", "sk-test", "sk-abcd", "sk-\u2026", "changeme",
	} {
		if !config.WeakKey(key) {
			t.Errorf("%s is taken for a key", key)
		}
	}
	for _, key := range []string{
		"sk-7f3c1d9a2b", "sk-granite-and-basalt", "sk-1a2b", "team-platform-2026", "sk-4f90d13a42f6c1cbb2b9dd42a9ef1f3a", "correct horse battery staple", "sk-test-4f90d13a",
	} {
		if config.WeakKey(key) {
			t.Errorf("%s is taken for a placeholder", key)
		}
	}
}
