package cli

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestAChangedFileIsNoticedHoweverItWasWritten(t *testing.T) {
	for _, tt := range []struct {
		name  string
		write func(t *testing.T, file string, written time.Time)
		looks int // after which it must be noticed
	}{
		{"in place", func(t *testing.T, file string, _ time.Time) { put(t, file, "b") }, 1},
		{"another file in its place", func(t *testing.T, file string, written time.Time) {
			put(t, file+".new", "b")
			if err := os.Rename(age(t, file+".new", written), file); err != nil {
				t.Fatal(err)
			}
		}, 1},
		{"removed", func(t *testing.T, file string, _ time.Time) {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}, 1},
		{"with its time set back", func(t *testing.T, file string, written time.Time) {
			put(t, file, "b")
			age(t, file, written)
		}, readEach},
	} {
		for _, old := range []time.Duration{time.Hour, 0} {
			t.Run(tt.name+" after "+old.String(), func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "config.yaml")
				put(t, file, "a")
				written := time.Now().Add(-old)
				age(t, file, written)
				var s sources
				s.begin()
				if _, err := s.read(file); err != nil {
					t.Fatal(err)
				}
				for range 2 * readEach {
					if s.changed() {
						t.Fatal("a file that nobody has written has changed")
					}
				}
				tt.write(t, file, written)
				for range tt.looks {
					if s.changed() {
						return
					}
				}
				t.Errorf("the change is not noticed in %d looks", tt.looks)
			})
		}
	}
}

func put(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// age sets the time of a file, and returns its name.
func age(t *testing.T, file string, written time.Time) string {
	t.Helper()
	if err := os.Chtimes(file, written, written); err != nil {
		t.Fatal(err)
	}
	return file
}
