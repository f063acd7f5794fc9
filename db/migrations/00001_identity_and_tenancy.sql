-- Roles exist before the first migration (db.Bootstrap, or deploy/postgres/roles.sql):
--   cloudhub_owner     owns the tables, BYPASSRLS, used for migrations and backup only
--   cloudhub_app       inside one tenant: server and activities
--   cloudhub_identity  users, sessions, memberships: the server's sign-in
--   cloudhub_system    agenda and a short list of queries across tenants: the dispatcher
-- +goose Up
-- +goose StatementBegin
-- The nil uuid owns the installation's own rows: a forgotten id must not be it.
CREATE FUNCTION current_org() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT nullif(nullif(current_setting('cloudhub.org_id', true), '')::uuid, '00000000-0000-0000-0000-000000000000') $$;

-- Every row that a client may hold carries a version that only rises, and the
-- moment it was written, by the database's clock.
CREATE SEQUENCE row_version;
CREATE FUNCTION bump_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.version := nextval('row_version');
  NEW.changed_at := clock_timestamp();
  RETURN NEW;
END $$;
-- +goose StatementEnd
GRANT USAGE ON SEQUENCE row_version TO cloudhub_app, cloudhub_identity, cloudhub_system;

CREATE TABLE users (
  id             uuid PRIMARY KEY,
  email          text NOT NULL,
  email_key      text NOT NULL UNIQUE,         -- lower case, as compared
  name           text NOT NULL,
  locale         text NOT NULL DEFAULT 'pt-BR',
  password_hash  text NOT NULL,                -- argon2id, PHC string
  -- Who he is in audit rows: erasing the user leaves the record whole.
  actor_hash     bytea NOT NULL UNIQUE,
  verified_at    timestamptz,
  suspended_at   timestamptz,
  trial_used_at  timestamptz,                  -- thirty days of pro: once per person
  created_at     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE sessions (
  id              uuid PRIMARY KEY,
  user_id         uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  remember        boolean NOT NULL DEFAULT false,
  signed_in_at    timestamptz NOT NULL DEFAULT now(),  -- last proof by password: step-up freshness
  created_at      timestamptz NOT NULL DEFAULT now(),
  last_used_at    timestamptz NOT NULL DEFAULT now(),
  idle_expires_at timestamptz NOT NULL,
  expires_at      timestamptz NOT NULL,
  revoked_at      timestamptz,
  revoked_reason  text,
  address         text NOT NULL DEFAULT '',
  user_agent      text NOT NULL DEFAULT ''
);
CREATE INDEX sessions_user ON sessions (user_id, created_at);

-- One row a rotation. Only the hash is kept; the successor is derived from the
-- token itself with a key of the server's ring, so that the parent, shown again
-- within the grace, gets the same successor without anything secret being stored.
CREATE TABLE refresh_tokens (
  token_hash  bytea PRIMARY KEY,               -- SHA-256
  session_id  uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
  generation  int NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  rotated_at  timestamptz,
  UNIQUE (session_id, generation)
);

-- Failed sign-ins, counted before the check, per account, address and pair.
CREATE TABLE login_failures (
  scope        text NOT NULL,                  -- account | address | pair
  key          bytea NOT NULL,                 -- salted hash
  failures     int NOT NULL,
  first_at     timestamptz NOT NULL,
  locked_until timestamptz NOT NULL,
  PRIMARY KEY (scope, key)
);

CREATE TABLE organizations (
  id             uuid PRIMARY KEY,
  name           text NOT NULL,
  type           text NOT NULL DEFAULT 'standalone' CHECK (type IN ('standalone', 'master', 'partner')),
  parent_org_id  uuid REFERENCES organizations,
  personal_of    uuid UNIQUE REFERENCES users ON DELETE SET NULL,
  plan           text NOT NULL DEFAULT 'free' CHECK (plan IN ('free', 'pro', 'enterprise')),
  plan_until     timestamptz,                  -- null: without end
  paused_at      timestamptz,                  -- all automation paused
  paused_reason  text,
  created_at     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE memberships (
  org_id     uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
  user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  role       text NOT NULL CHECK (role IN ('owner', 'admin', 'operator', 'viewer', 'billing')),
  -- The name as the organization sees it: its own people read it without
  -- reading the table of all users.
  name       text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, user_id)
);
CREATE INDEX memberships_user ON memberships (user_id);

CREATE TABLE workspaces (
  org_id     uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
  id         uuid NOT NULL,
  name       text NOT NULL,
  time_zone  text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, id)
);

CREATE TABLE workspace_members (
  org_id        uuid NOT NULL,
  workspace_id  uuid NOT NULL,
  user_id       uuid NOT NULL,
  role_override text CHECK (role_override IN ('admin', 'operator', 'viewer', 'billing')),
  created_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, workspace_id, user_id),
  FOREIGN KEY (org_id, workspace_id) REFERENCES workspaces ON DELETE CASCADE,
  FOREIGN KEY (org_id, user_id) REFERENCES memberships ON DELETE CASCADE
);

-- What was answered to a request that carried a request_id, for a day.
CREATE TABLE idempotency_keys (
  org_id       uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
  user_id      uuid NOT NULL,
  procedure    text NOT NULL,
  request_id   uuid NOT NULL,
  request_hash bytea NOT NULL,
  subject_id   uuid NOT NULL,                  -- the row that the first request made
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, user_id, procedure, request_id)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- Append-only: nobody but the owner may change or remove a row.
CREATE TABLE audit_log (
  org_id       uuid NOT NULL,
  id           uuid NOT NULL,
  at           timestamptz NOT NULL DEFAULT now(),
  workspace_id uuid,
  actor_kind   text NOT NULL CHECK (actor_kind IN ('person', 'timetable', 'system', 'operator')),
  actor        bytea,                          -- users.actor_hash when a person
  acting_as    text,                           -- the delegated role, when delegated
  address      text NOT NULL DEFAULT '',
  request_id   text NOT NULL DEFAULT '',
  action       text NOT NULL,                  -- e.g. schedule.create
  subject_kind text NOT NULL,
  subject_id   text NOT NULL,
  before       jsonb,
  after        jsonb,
  PRIMARY KEY (org_id, at, id)
) PARTITION BY RANGE (at);
CREATE INDEX audit_log_subject ON audit_log (org_id, subject_kind, subject_id, at);
CREATE TABLE audit_log_default PARTITION OF audit_log DEFAULT;

-- +goose StatementBegin
-- Makes the partitions of this month and the next two. Rows that fell into the
-- default partition meanwhile stay there: a month that has some is left to it.
CREATE FUNCTION ensure_audit_partitions() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE m timestamptz;
BEGIN
  FOR i IN 0..2 LOOP
    m := date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
    m := ((m AT TIME ZONE 'UTC') + make_interval(months => i)) AT TIME ZONE 'UTC';
    IF to_regclass(format('public.audit_log_%s', to_char(m AT TIME ZONE 'UTC', 'YYYY_MM'))) IS NULL
       AND NOT EXISTS (SELECT 1 FROM public.audit_log_default d
                       WHERE d.at >= m AND d.at < ((m AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC') THEN
      EXECUTE format('CREATE TABLE public.audit_log_%s PARTITION OF public.audit_log FOR VALUES FROM (%L) TO (%L)',
        to_char(m AT TIME ZONE 'UTC', 'YYYY_MM'), m, ((m AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC');
      EXECUTE format('ALTER TABLE public.audit_log_%s ENABLE ROW LEVEL SECURITY', to_char(m AT TIME ZONE 'UTC', 'YYYY_MM'));
      EXECUTE format('ALTER TABLE public.audit_log_%s FORCE ROW LEVEL SECURITY', to_char(m AT TIME ZONE 'UTC', 'YYYY_MM'));
    END IF;
  END LOOP;
END $$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION ensure_audit_partitions() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ensure_audit_partitions() TO cloudhub_system;
SELECT ensure_audit_partitions();

-- Row-level security, forced. The policy is the net; queries say WHERE org_id too.
ALTER TABLE users             ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE sessions          ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE refresh_tokens    ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE login_failures    ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE organizations     ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE memberships       ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE workspaces        ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE workspace_members ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys  ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_log         ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_log_default ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY identity ON users             TO cloudhub_identity USING (true) WITH CHECK (true);
CREATE POLICY identity ON sessions          TO cloudhub_identity USING (true) WITH CHECK (true);
CREATE POLICY identity ON refresh_tokens    TO cloudhub_identity USING (true) WITH CHECK (true);
CREATE POLICY identity ON login_failures    TO cloudhub_identity USING (true) WITH CHECK (true);
CREATE POLICY identity ON organizations     TO cloudhub_identity USING (true) WITH CHECK (true);
CREATE POLICY identity ON memberships       TO cloudhub_identity USING (true) WITH CHECK (true);
CREATE POLICY identity ON workspaces        TO cloudhub_identity USING (true) WITH CHECK (true);
CREATE POLICY identity ON workspace_members TO cloudhub_identity USING (true);
CREATE POLICY identity ON audit_log         FOR INSERT TO cloudhub_identity WITH CHECK (true);

CREATE POLICY tenant ON organizations     TO cloudhub_app USING (id = (SELECT current_org()))     WITH CHECK (id = (SELECT current_org()));
CREATE POLICY tenant ON memberships       TO cloudhub_app USING (org_id = (SELECT current_org())) WITH CHECK (org_id = (SELECT current_org()));
CREATE POLICY tenant ON workspaces        TO cloudhub_app USING (org_id = (SELECT current_org())) WITH CHECK (org_id = (SELECT current_org()));
CREATE POLICY tenant ON workspace_members TO cloudhub_app USING (org_id = (SELECT current_org())) WITH CHECK (org_id = (SELECT current_org()));
CREATE POLICY tenant ON idempotency_keys  TO cloudhub_app USING (org_id = (SELECT current_org())) WITH CHECK (org_id = (SELECT current_org()));
CREATE POLICY tenant ON audit_log         TO cloudhub_app USING (org_id = (SELECT current_org())) WITH CHECK (org_id = (SELECT current_org()));

CREATE POLICY system ON organizations    FOR SELECT TO cloudhub_system USING (true);
CREATE POLICY system ON workspaces       FOR SELECT TO cloudhub_system USING (true);
CREATE POLICY system ON sessions         TO cloudhub_system USING (true);
CREATE POLICY system ON login_failures   TO cloudhub_system USING (true);
CREATE POLICY system ON idempotency_keys TO cloudhub_system USING (true);
CREATE POLICY system ON audit_log        FOR INSERT TO cloudhub_system WITH CHECK (true);

GRANT SELECT, INSERT, UPDATE         ON users TO cloudhub_identity;
GRANT SELECT, INSERT, UPDATE         ON sessions, refresh_tokens TO cloudhub_identity;
GRANT SELECT, INSERT, UPDATE, DELETE ON login_failures TO cloudhub_identity;
GRANT SELECT, INSERT                 ON organizations, memberships, workspaces TO cloudhub_identity;
GRANT SELECT                         ON workspace_members TO cloudhub_identity;
GRANT INSERT                         ON audit_log TO cloudhub_identity;

GRANT SELECT                         ON organizations, memberships, workspaces, workspace_members TO cloudhub_app;
-- Also what SELECT … FOR NO KEY UPDATE asks for (LockOrganization).
GRANT UPDATE (name, paused_at, paused_reason) ON organizations TO cloudhub_app;
GRANT SELECT, INSERT                 ON idempotency_keys TO cloudhub_app;
GRANT SELECT, INSERT                 ON audit_log TO cloudhub_app;

GRANT SELECT                         ON organizations, workspaces TO cloudhub_system;
GRANT SELECT, DELETE                 ON sessions, login_failures, idempotency_keys TO cloudhub_system;
GRANT INSERT                         ON audit_log TO cloudhub_system;

-- +goose Down
DROP TABLE audit_log, idempotency_keys, workspace_members, workspaces, memberships, organizations,
  login_failures, refresh_tokens, sessions, users CASCADE;
DROP FUNCTION ensure_audit_partitions();
DROP FUNCTION bump_version();
DROP SEQUENCE row_version;
DROP FUNCTION current_org();
