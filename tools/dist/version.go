package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// fromGit sets the version, the commit and its time. SOURCE_DATE_EPOCH sets another time.
func (r *release) fromGit(ctx context.Context) error {
	base, err := sourceVersion(filepath.Join(r.root, "outcrop.go"))
	if err != nil {
		return err
	}
	if r.revision, err = r.git(ctx, "rev-parse", "HEAD"); err != nil {
		return err
	}
	if r.version == "" {
		described, err := r.git(ctx, "describe", "--tags", "--match", "v[0-9]*", "--long", "--always", "--dirty")
		if err != nil {
			return err
		}
		if r.version, err = fromDescription(base, described); err != nil {
			return err
		}
	}
	r.version = strings.TrimPrefix(r.version, "v")
	if !isVersion.MatchString(r.version) {
		return fmt.Errorf("the version %q is not of the form 1.2.3 or 1.2.3-rc.1 (semver.org)", r.version)
	}
	epoch := os.Getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		if epoch, err = r.git(ctx, "log", "-1", "--format=%ct"); err != nil {
			return err
		}
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH %q is not a number of seconds", epoch)
	}
	r.time = time.Unix(seconds, 0).UTC()
	return nil
}

func (r *release) git(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "git", append([]string{"-C", r.root}, args...)...).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(string(exit.Stderr)))
	}
	return strings.TrimSpace(string(out)), err
}

var (
	// isVersion is semver.org's grammar without build metadata, which names of images and packages cannot have.
	isVersion = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][\w-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][\w-]*))*)?$`)

	inSource    = regexp.MustCompile(`(?m)^var Version = "(.*)"$`)
	description = regexp.MustCompile(`^(?:v(\S+?)-(\d+)-g)?([0-9a-f]{7,40})(-dirty)?$`)
)

// sourceVersion reads the version that the source has.
func sourceVersion(file string) (string, error) {
	source, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	found := inSource.FindSubmatch(source)
	if found == nil {
		return "", fmt.Errorf("%s has no line %s", file, inSource)
	}
	return string(found[1]), nil
}

// fromDescription makes a version of what git describe --long says: that of the tag, if the commit has one and nothing was changed
// since, or else a version before the one that the source has, such as 0.2.0-dev.14.g1a2b3c4.
func fromDescription(base, described string) (string, error) {
	found := description.FindStringSubmatch(described)
	if found == nil {
		return "", fmt.Errorf("git describe says %q, which names no commit", described)
	}
	tag, since, commit, dirty := found[1], found[2], found[3], found[4] != ""
	if tag != "" && since == "0" && !dirty {
		return tag, nil
	}
	version := base + "-dev."
	if tag != "" {
		version += since + "."
	}
	version += "g" + commit
	if dirty {
		version += ".dirty"
	}
	return version, nil
}
