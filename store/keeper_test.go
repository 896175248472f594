package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"outcrop/store"
)

func newKeeper(dir string, log *bytes.Buffer) *store.Keeper {
	return store.NewKeeper(store.KeeperOptions{Options: store.Options{Dir: dir}, Logger: slog.New(slog.NewTextHandler(log, nil))})
}

func TestAReadSeesTheWritesBeforeIt(t *testing.T) {
	var log bytes.Buffer
	dir := t.TempDir()
	k := newKeeper(dir, &log)
	for i := range 200 {
		id := fmt.Sprint("r", i)
		k.Later(t.Context(), id, 100, func(ctx context.Context, s *store.Store) error {
			return s.PutResponse(ctx, response(id, "", time.Now().Add(time.Hour).Unix()))
		})
		if i%50 == 49 {
			s, err := k.Store(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Response(t.Context(), "a", id); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(filepath.Join(dir, store.FileName)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info, err)
	}
	s, err := store.Open(t.Context(), store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Response(t.Context(), "a", "r199"); err != nil {
		t.Errorf("a write before Close: %v", err)
	}
}

func TestWritesThatFailOrAreTooManyAreWarnings(t *testing.T) {
	var log bytes.Buffer
	k := newKeeper("", &log)
	k.Later(t.Context(), "bad", 1, func(context.Context, *store.Store) error { return errors.New("no space") })
	k.Later(t.Context(), "huge", 1<<30, func(context.Context, *store.Store) error { return nil })
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	k.Later(t.Context(), "late", 1, func(context.Context, *store.Store) error { return nil })
	if _, err := k.Store(t.Context()); !errors.Is(err, store.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	for _, want := range []string{"what=bad error=\"no space\"", "what=huge", "what=late"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s: %s", want, &log)
		}
	}
}

func TestAKeeperThatIsNotUsedOpensNothing(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	k := newKeeper(dir, &log)
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("%v, %v", files, err)
	}
}

func TestAReadDoesNotWaitForever(t *testing.T) {
	var log bytes.Buffer
	k := newKeeper("", &log)
	release := make(chan struct{})
	k.Later(t.Context(), "slow", 1, func(context.Context, *store.Store) error { <-release; return nil })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := k.Store(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(release)
	if err := k.Close(); err != nil {
		t.Error(err)
	}
}
