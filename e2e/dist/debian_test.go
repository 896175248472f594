package dist

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

func packageFile() string {
	return filepath.Join(built.out, "outcrop_0.0.1~test.1_"+runtime.GOARCH+".deb")
}

// TestTheDebianPackageHasWhatAServiceNeeds reads it with Debian's own program.
func TestTheDebianPackageHasWhatAServiceNeeds(t *testing.T) {
	dpkg := tool(t, "dpkg-deb")
	fields := output(t, dpkg, "--field", packageFile())
	for _, want := range []string{"Package: outcrop\n", "Version: 0.0.1~test.1\n", "Architecture: " + runtime.GOARCH + "\n", "Depends: ca-certificates, passwd\n"} {
		if !strings.Contains(fields, want) {
			t.Errorf("the package does not have %q:\n%s", want, fields)
		}
	}
	if got := output(t, dpkg, "--info", packageFile(), "conffiles"); got != "/etc/outcrop/config.yaml\n" {
		t.Errorf("the files that an administrator may change are %q", got)
	}
	contents := output(t, dpkg, "--contents", packageFile())
	for name, mode := range map[string]string{
		"/usr/bin/outcrop": "-rwxr-xr-x", "/usr/lib/systemd/system/outcrop.service": "-rw-r--r--", "/etc/outcrop/config.yaml": "-rw-r-----",
		"/usr/share/man/man1/outcrop.1.gz": "-rw-r--r--", "/usr/share/doc/outcrop/copyright": "-rw-r--r--", "/usr/share/doc/outcrop/changelog.gz": "-rw-r--r--",
	} {
		if !regexp.MustCompile(`(?m)^` + mode + ` root/root .* \.` + regexp.QuoteMeta(name) + `$`).MatchString(contents) {
			t.Errorf("the package has no %s with the mode %s:\n%s", name, mode, contents)
		}
	}
}

// installed runs a script as root of this machine's own files, of which it sees a copy: what it changes is lost. $deb is the package.
const installed = `set -e
mount -t tmpfs memory "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay copy -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount --rbind /proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
cp "$2" "$1/root/outcrop.deb"
exec chroot "$1/root" sh -e -c "deb=/outcrop.deb; $3"`

// onACopy is the command that runs a script with the package on a copy of this machine's files.
func onACopy(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	tool(t, "dpkg")
	unshare := tool(t, "unshare")
	if os.Getuid() != 0 {
		t.Skip("NOT TESTED: the installation of the Debian package. It needs root.")
	}
	probe := exec.CommandContext(t.Context(), unshare, "--mount", "sh", "-c", installed, "sh", t.TempDir(), packageFile(), "true")
	if out, err := probe.CombinedOutput(); err != nil {
		t.Skipf("NOT TESTED: the installation of the Debian package. This sandbox does not allow mounts: %v: %s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), unshare, "--mount", "sh", "-c", installed, "sh", t.TempDir(), packageFile(), script)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "AWS_EC2_METADATA_DISABLED=true")
	return cmd
}

// TestTheDebianPackageIsInstalledUpgradedAndPurged without systemd running, as in a container, and with an administrator's changes.
func TestTheDebianPackageIsInstalledUpgradedAndPurged(t *testing.T) {
	out, err := onACopy(t, `
		dpkg --install $deb
		stat -c '%n %U:%G %a' /etc/outcrop/config.yaml /etc/outcrop/env /var/lib/outcrop
		getent passwd outcrop | cut -d: -f6,7
		key=$(grep ^LITELLM_MASTER_KEY=sk- /etc/outcrop/env | wc -c); echo key $key
		setpriv --reuid outcrop --regid outcrop --clear-groups env LITELLM_MASTER_KEY=`+masterKey+` outcrop config check /etc/outcrop/config.yaml
		! command -v systemd-analyze >/dev/null || systemd-analyze verify --man=no /usr/lib/systemd/system/outcrop.service
		! command -v systemd-analyze >/dev/null || systemd-analyze security --offline=yes --threshold=20 /usr/lib/systemd/system/outcrop.service | tail -1
		! command -v deb-systemd-helper >/dev/null || ls /etc/systemd/system/multi-user.target.wants/outcrop.service
		echo '# changed' >>/etc/outcrop/config.yaml; cp /etc/outcrop/env /before
		dpkg --install $deb
		tail -n 1 /etc/outcrop/config.yaml; cmp /before /etc/outcrop/env; stat -c '%n %U:%G %a upgraded' /etc/outcrop/config.yaml
		touch /var/lib/outcrop/state.db
		dpkg --remove outcrop; ls /etc/outcrop/env /var/lib/outcrop/state.db
		dpkg --purge outcrop
		for left in /etc/outcrop /var/lib/outcrop /etc/systemd/system/multi-user.target.wants/outcrop.service; do [ ! -e $left ] && [ ! -L $left ] || exit 1; done
		echo purged`).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"/etc/outcrop/config.yaml root:outcrop 640\n", "/etc/outcrop/env root:outcrop 640\n", "/var/lib/outcrop outcrop:outcrop 700\n", "/var/lib/outcrop:/usr/sbin/nologin\n",
		"\nkey 87\n", "config.yaml: no problems", "\n# changed\n", "/etc/outcrop/config.yaml root:outcrop 640 upgraded\n", "/var/lib/outcrop/state.db\n", "\npurged\n",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}

// TestTheUnitsCommandServes runs what the unit runs, as the unit's user and with its files, without systemd and so without what that
// adds: nobody is served without the key that the installation has made.
func TestTheUnitsCommandServes(t *testing.T) {
	unit := string(read(t, "../../deploy/debian/outcrop.service"))
	start := regexp.MustCompile(`(?m)^ExecStart=(.*)$`).FindStringSubmatch(unit)
	if start == nil || !strings.Contains(unit, "\nEnvironmentFile=-/etc/outcrop/env\n") || !strings.Contains(unit, "\nUser=outcrop\n") {
		t.Fatalf("the unit is\n%s", unit)
	}
	g := serve(t, onACopy(t, `
		dpkg --install $deb; cat /etc/outcrop/env
		set -a; . /etc/outcrop/env; OUTCROP_ARGS='--port 0'
		exec setpriv --reuid outcrop --regid outcrop --clear-groups --no-new-privs `+start[1]))
	key := regexp.MustCompile(`(?m)^LITELLM_MASTER_KEY=(sk-[0-9a-f]{64})$`).FindStringSubmatch(strings.Join(g.log, "\n"))
	if key == nil {
		t.Fatalf("there is no master key:\n%s", strings.Join(g.log, "\n"))
	}
	if !strings.HasPrefix(g.url, "http://127.0.0.1:") {
		t.Errorf("the service listens on %s", g.url)
	}
	for _, tt := range []struct {
		path, key string
		code      int
	}{{"/health/liveliness", "", http.StatusOK}, {"/v1/models", "", http.StatusUnauthorized}, {"/v1/models", key[1], http.StatusOK}} {
		if code, answer := g.call("GET", tt.path, tt.key, ""); code != tt.code {
			t.Errorf("%s has the status %d, not %d: %.300s", tt.path, code, tt.code, answer)
		}
	}
	if err := g.stop(); err != nil {
		t.Errorf("the gateway did not end well: %v", err)
	}
}
