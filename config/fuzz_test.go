package config

import (
	"io/fs"
	"os"
	"testing"
)

// FuzzLoad shows that no file makes Load panic, and that a file without errors
// gives models that can be used.
func FuzzLoad(f *testing.F) {
	root := os.DirFS("testdata")
	names, err := fs.Glob(root, "*/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(root, name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(bomb(5, "x", "[%s]")))
	f.Add([]byte(bomb(5, "{x: 1}", "{<<: [%s]}")))
	f.Fuzz(func(t *testing.T, data []byte) {
		src := source("c.yaml", string(data))
		cfg, problems := Load(src)
		failed := false
		for _, p := range problems {
			failed = failed || p.Severity == Error
			if p.Line < 0 || p.Line > 0 && p.Column < 1 || p.Message == "" {
				t.Errorf("a problem without a place or a message: %#v", p)
			}
		}
		if failed != (cfg == nil) {
			t.Fatalf("failed: %t, yet there is a configuration: %t", failed, cfg != nil)
		}
		if cfg == nil {
			return
		}
		for _, m := range cfg.Models {
			if m.Name == "" || m.ID == "" || m.Provider != "bedrock" || m.Model == "" || m.Timeout <= 0 || m.StreamTimeout <= 0 || m.KeepAlive <= 0 {
				t.Errorf("a model that cannot be used: %#v", m)
			}
		}
	})
}
