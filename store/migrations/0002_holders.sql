-- +goose Up
ALTER TABLE responses ADD COLUMN model TEXT NOT NULL DEFAULT '';
ALTER TABLE responses ADD COLUMN deployment TEXT NOT NULL DEFAULT '';
ALTER TABLE responses ADD COLUMN upstream TEXT NOT NULL DEFAULT '';
ALTER TABLE conversation_items ADD COLUMN deployment TEXT NOT NULL DEFAULT '';
CREATE TABLE response_items (
    id TEXT NOT NULL,
    response TEXT NOT NULL,
    PRIMARY KEY (id, response)
);
CREATE INDEX response_items_response ON response_items (response);

-- +goose Down
DROP TABLE response_items;
ALTER TABLE conversation_items DROP COLUMN deployment;
ALTER TABLE responses DROP COLUMN upstream;
ALTER TABLE responses DROP COLUMN deployment;
ALTER TABLE responses DROP COLUMN model;
