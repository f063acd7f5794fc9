-- +goose Up
CREATE TABLE schedules (
  org_id          uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
  workspace_id    uuid NOT NULL,
  id              uuid NOT NULL,
  name            text NOT NULL,
  rule            jsonb NOT NULL,              -- schedule.Rule
  revision        int NOT NULL DEFAULT 1,      -- +1 with every change of rule or targets
  next_at         timestamptz,                 -- computed in Go; null: never again
  next_wanted     text CHECK (next_wanted IN ('running', 'stopped')),
  tzdata          text NOT NULL,               -- version of the zone data that next_at was computed with
  created_by      uuid NOT NULL,
  created_by_name text NOT NULL,
  deleted_at      timestamptz,
  etag            uuid NOT NULL DEFAULT gen_random_uuid(),
  created_at      timestamptz NOT NULL DEFAULT now(),
  version         bigint NOT NULL DEFAULT 0,
  changed_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, workspace_id, id),
  FOREIGN KEY (org_id, workspace_id) REFERENCES workspaces ON DELETE CASCADE
);
CREATE INDEX schedules_list ON schedules (org_id, workspace_id, next_at, id) WHERE deleted_at IS NULL;
CREATE INDEX schedules_changed ON schedules (org_id, workspace_id, changed_at);
CREATE TRIGGER bump BEFORE INSERT OR UPDATE ON schedules FOR EACH ROW EXECUTE FUNCTION bump_version();

CREATE TABLE schedule_targets (
  org_id       uuid NOT NULL,
  workspace_id uuid NOT NULL,
  schedule_id  uuid NOT NULL,
  resource_id  uuid NOT NULL,
  PRIMARY KEY (org_id, schedule_id, resource_id),
  FOREIGN KEY (org_id, workspace_id, schedule_id) REFERENCES schedules (org_id, workspace_id, id) ON DELETE CASCADE,
  FOREIGN KEY (org_id, workspace_id, resource_id) REFERENCES resources (org_id, workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX schedule_targets_resource ON schedule_targets (org_id, resource_id);

CREATE TABLE operations (
  org_id            uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
  workspace_id      uuid NOT NULL,
  id                uuid NOT NULL,
  origin            text NOT NULL CHECK (origin IN ('person', 'timetable', 'finding', 'undo')),
  state             text NOT NULL DEFAULT 'queued'
    CHECK (state IN ('queued', 'running', 'succeeded', 'partial', 'failed', 'missed', 'cancelled')),
  step              text NOT NULL DEFAULT 'queued' CHECK (step IN ('queued', 'deciding', 'acting', 'watching', 'done')),
  requested_by      uuid,
  requested_by_name text NOT NULL DEFAULT '',
  due_at            timestamptz,               -- the minute a timetable meant
  act_before        timestamptz NOT NULL,      -- nothing is sent to a provider after this
  attempts          int NOT NULL DEFAULT 0,
  last_error        text,
  last_error_detail text,
  target_count      int NOT NULL,
  done_count        int NOT NULL DEFAULT 0,    -- targets at their end, whatever the end
  failed_count      int NOT NULL DEFAULT 0,
  left_alone_count  int NOT NULL DEFAULT 0,
  on_count          int NOT NULL DEFAULT 0,
  off_count         int NOT NULL DEFAULT 0,
  fence             bigint NOT NULL DEFAULT 0, -- the newest lease that took it
  created_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  started_at        timestamptz,
  ended_at          timestamptz,
  version           bigint NOT NULL DEFAULT 0,
  changed_at        timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, workspace_id, id),
  FOREIGN KEY (org_id, workspace_id) REFERENCES workspaces ON DELETE CASCADE
);
-- All timetables of a workspace that fall on one minute are one operation.
CREATE UNIQUE INDEX operations_minute ON operations (org_id, workspace_id, due_at) WHERE origin = 'timetable';
CREATE INDEX operations_list ON operations (org_id, workspace_id, created_at DESC, id DESC);
CREATE INDEX operations_changed ON operations (org_id, workspace_id, changed_at);
CREATE INDEX operations_open ON operations (org_id, workspace_id) WHERE ended_at IS NULL;
CREATE INDEX operations_age ON operations (ended_at) WHERE ended_at IS NOT NULL;
CREATE TRIGGER bump BEFORE INSERT OR UPDATE ON operations FOR EACH ROW EXECUTE FUNCTION bump_version();

-- Which schedules asked, in which revision: an edit never alters a claimed run.
CREATE TABLE operation_schedules (
  org_id        uuid NOT NULL,
  workspace_id  uuid NOT NULL,
  operation_id  uuid NOT NULL,
  schedule_id   uuid NOT NULL,
  revision      int NOT NULL,
  name          text NOT NULL,
  wanted        text NOT NULL CHECK (wanted IN ('running', 'stopped')),
  due_at        timestamptz NOT NULL,
  PRIMARY KEY (org_id, operation_id, schedule_id),
  FOREIGN KEY (org_id, workspace_id, operation_id) REFERENCES operations (org_id, workspace_id, id) ON DELETE CASCADE,
  FOREIGN KEY (org_id, workspace_id, schedule_id) REFERENCES schedules (org_id, workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX operation_schedules_runs ON operation_schedules (org_id, schedule_id, due_at DESC);

CREATE TABLE operation_targets (
  org_id           uuid NOT NULL,
  workspace_id     uuid NOT NULL,
  operation_id     uuid NOT NULL,
  resource_id      uuid NOT NULL,
  -- What the machine was called when it was asked: history outlives inventory.
  resource_name    text NOT NULL,
  provider_id      text NOT NULL,
  cloud_account_id uuid NOT NULL,
  region           text NOT NULL,
  schedule_id      uuid,
  wanted           text NOT NULL CHECK (wanted IN ('running', 'stopped')),
  state            text NOT NULL DEFAULT 'pending'
    CHECK (state IN ('pending', 'taken', 'accepted', 'done', 'already', 'left_alone', 'failed', 'superseded', 'missed')),
  reason           text,
  detail           text,
  before_state     text,
  after_state      text,
  attempts         int NOT NULL DEFAULT 0,
  accepted_at      timestamptz,
  calling_until    timestamptz,                -- until then a call for it may still have its effect
  ended_at         timestamptz,
  asked_at         timestamptz NOT NULL DEFAULT clock_timestamp(), -- the newest intent wins
  version          bigint NOT NULL DEFAULT 0,
  changed_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, operation_id, resource_id),
  FOREIGN KEY (org_id, workspace_id, operation_id) REFERENCES operations (org_id, workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX operation_targets_resource ON operation_targets (org_id, resource_id, asked_at DESC);
CREATE INDEX operation_targets_changed ON operation_targets (org_id, workspace_id, changed_at);
CREATE INDEX operation_targets_schedule ON operation_targets (org_id, schedule_id, operation_id) WHERE schedule_id IS NOT NULL;
CREATE TRIGGER bump BEFORE INSERT OR UPDATE ON operation_targets FOR EACH ROW EXECUTE FUNCTION bump_version();

-- As for resources: a workspace is of one organization.
CREATE STATISTICS schedules_tenant (dependencies) ON org_id, workspace_id FROM schedules;
CREATE STATISTICS operations_tenant (dependencies) ON org_id, workspace_id FROM operations;
CREATE STATISTICS operation_targets_tenant (dependencies) ON org_id, workspace_id FROM operation_targets;

ALTER TABLE schedules           ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE schedule_targets    ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE operations          ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE operation_schedules ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE operation_targets   ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON schedules           TO cloudhub_app USING (org_id = (SELECT current_org())) WITH CHECK (org_id = (SELECT current_org()));
CREATE POLICY tenant ON schedule_targets    TO cloudhub_app USING (org_id = (SELECT current_org())) WITH CHECK (org_id = (SELECT current_org()));
CREATE POLICY tenant ON operations          TO cloudhub_app USING (org_id = (SELECT current_org())) WITH CHECK (org_id = (SELECT current_org()));
CREATE POLICY tenant ON operation_schedules TO cloudhub_app USING (org_id = (SELECT current_org())) WITH CHECK (org_id = (SELECT current_org()));
CREATE POLICY tenant ON operation_targets   TO cloudhub_app USING (org_id = (SELECT current_org())) WITH CHECK (org_id = (SELECT current_org()));
CREATE POLICY system ON schedules           TO cloudhub_system USING (true) WITH CHECK (true);
CREATE POLICY system ON schedule_targets    FOR SELECT TO cloudhub_system USING (true);
CREATE POLICY system ON resources           FOR SELECT TO cloudhub_system USING (true);
CREATE POLICY system ON operations          TO cloudhub_system USING (true) WITH CHECK (true);
CREATE POLICY system ON operation_schedules TO cloudhub_system USING (true) WITH CHECK (true);
CREATE POLICY system ON operation_targets   TO cloudhub_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON schedules, schedule_targets TO cloudhub_app;
GRANT SELECT, INSERT, UPDATE ON operations, operation_schedules, operation_targets TO cloudhub_app;
GRANT SELECT ON schedules, schedule_targets, resources TO cloudhub_system;
GRANT UPDATE (next_at, next_wanted, tzdata, version, changed_at) ON schedules TO cloudhub_system;
GRANT SELECT, INSERT, DELETE ON operations, operation_schedules, operation_targets TO cloudhub_system;

-- +goose Down
DROP TABLE operation_targets, operation_schedules, operations, schedule_targets, schedules;
DROP POLICY system ON resources;
