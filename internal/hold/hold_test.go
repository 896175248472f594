package hold

import (
	"sync"
	"testing"
)

func TestSomethingIsHeldUntilItsLastUserHasGone(t *testing.T) {
	h := New()
	var users sync.WaitGroup
	for range 50 {
		if !h.Take() {
			t.Fatal("it is over before whoever made it has left")
		}
		users.Go(func() {
			for range 100 {
				if !h.Take() {
					t.Error("it is over while it has a user")
					return
				}
				h.Leave()
			}
			select {
			case <-h.Over():
				t.Error("it is over while it has a user")
			default:
			}
			h.Leave()
		})
	}
	h.Leave()
	users.Wait()
	<-h.Over()
	if h.Take() {
		t.Error("it has a new user after all have gone")
	}
}
