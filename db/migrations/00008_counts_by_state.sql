-- A list's counts by state, off the index alone.
-- +goose Up
CREATE INDEX resources_states ON resources (org_id, workspace_id, kind, state);

-- +goose Down
DROP INDEX resources_states;
