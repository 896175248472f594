// Package all is the list of secret managers.
package all

import (
	"context"
	"errors"
	"fmt"
	"time"

	"outcrop/secrets"
	"outcrop/secrets/awssm"
	"outcrop/secrets/vault"
)

// Limit is how long all secrets of a configuration may take.
const Limit = 20 * time.Second

// Open returns the manager that settings are for, without calling it. The caller closes it.
func Open(s *secrets.Settings) (secrets.Manager, error) {
	switch s.System {
	case secrets.AWS:
		return opened(awssm.Open(s))
	case secrets.Vault:
		return opened(vault.Open(s))
	default:
		return nil, &secrets.Error{Message: fmt.Sprintf("%q is no secret manager", string(s.System)), Whole: true}
	}
}

func opened[M secrets.Manager](m M, err error) (secrets.Manager, error) {
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Reader returns a function that reads secrets for a configuration, in at most Limit, until ctx ends. It opens the
// manager for each reading and closes it afterwards, so that nothing is left open.
func Reader(ctx context.Context) func(s *secrets.Settings, names []string) (map[string]secrets.Result, error) {
	return func(s *secrets.Settings, names []string) (map[string]secrets.Result, error) {
		m, err := Open(s)
		if err != nil {
			return nil, err
		}
		defer m.Close()
		ctx, cancel := context.WithTimeout(ctx, Limit)
		defer cancel()
		found, err := secrets.Fetch(ctx, m, s.Primary, names)
		if errors.Is(err, context.DeadlineExceeded) {
			err = &secrets.Error{Message: fmt.Sprintf("%s has not given all %d secrets within %s", m.Name(), len(names), Limit), Whole: true}
		}
		return found, err
	}
}
