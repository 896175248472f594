//go:build !unix

package processors

import "time"

// cpuTime knows nothing here.
func cpuTime() (time.Duration, bool) { return 0, false }
