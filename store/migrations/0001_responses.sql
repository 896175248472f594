-- +goose Up
CREATE TABLE responses (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    previous TEXT NOT NULL,
    conversation TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    body TEXT NOT NULL,
    input TEXT NOT NULL
);
CREATE INDEX responses_expires ON responses (expires);
CREATE TABLE conversations (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    metadata TEXT NOT NULL
);
CREATE INDEX conversations_expires ON conversations (expires);
CREATE TABLE conversation_items (
    conversation TEXT NOT NULL,
    position BIGINT NOT NULL,
    id TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (conversation, position)
);
CREATE INDEX conversation_items_id ON conversation_items (conversation, id);

-- +goose Down
DROP TABLE conversation_items;
DROP TABLE conversations;
DROP TABLE responses;
