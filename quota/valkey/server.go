package valkey

import (
	"context"
	"crypto/sha1" //nolint:gosec // Valkey names scripts by it
	"crypto/sha256"
	_ "embed" // for the scripts
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	client "github.com/valkey-io/valkey-go"

	"outcrop/quota"
)

//go:embed window.lua
var windowLua string

//go:embed draw.lua
var drawLua string

//go:embed return.lua
var returnLua string

//go:embed settle.lua
var settleLua string

//go:embed begin.lua
var beginLua string

//go:embed beat.lua
var beatLua string

// script is a script that the server keeps after it has run it once.
type script struct{ text, hash string }

func newScript(text string) *script {
	hash := sha1.Sum([]byte(text)) //nolint:gosec // as above
	return &script{text, hex.EncodeToString(hash[:])}
}

// run is what a script is run with.
type run struct {
	key  string
	args []string
}

func (b *Bank) run(ctx context.Context, s *script, key string, args ...string) client.ValkeyResult {
	return b.runAll(ctx, s, []run{{key, args}})[0]
}

// runAll runs a script several times, in one round trip, or two if the server does not have the script.
func (b *Bank) runAll(ctx context.Context, s *script, runs []run) []client.ValkeyResult {
	commands := make(client.Commands, len(runs))
	for i, r := range runs {
		commands[i] = b.client.B().Evalsha().Sha1(s.hash).Numkeys(1).Key(r.key).Arg(r.args...).Build()
	}
	results := b.client.DoMulti(ctx, commands...)
	var missing []int
	var evals client.Commands
	for i, r := range results {
		if err, ok := client.IsValkeyErr(r.Error()); ok && err.IsNoScript() {
			missing = append(missing, i)
			evals = append(evals, b.client.B().Eval().Script(s.text).Numkeys(1).Key(runs[i].key).Arg(runs[i].args...).Build())
		}
	}
	if len(missing) > 0 {
		for k, r := range b.client.DoMulti(ctx, evals...) {
			results[missing[k]] = r
		}
	}
	return results
}

// epochs are the epochs in which the replicas of holders live; empty for those that are dead.
func (b *Bank) epochs(ctx context.Context, holders []string) ([]string, error) {
	commands := make(client.Commands, len(holders))
	for i, h := range holders {
		replica, _ := cutHolder(h)
		commands[i] = b.client.B().Get().Key(b.lifeKey(replica)).Build()
	}
	epochs := make([]string, len(holders))
	for i, r := range b.client.DoMulti(ctx, commands...) {
		epoch, err := r.ToString()
		if err != nil && !client.IsValkeyNil(err) {
			return nil, err
		}
		epochs[i] = epoch
	}
	return epochs, nil
}

// usable returns the epoch in which the replica may draw.
func (b *Bank) usable() (epoch int64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return 0, fmt.Errorf("%w: the bank is closed", quota.ErrAway)
	case b.away || time.Since(b.seen) > Lifetime:
		return 0, fmt.Errorf("%w: Valkey does not answer", quota.ErrAway)
	}
	return b.epoch, nil
}

// failed is the error of a call of which ctx is the caller's. If the server is away, later calls fail at once until it has
// answered a sign of life.
func (b *Bank) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return err
	}
	if err = unreachable(err); !errors.Is(err, quota.ErrAway) {
		return err
	}
	b.mu.Lock()
	first := !b.away && !b.closed
	b.away = true
	b.mu.Unlock()
	if first {
		b.log.Warn("Valkey does not answer", slog.String("error", err.Error()))
	}
	b.nudge()
	return err
}

// unreachable makes an error a quota.ErrAway, unless the server has refused the command for good.
func unreachable(err error) error {
	answer, ok := client.IsValkeyErr(err)
	if !ok || answer.IsLoading() || answer.IsClusterDown() || answer.IsTryAgain() {
		return fmt.Errorf("%w: %w", quota.ErrAway, err)
	}
	for _, code := range []string{"READONLY", "MASTERDOWN", "NOREPLICAS", "OOM", "MISCONF", "BUSY", "MOVED", "ASK"} {
		if strings.HasPrefix(answer.Error(), code+" ") {
			return fmt.Errorf("%w: %w", quota.ErrAway, err)
		}
	}
	return err
}

// parallel reports whether a counter is one of calls under way, of which a dead replica has none.
func parallel(counter string) bool { return strings.HasSuffix(counter, "/parallel") }

// maxID bounds what of a counter's id is in its key. Clients choose the ids of customers.
const maxID = 300

// key is the key of a counter.
func (b *Bank) key(counter string) string {
	if len(counter) > maxID {
		hash := sha256.Sum256([]byte(counter))
		counter = counter[:maxID-2*len(hash)-1] + "~" + hex.EncodeToString(hash[:])
	}
	return b.prefix + "counter:{" + counter + "}"
}

func (b *Bank) lifeKey(replica string) string       { return b.prefix + "replica:{" + replica + "}" }
func (b *Bank) recallChannel(replica string) string { return b.prefix + "recall:" + replica }
func (b *Bank) returnedChannel() string             { return b.prefix + "returned" }

func number(n int64) string         { return strconv.FormatInt(n, 10) }
func millis(d time.Duration) string { return number(d.Milliseconds()) }
