package upstream

import (
	"bytes"
	"os"
	"slices"
	"testing"
)

func TestAFileOfAuthoritiesIsParsedOnceForAllClients(t *testing.T) {
	server := greeter(t)
	file := authority(t, server)
	base := newClient(t)
	first, err := base.Authorities(file)
	if err != nil {
		t.Fatal(err)
	}
	c := with(t, base, Settings{CAFile: file})
	guarded := with(t, base, Settings{CAFile: file, Guard: NoMetadata})
	if again, err := guarded.Authorities(file); err != nil || again != first || c.roots() != first || guarded.roots() != first {
		t.Errorf("the same file has been parsed several times: %v", err)
	}
	other, _ := client(t, "somebody else")
	if err := os.WriteFile(file, other, 0o600); err != nil {
		t.Fatal(err)
	}
	renewed, err := base.Authorities(file)
	if err != nil || renewed.Equal(first) {
		t.Errorf("a file that has changed is not read again: %v", err)
	}
	if status, _ := do(t, c, post(t, server.URL, "{}")); status != 200 {
		t.Errorf("a client trusts something else than when it was made: status %d", status)
	}
}

// Files have what a system's bundle may have beside certificates that can be used.
func TestAFileIsOneOfAuthoritiesIfItHasAnyCertificate(t *testing.T) {
	good := block("CERTIFICATE", greeter(t).Certificate().Raw)
	bad := block("CERTIFICATE", []byte("no certificate"))
	for _, tt := range []struct {
		what string
		data []byte
		ok   bool
	}{
		{"something else before it", slices.Concat([]byte("# a comment\n"), bad, block("TRUSTED CERTIFICATE", []byte("x")), good), true},
		{"none that can be parsed", bytes.Repeat(bad, 2), false},
		{"a certificate by another name", bytes.ReplaceAll(good, []byte("CERTIFICATE"), []byte("PARAMETERS")), false},
		{"nothing", nil, false},
	} {
		t.Run(tt.what, func(t *testing.T) {
			if pool, err := Authorities(write(t, "ca.pem", tt.data)); (err == nil) != tt.ok || (pool != nil) != tt.ok {
				t.Errorf("got %v and the error %v", pool, err)
			}
			if _, err := newClient(t).With(Settings{CAFile: write(t, "ca.pem", tt.data)}); (err == nil) != tt.ok {
				t.Errorf("a client with the file: got the error %v", err)
			}
		})
	}
}
