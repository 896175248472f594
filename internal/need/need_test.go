package need_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"outcrop/internal/need"
)

// end is what a test has come to; the fake panics with it where a real one exits its goroutine.
type end string

// fake records what happens to a test.
type fake struct {
	ends   []func()
	errors []string
}

func (*fake) Helper()              {}
func (f *fake) Cleanup(end func()) { f.ends = append(f.ends, end) }
func (f *fake) Error(args ...any)  { f.errors = append(f.errors, fmt.Sprint(args...)) }
func (*fake) Fatal(args ...any)    { panic(end("failed: " + fmt.Sprint(args...))) }
func (*fake) Fatalf(format string, args ...any) {
	panic(end("failed: " + fmt.Sprintf(format, args...)))
}

func (*fake) Skipf(format string, args ...any) {
	panic(end("skipped: " + fmt.Sprintf(format, args...)))
}

// tested runs a test, and returns how it has ended; empty if it has run to its end.
func tested(f *fake, test func(t need.TB)) (how end) {
	defer func() {
		if r := recover(); r != nil {
			how = r.(end) // another panic is a failure
		}
	}()
	test(f)
	return ""
}

// stopped is a server that counts how often it was stopped.
type stopped struct {
	times int
	err   error
}

func (s *stopped) Stop() error {
	s.times++
	return s.err
}

func TestWhatIsMissingSkipsATestOrFailsIt(t *testing.T) {
	notInstalled := fmt.Errorf("slate is %w", need.ErrNotInstalled)
	for name, test := range map[string]func(t need.TB){
		"a sentence": func(t need.TB) { need.Missing(t, "slate is not installed") },
		"a file":     func(t need.TB) { need.File(t, "none/there", "slate") },
		"a folder":   func(t need.TB) { need.Made(t, ".", "slate") },
		"a server":   func(t need.TB) { need.Server(t, nil, notInstalled) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OUTCROP_TEST_ALL", "")
			if how := tested(&fake{}, test); how != "skipped: NOT TESTED: slate is not installed. Run make setup, or make test for all." {
				t.Errorf("by itself: %s", how)
			}
			t.Setenv("OUTCROP_TEST_ALL", "1")
			if how := tested(&fake{}, test); how != "failed: slate is not installed: run make setup" {
				t.Errorf("with all others: %s", how)
			}
		})
	}
}

func TestWhatIsThereIsFoundByItsAbsolutePath(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := errors.Join(os.Mkdir("slate", 0o700), os.WriteFile("slate/.made", nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	var file, folder string
	how := tested(&fake{}, func(t need.TB) { file, folder = need.File(t, "slate/.made", "slate"), need.Made(t, "slate", "slate") })
	if how != "" || !filepath.IsAbs(file) || filepath.Dir(file) != folder {
		t.Errorf("%q: %s and %s", how, file, folder)
	}
}

func TestAServerIsStoppedWhenItsTestEnds(t *testing.T) {
	s, f := &stopped{err: errors.New("it does not end")}, &fake{}
	if how := tested(f, func(t need.TB) { need.Server(t, s, nil) }); how != "" || s.times != 0 {
		t.Fatalf("%q, stopped %d times", how, s.times)
	}
	for _, end := range f.ends {
		end()
	}
	if s.times != 1 || !slices.Equal(f.errors, []string{"it does not end"}) {
		t.Errorf("stopped %d times, with the errors %q", s.times, f.errors)
	}
	if how := tested(f, func(t need.TB) { need.Server(t, nil, errors.New("it does not start")) }); how != "failed: it does not start" {
		t.Errorf("a server that does not start: %s", how)
	}
}
