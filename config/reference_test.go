package config

import "testing"

// TestTheExampleOfTheReferenceIsGood: the file at the top of docs/configuration.md can
// be used as it stands.
func TestTheExampleOfTheReferenceIsGood(t *testing.T) {
	src := source("config.yaml", referenceExample)
	src.LookupEnv = func(name string) (string, bool) {
		return "sk-a-key-for-this-test", name == "LITELLM_MASTER_KEY"
	}
	cfg, problems := Load(src)
	if cfg == nil || len(problems) > 0 {
		t.Errorf("the example has problems: %v", problems)
	}
}
