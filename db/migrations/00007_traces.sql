-- What was asked for knows which request asked: the worker's log lines and spans
-- are tied to the server's by it.
-- +goose Up
ALTER TABLE agenda
  ADD COLUMN trace      text,                  -- W3C traceparent of the newest request; null: not traced
  ADD COLUMN request_id text;                  -- of the newest request; null: nobody asked, it was due
ALTER TABLE operations ADD COLUMN request_id text; -- null: a timetable's

-- A transaction left open makes every lease walk over what it still might see.
-- 0 when none is open. It runs as the owner, who sees other roles' with
-- pg_read_all_stats (deploy/postgres/roles.sql); who calls it learns a number.
-- +goose StatementBegin
CREATE FUNCTION oldest_transaction_seconds() RETURNS float8 LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT coalesce(extract(epoch FROM clock_timestamp() - min(xact_start)), 0)::float8 FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION oldest_transaction_seconds() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION oldest_transaction_seconds() TO cloudhub_system;

-- +goose Down
DROP FUNCTION oldest_transaction_seconds();
ALTER TABLE operations DROP COLUMN request_id;
ALTER TABLE agenda DROP COLUMN trace, DROP COLUMN request_id;
