package pages

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"outcrop/internal/postgres"
)

// shots is a folder for pictures of the pages.
var shots = flag.String("shots", "", "write pictures of the pages into this folder")

// patience limits how long a test waits; only a failure takes that long.
const patience = time.Minute

// The browser and the PostgreSQL of all tests; nil if they are not installed.
var (
	browser context.Context
	machine *postgres.Server
	schemas atomic.Int64
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	code, err := prepared(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}

// prepared runs the tests with a browser and a PostgreSQL.
func prepared(m *testing.M) (code int, err error) {
	ctx := context.Background()
	if path, err := exec.LookPath("chromium"); err == nil {
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Flag("force-color-profile", "srgb"), chromedp.WSURLReadTimeout(patience))
		allocator, stop := chromedp.NewExecAllocator(ctx, options...)
		defer stop()
		tab, quit := chromedp.NewContext(allocator)
		defer quit()
		browser = tab //nolint:fatcontext // the tests share it, and it does not grow
		if err := chromedp.Run(browser); err != nil {
			return 0, fmt.Errorf("chromium: %w", err)
		}
	}
	switch machine, err = postgres.Start(ctx, ""); {
	case err == nil:
		defer func() { err = errors.Join(err, machine.Stop()) }()
	case !errors.Is(err, postgres.ErrNotInstalled):
		return 0, err
	}
	return m.Run(), nil
}
