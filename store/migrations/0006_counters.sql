-- +goose Up
-- Times are microseconds since 1970, in UTC.
CREATE TABLE counters (
    id TEXT PRIMARY KEY,
    period BIGINT NOT NULL, -- 0 before the first
    used BIGINT NOT NULL,
    ends BIGINT NOT NULL, -- 0 for a period that does not end
    recalled BIGINT NOT NULL -- the number of the last recall of shares
);
CREATE TABLE shares (
    counter TEXT NOT NULL,
    replica TEXT NOT NULL,
    period BIGINT NOT NULL,
    held BIGINT NOT NULL,
    acked BIGINT NOT NULL, -- the number of the last recall that was answered
    mark BIGINT NOT NULL, -- the number of the replica's last transaction that drew or returned units
    PRIMARY KEY (counter, replica)
);
CREATE INDEX shares_replica ON shares (replica);
CREATE TABLE replicas (
    id TEXT PRIMARY KEY,
    seen BIGINT NOT NULL, -- when it was alive
    posted BIGINT NOT NULL -- the position in its journal up to which it has posted
);
