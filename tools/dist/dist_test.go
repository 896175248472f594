package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAVersionIsThatOfTheTagOrBeforeTheNext(t *testing.T) {
	for _, tt := range []struct{ name, described, want string }{
		{"a commit with a tag", "v1.2.0-0-gabcdef1", "1.2.0"},
		{"a commit with the tag of a candidate", "v1.2.0-rc.1-0-gabcdef1", "1.2.0-rc.1"},
		{"changes since the tag", "v1.2.0-0-gabcdef1-dirty", "1.3.0-dev.0.gabcdef1.dirty"},
		{"commits since the tag", "v1.2.0-14-gabcdef1", "1.3.0-dev.14.gabcdef1"},
		{"no tag", "0123456", "1.3.0-dev.g0123456"},
		{"no commit", "unknown", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := fromDescription("1.3.0", tt.described)
			if got != tt.want || (err != nil) != (tt.want == "") {
				t.Errorf("%q is %q (%v), not %q", tt.described, got, err, tt.want)
			}
			if err == nil && !isVersion.MatchString(got) {
				t.Errorf("%q is not semantic", got)
			}
		})
	}
}

func TestDebiansOrderHasCandidatesFirst(t *testing.T) {
	for version, want := range map[string]string{"1.2.0": "1.2.0", "1.2.0-rc.1": "1.2.0~rc.1", "1.2.0-a-b": "1.2.0~a.b"} {
		if got := debianVersion(version); got != want {
			t.Errorf("%s is %s, not %s", version, got, want)
		}
	}
}

func TestNotesAreTheFirstSection(t *testing.T) {
	const rest = "\n## 0.9.0\n\n- old\n"
	for _, tt := range []struct{ name, changelog, version, want, wrong string }{
		{"what is not released yet", "# Changelog\n\nEntries.\n\n## Unreleased\n\n### API\n\n- new\n" + rest, "1.0.0", "# Outcrop 1.0.0\n\n### API\n\n- new\n", ""},
		{"the version with its date", "# Changelog\n\n## 1.0.0 (2026-11-30)\n\n- new\n" + rest, "1.0.0", "# Outcrop 1.0.0\n\n- new\n", ""},
		{"a candidate of the version", "## 1.0.0\n\n- new\n", "1.0.0-rc.1", "# Outcrop 1.0.0-rc.1\n\n- new\n", ""},
		{"another version", "## 0.9.0\n\n- old\n", "1.0.0", "", "the first section of CHANGELOG.md is \"0.9.0\""},
		{"nothing new", "## Unreleased\n" + rest, "1.0.0", "", "is empty"},
		{"no section", "# Changelog\n", "1.0.0", "", "has no section"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := releaseNotes(tt.changelog, tt.version)
			if got != tt.want || tt.wrong == "" && err != nil || tt.wrong != "" && (err == nil || !strings.Contains(err.Error(), tt.wrong)) {
				t.Errorf("got %q (%v)", got, err)
			}
		})
	}
}

// TestAFolderOfSomethingElseIsNotEmptied: -out is given by people.
func TestAFolderOfSomethingElseIsNotEmptied(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"outcrop-0.1.0.tgz", marker, "letters"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := prepare(dir); err == nil || !strings.Contains(err.Error(), "letters") {
		t.Fatalf("the error is %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "letters")); err != nil {
		t.Fatal(err)
	}
	if err := prepare(dir); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("the folder still has %v (%v)", left, err)
	}
}
