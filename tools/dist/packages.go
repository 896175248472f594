package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // registers the format
	"github.com/goreleaser/nfpm/v2/files"
)

// debian writes a Debian package for each platform of Linux, from deploy/debian/nfpm.yaml.
func (r *release) debian(context.Context) error {
	work, err := os.MkdirTemp("", "outcrop-dist-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	// Debian's policy wants these compressed, and a changelog of its own form.
	for from, to := range map[string]string{"CHANGELOG.md": "CHANGELOG.md.gz", "deploy/debian/outcrop.1": "outcrop.1.gz"} {
		content, err := os.ReadFile(filepath.Join(r.root, from))
		if err != nil {
			return err
		}
		if err := compress(content, filepath.Join(work, to)); err != nil {
			return err
		}
	}
	for _, p := range r.platforms {
		if p.os != "linux" {
			continue
		}
		if err := r.deb(p, work); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	return nil
}

func (r *release) deb(p platform, work string) (err error) {
	file := filepath.Join(r.root, "deploy/debian/nfpm.yaml")
	variables := map[string]string{
		"ROOT": r.root, "WORK": work, "ARCH": p.arch, "VERSION": debianVersion(r.version), "BINARY": r.binaries[p], "LICENSES": r.path(licencesFile),
	}
	cfg, err := nfpm.ParseFileWithEnvMapping(file, func(name string) string { return variables[name] })
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	info, err := cfg.Get("deb")
	if err != nil {
		return err
	}
	changelog := fmt.Sprintf("outcrop (%s) stable; urgency=medium\n\n  * What is new is in CHANGELOG.md.gz.\n\n -- %s  %s\n", info.Version, info.Maintainer, r.time.Format(time.RFC1123Z))
	if err := compress([]byte(changelog), filepath.Join(work, "changelog.gz")); err != nil {
		return err
	}
	info.MTime = r.time
	for _, script := range []*string{&info.Scripts.PreInstall, &info.Scripts.PostInstall, &info.Scripts.PreRemove, &info.Scripts.PostRemove} {
		if *script != "" {
			*script = filepath.Join(r.root, *script)
		}
	}
	for _, c := range info.Contents {
		if c.FileInfo == nil {
			c.FileInfo = &files.ContentFileInfo{}
		}
		c.FileInfo.MTime = r.time
	}
	packager, err := nfpm.Get("deb")
	if err != nil {
		return err
	}
	out, err := os.Create(r.path(fmt.Sprintf("outcrop_%s_%s.deb", variables["VERSION"], p.arch)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if err := nfpm.PrepareForPackager(info, "deb"); err != nil {
		return err
	}
	return packager.Package(info, out)
}

// debianVersion is a version in Debian's order, where 1.0.0~rc.1 is before 1.0.0.
func debianVersion(version string) string {
	return strings.ReplaceAll(strings.Replace(version, "-", "~", 1), "-", ".")
}

// compress writes a compressed file, without a time.
func compress(content []byte, file string) error {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(content); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(file, out.Bytes(), 0o644)
}

var chartVersions = regexp.MustCompile(`(?m)^(version|appVersion): .*$`)

// chart writes deploy/helm/outcrop as a package of Helm's, with the version of the release as the chart's and the program's.
func (r *release) chart(context.Context) error {
	dir := filepath.Join(r.root, "deploy/helm/outcrop")
	var entries []entry
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(filepath.Dir(dir), path)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if name == "outcrop/Chart.yaml" {
			if found := chartVersions.FindAllIndex(content, -1); len(found) != 2 {
				return fmt.Errorf("%s has %d of the lines version and appVersion", path, len(found))
			}
			content = chartVersions.ReplaceAll(content, []byte(`$1: "`+r.version+`"`))
		}
		entries = append(entries, entry{name: filepath.ToSlash(name), mode: 0o644, content: content})
		return nil
	})
	if err != nil {
		return err
	}
	return writeTarGzip(r.path(r.name()+".tgz"), entries, r.time)
}

var section = regexp.MustCompile(`(?m)^## (.*)$`)

// notes writes what is new: the first section of CHANGELOG.md.
func (r *release) notes(context.Context) error {
	changelog, err := os.ReadFile(filepath.Join(r.root, "CHANGELOG.md"))
	if err != nil {
		return err
	}
	text, err := releaseNotes(string(changelog), r.version)
	if err != nil {
		return err
	}
	return os.WriteFile(r.path(r.name()+"-notes.md"), []byte(text), 0o644)
}

// releaseNotes is the first section of a changelog under a title of its own. The section is that of the version, or Unreleased.
func releaseNotes(changelog, version string) (string, error) {
	heads := section.FindAllStringSubmatchIndex(changelog, -1)
	if len(heads) == 0 {
		return "", errors.New("CHANGELOG.md has no section, which is a line that begins with ##")
	}
	title := changelog[heads[0][2]:heads[0][3]]
	if name, _, _ := strings.Cut(title, " "); name != "Unreleased" && name != version && !strings.HasPrefix(version, name+"-") {
		return "", fmt.Errorf("the first section of CHANGELOG.md is %q, and the version is %s: add a section for it, or one named Unreleased", title, version)
	}
	end := len(changelog)
	if len(heads) > 1 {
		end = heads[1][0]
	}
	body := strings.TrimSpace(changelog[heads[0][1]:end])
	if body == "" {
		return "", fmt.Errorf("the section %q of CHANGELOG.md is empty", title)
	}
	return "# Outcrop " + version + "\n\n" + body + "\n", nil
}
