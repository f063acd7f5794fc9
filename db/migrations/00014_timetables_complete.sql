-- Timetables in full: selectors, windows, pauses, skips, holds, calendars; what is
-- told of them; the eye on what was switched.
-- +goose Up
ALTER TABLE organizations ADD COLUMN paused_by_name text;
GRANT UPDATE (paused_by_name) ON organizations TO cloudhub_app;

ALTER TABLE schedules
  ADD COLUMN selector         jsonb,             -- schedule.Selector; null: the chosen machines in schedule_targets
  ADD COLUMN catch_up_minutes int NOT NULL DEFAULT 10 CHECK (catch_up_minutes BETWEEN 1 AND 120),
  ADD COLUMN paused_at        timestamptz,
  ADD COLUMN paused_by_name   text;
-- Those without a next time come last in the list.
DROP INDEX schedules_list;
CREATE INDEX schedules_list ON schedules (org_id, workspace_id, coalesce(next_at, '9999-12-31 00:00:00+00'::timestamptz), id) WHERE deleted_at IS NULL;
CREATE INDEX schedules_due ON schedules (org_id, workspace_id, next_at) WHERE deleted_at IS NULL AND next_at IS NOT NULL;

CREATE TABLE calendars (
  org_id              uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
  id                  uuid NOT NULL,
  name                text NOT NULL,
  source              text NOT NULL CHECK (source IN ('days', 'file', 'address')),
  address             text,                      -- of source address; its query may be a secret and is never shown
  refreshed_at        timestamptz,               -- when its days were last read
  failing_since       timestamptz,
  last_error          text,
  last_error_detail   text,
  next_refresh_at     timestamptz,
  validators          jsonb,                     -- ETag and Last-Modified of the answer that its days are from
  notes               text[] NOT NULL DEFAULT '{}',
  fence               bigint NOT NULL DEFAULT 0, -- the newest lease that read it
  etag                uuid NOT NULL DEFAULT gen_random_uuid(),
  created_at          timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, id),
  CHECK ((source = 'address') = (address IS NOT NULL))
);
CREATE TABLE calendar_days (
  org_id      uuid NOT NULL,
  calendar_id uuid NOT NULL,
  day         date NOT NULL,
  name        text NOT NULL,
  PRIMARY KEY (org_id, calendar_id, day),
  FOREIGN KEY (org_id, calendar_id) REFERENCES calendars ON DELETE CASCADE
);
-- Which schedules keep to which; "br" is built in and has no row.
CREATE TABLE schedule_calendars (
  org_id       uuid NOT NULL,
  workspace_id uuid NOT NULL,
  schedule_id  uuid NOT NULL,
  calendar_id  uuid NOT NULL,
  PRIMARY KEY (org_id, schedule_id, calendar_id),
  FOREIGN KEY (org_id, workspace_id, schedule_id) REFERENCES schedules (org_id, workspace_id, id) ON DELETE CASCADE,
  FOREIGN KEY (org_id, calendar_id) REFERENCES calendars
);
CREATE INDEX schedule_calendars_calendar ON schedule_calendars (org_id, calendar_id);

-- Runs that somebody left out, by their instant.
CREATE TABLE schedule_skips (
  org_id          uuid NOT NULL,
  workspace_id    uuid NOT NULL,
  schedule_id     uuid NOT NULL,
  at              timestamptz NOT NULL,
  created_by      uuid NOT NULL,
  created_by_name text NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, schedule_id, at),
  FOREIGN KEY (org_id, workspace_id, schedule_id) REFERENCES schedules (org_id, workspace_id, id) ON DELETE CASCADE
);

CREATE TABLE holds (
  org_id          uuid NOT NULL,
  workspace_id    uuid NOT NULL,
  id              uuid NOT NULL,
  schedule_id     uuid,
  resource_id     uuid,
  reason          text NOT NULL,
  until           timestamptz NOT NULL,
  created_by      uuid NOT NULL,
  created_by_name text NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  ended_at        timestamptz,                   -- by a person, before its time
  ended_by_name   text,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, workspace_id) REFERENCES workspaces ON DELETE CASCADE,
  FOREIGN KEY (org_id, workspace_id, schedule_id) REFERENCES schedules (org_id, workspace_id, id) ON DELETE CASCADE,
  FOREIGN KEY (org_id, workspace_id, resource_id) REFERENCES resources (org_id, workspace_id, id) ON DELETE CASCADE,
  CHECK (num_nonnulls(schedule_id, resource_id) = 1)
);
CREATE INDEX holds_list ON holds (org_id, workspace_id, created_at DESC, id DESC);
CREATE INDEX holds_schedule ON holds (org_id, schedule_id, until) WHERE schedule_id IS NOT NULL AND ended_at IS NULL;
CREATE INDEX holds_resource ON holds (org_id, resource_id, until) WHERE resource_id IS NOT NULL AND ended_at IS NULL;

-- Skipped: the minute came, and every schedule of it was left out.
ALTER TABLE operations DROP CONSTRAINT operations_state_check;
ALTER TABLE operations ADD CONSTRAINT operations_state_check
  CHECK (state IN ('queued', 'running', 'succeeded', 'partial', 'failed', 'missed', 'cancelled', 'skipped'));
ALTER TABLE operation_schedules
  ADD COLUMN exception      text CHECK (exception IN ('SKIPPED', 'ON_HOLD')), -- this run of it was left out
  ADD COLUMN exception_text text;                -- who skipped it, or why it is held
-- Schedules that fall on one minute may have different windows, the operation's is
-- the last of them; null: the operation's.
ALTER TABLE operation_targets ADD COLUMN act_before timestamptz;

-- Where the machines of a selector must be looked for, one row an account; the
-- selector as it was when the minute was claimed.
CREATE TABLE operation_readings (
  org_id             uuid NOT NULL,
  workspace_id       uuid NOT NULL,
  operation_id       uuid NOT NULL,
  schedule_id        uuid NOT NULL,
  cloud_account_id   uuid NOT NULL,
  cloud_account_name text NOT NULL,
  selector           jsonb NOT NULL,
  wanted             text NOT NULL CHECK (wanted IN ('running', 'stopped')),
  act_before         timestamptz NOT NULL,
  found_count        int NOT NULL DEFAULT 0,
  reason             text,                       -- all or some of it could not be read
  detail             text,
  ended_at           timestamptz,
  PRIMARY KEY (org_id, operation_id, schedule_id, cloud_account_id),
  FOREIGN KEY (org_id, workspace_id, operation_id) REFERENCES operations (org_id, workspace_id, id) ON DELETE CASCADE
);

-- A person has said that schedules may act on it, whatever kind of machine it is.
ALTER TABLE resources ADD COLUMN act_anyway boolean NOT NULL DEFAULT false;

-- What a timetable brought into its wanted state must stay in it until then: the
-- first reading that shows otherwise, without an order of ours, is told.
CREATE TABLE follows (
  org_id       uuid NOT NULL,
  workspace_id uuid NOT NULL,
  resource_id  uuid NOT NULL,
  operation_id uuid NOT NULL,
  schedule_id  uuid NOT NULL,
  wanted       text NOT NULL CHECK (wanted IN ('running', 'stopped')),
  since        timestamptz NOT NULL,
  until        timestamptz NOT NULL,
  PRIMARY KEY (org_id, resource_id),
  FOREIGN KEY (org_id, workspace_id, resource_id) REFERENCES resources (org_id, workspace_id, id) ON DELETE CASCADE
);

-- What happened, written in the transaction that makes it true. Who is told of it
-- is decided from here.
CREATE TABLE events (
  org_id       uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
  id           uuid NOT NULL,
  workspace_id uuid,                             -- null: of the whole organization
  type         text NOT NULL,                    -- resource.started, schedule.missed, …
  data         jsonb NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, id)
);
CREATE INDEX events_age ON events (created_at);

CREATE TABLE notifications (
  org_id       uuid NOT NULL,
  workspace_id uuid NOT NULL,
  id           uuid NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('schedule_missed', 'schedule_failed', 'not_followed', 'calendar_failing')),
  severity     text NOT NULL CHECK (severity IN ('info', 'warning', 'error')),
  data         jsonb NOT NULL,                   -- notify.Data
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, workspace_id) REFERENCES workspaces ON DELETE CASCADE
);
CREATE INDEX notifications_list ON notifications (org_id, workspace_id, created_at DESC, id DESC);
CREATE INDEX notifications_age ON notifications (created_at);
CREATE TABLE notification_reads (
  org_id       uuid NOT NULL,
  workspace_id uuid NOT NULL,
  user_id      uuid NOT NULL,
  read_until   timestamptz NOT NULL,
  PRIMARY KEY (org_id, workspace_id, user_id),
  FOREIGN KEY (org_id, workspace_id) REFERENCES workspaces ON DELETE CASCADE,
  FOREIGN KEY (org_id, user_id) REFERENCES memberships ON DELETE CASCADE
);

-- +goose StatementBegin
DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['calendars', 'calendar_days', 'schedule_calendars', 'schedule_skips', 'holds', 'operation_readings', 'follows', 'events', 'notifications', 'notification_reads'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON %I TO cloudhub_app USING (org_id = (SELECT current_org())) WITH CHECK (org_id = (SELECT current_org()))', t);
  END LOOP;
END $$;
-- +goose StatementEnd
CREATE POLICY system ON calendars          TO cloudhub_system USING (true) WITH CHECK (true);
CREATE POLICY system ON calendar_days      FOR SELECT TO cloudhub_system USING (true);
CREATE POLICY system ON schedule_calendars FOR SELECT TO cloudhub_system USING (true);
CREATE POLICY system ON schedule_skips     TO cloudhub_system USING (true) WITH CHECK (true);
CREATE POLICY system ON holds              TO cloudhub_system USING (true) WITH CHECK (true);
CREATE POLICY system ON operation_readings TO cloudhub_system USING (true) WITH CHECK (true);
CREATE POLICY system ON events             TO cloudhub_system USING (true) WITH CHECK (true);
CREATE POLICY system ON notifications      TO cloudhub_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON calendars, calendar_days, schedule_calendars TO cloudhub_app;
GRANT SELECT, INSERT, DELETE ON schedule_skips TO cloudhub_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON follows TO cloudhub_app;
GRANT SELECT, INSERT ON holds, events, notifications TO cloudhub_app;
GRANT UPDATE (ended_at, ended_by_name) ON holds TO cloudhub_app;
GRANT SELECT, INSERT, UPDATE ON operation_readings, notification_reads TO cloudhub_app;
GRANT SELECT ON calendar_days, schedule_calendars, schedule_skips, holds TO cloudhub_system;
GRANT SELECT, INSERT, DELETE ON operation_readings, events, notifications TO cloudhub_system;
GRANT DELETE ON schedule_skips, holds TO cloudhub_system;
GRANT SELECT, UPDATE (next_refresh_at) ON calendars TO cloudhub_system;

-- +goose Down
DROP TABLE notification_reads, notifications, events, follows, operation_readings, holds, schedule_skips, schedule_calendars, calendar_days, calendars;
ALTER TABLE resources DROP COLUMN act_anyway;
ALTER TABLE operation_targets DROP COLUMN act_before;
ALTER TABLE operation_schedules DROP COLUMN exception, DROP COLUMN exception_text;
DELETE FROM operations WHERE state = 'skipped';
ALTER TABLE operations DROP CONSTRAINT operations_state_check;
ALTER TABLE operations ADD CONSTRAINT operations_state_check
  CHECK (state IN ('queued', 'running', 'succeeded', 'partial', 'failed', 'missed', 'cancelled'));
DROP INDEX schedules_due, schedules_list;
DELETE FROM schedules WHERE selector IS NOT NULL;
ALTER TABLE schedules DROP COLUMN selector, DROP COLUMN catch_up_minutes, DROP COLUMN paused_at, DROP COLUMN paused_by_name;
CREATE INDEX schedules_list ON schedules (org_id, workspace_id, next_at, id) WHERE deleted_at IS NULL;
ALTER TABLE organizations DROP COLUMN paused_by_name;
