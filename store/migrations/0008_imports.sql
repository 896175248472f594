-- +goose Up
-- imports has what a take-over has last seen of each entity in another gateway's database. Times are microseconds
-- since 1970, in UTC.
CREATE TABLE imports (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    doc TEXT NOT NULL, -- the document that was made of it
    spent BIGINT NOT NULL, -- what it had spent there, in 10⁻¹² USD
    resets BIGINT NOT NULL, -- when its budget begins anew there; 0 for never
    PRIMARY KEY (kind, id)
);

-- +goose Down
DROP TABLE imports;
