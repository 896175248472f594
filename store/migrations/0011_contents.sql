-- +goose Up
-- spend_contents has what calls of the spend log have asked and were answered, if the operator wants that kept. id is the
-- request id, start when the call began (microseconds since 1970, in UTC), and doc a JSON object.
CREATE TABLE spend_contents (
    id TEXT NOT NULL PRIMARY KEY,
    start BIGINT NOT NULL,
    doc TEXT NOT NULL
);
CREATE INDEX spend_contents_start ON spend_contents (start);

-- +goose Down
DROP TABLE spend_contents;
