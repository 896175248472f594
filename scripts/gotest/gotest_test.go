package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// module creates a module with the files, and makes it the working directory.
func module(t *testing.T, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	files["go.mod"] = "module quarry\n\ngo 1.26\n"
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	t.Setenv("GOFLAGS", "")
	t.Setenv("GOWORK", "off")
}

// holds checks that a text matches regular expressions.
func holds(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !regexp.MustCompile(`(?m)` + part).MatchString(text) {
			t.Errorf("it does not say %s:\n%s", part, text)
		}
	}
}

func TestFailuresAndSkipsAreNamedAtTheEnd(t *testing.T) {
	module(t, map[string]string{
		"good/good_test.go": `package good
import "testing"
func TestGranite(t *testing.T) { t.Log("quiet") }
func TestSlate(t *testing.T) { t.Skip("there is no slate here") }
`,
		"bad/bad_test.go": `package bad
import "testing"
func TestGranite(t *testing.T) {
	t.Run("whole", func(t *testing.T) { t.Error("it is cut") })
	t.Run("streamed", func(t *testing.T) {})
}
func TestMarble(t *testing.T) {
	for range 100 { t.Log("a line of many") }
	t.Fatal("the last line")
}
`,
		"broken/broken.go":      "package broken\nvar X int = \"a stone\"\n",
		"broken/broken_test.go": "package broken\n",
		"above/above_test.go":   "package above\nimport _ \"quarry/below\"\n", "below/below.go": "package below\nvar X int = \"a rock\"\n",
		"fallen/fallen_test.go": `package fallen
import ("os"; "testing")
func TestMain(m *testing.M) { m.Run(); println("the roof came down"); os.Exit(3) }
func TestGranite(*testing.T) {}
`,
		"thrown/thrown_test.go": `package thrown
import "testing"
func TestGranite(*testing.T) { panic("stones were thrown") }
`,
	})
	var out, errs bytes.Buffer
	code, err := run(t.Context(), []string{"-every=1h", "-json=events", "-packages=packages", "./..."}, &out, &errs)
	if code != 1 || err != nil {
		t.Errorf("exit code %d, %v\n%s", code, err, errs.String())
	}
	text := out.String()
	holds(t, text,
		`^Skipped:\n  good TestSlate: there is no slate here$`,
		`^FAILED bad TestGranite/whole\n(.*\n)?    .*bad_test.go:4: it is cut$`,
		`^FAILED bad TestMarble\n    \.\.\. 61 lines before\n`, `the last line$`,
		`^FAILED broken\n(.*\n)*    .*cannot use "a stone"`,
		`^FAILED below\n(.*\n)*    .*cannot use "a rock"`,
		`^FAILED fallen\n(.*\n)*    .*the roof came down$`,
		`^FAILED thrown TestGranite\n(.*\n)*    .*stones were thrown`,
		`^Failed:\n(  .*\n)+\n`, `^  bad TestGranite/whole\n      bad_test.go:4: it is cut$`,
		`\n\d+s, exit code 1\n3 passed, 7 failed, 1 skipped\n$`,
	)
	if strings.Contains(text, "quiet") || strings.Contains(text, "FAILED bad TestGranite\n") {
		t.Errorf("it says too much:\n%s", text)
	}
	for name, part := range map[string]string{"events": `"Action":"skip"`, "packages": "ok  \tquarry/good"} {
		kept, err := os.ReadFile(name)
		if err != nil || !bytes.Contains(kept, []byte(part)) {
			t.Errorf("the file of -%s holds %q, %v", name, kept, err)
		}
	}
}

func TestAGoodRunExitsWith0(t *testing.T) {
	module(t, map[string]string{"good/good_test.go": "package good\nimport \"testing\"\nfunc TestGranite(*testing.T) {}\n"})
	var out, errs bytes.Buffer
	code, err := run(t.Context(), []string{"-every=1h", "./..."}, &out, &errs)
	if code != 0 || err != nil {
		t.Errorf("exit code %d, %v\n%s", code, err, errs.String())
	}
	holds(t, out.String(), `^ok    good .*s$`, `exit code 0\n1 passed, 0 failed, 0 skipped\n$`)
}

func TestWhatCannotBeRunIsAnError(t *testing.T) {
	for name, args := range map[string][]string{
		"a time that is none": {"-every=soon", "./..."}, "no time": {"-every=0s", "./..."}, "a file in no folder": {"-json=none/events", "./..."},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			if code, err := run(t.Context(), args, &out, &errs); code != 2 || err == nil {
				t.Errorf("exit code %d, %v", code, err)
			}
		})
	}
	t.Setenv("GO", "no-such-go")
	var out, errs bytes.Buffer
	if code, err := run(t.Context(), []string{"./..."}, &out, &errs); code != 2 || err == nil || !strings.Contains(err.Error(), "no-such-go") {
		t.Errorf("exit code %d, %v", code, err)
	}
}

func TestProgressSaysWhatIsRunning(t *testing.T) {
	var out bytes.Buffer
	r := newReport(&out, &bytes.Buffer{})
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r.progress(5*time.Second, began.Add(5*time.Second))
	for _, line := range []string{
		`{"Time":"2026-01-02T03:04:05Z","Action":"start","Package":"quarry/good"}`,
		`{"Time":"2026-01-02T03:04:05Z","Action":"run","Package":"quarry/good","Test":"TestGranite"}`,
		`{"Time":"2026-01-02T03:04:05Z","Action":"run","Package":"quarry/good","Test":"TestGranite/whole"}`,
		`{"Time":"2026-01-02T03:04:06Z","Action":"pass","Package":"quarry/good","Test":"TestGranite/whole","Elapsed":1}`,
		`{"Time":"2026-01-02T03:04:07Z","Action":"run","Package":"quarry/good","Test":"TestSlate"}`,
		`{"Time":"2026-01-02T03:04:07Z","Action":"pause","Package":"quarry/good","Test":"TestSlate"}`,
		`not an event`,
	} {
		r.take([]byte(line + "\n"))
	}
	r.progress(10*time.Second, began.Add(10*time.Second))
	const want = `   5s 0 packages done, 0 tests passed, 0 failed; now: go compiles
not an event
  10s 0 packages done, 1 tests passed, 0 failed; now: good TestGranite (10s)
`
	if out.String() != want {
		t.Errorf("it says\n%s\nwant\n%s", out.String(), want)
	}
}

// A run that is interrupted, by a full disk or a kill, has failed.
func TestADataRaceIsShownWhicheverTestPrintsIt(t *testing.T) {
	var out bytes.Buffer
	r := newReport(&out, &bytes.Buffer{})
	say := func(pkg, name, action, output string) {
		r.take(fmt.Appendf(nil, `{"Action":%q,"Package":"quarry/%s","Test":%q,"Output":%q}`, action, pkg, name, output))
	}
	for _, line := range []string{"==================", "WARNING: DATA RACE", "Read at 0x00c0 by goroutine 7:", "=================="} {
		say("good", "TestGranite", "output", line+"\n")
		say("other", "TestSlate", "output", "dust\n")
	}
	say("good", "TestGranite", "output", "quiet\n")
	say("good", "TestGranite", "pass", "")
	say("good", "TestMarble", "output", "    testing.go:1: race detected during execution of test\n")
	say("good", "TestMarble", "fail", "")
	r.summarize(time.Second, 1)
	holds(t, out.String(), `^A data race, while good TestGranite ran:\n    WARNING: DATA RACE\n    Read at 0x00c0 by goroutine 7:\n`)
	if text := out.String(); strings.Contains(text, "quiet") || strings.Contains(text, "dust") {
		t.Errorf("it says too much:\n%s", text)
	}
}

func TestATestThatNeverEndsHasFailed(t *testing.T) {
	var out bytes.Buffer
	r := newReport(&out, &bytes.Buffer{})
	r.take([]byte(`{"Time":"2026-01-02T03:04:05Z","Action":"run","Package":"quarry/good","Test":"TestGranite"}` + "\n"))
	r.summarize(time.Second, 1)
	holds(t, out.String(), `^FAILED good TestGranite\n    it did not end$`, `0 passed, 1 failed, 0 skipped\n$`)
}

func TestAFewUnsteadyTestsAreRunAgainAlone(t *testing.T) {
	const unsteady = `package quarry
import ("os"; "testing")
func TestGranite(t *testing.T) {
	t.Run("whole", func(t *testing.T) {
		if _, err := os.Stat("ran"); err != nil { os.WriteFile("ran", nil, 0o600); t.Error("the quarry is busy") }
	})
}
func TestSlate(*testing.T) {}
`
	for name, c := range map[string]struct {
		file, again string
		code        int
		says        []string
	}{
		"it passes alone":      {unsteady, "quarry/e2e", 0, []string{`^Once more, alone: TestGranite$`, `^Unsteady.*\n  e2e TestGranite/whole\n      e2e_test.go:5: the quarry is busy$`, `exit code 0\n1 passed, 0 failed, 0 skipped\n$`}},
		"of no such package":   {unsteady, "quarry/other", 1, []string{`^FAILED e2e TestGranite/whole$`, `1 passed, 1 failed, 0 skipped\n$`}},
		"it is not wanted":     {unsteady, "", 1, []string{`1 passed, 1 failed, 0 skipped\n$`}},
		"it fails alone":       {strings.Replace(unsteady, "os.WriteFile", "_ = os.WriteFile; _ = func(string, []byte, int) {}; (func(string, []byte, int) {})", 1), "e2e", 1, []string{`^It has failed again`, `^FAILED e2e TestGranite/whole$`}},
		"it panics":            {strings.Replace(unsteady, "t.Error(", "panic(", 1), "e2e", 1, []string{`^FAILED e2e TestGranite/whole$`}},
		"it is said to race":   {strings.Replace(unsteady, "the quarry is busy", "race detected during execution of test", 1), "e2e", 1, []string{`^FAILED e2e TestGranite/whole$`}},
		"too many have failed": {unsteady + "func TestA(t *testing.T) { t.Fail() }\nfunc TestB(t *testing.T) { t.Fail() }\nfunc TestC(t *testing.T) { t.Fail() }\n", "e2e", 1, []string{`1 passed, 4 failed`}},
	} {
		t.Run(name, func(t *testing.T) {
			module(t, map[string]string{"e2e/e2e_test.go": c.file})
			var out, errs bytes.Buffer
			code, err := run(t.Context(), []string{"-every=1h", "-again=" + c.again, "-parallel", "2", "./e2e/...", "./..."}, &out, &errs)
			if code != c.code || err != nil {
				t.Errorf("exit code %d, %v\n%s%s", code, err, out.String(), errs.String())
			}
			holds(t, out.String(), c.says...)
			if c.code != 0 && strings.Contains(out.String(), "\nUnsteady,") {
				t.Errorf("it forgives:\n%s", out.String())
			}
		})
	}
}
