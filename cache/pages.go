package cache

import "context"

// RemoveAll removes everything that list lists, page by page. list returns the names of a page, which the last one has named, and the name of
// the next; both are empty at first and after the last.
func RemoveAll(ctx context.Context, list func(ctx context.Context, page string) (names []string, next string, err error), remove func(ctx context.Context, n int, name func(i int) string) error) error {
	for page := ""; ; {
		names, next, err := list(ctx, page)
		if err != nil {
			return err
		}
		if err := remove(ctx, len(names), func(i int) string { return names[i] }); err != nil {
			return err
		}
		if page = next; page == "" {
			return nil
		}
	}
}
