package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"outcrop/internal/port"
)

// Servers of other projects to compare with.
const (
	nginx   = "nginx"
	litellm = "litellm"
	portkey = "portkey"
)

// neighbour is an installed server of another project.
type neighbour struct{ name, path string }

// neighbours returns the installed neighbours that the settings ask for, and a sentence
// for each that is not installed.
func (s settings) neighbours() (found []neighbour, missing []string, err error) {
	if s.with == "none" {
		return nil, nil, nil
	}
	for name := range strings.SplitSeq(s.with, ",") {
		var n neighbour
		var given string
		switch name {
		case nginx:
			given = s.nginx
			n, err = find(nginx, given, "/usr/sbin/nginx", "/usr/local/sbin/nginx") // not in every user's PATH
		case litellm:
			given = s.litellm
			n, err = find(litellm, given, filepath.Join(".cache", "litellm", "bin", "litellm"))
		case portkey:
			given = s.portkey
			n, err = findPortkey(given)
		default:
			return nil, nil, fmt.Errorf("unknown neighbour %q; use %s, %s, %s or none", name, nginx, litellm, portkey)
		}
		switch {
		case err == nil:
			found = append(found, n)
		case given != "":
			return nil, nil, err
		default:
			missing = append(missing, fmt.Sprintf("%s is not installed and is skipped (set its path with -%s)", name, name))
		}
	}
	return found, missing, nil
}

// find looks for a program at the given path, or else in PATH and then in places.
func find(name, given string, places ...string) (neighbour, error) {
	tries := append([]string{name}, places...)
	if given != "" {
		tries = []string{given}
	}
	var failed error
	for _, try := range tries {
		path, err := exec.LookPath(try)
		if err == nil {
			path, err = filepath.Abs(path)
		}
		if err == nil {
			return neighbour{name, path}, nil
		}
		failed = errors.Join(failed, err)
	}
	return neighbour{}, failed
}

// nginxProcess starts nginx as a plain reverse proxy.
func (b *bench) nginxProcess(ctx context.Context, path string, atOnce int) (*process, error) {
	reserved, err := port.Reserve()
	if err != nil {
		return nil, err
	}
	defer func() { _ = reserved.Release() }() // the server listens by then, or has failed
	address := reserved.Address()
	*b.launches++
	dir := filepath.Join(b.dir, fmt.Sprintf("nginx-%d", *b.launches))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(config, nginxConfig(dir, address, b.upstream.address, atOnce), 0o644); err != nil {
		return nil, err
	}
	return launchAt(ctx, b.log, address, "/health", dir, nil, path, "-p", dir, "-c", config)
}

// nginxConfig forwards calls unchanged, like the do-nothing proxy, over kept
// connections that are not closed after some number of calls. Like Outcrop it writes a
// line to a file for each call. A connection takes memory before it is used, so there
// are only as many as atOnce calls need.
func nginxConfig(dir, address, upstream string, atOnce int) []byte {
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;" // the folder belongs to this user
	}
	connections := 2*atOnce + 512 // and fewer files than those
	return fmt.Appendf(nil, `
%[1]s
daemon off;
worker_processes auto;
worker_rlimit_nofile %[2]d;
pid %[3]s/pid;
error_log stderr warn;
events {
	worker_connections %[2]d;
}
http {
	access_log %[3]s/access.log;
	client_body_temp_path %[3]s/body;
	proxy_temp_path %[3]s/proxy;
	fastcgi_temp_path %[3]s/fastcgi;
	uwsgi_temp_path %[3]s/uwsgi;
	scgi_temp_path %[3]s/scgi;
	keepalive_timeout 120s;
	keepalive_requests 1000000000;
	upstream bedrock {
		server %[5]s;
		keepalive 1024;
		keepalive_requests 1000000000;
	}
	server {
		listen %[4]s backlog=4096;
		client_max_body_size 0;
		location = /health {
			return 200;
		}
		location / {
			proxy_pass http://bedrock;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_buffering off;
			proxy_request_buffering off;
			proxy_read_timeout 600s;
		}
	}
}
`, user, connections, dir, address, upstream)
}

// litellmProcess starts LiteLLM's proxy with Outcrop's configuration. It uses LiteLLM's
// built-in prices and fetches nothing.
func (b *bench) litellmProcess(ctx context.Context, path string) (*process, error) {
	reserved, err := port.Reserve()
	if err != nil {
		return nil, err
	}
	defer func() { _ = reserved.Release() }() // the server listens by then, or has failed
	address := reserved.Address()
	host, number, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	environ := []string{
		"PATH=" + filepath.Dir(path) + string(filepath.ListSeparator) + os.Getenv("PATH"),
		"HOME=" + b.dir,
		"NO_PROXY=*",
		"LITELLM_LOCAL_MODEL_COST_MAP=True",
		"LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS=True",
	}
	return launchAt(ctx, b.log, address, "/health/readiness", b.dir, environ, path, "--config", b.config, "--host", host, "--port", number)
}
