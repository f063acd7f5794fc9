-- Shares of what is in flight, readings that are shown, and a schema version
-- that server and worker can read.
-- +goose Up
-- Whose share a row uses: the cloud account it is about; the nil uuid when it is
-- about several or none. A clock row has none either.
ALTER TABLE agenda
  ADD COLUMN account_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
  ADD COLUMN taken boolean NOT NULL DEFAULT false; -- a worker's activity has it: it waits in no queue any more
GRANT UPDATE (taken) ON agenda TO cloudhub_admin; -- who drives a row again puts it back in the queue
CREATE INDEX agenda_fresh ON agenda (lane, org_id, account_id, look_at) WHERE run_id IS NULL;
CREATE INDEX agenda_arriving ON agenda (lane) WHERE run_id IS NOT NULL AND NOT taken AND parked_at IS NULL;

-- What a reading has found to differ, counted in the transactions that write it,
-- until the end of the reading says so.
ALTER TABLE cloud_accounts
  ADD COLUMN reading_added   int NOT NULL DEFAULT 0,
  ADD COLUMN reading_changed int NOT NULL DEFAULT 0,
  ADD COLUMN reading_gone    int NOT NULL DEFAULT 0;

-- A reading that found something else than the inventory had, or that failed, is
-- an operation too: one that asked nothing of the provider and has no targets.
ALTER TABLE operations DROP CONSTRAINT operations_origin_check;
ALTER TABLE operations
  ADD CONSTRAINT operations_origin_check CHECK (origin IN ('person', 'timetable', 'finding', 'undo', 'system')),
  ADD COLUMN kind               text NOT NULL DEFAULT 'power' CHECK (kind IN ('power', 'sync')),
  ADD COLUMN cloud_account_id   uuid,                    -- of a reading
  ADD COLUMN cloud_account_name text NOT NULL DEFAULT '', -- as it was called: history outlives the account
  ADD COLUMN added_count        int NOT NULL DEFAULT 0,
  ADD COLUMN changed_count      int NOT NULL DEFAULT 0,
  ADD COLUMN gone_count         int NOT NULL DEFAULT 0;

-- Which migration the database is at: every program reads it at its start. The
-- table itself is nobody's but the owner's.
CREATE FUNCTION schema_version() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
  AS 'SELECT coalesce(max(version_id), 0) FROM public.goose_db_version WHERE is_applied';
REVOKE ALL ON FUNCTION schema_version() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION schema_version() TO cloudhub_app, cloudhub_identity, cloudhub_system, cloudhub_admin;

-- +goose Down
DROP FUNCTION schema_version();
DELETE FROM operations WHERE kind <> 'power';
ALTER TABLE operations DROP CONSTRAINT operations_origin_check;
ALTER TABLE operations
  DROP COLUMN kind, DROP COLUMN cloud_account_id, DROP COLUMN cloud_account_name,
  DROP COLUMN added_count, DROP COLUMN changed_count, DROP COLUMN gone_count,
  ADD CONSTRAINT operations_origin_check CHECK (origin IN ('person', 'timetable', 'finding', 'undo'));
ALTER TABLE cloud_accounts DROP COLUMN reading_added, DROP COLUMN reading_changed, DROP COLUMN reading_gone;
DROP INDEX agenda_arriving;
DROP INDEX agenda_fresh;
ALTER TABLE agenda DROP COLUMN taken, DROP COLUMN account_id;
