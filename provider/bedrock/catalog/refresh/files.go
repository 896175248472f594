package refresh

import (
	"io/fs"

	public "outcrop/catalog/tables"
)

// Files are tables or data files in memory, by name.
type Files = public.Files

// ReadFiles reads the files of a folder whose names end in .json.
func ReadFiles(dir fs.FS) (Files, error) {
	names, err := fs.Glob(dir, "*.json")
	if err != nil {
		return nil, err
	}
	files := Files{}
	for _, name := range names {
		if files[name], err = fs.ReadFile(dir, name); err != nil {
			return nil, err
		}
	}
	return files, nil
}
