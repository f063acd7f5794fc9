-- The agenda: whatever must still happen. internal/agenda says what each kind is.
-- +goose Up
-- One sequence for all leases, never set back; it is the fence of everything
-- that is recorded. After a restore it is moved forward.
CREATE SEQUENCE agenda_lease;

CREATE TABLE agenda (
  org_id     uuid NOT NULL,                    -- tenant; the nil uuid for the installation's own
  kind       text NOT NULL,
  subject    text NOT NULL,
  lane       smallint NOT NULL CHECK (lane BETWEEN 0 AND 2),
  due_at     timestamptz NOT NULL,             -- when it ought to happen
  look_at    timestamptz NOT NULL,             -- when a dispatcher looks next
  asked      bigint NOT NULL DEFAULT 1,        -- +1 with every request
  told       bigint NOT NULL DEFAULT 0,        -- the asked that Temporal has been told of
  lease      bigint NOT NULL DEFAULT 0,
  run_id     text,                             -- null: not delivered since it was asked anew
  starts     int NOT NULL DEFAULT 0,           -- workflows started since the last progress
  last_error text,
  PRIMARY KEY (org_id, kind, subject)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE INDEX agenda_look ON agenda (lane, look_at);
CREATE INDEX agenda_open ON agenda (lane, org_id) WHERE run_id IS NOT NULL;

ALTER TABLE agenda ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON agenda TO cloudhub_app USING (org_id = (SELECT current_org())) WITH CHECK (org_id = (SELECT current_org()));
CREATE POLICY system ON agenda TO cloudhub_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON agenda TO cloudhub_app, cloudhub_system;
GRANT USAGE, SELECT ON SEQUENCE agenda_lease TO cloudhub_system;

INSERT INTO agenda (org_id, kind, subject, lane, due_at, look_at)
VALUES ('00000000-0000-0000-0000-000000000000', 'housekeeping', 'installation', 2, now(), now());

-- +goose Down
DROP TABLE agenda;
DROP SEQUENCE agenda_lease;
