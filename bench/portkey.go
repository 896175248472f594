package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"

	"outcrop/internal/port"
)

// findPortkey looks for Portkey's gateway: the file build/start-server.js of npm's @portkey-ai/gateway, at the given
// path or where npm puts it below .cache/portkey.
func findPortkey(given string) (neighbour, error) {
	path := given
	if path == "" {
		path = filepath.Join(".cache", "portkey", "node_modules", "@portkey-ai", "gateway", "build", "start-server.js")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return neighbour{}, err
	}
	if _, err := exec.LookPath("node"); err != nil {
		return neighbour{}, err
	}
	if _, err := os.Stat(path); err != nil {
		return neighbour{}, err
	}
	return neighbour{portkey, path}, nil
}

// portkeyProcess starts Portkey's gateway. It has no configuration: what it is to do is in the headers of each call.
func (b *bench) portkeyProcess(ctx context.Context, path string) (*process, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, err
	}
	reserved, err := port.Reserve()
	if err != nil {
		return nil, err
	}
	defer func() { _ = reserved.Release() }() // the server listens by then, or has failed
	_, number, err := net.SplitHostPort(reserved.Address())
	if err != nil {
		return nil, err
	}
	environ := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + b.dir}
	return launchAt(ctx, b.log, reserved.Address(), "/", b.dir, environ, node, path, "--port="+number, "--headless")
}

// portkeyHeaders tell Portkey's gateway which provider a call goes to, and where that is.
func portkeyHeaders(upstream string, k kind) string {
	if k.api == apiOpenAI {
		return fmt.Sprintf("x-portkey-provider: openai\r\nx-portkey-custom-host: http://%s/%s/v1\r\n", upstream, k.model)
	}
	return fmt.Sprintf("x-portkey-provider: bedrock\r\nx-portkey-custom-host: http://%s\r\n", upstream) +
		"x-portkey-aws-access-key-id: AKIDEXAMPLE\r\nx-portkey-aws-secret-access-key: secret\r\nx-portkey-aws-region: us-east-1\r\n"
}

// withHeaders is a request with further headers.
func withHeaders(request []byte, headers string) []byte {
	line, rest, _ := bytes.Cut(request, []byte("\r\n"))
	return append(fmt.Appendf(nil, "%s\r\n%s", line, headers), rest...)
}
