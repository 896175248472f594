-- +goose Up
-- slices has, for a window that slides, the periods which are over and still count, as JSON; it is empty for other windows.
ALTER TABLE counters ADD COLUMN slices TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE counters DROP COLUMN slices;
