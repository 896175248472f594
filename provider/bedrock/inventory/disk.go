package inventory

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"outcrop/provider/bedrock/catalog"
)

// tooOld is the age from which lists on disk are not used, because models that were added since
// would count as missing.
const tooOld = 7 * 24 * time.Hour

// maxFile bounds a file that is read, in bytes; one region's lists take 0.2 MB.
const maxFile = 32 << 20

func (v *Inventory) file(region string) string {
	return filepath.Join(v.opt.Dir, "models-"+v.opt.Name+"-"+region+".json")
}

// load reads the saved lists of a region; nil if there are none that can be used.
func (v *Inventory) load(region string) *catalog.Live {
	if v.opt.Dir == "" {
		return nil
	}
	data, err := readFile(v.file(region))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var live *catalog.Live
	if err == nil {
		live, err = catalog.DecodeLive(data)
	}
	switch {
	case err != nil:
		v.opt.Logger.Warn("cannot use the saved model lists; reading them from AWS", slog.String("file", v.file(region)), slog.String("error", err.Error()))
		return nil
	case live.Region != region || v.opt.Now().Sub(live.At) > tooOld:
		return nil
	}
	v.opt.Logger.Debug("model lists loaded from disk", slog.String("region", region), slog.Duration("age", v.opt.Now().Sub(live.At)))
	return live
}

func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, errors.New("the file is too large")
	}
	return os.ReadFile(name)
}

// Ages from which files are removed: saved lists that nobody has written again, as of an account or an
// endpoint that is no longer in use, and files that a process left unfinished.
const (
	unusedAfter     = 30 * 24 * time.Hour
	unfinishedAfter = 24 * time.Hour
)

// prune removes the saved lists of all accounts that have not been written for long. A gateway that
// uses lists writes them at each refresh.
func (v *Inventory) prune() {
	files, err := os.ReadDir(v.opt.Dir)
	if err != nil {
		return // save reports it
	}
	for _, f := range files {
		limit := unusedAfter
		switch name := f.Name(); {
		case strings.HasPrefix(name, temporary):
			limit = unfinishedAfter
		case !isSaved(name):
			continue
		}
		info, err := f.Info()
		if err != nil || !info.Mode().IsRegular() || v.opt.Now().Sub(info.ModTime()) < limit {
			continue
		}
		name := filepath.Join(v.opt.Dir, f.Name())
		if err := os.Remove(name); err != nil {
			v.opt.Logger.Debug("cannot remove saved model lists that are no longer used", slog.String("file", name), slog.String("error", err.Error()))
		}
	}
}

// isSaved reports whether a file name is one that file returns, for any account: an account's name has
// only letters and digits.
func isSaved(name string) bool {
	rest, isModels := strings.CutPrefix(name, "models-")
	rest, isJSON := strings.CutSuffix(rest, ".json")
	account, region, ok := strings.Cut(rest, "-")
	return isModels && isJSON && ok && len(account) == accountName && strings.Trim(account, "0123456789abcdef") == "" && region != ""
}

// accountName is the length of Options.Name, a hash in hexadecimal.
const accountName = 16

// temporary begins the names of files that are being written.
const temporary = ".models-"

// save writes the newest lists of a region to disk, and removes old files of others once. Of
// consecutive failures only the first is logged as a warning.
func (v *Inventory) save(r *region) {
	if v.opt.Dir == "" {
		return
	}
	v.saving.Lock()
	defer v.saving.Unlock()
	v.mu.Lock()
	live := r.live
	v.mu.Unlock()
	err := writeFile(v.file(live.Region), live)
	if err == nil && !v.pruned {
		v.pruned = true
		v.prune()
	}
	level := slog.LevelWarn
	if v.unsaved {
		level = slog.LevelDebug
	}
	if v.unsaved = err != nil; v.unsaved {
		v.opt.Logger.LogAttrs(v.ctx, level, "cannot save the model lists to disk; they are read from AWS again after a restart", slog.String("folder", v.opt.Dir), slog.String("error", err.Error()))
	}
}

// writeFile replaces a file atomically, so that a process that ends during the write leaves the old
// one.
func writeFile(name string, l *catalog.Live) error {
	data, err := l.Encode()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), temporary+"*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
