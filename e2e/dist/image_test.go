package dist

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// masterKey is that of gateways that have no other.
const masterKey = "sk-0123456789abcdef0123456789abcdef"

// nonroot is the user of the image.
const nonroot = 65532

// descriptor is how a layout refers to one of its files (OCI image specification, descriptor.md).
type descriptor struct {
	MediaType   string
	Digest      string
	Size        int64
	Platform    struct{ OS, Architecture string }
	Annotations map[string]string
}

// manifest is an index, or the manifest of an image.
type manifest struct {
	MediaType         string
	Manifests, Layers []descriptor
	Config            descriptor
}

// image is what a layout has of an image.
type image struct {
	Architecture, OS string
	Created          time.Time
	Config           struct {
		User            string
		Entrypoint, Cmd []string
		Env             []string
		ExposedPorts    map[string]struct{}
		Labels          map[string]string
	}
	layers []string // files
	size   int64    // of what is downloaded
}

// layout reads the image, by the specification and not by the library that wrote it.
func layout(t *testing.T) image {
	t.Helper()
	dir := filepath.Join(built.out, "outcrop-"+version+"-image")
	var marker struct{ ImageLayoutVersion string }
	decode(t, read(t, filepath.Join(dir, "oci-layout")), &marker)
	if marker.ImageLayoutVersion != "1.0.0" {
		t.Errorf("the version of the layout is %q", marker.ImageLayoutVersion)
	}
	var img image
	blob := func(d descriptor, into any) string {
		t.Helper()
		sum, _ := strings.CutPrefix(d.Digest, "sha256:")
		file := filepath.Join(dir, "blobs/sha256", sum)
		content := read(t, file)
		if got := sha256.Sum256(content); hex.EncodeToString(got[:]) != sum || int64(len(content)) != d.Size {
			t.Errorf("the blob %s is another, of %d bytes", d.Digest, len(content))
		}
		if into != nil {
			decode(t, content, into)
		}
		return file
	}
	var top, index, one manifest
	decode(t, read(t, filepath.Join(dir, "index.json")), &top)
	if len(top.Manifests) != 1 || top.Manifests[0].Annotations["org.opencontainers.image.ref.name"] != version {
		t.Fatalf("the layout has %+v, and not one image of this version", top.Manifests)
	}
	blob(top.Manifests[0], &index)
	if len(index.Manifests) != 1 || index.Manifests[0].Platform.OS != "linux" || index.Manifests[0].Platform.Architecture != runtime.GOARCH {
		t.Fatalf("the image is for %+v", index.Manifests)
	}
	blob(index.Manifests[0], &one)
	blob(one.Config, &img)
	img.size = one.Config.Size
	for _, l := range one.Layers {
		img.layers = append(img.layers, blob(l, nil))
		img.size += l.Size
	}
	return img
}

func decode(t *testing.T, text []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%v in %.200s", err, text)
	}
}

// TestTheImageIsSmallAndRunsAsNobody holds the image to what the documentation says of it.
func TestTheImageIsSmallAndRunsAsNobody(t *testing.T) {
	output(t, built.check, "image", filepath.Join(built.out, "outcrop-"+version+"-image"))
	img := layout(t)
	const most = 40_000_000
	if img.size > most {
		t.Errorf("the image has %d bytes, which is more than 40 MB", img.size)
	}
	t.Logf("%.1f MB are downloaded", float64(img.size)/1e6)
	got := fmt.Sprint(img.OS, img.Architecture, img.Config.User, img.Config.Entrypoint, img.Config.Cmd, img.Config.Env, img.Config.ExposedPorts)
	if want := fmt.Sprint("linux", runtime.GOARCH, "65532:65532", "[/outcrop] [serve --host 0.0.0.0] [OUTCROP_DATA_DIR=/data] map[4000/tcp:{}]"); got != want {
		t.Errorf("the image is\n%s\nnot\n%s", got, want)
	}
	if img.Config.Labels["org.opencontainers.image.version"] != version || img.Created.IsZero() {
		t.Errorf("the labels are %v, and the time is %v", img.Config.Labels, img.Created)
	}
}

// unpack unpacks the image as a container engine does, and returns the root and the entries by their names.
func unpack(t *testing.T) (root string, entries map[string]*tar.Header) {
	t.Helper()
	root = filepath.Join(built.dir, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	entries = map[string]*tar.Header{}
	for _, file := range layout(t).layers {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		for in := tar.NewReader(z); ; {
			h, err := in.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			entries[h.Name] = h
			extract(t, filepath.Join(root, h.Name), h, in)
		}
	}
	return root, entries
}

func extract(t *testing.T, path string, h *tar.Header, content io.Reader) {
	t.Helper()
	var err error
	switch h.Typeflag {
	case tar.TypeDir:
		err = os.Mkdir(path, 0o755)
	case tar.TypeReg:
		var f *os.File
		if f, err = os.Create(path); err == nil {
			_, err = io.Copy(f, content)
			err = errors.Join(err, f.Close())
		}
	default:
		t.Errorf("%s is neither a file nor a folder", h.Name)
	}
	if err == nil {
		err = os.Chmod(path, h.FileInfo().Mode())
	}
	if err == nil && os.Getuid() == 0 {
		err = os.Lchown(path, h.Uid, h.Gid)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestTheUnpackedImage is of what a container has: no shell, nothing with more rights than the user, nothing that others can replace,
// and a gateway that serves from it.
func TestTheUnpackedImage(t *testing.T) {
	root, entries := unpack(t)
	t.Run("has nothing to run but the gateway", func(t *testing.T) { onlyTheGateway(t, root, entries) })
	t.Run("serves without being able to write", func(t *testing.T) { servesReadOnly(t, root) })
}

func onlyTheGateway(t *testing.T, root string, entries map[string]*tar.Header) {
	t.Helper()
	var names []string
	for name, h := range entries {
		names = append(names, name)
		owner, mode := 0, h.FileInfo().Mode()
		if name == "data/" {
			owner = nonroot
		}
		if h.Uid != owner || h.Gid != owner || mode&(os.ModeSetuid|os.ModeSetgid) != 0 || name != "tmp/" && mode&0o022 != 0 {
			t.Errorf("%s belongs to %d:%d and has the mode %v", name, h.Uid, h.Gid, mode)
		}
		if h.Typeflag == tar.TypeReg && mode&0o111 != 0 && name != "outcrop" {
			t.Errorf("%s can be run", name)
		}
	}
	slices.Sort(names)
	want := []string{"data/", "etc/", "etc/ssl/", "etc/ssl/certs/", "etc/ssl/certs/ca-certificates.crt", "licenses/", "licenses/LICENSE", "licenses/modules.txt", "outcrop", "tmp/"}
	if !slices.Equal(names, want) {
		t.Errorf("the image has %q, not %q", names, want)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(read(t, filepath.Join(root, "etc/ssl/certs/ca-certificates.crt"))) {
		t.Error("the image has no certificates")
	}
}

// gateway is a running gateway.
type gateway struct {
	t    *testing.T
	url  string
	log  []string // its lines until it listened
	pid  int
	stop func() error // as an orchestrator does; an error if it does not end well
}

// serve starts a program that ends up as a gateway on a free port.
func serve(t *testing.T, cmd *exec.Cmd) *gateway {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	g := &gateway{t: t, pid: cmd.Process.Pid}
	drained := make(chan struct{})
	g.stop = func() error {
		signalled := cmd.Process.Signal(syscall.SIGTERM)
		ended := cmd.Wait()
		<-drained
		return errors.Join(signalled, ended, r.Close())
	}
	stopped := false
	stop := g.stop
	g.stop = func() error { stopped = true; return stop() }
	t.Cleanup(func() {
		if !stopped {
			_ = g.stop()
		}
	})
	watchdog := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() { watchdog.Stop() })
	lines := bufio.NewScanner(r)
	for g.url == "" && lines.Scan() {
		g.log = append(g.log, lines.Text())
		if _, address, ok := strings.Cut(lines.Text(), "outcrop: listening on "); ok {
			g.url = address
		}
	}
	go func() {
		defer close(drained)
		_, _ = io.Copy(io.Discard, r)
	}()
	if g.url == "" {
		t.Fatalf("the gateway did not start:\n%s", strings.Join(g.log, "\n"))
	}
	return g
}

// call makes a call with a key, and returns status and answer.
func (g *gateway) call(method, path, key, body string) (int, string) {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), method, g.url+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

// contained makes its first argument a root file system to which nothing can be written, with the second one mounted at /data if
// there is one, and runs the others in it as the image's user. No other process sees these mounts.
const contained = `set -e
root=$1 data=$2
shift 2
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
[ -z "$data" ] || mount --bind "$data" "$root/data"
exec chroot --userspec=65532:65532 "$root" "$@"`

// servesReadOnly runs the image without an engine: the kernel does what docker run --read-only asks it for.
func servesReadOnly(t *testing.T, root string) {
	t.Helper()
	unshare := tool(t, "unshare")
	if os.Getuid() != 0 {
		t.Skip("NOT TESTED: the image as its own user, on a read-only root file system. Mounting it needs root.")
	}
	if out, err := exec.CommandContext(t.Context(), unshare, "--mount", "true").CombinedOutput(); err != nil {
		t.Skipf("NOT TESTED: the image as its own user, on a read-only root file system. This sandbox does not allow mounts: %v: %s", err, out)
	}
	img := layout(t)
	start := func(t *testing.T, data string) *gateway {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), unshare, append([]string{"--mount", "sh", "-c", contained, "sh", root, data}, append(img.Config.Entrypoint, "serve", "--emulator", "--port", "0")...)...)
		cmd.Env = append(img.Config.Env, "PATH="+os.Getenv("PATH"), "LITELLM_MASTER_KEY="+masterKey)
		cmd.Dir = "/"
		return serve(t, cmd)
	}
	t.Run("without a volume", func(t *testing.T) {
		g := start(t, "")
		if !strings.Contains(strings.Join(g.log, "\n"), "/data/") || !strings.Contains(strings.Join(g.log, "\n"), "read-only file system") {
			t.Errorf("the log does not say that nothing can be written:\n%s", strings.Join(g.log, "\n"))
		}
		answers(t, g)
	})
	t.Run("with one", func(t *testing.T) {
		data := filepath.Join(root, "..", "volume")
		if err := os.Mkdir(data, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(data, nonroot, nonroot); err != nil {
			t.Fatal(err)
		}
		g := start(t, data)
		if log := strings.Join(g.log, "\n"); strings.Contains(log, "not writable") {
			t.Errorf("the volume is not used:\n%s", log)
		}
		if code, answer := g.call("POST", "/key/generate", masterKey, `{}`); code != http.StatusOK {
			t.Errorf("a key is not made: %d: %s", code, answer)
		}
		answers(t, g)
		if _, err := os.Stat(filepath.Join(data, "state.db")); err != nil {
			t.Errorf("the key was not kept in the volume: %v", err)
		}
	})
}

// answers checks who runs a gateway, its health by the command that health checks have, a first answer, and its end.
func answers(t *testing.T, g *gateway) {
	t.Helper()
	status := string(read(t, fmt.Sprintf("/proc/%d/status", g.pid)))
	if !strings.Contains(status, "\nUid:\t65532\t65532\t65532\t65532\n") || !strings.Contains(status, "\nCapEff:\t0000000000000000\n") {
		t.Errorf("the gateway does not run as the image's user:\n%s", status)
	}
	output(t, built.binary, "health", "--url", g.url)
	if code, answer := g.call("POST", "/v1/chat/completions", masterKey, `{"model": "claude-sonnet-5", "messages": [{"role": "user", "content": "What is granite?"}]}`); code != http.StatusOK || !strings.Contains(answer, "What is granite?") {
		t.Errorf("the answer is %d: %s", code, answer)
	}
	if err := g.stop(); err != nil {
		t.Errorf("the gateway did not end well: %v", err)
	}
}
