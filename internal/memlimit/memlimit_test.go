package memlimit_test

import (
	"os"
	"runtime"
	"testing"
	"testing/fstest"

	"outcrop/internal/memlimit"
)

func TestGranted(t *testing.T) {
	const meminfo = "MemTotal:       16384000 kB\nMemFree:         8192000 kB\n"
	const machine = 16384000 << 10
	for name, test := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"nothing is known":      {nil, 0},
		"a machine alone":       {map[string]string{"proc/meminfo": meminfo}, machine},
		"a container of v2":     {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "536870912\n"}, 512 << 20},
		"v2 without a limit":    {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, machine},
		"v2, the group's own":   {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/system.slice/outcrop.service\n", "sys/fs/cgroup/system.slice/outcrop.service/memory.max": "1073741824\n"}, 1 << 30},
		"v2, one around it":     {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": "1000000000\n", "sys/fs/cgroup/a/b/memory.max": "2000000000\n"}, 1000000000},
		"a container of v1":     {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "5:cpu,cpuacct:/x\n4:memory:/docker/0123\n0::/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "268435456\n"}, 256 << 20},
		"v1, the group's own":   {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "4:hugetlb,memory:/x\n", "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "268435456\n"}, 256 << 20},
		"v1 without a limit":    {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "4:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, machine},
		"files of another form": {map[string]string{"proc/meminfo": "MemTotal: much\n", "proc/self/cgroup": "0::/../x\nrubbish\n", "sys/fs/cgroup/memory.max": ""}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			root := fstest.MapFS{}
			for name, text := range test.files {
				root[name] = &fstest.MapFile{Data: []byte(text)}
			}
			if got, known := memlimit.Granted(root); got != test.want || known != (test.want > 0) {
				t.Errorf("got %d, %v, want %d", got, known, test.want)
			}
		})
	}
}

func TestThisMachineIsKnown(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has the files")
	}
	if n, known := memlimit.Granted(os.DirFS("/")); !known || n < 64<<20 {
		t.Errorf("got %d, %v", n, known)
	}
}
