package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// healthCommand is for health checks that are commands, such as those of Compose and of Amazon ECS: the container image has neither
// a shell nor curl.
type healthCommand struct {
	gatewayFlag
	Live bool `name:"live" help:"Ask only whether the process answers, not whether it can serve calls."`
}

// healthTimeout is below the time that health checks usually have.
const healthTimeout = 4 * time.Second

// mostHealth bounds the answer that is shown.
const mostHealth = 4 << 10

// Run asks the gateway, prints its answer, and fails if that is not 200.
func (c *healthCommand) Run(ctx context.Context, con console) error {
	base, err := c.base()
	if err != nil {
		return err
	}
	path := "/health/readiness"
	if c.Live {
		path = "/health/liveliness"
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment}
	defer transport.CloseIdleConnections()
	client := &http.Client{Timeout: healthTimeout, Transport: transport}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return &hinted{err.Error(), "Is the gateway running? Another address is given with --url or OUTCROP_URL."}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, mostHealth))
	if err != nil {
		return err
	}
	answer := strings.TrimSpace(string(body))
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s has the status %d: %s", base+path, resp.StatusCode, answer)
	}
	fmt.Fprintln(con.out, answer)
	return nil
}
