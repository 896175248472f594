package app

import (
	"context"
	"log/slog"
	"time"

	"outcrop/store"
)

// retention deletes old rows of the spend log, at once and then regularly, until close.
type retention struct {
	cancel context.CancelFunc
	over   chan struct{}
}

// retain begins to delete rows that are older than keep, and does so again after every.
func retain(s *store.Store, keep, every time.Duration, logger *slog.Logger) *retention {
	ctx, cancel := context.WithCancel(context.Background())
	r := &retention{cancel: cancel, over: make(chan struct{})}
	go func() {
		defer close(r.over)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			if err := s.Retain(ctx, time.Now().Add(-keep)); err != nil && ctx.Err() == nil {
				logger.Warn("old rows of the spend log cannot be deleted", slog.String("error", err.Error()))
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return r
}

// close ends it, and waits for its end.
func (r *retention) close() {
	r.cancel()
	<-r.over
}
