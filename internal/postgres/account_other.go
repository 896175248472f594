//go:build !unix

package postgres

import "syscall"

// account is this process's.
func account(string) (*syscall.SysProcAttr, error) { return nil, nil }
