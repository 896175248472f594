package refcount_test

import (
	"errors"
	"sync"
	"testing"

	"outcrop/internal/refcount"
)

func TestAValueLivesFromItsFirstUserToItsLast(t *testing.T) {
	var p refcount.Pool[string, *int]
	opened := 0
	open := func() (*int, error) {
		opened++
		n := opened
		return &n, nil
	}
	first, leave, err := p.Take("granite", open)
	if err != nil {
		t.Fatal(err)
	}
	second, leaveToo, err := p.Take("granite", open)
	if err != nil || second != first || opened != 1 {
		t.Errorf("another value for the second user, %d opened, %v", opened, err)
	}
	if other, _, err := p.Take("slate", open); err != nil || other == first {
		t.Errorf("two keys share a value, %v", err)
	}
	for range 2 {
		if leave() {
			t.Error("the first user is the last, or counts twice")
		}
	}
	if !leaveToo() {
		t.Error("the second user is not the last")
	}
	if again, _, err := p.Take("granite", open); err != nil || again == first {
		t.Errorf("the value outlives its last user, %v", err)
	}
}

func TestWhatCannotBeOpenedIsNotKept(t *testing.T) {
	var p refcount.Pool[int, int]
	refused := errors.New("no")
	if _, _, err := p.Take(1, func() (int, error) { return 0, refused }); !errors.Is(err, refused) {
		t.Errorf("%v", err)
	}
	if value, _, err := p.Take(1, func() (int, error) { return 7, nil }); err != nil || value != 7 {
		t.Errorf("%d, %v", value, err)
	}
}

func TestUsersAtOnceShareAValueAndOneIsTheLast(t *testing.T) {
	var p refcount.Pool[int, int]
	opened, lasts := 0, 0
	var mu sync.Mutex
	var all, taken sync.WaitGroup
	taken.Add(8)
	for range 8 {
		all.Go(func() {
			_, leave, err := p.Take(1, func() (int, error) { opened++; return 1, nil })
			taken.Done()
			taken.Wait()
			mu.Lock()
			defer mu.Unlock()
			if err == nil && leave() {
				lasts++
			}
		})
	}
	all.Wait()
	if opened != 1 || lasts != 1 {
		t.Errorf("%d opened, %d last users", opened, lasts)
	}
}
