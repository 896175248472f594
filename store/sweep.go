package store

import (
	"context"
	"errors"
	"time"
)

const (
	// sweepEvery is how often a replica deletes what nobody needs any more.
	sweepEvery = 6 * time.Hour
	// gone is after which time a replica's shares, and counters of minutes that are over, are deleted. It is far longer than
	// the Lifetime of replicas and any call.
	gone = 7 * 24 * time.Hour
	// forgotten is after which time a replica's position in its journal is deleted. A replica that comes back with its disk
	// after that posts again what it has kept.
	forgotten = 366 * 24 * time.Hour
)

// Sweep deletes what is of no use any more: the shares of replicas that are gone for long, the replicas themselves, and
// counters of requests and tokens whose periods are over for long and of which nobody has a share. Others have counted such
// shares as they had to long before. What was spent is kept.
func (s *Store) Sweep(ctx context.Context) error {
	clock := s.dialect.clock()
	var errs []error
	for _, of := range [...]struct {
		statement string
		after     time.Duration
	}{
		{`DELETE FROM shares WHERE replica IN (SELECT id FROM replicas WHERE seen < ` + clock + ` - $1)`, gone},
		{`DELETE FROM replicas WHERE posted = 0 AND seen < ` + clock + ` - $1 AND id NOT IN (SELECT replica FROM shares)`, gone},
		{`DELETE FROM replicas WHERE seen < ` + clock + ` - $1 AND id NOT IN (SELECT replica FROM shares)`, forgotten},
		{`DELETE FROM counters WHERE ends > 0 AND ends < ` + clock + ` - $1 AND id NOT LIKE '%/parallel' AND id NOT LIKE '%/spend' AND id NOT LIKE '%/spend@%'
			AND id NOT IN (SELECT counter FROM shares)`, gone}, // of kind countsCalls
	} {
		if _, err := s.db.ExecContext(ctx, of.statement, of.after.Microseconds()); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
