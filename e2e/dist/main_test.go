// Package dist looks at a release as those do who install it.
package dist

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outcrop/internal/need"
)

// version is that of the release that the tests make: it has what the grammars of images, packages and charts treat differently.
const version = "0.0.1-test.1"

// made is the folder of one release, with the programs that made it.
type made struct {
	dir     string // of everything
	binary  string // of this platform
	program string // tools/dist
	check   string // tools/dist/check
	out     string // the release
}

// built is set by TestMain, and only read by tests.
var built made

func TestMain(m *testing.M) {
	code, err := run(m)
	if err = errors.Join(err, goleak.Find()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// run makes a release for this processor, once for all tests.
func run(m *testing.M) (code int, err error) {
	if runtime.GOOS != "linux" {
		fmt.Fprintln(os.Stderr, "NOT TESTED: images and packages are for Linux")
		return 0, nil
	}
	dir, err := os.MkdirTemp("", "outcrop-dist-test-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil { // the image's user has to reach its root
		return 0, err
	}
	built = made{dir: dir, binary: filepath.Join(dir, "outcrop"), program: filepath.Join(dir, "dist"), check: filepath.Join(dir, "check"), out: filepath.Join(dir, "release")}
	ctx := context.Background()
	// Built as make build does, and so of packages that Go has in its cache.
	if err := command(ctx, []string{"CGO_ENABLED=0"}, "go", "build", "-trimpath", "-ldflags", "-s -w -X outcrop.Version="+version, "-o", built.binary, "outcrop/cmd/outcrop"); err != nil {
		return 0, err
	}
	if err := command(ctx, nil, "go", "-C", "../../tools/dist", "build", "-o", dir, ".", "./check"); err != nil {
		return 0, err
	}
	if err := built.release(ctx, built.out); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// release makes a release of the binary in a folder.
func (b made) release(ctx context.Context, out string, environ ...string) error {
	platform := "linux/" + runtime.GOARCH
	return command(ctx, environ, b.program, "-root", "../..", "-out", out, "-version", version, "-platforms", platform, "-binary", platform+"="+b.binary)
}

// command runs a program. An error has what it printed.
func command(ctx context.Context, environ []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), environ...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return nil
}

// output runs a program and returns what it printed.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return string(out)
}

// refused runs a program that has to fail, and returns what it printed.
func refused(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err == nil {
		t.Errorf("%s %s did not fail\n%s", filepath.Base(name), strings.Join(args, " "), out)
	}
	return string(out)
}

// judge is a program that scripts/setup-tests has installed.
func judge(t *testing.T, name string) string {
	t.Helper()
	return filepath.Join(need.Made(t, "../../.cache/dist", "what judges a release"), name)
}

// tool is a program of the machine.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		need.Missing(t, name+" is not installed")
	}
	return path
}

// TestTheProgramsOwnTests: tools/dist is a module of its own, which go test ./... does not reach.
func TestTheProgramsOwnTests(t *testing.T) {
	output(t, "go", "-C", "../../tools/dist", "test", "./...")
}

// TestAReleaseIsTheSameEachTime: another folder, user and time zone change nothing, so that others can make the same bytes.
func TestAReleaseIsTheSameEachTime(t *testing.T) {
	again := filepath.Join(t.TempDir(), "again")
	if err := built.release(t.Context(), again, "TZ=Asia/Tokyo", "LC_ALL=C"); err != nil {
		t.Fatal(err)
	}
	first, second := read(t, filepath.Join(built.out, "SHA256SUMS")), read(t, filepath.Join(again, "SHA256SUMS"))
	if !bytes.Equal(first, second) {
		t.Errorf("two releases of one commit differ:\n%s\n%s", first, second)
	}
}

// TestTheChecksumsAreOfAllFiles: sha256sum finds each file as it is listed, and no file is not listed.
func TestTheChecksumsAreOfAllFiles(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), tool(t, "sha256sum"), "--check", "--strict", "SHA256SUMS")
	cmd.Dir = built.out
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("sha256sum: %v\n%s", err, out)
	}
	var listed []string
	for line := range strings.Lines(string(read(t, filepath.Join(built.out, "SHA256SUMS")))) {
		_, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		listed = append(listed, name)
	}
	err := fs.WalkDir(os.DirFS(built.out), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && path != "SHA256SUMS" && !slices.Contains(listed, path) {
			t.Errorf("%s has no checksum", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"outcrop-" + version + "-linux-" + runtime.GOARCH + ".tar.gz", "outcrop-" + version + "-image/index.json", "outcrop-" + version + "-image-linux-" + runtime.GOARCH + ".tar",
		"outcrop_0.0.1~test.1_" + runtime.GOARCH + ".deb", "outcrop-" + version + ".tgz", "outcrop-" + version + "-notes.md", "outcrop-LICENSES.txt",
	} {
		if !slices.Contains(listed, name) {
			t.Errorf("the release has no %s", name)
		}
	}
}

// TestTheArchiveRunsWhereItIsUnpacked is for those who install by hand.
func TestTheArchiveRunsWhereItIsUnpacked(t *testing.T) {
	dir := t.TempDir()
	name := "outcrop-" + version + "-linux-" + runtime.GOARCH
	output(t, tool(t, "tar"), "-xzf", filepath.Join(built.out, name+".tar.gz"), "-C", dir)
	if got := output(t, filepath.Join(dir, name, "outcrop"), "version"); !strings.HasPrefix(got, "outcrop "+version+" ") {
		t.Errorf("the version is %q", got)
	}
	for _, file := range []string{"LICENSE", "README.md", "CHANGELOG.md", "LICENSES-of-modules.txt", "outcrop.service", "config.yaml"} {
		if len(read(t, filepath.Join(dir, name, file))) == 0 {
			t.Errorf("%s is empty", file)
		}
	}
}

// TestTheLicencesOfModulesGoWithTheBinary: they ask for it.
func TestTheLicencesOfModulesGoWithTheBinary(t *testing.T) {
	text := string(read(t, filepath.Join(built.out, "outcrop-LICENSES.txt")))
	for module := range strings.FieldsSeq(output(t, "go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}", "outcrop/cmd/outcrop")) {
		if !strings.Contains(text, "\n"+module+" v") {
			t.Errorf("the licence of %s is missing", module)
		}
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// patience bounds what a program of these tests may take on a busy machine.
const patience = 2 * time.Minute
