package secrets

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"

	"outcrop/internal/parallel"
)

// Change is what becomes of a secret that is kept for somebody: with From alone it is deleted, with To alone it is
// created with Value, and with both it gets the name To and, unless that is empty, Value.
type Change struct {
	From, To string
	Value    string
}

// String is the names.
func (c Change) String() string { return strconv.Quote(c.From) + " to " + strconv.Quote(c.To) }

// Format writes String for every verb.
func (c Change) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue is String, for package slog.
func (c Change) LogValue() slog.Value { return slog.StringValue(c.String()) }

// keepTimeout bounds one change.
const keepTimeout = 10 * time.Second

// Keeper keeps secrets in a manager for others, such as the keys that a gateway makes.
type Keeper struct {
	manager Manager
	prefix  string
	logger  *slog.Logger
}

// NewKeeper returns a keeper whose secrets have names that begin with prefix. It owns the manager from now on.
func NewKeeper(m Manager, prefix string, logger *slog.Logger) *Keeper {
	return &Keeper{m, prefix, logger}
}

// Close closes the manager.
func (k *Keeper) Close() { k.manager.Close() }

// Keep makes changes, and waits for them. A change that fails is logged and left out, as in LiteLLM: what it follows
// has been done, and would be lost if it were reported as failed.
func (k *Keeper) Keep(ctx context.Context, changes []Change) {
	_ = parallel.Do(ctx, len(changes), atOnce, func(ctx context.Context, i int) error {
		ctx, cancel := context.WithTimeout(ctx, keepTimeout)
		defer cancel()
		c := changes[i]
		if err := k.keep(ctx, c); err != nil {
			attrs := []any{slog.String("manager", k.manager.Name()), slog.String("error", err.Error())}
			if c.From != "" {
				attrs = append(attrs, slog.String("from", k.prefix+c.From))
			}
			if c.To != "" {
				attrs = append(attrs, slog.String("to", k.prefix+c.To))
			}
			if e, ok := err.(*Error); ok && e.Fix != "" { //nolint:errorlint // it is not wrapped
				attrs = append(attrs, slog.String("fix", e.Fix))
			}
			k.logger.Warn("a key is not as it should be in the secret manager", attrs...)
		}
		return nil
	})
}

func (k *Keeper) keep(ctx context.Context, c Change) error {
	from, to := k.prefix+c.From, k.prefix+c.To
	for _, name := range []string{from, to} {
		if e := CheckName(name); e != nil {
			return e
		}
	}
	value := c.Value
	if c.To != "" && value == "" {
		var found bool
		var err error
		switch value, found, err = k.manager.Read(ctx, from); {
		case err != nil:
			return err
		case !found:
			return &Error{Message: "the secret " + strconv.Quote(from) + " does not exist, so that it cannot get another name", Fix: "Keys that were made before store_virtual_keys was on are not in the manager; make a new key in place of this one with /key/regenerate."}
		}
	}
	if c.To != "" {
		if err := k.manager.Write(ctx, to, value); err != nil {
			return err
		}
	}
	if c.From == "" || c.From == c.To {
		return nil
	}
	return k.manager.Delete(ctx, from)
}
