package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestPortkeyIsFoundWhereNpmPutsIt(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("PATH", filepath.Join(dir, "bin"))
	program(t, filepath.Join("bin", "node"))
	if found, missing, err := (settings{with: portkey}).neighbours(); len(found) != 0 || len(missing) != 1 || err != nil {
		t.Errorf("found %v, missing %q, %v; want a sentence about it", found, missing, err)
	}
	path := filepath.Join(dir, ".cache", "portkey", "node_modules", "@portkey-ai", "gateway", "build", "start-server.js")
	program(t, path)
	if found, missing, err := (settings{with: portkey}).neighbours(); len(found) != 1 || found[0] != (neighbour{portkey, path}) || len(missing) != 0 || err != nil {
		t.Errorf("found %v, missing %q, %v; want %s", found, missing, err, path)
	}
	if _, _, err := (settings{with: portkey, portkey: "elsewhere.js"}).neighbours(); err == nil {
		t.Error("a file that is not there is not refused")
	}
}

func TestPortkeyIsToldWhereACallGoes(t *testing.T) {
	for _, tt := range []struct {
		k    kind
		want string
	}{
		{kind{api: apiChat, model: "m"}, "x-portkey-custom-host: http://up:1\r\n"},
		{kind{api: apiOpenAI, model: "m"}, "x-portkey-custom-host: http://up:1/m/v1\r\n"},
	} {
		s := server{gateway: true, headers: func(k kind) string { return portkeyHeaders("up:1", k) }}
		plain, told := tt.k.gateway(), s.asked(tt.k)
		head, body, _ := strings.Cut(string(told.bytes), "\r\n\r\n")
		if !strings.HasPrefix(head, "POST /v1/chat/completions HTTP/1.1\r\nx-portkey-provider: ") || !strings.Contains(head, tt.want) || !strings.HasSuffix(string(plain.bytes), "\r\n\r\n"+body) {
			t.Errorf("%q", told.bytes)
		}
	}
}
