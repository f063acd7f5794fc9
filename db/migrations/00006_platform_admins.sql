-- The operators' page: who may open it, rows that stand still, and a role that
-- sees the agenda of all tenants and nothing else of them (internal/adr/0007).
-- +goose Up
-- +goose StatementBegin
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cloudhub_admin') THEN
    RAISE 'the role cloudhub_admin is missing: an administrator makes it as deploy/postgres/roles.sql says, then run this again';
  END IF;
END $$;
-- +goose StatementEnd

-- The platform's own people. Only the owner writes here (cloudhub admin grant):
-- no role of a running process can make anybody one.
CREATE TABLE platform_admins (
  user_id    uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
  granted_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE platform_admins ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY identity ON platform_admins FOR SELECT TO cloudhub_identity USING (true);
GRANT SELECT ON platform_admins TO cloudhub_identity;

-- A parked row is delivered to nobody until it is driven again. Its look_at is
-- when the dispatcher looks whether its time has passed.
ALTER TABLE agenda
  ADD COLUMN parked_at     timestamptz,
  ADD COLUMN parked_by     text,             -- name of the platform admin
  ADD COLUMN parked_reason text,             -- shown to the tenant
  ADD CONSTRAINT agenda_parked_whole CHECK (num_nonnulls(parked_at, parked_by, parked_reason) IN (0, 3));
-- Parked rows are not in flight: neither the cap nor a tenant's share counts them.
DROP INDEX agenda_open;
CREATE INDEX agenda_open ON agenda (lane, org_id) WHERE run_id IS NOT NULL AND parked_at IS NULL;
CREATE INDEX agenda_parked ON agenda (due_at, org_id, kind, subject) WHERE parked_at IS NOT NULL;
CREATE INDEX agenda_due ON agenda (due_at, org_id, kind, subject);

-- Named columns: what is added to the table later is not the page's by itself.
CREATE POLICY admin_read ON agenda FOR SELECT TO cloudhub_admin USING (true);
CREATE POLICY admin_change ON agenda FOR UPDATE TO cloudhub_admin USING (true) WITH CHECK (true);
GRANT SELECT (org_id, kind, subject, lane, due_at, look_at, asked, told, lease, run_id, starts, last_error, parked_at, parked_by, parked_reason) ON agenda TO cloudhub_admin;
GRANT UPDATE (look_at, run_id, starts, parked_at, parked_by, parked_reason) ON agenda TO cloudhub_admin;
CREATE POLICY admin ON organizations FOR SELECT TO cloudhub_admin USING (true);
GRANT SELECT (id, name) ON organizations TO cloudhub_admin;
CREATE POLICY admin ON audit_log FOR INSERT TO cloudhub_admin WITH CHECK (actor_kind = 'operator');
GRANT INSERT ON audit_log TO cloudhub_admin;

-- +goose StatementBegin
-- Connections of dispatchers to this database: every role sees whose a
-- connection is, and nothing else of another's.
CREATE FUNCTION dispatcher_connections() RETURNS bigint LANGUAGE sql STABLE AS
$$ SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'cloudhub_system' $$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION dispatcher_connections() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dispatcher_connections() TO cloudhub_admin;

-- +goose Down
DROP FUNCTION dispatcher_connections();
REVOKE ALL ON audit_log, organizations, agenda FROM cloudhub_admin;
REVOKE SELECT (id, name) ON organizations FROM cloudhub_admin;
DROP POLICY admin ON audit_log;
DROP POLICY admin ON organizations;
DROP POLICY admin_read ON agenda;
DROP POLICY admin_change ON agenda;
DROP INDEX agenda_due, agenda_parked, agenda_open;
ALTER TABLE agenda DROP CONSTRAINT agenda_parked_whole, DROP COLUMN parked_at, DROP COLUMN parked_by, DROP COLUMN parked_reason;
CREATE INDEX agenda_open ON agenda (lane, org_id) WHERE run_id IS NOT NULL;
DROP TABLE platform_admins;
