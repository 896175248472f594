package store

import "database/sql"

// DB is the database, for tests that set times or look at tables.
func (s *Store) DB() *sql.DB { return s.db.DB }
