package store_test

import (
	"testing"
	"time"

	"outcrop/store"
)

func TestAClaimIsOnesUntilItExpires(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		at := func(seconds int64) time.Time { return time.Unix(seconds, 0) }
		for i, step := range []struct {
			what         string
			now, expires int64
			first        bool
		}{{"a", 10, 20, true}, {"a", 11, 21, false}, {"b", 11, 21, true}, {"a", 19, 29, false}, {"a", 20, 30, true}, {"a", 29, 39, false}} {
			if first, err := s.Claim(t.Context(), step.what, at(step.now), at(step.expires)); err != nil || first != step.first {
				t.Errorf("%d: %v, %v", i, first, err)
			}
		}
	})
}
