package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// entry is a file or folder of an archive. A folder's name ends with a slash.
type entry struct {
	name    string
	mode    int64
	owner   int    // the user and group
	file    string // where the content is, or
	content []byte
}

// writeTar writes entries, sorted by name, with one time and without names of users.
func writeTar(w io.Writer, entries []entry, at time.Time) error {
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	out := tar.NewWriter(w)
	for _, e := range entries {
		if err := writeEntry(out, e, at); err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
	}
	return out.Close()
}

func writeEntry(out *tar.Writer, e entry, at time.Time) (err error) {
	h := &tar.Header{Name: e.name, Mode: e.mode, Uid: e.owner, Gid: e.owner, ModTime: at, Typeflag: tar.TypeReg, Size: int64(len(e.content)), Format: tar.FormatUSTAR}
	var from io.Reader = bytes.NewReader(e.content)
	switch {
	case strings.HasSuffix(e.name, "/"):
		h.Typeflag = tar.TypeDir
	case e.file != "":
		f, err := os.Open(e.file)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		h.Size, from = info.Size(), f
	}
	if err := out.WriteHeader(h); err != nil {
		return err
	}
	_, err = io.Copy(out, from)
	return err
}

// writeTarGzip writes a compressed archive to a new file.
func writeTarGzip(file string, entries []entry, at time.Time) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z := gzip.NewWriter(f)
	if err := writeTar(z, entries, at); err != nil {
		return err
	}
	return z.Close()
}

// archives writes one archive for each platform: the binary with its documents, and for Linux the systemd unit.
func (r *release) archives(context.Context) error {
	for _, p := range r.platforms {
		name := fmt.Sprintf("%s-%s-%s", r.name(), p.os, p.arch)
		entries := []entry{{name: name + "/", mode: 0o755}, {name: name + "/outcrop", mode: 0o755, file: r.binaries[p]}, {name: name + "/LICENSES-of-modules.txt", mode: 0o644, file: r.path(licencesFile)}}
		for _, document := range []string{"LICENSE", "README.md", "CHANGELOG.md"} {
			entries = append(entries, entry{name: name + "/" + document, mode: 0o644, file: filepath.Join(r.root, document)})
		}
		if p.os == "linux" {
			for _, file := range []string{"outcrop.service", "config.yaml"} {
				entries = append(entries, entry{name: name + "/" + file, mode: 0o644, file: filepath.Join(r.root, "deploy/debian", file)})
			}
		}
		if err := writeTarGzip(r.path(name+".tar.gz"), entries, r.time); err != nil {
			return err
		}
	}
	return nil
}

// checksums writes the SHA-256 of each result, as sha256sum -c reads them.
func (r *release) checksums(context.Context) error {
	var text strings.Builder
	err := filepath.WalkDir(r.out, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		sum := sha256.New()
		if _, err := io.Copy(sum, f); err != nil {
			return err
		}
		name, err := filepath.Rel(r.out, path)
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "%x  %s\n", sum.Sum(nil), filepath.ToSlash(name))
		return nil
	})
	if err != nil {
		return err
	}
	return os.WriteFile(r.path(marker), []byte(text.String()), 0o644)
}
