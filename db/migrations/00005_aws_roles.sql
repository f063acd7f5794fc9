-- +goose Up
-- What a role's trust policy must ask for: made here, one an account for its
-- whole life, whether it is entered by a role today or by a key.
ALTER TABLE cloud_accounts ADD COLUMN role_external_id text NOT NULL DEFAULT gen_random_uuid()::text;

-- +goose StatementBegin
CREATE FUNCTION keep_role_external_id() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the external id of an account never changes' USING ERRCODE = 'integrity_constraint_violation';
END $$;
-- +goose StatementEnd
CREATE TRIGGER keep_role_external_id BEFORE UPDATE ON cloud_accounts FOR EACH ROW
  WHEN (OLD.role_external_id IS DISTINCT FROM NEW.role_external_id) EXECUTE FUNCTION keep_role_external_id();

-- The external id of an account that is not there yet, one a person and workspace.
CREATE TABLE role_preparations (
  org_id       uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
  workspace_id uuid NOT NULL,
  id           uuid NOT NULL,
  user_id      uuid NOT NULL,
  external_id  text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, workspace_id, user_id),
  FOREIGN KEY (org_id, workspace_id) REFERENCES workspaces ON DELETE CASCADE
);
CREATE INDEX role_preparations_age ON role_preparations (expires_at);

ALTER TABLE credentials ADD COLUMN role_arn text;
ALTER TABLE credentials ADD CONSTRAINT credentials_role CHECK ((kind = 'aws.role') = (role_arn IS NOT NULL));

-- A draft may be a role too, and may be meant to replace an account's credential:
-- it is then sealed for that account.
ALTER TABLE credential_drafts ADD COLUMN kind text NOT NULL DEFAULT 'aws.access_key';
ALTER TABLE credential_drafts ALTER COLUMN kind DROP DEFAULT;
ALTER TABLE credential_drafts ADD COLUMN role_arn text;
ALTER TABLE credential_drafts ADD COLUMN replaces uuid;
ALTER TABLE credential_drafts ADD CONSTRAINT credential_drafts_role CHECK ((kind = 'aws.role') = (role_arn IS NOT NULL));
ALTER TABLE credential_drafts ADD CONSTRAINT credential_drafts_replaces
  FOREIGN KEY (org_id, workspace_id, replaces) REFERENCES cloud_accounts (org_id, workspace_id, id) ON DELETE CASCADE;

ALTER TABLE role_preparations ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON role_preparations TO cloudhub_app USING (org_id = (SELECT current_org())) WITH CHECK (org_id = (SELECT current_org()));
CREATE POLICY system ON role_preparations TO cloudhub_system USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON role_preparations TO cloudhub_app;
GRANT SELECT, DELETE ON role_preparations TO cloudhub_system;

-- +goose Down
-- What cannot be read without this version must not be taken for a key.
DELETE FROM cloud_accounts a USING credentials c WHERE c.org_id = a.org_id AND c.cloud_account_id = a.id AND c.kind = 'aws.role';
DELETE FROM credential_drafts;
ALTER TABLE credential_drafts DROP COLUMN replaces, DROP COLUMN role_arn, DROP COLUMN kind;
ALTER TABLE credentials DROP COLUMN role_arn;
DROP TABLE role_preparations;
DROP TRIGGER keep_role_external_id ON cloud_accounts;
DROP FUNCTION keep_role_external_id();
ALTER TABLE cloud_accounts DROP COLUMN role_external_id;
