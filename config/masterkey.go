package config

import "strings"

// masterKey uses LITELLM_MASTER_KEY if the file has no key.
func (l *loader) masterKey(cfg *Config) {
	if cfg.General.MasterKey != "" {
		return
	}
	if s, ok := l.env("LITELLM_MASTER_KEY"); ok {
		cfg.General.MasterKey = Secret(s)
		l.checkMasterKey(s, -1, 0, 0, "LITELLM_MASTER_KEY")
		return
	}
	l.unread(Error, "LITELLM_MASTER_KEY") // without it anyone could call
}

func (l *loader) checkMasterKey(s string, file, line, column int, path string) {
	switch {
	case strings.TrimSpace(s) == "":
		l.errorAt(file, line, column, path, "the master key is empty", "", "set a value, or remove the setting to let anyone call")
	case s != strings.TrimSpace(s):
		l.warnAt(file, line, column, path, "the master key begins or ends with white space, which clients cannot send", "check whether the file or secret that it comes from ends in a line break")
	case WeakKey(s):
		l.warnAt(file, line, column, path, "the master key is a placeholder that anyone can guess; with it, Outcrop serves only this machine", "generate one: echo sk-$(openssl rand -hex 32)")
	case !strings.HasPrefix(s, "sk-"):
		l.warnAt(file, line, column, path, `the master key does not begin with "sk-", which LiteLLM requires`, "")
	}
}
