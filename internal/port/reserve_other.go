//go:build !linux

package port

import (
	"fmt"
	"net"
)

// Reserve chooses a port that is free now.
func Reserve() (*Reserved, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		err = l.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("port: choose a port of 127.0.0.1: %w", err)
	}
	return &Reserved{address: l.Addr().String(), release: func() error { return nil }}, nil
}
