package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// open reads the file and its includes into one mapping. It returns nil if there is
// nothing to read.
func (l *loader) open() *node {
	return l.file(l.src.Name, l.src.Data, map[string]bool{filepath.Clean(l.src.Name): true})
}

// file reads one file and overlays the files that it includes: lists are appended,
// any other value is replaced as a whole. Each file is read once.
func (l *loader) file(name string, data []byte, read map[string]bool) *node {
	index := len(l.files)
	l.files = append(l.files, name)
	root := parse(l, index, data)
	if root == nil {
		return nil
	}
	if root.kind != mapping {
		l.errorAt(root.file, root.line, root.column, "", "the file must be a mapping, not "+root.kind.String(), "keys such as model_list and general_settings", "")
		return nil
	}
	list := root.get("include")
	if list == nil || list.kind == null {
		return root
	}
	if list.kind != sequence {
		l.wrong(Key{Type: ListType}, list, "include", "must not be "+list.kind.String())
		return root
	}
	k := Key{Name: "include", Type: StringType}
	for i, item := range list.items {
		path := fmt.Sprintf("include[%d]", i)
		if s, ok := l.text(k, item, path); ok {
			if included := l.include(name, s, item, path, read); included != nil {
				root = overlay(root, included)
			}
		}
	}
	return root
}

// include reads an included file. Like LiteLLM, it looks in the folder of the
// including file, then in the folder of the first file.
func (l *loader) include(from, name string, at *node, path string, read map[string]bool) *node {
	if l.src.ReadFile == nil {
		l.errorAt(at.file, at.line, at.column, path, "files cannot be included here", "", "")
		return nil
	}
	full := filepath.Join(filepath.Dir(from), name)
	if filepath.IsAbs(name) {
		full = filepath.Clean(name)
	}
	if read[full] {
		return nil
	}
	if len(l.files) >= maxInclude {
		l.errorAt(at.file, at.line, at.column, path, "too many files are included", fmt.Sprintf("at most %d", maxInclude), "")
		return nil
	}
	data, err := l.src.ReadFile(full)
	if fallback := filepath.Join(filepath.Dir(l.src.Name), name); errors.Is(err, fs.ErrNotExist) && !filepath.IsAbs(name) && fallback != full {
		if read[fallback] {
			return nil
		}
		if data, err = l.src.ReadFile(fallback); err == nil {
			l.warnAt(at.file, at.line, at.column, path, fmt.Sprintf("%q does not exist; reading %q instead", full, fallback), "")
			full = fallback
		}
	}
	if err != nil {
		l.errorAt(at.file, at.line, at.column, path, fmt.Sprintf("cannot read %q: %v", full, bare(err)), "", "")
		return nil
	}
	read[full] = true
	return l.file(full, data, read)
}

// overlay merges the members of top into those of base.
func overlay(base, top *node) *node {
	out := *base
	out.members = append([]member(nil), base.members...)
	for _, m := range top.members {
		at := -1
		for i := range out.members {
			if out.members[i].key == m.key {
				at = i
			}
		}
		switch {
		case at < 0:
			out.members = append(out.members, m)
		case m.key == "include": // each file's own
		case out.members[at].value.kind == sequence && m.value.kind == sequence:
			both := *out.members[at].value
			both.items = append(append([]*node(nil), both.items...), m.value.items...)
			out.members[at].value = &both
		default:
			out.members[at] = m
		}
	}
	return &out
}
