-- +goose Up
CREATE TABLE objects (
    id TEXT NOT NULL,
    owner TEXT NOT NULL,
    kind TEXT NOT NULL,
    expires BIGINT NOT NULL,
    PRIMARY KEY (id, owner)
);
CREATE INDEX objects_expires ON objects (expires);

-- +goose Down
DROP TABLE objects;
