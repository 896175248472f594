package store_test

import (
	"testing"

	"outcrop/quota/banktest"
	"outcrop/store"
)

func TestBanksPassTheSuite(t *testing.T) {
	for kind, options := range map[string]func(t *testing.T) store.Options{
		"in a file":  func(t *testing.T) store.Options { t.Helper(); return store.Options{Dir: t.TempDir()} },
		"PostgreSQL": shared,
	} {
		t.Run(kind, func(t *testing.T) {
			for _, test := range banktest.Cases() {
				t.Run(test.Name, func(t *testing.T) {
					opt := options(t)
					s := open(t, opt)
					test.Test(t, banktest.Banks{
						Open: func(replica string) banktest.Bank {
							b, err := s.Bank(t.Context(), replica)
							if err != nil {
								t.Fatal(err)
							}
							t.Cleanup(func() {
								if err := b.Close(); err != nil {
									t.Error(err)
								}
							})
							return b
						},
						Die: func(replica string) { exec(t, s, `UPDATE replicas SET seen = 0 WHERE id = $1`, replica) },
					})
				})
			}
		})
	}
}
