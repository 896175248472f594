package catalog

import (
	"strconv"
	"strings"
	"testing"
)

func TestTablesFindTheirKeysAndNoOthers(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 1000} {
		keys := make([]string, n)
		for i := range keys {
			keys[i] = strings.Repeat("k", i%20) + strconv.Itoa(i) // shorter and longer than a word, and many with the same end
		}
		table := tableOf(keys)
		for i, key := range keys {
			if at, ok := find(&table, key); !ok || at != i {
				t.Errorf("of %d keys, %q is at %d (%t), want %d", n, key, at, ok, i)
			}
			if at, ok := find(&table, []byte(key)); !ok || at != i {
				t.Errorf("of %d keys, %q as bytes is at %d (%t), want %d", n, key, at, ok, i)
			}
		}
		for _, key := range []string{"", "k", "another", strings.Repeat("k", 20) + "1"} {
			if at, ok := find(&table, key); ok {
				t.Errorf("of %d keys, %q is at %d and no key", n, key, at)
			}
		}
	}
	if _, ok := find(&table{}, "any"); ok {
		t.Error("a table without keys has one")
	}
}
