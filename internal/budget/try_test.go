package budget_test

import (
	"testing"

	"outcrop/internal/budget"
)

func TestMemoryIsTakenWithoutAWaitOrNotAtAll(t *testing.T) {
	b := budget.New(total, 0)
	l := b.Lease()
	if !l.TryGrow(60*mb) || !l.TryGrow(10*mb) {
		t.Fatal("there was memory")
	}
	other := b.Lease()
	if other.TryGrow(2 * mb) {
		t.Error("a lease got memory that another has")
	}
	if !other.TryGrow(mb) {
		t.Error("the part for small leases is free")
	}
	l.Release()
	if !other.TryGrow(2 * mb) {
		t.Error("what was released is not free")
	}
	other.Release()
	if n := b.Used(); n != 0 {
		t.Errorf("%d bytes are taken", n)
	}
	if none := (*budget.Budget)(nil).Lease(); !none.TryGrow(1 << 40) {
		t.Error("there is no bound, and it holds")
	}
}
