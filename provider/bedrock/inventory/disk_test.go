package inventory_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"outcrop/provider/bedrock/catalog"
)

func TestListsOutlastARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	v, a := open(t, dir), morning()
	if err := v.Refresh(t.Context(), region, 0, a.get); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir)
	if _, ok := again.Snapshot().Catalogue.Model("acme.rocket-v9:0"); ok {
		t.Error("a region that nobody uses is read from disk")
	}
	again.AddRegion(region)
	if c := again.Snapshot().Catalogue; len(c.ProfilesOf("acme.rocket-v9:0")) != 2 {
		t.Error("the lists are not there")
	} else if c.OnDemand("acme.nothing", region) != catalog.No {
		t.Error("the list does not count as one of the region")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %q, %v", files, err)
	}
	if info, err := os.Stat(files[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}

	old := open(t, dir)
	old.clock.advance(8 * 24 * time.Hour)
	old.AddRegion(region)
	if _, ok := old.Snapshot().Catalogue.Model("acme.rocket-v9:0"); ok {
		t.Error("lists of last week count")
	}
	for _, text := range []string{"", "{", `{"outcropLiveCatalogue":1}`} {
		if err := os.WriteFile(files[0], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		broken := open(t, dir)
		broken.AddRegion(region)
		if !strings.Contains(broken.log.String(), "cannot use the saved model lists") {
			t.Errorf("%q is used: %s", text, broken.log)
		}
		if err := broken.Refresh(t.Context(), region, 0, a.get); err != nil || len(broken.Snapshot().Catalogue.ProfilesOf("acme.rocket-v9:0")) != 2 {
			t.Errorf("after %q: %v", text, err)
		}
	}
}

func TestListsThatNobodyUsesAreRemoved(t *testing.T) {
	dir := t.TempDir()
	v, a := open(t, dir), morning()
	const day = 24 * time.Hour
	files := map[string]struct {
		age  time.Duration
		kept bool
	}{
		"models-000f25f24a8acabf-us-east-1.json": {31 * day, false},
		"models-05c42a083c913587-us-east-1.json": {29 * day, true},
		".models-123":                            {2 * day, false},
		".models-456":                            {time.Hour, true},
		"models-of-mine.json":                    {99 * day, true},
		"models-000f25f24a8acabf-us-east-1.txt":  {99 * day, true},
		"notes.json":                             {99 * day, true},
	}
	for name, f := range files {
		path, at := filepath.Join(dir, name), v.clock.time().Add(-f.age)
		if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "models-0000000000000000-folder.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := v.Refresh(t.Context(), region, 0, a.get); err != nil {
		t.Fatal(err)
	}
	for name, f := range files {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != f.kept {
			t.Errorf("%s of %v: %v", name, f.age, err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "models-*")); err != nil || len(left) != 5 {
		t.Errorf("left are %q, %v; want the lists just read, too", left, err)
	}
}

func TestADiskThatCannotBeWrittenTo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	v, a := open(t, filepath.Join(file, "data")), morning()
	for range 3 {
		if err := v.Refresh(t.Context(), region, 0, a.get); err != nil || len(v.Snapshot().Catalogue.ProfilesOf("acme.rocket-v9:0")) != 2 {
			t.Errorf("got %v", err)
		}
	}
	if log := v.log.String(); strings.Count(log, "level=WARN msg=\"cannot save the model lists to disk") != 1 {
		t.Errorf("the log is %s", log)
	}
}
