-- +goose Up
-- revision has one row: the number of the last change of entities.
CREATE TABLE revision (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    n BIGINT NOT NULL
);
INSERT INTO revision (one, n) VALUES (1, 0);
-- Times are microseconds since 1970, in UTC.
CREATE TABLE entities (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    alias TEXT NOT NULL,
    user_id TEXT NOT NULL,
    team_id TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    search TEXT NOT NULL, -- alias and id in lower case
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX entities_revision ON entities (revision);
CREATE INDEX entities_created ON entities (kind, created);
CREATE INDEX entities_alias ON entities (kind, alias);
CREATE INDEX entities_user ON entities (kind, user_id);
CREATE INDEX entities_team ON entities (kind, team_id);
CREATE INDEX entities_organization ON entities (kind, organization_id);
-- revision is that of the deletion, and updated its time.
CREATE TABLE deleted_entities (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    alias TEXT NOT NULL,
    user_id TEXT NOT NULL,
    team_id TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    search TEXT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (kind, id, revision)
);
CREATE INDEX deleted_entities_revision ON deleted_entities (revision);
CREATE TABLE audit (
    revision BIGINT NOT NULL,
    position BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    actor_key TEXT NOT NULL,
    action TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    old_doc TEXT NOT NULL, -- empty for a creation
    new_doc TEXT NOT NULL, -- empty for a deletion
    PRIMARY KEY (revision, position)
);
CREATE INDEX audit_entity ON audit (kind, id);
CREATE INDEX audit_at ON audit (at);
