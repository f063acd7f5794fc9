-- +goose Up
-- A credential on trial: ten minutes to live, passed by id. `result` is what
-- the worker's probe found out.
CREATE TABLE credential_drafts (
  org_id       uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
  workspace_id uuid NOT NULL,
  id           uuid NOT NULL,                  -- becomes the account's id
  provider     text NOT NULL,
  home_region  text NOT NULL,
  key_id       text NOT NULL,
  ciphertext   bytea NOT NULL,
  hint         text NOT NULL,                  -- last four of the access key id
  state        text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'ok', 'refused')),
  result       jsonb,
  fence        bigint NOT NULL DEFAULT 0,
  created_at   timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, workspace_id) REFERENCES workspaces ON DELETE CASCADE
);
CREATE INDEX credential_drafts_age ON credential_drafts (expires_at);

CREATE TABLE cloud_accounts (
  org_id              uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
  workspace_id        uuid NOT NULL,
  id                  uuid NOT NULL,
  provider            text NOT NULL CHECK (provider IN ('aws', 'azure', 'gcp', 'm365')),
  name                text NOT NULL,
  name_key            text COLLATE "C" GENERATED ALWAYS AS (lower(name)) STORED,
  external_id         text NOT NULL,
  home_region         text NOT NULL,
  observe_only        boolean NOT NULL,
  simulated           boolean NOT NULL,
  state               text NOT NULL DEFAULT 'reading' CHECK (state IN ('reading', 'ok', 'partial', 'failing')),
  last_error          text,
  coverage            jsonb NOT NULL DEFAULT '[]',
  missing_permissions text[] NOT NULL DEFAULT '{}',
  last_sync_at        timestamptz,
  next_sync_at        timestamptz,
  resource_count      int NOT NULL DEFAULT 0,
  fence               bigint NOT NULL DEFAULT 0,
  etag                uuid NOT NULL DEFAULT gen_random_uuid(), -- of what a person may edit
  created_at          timestamptz NOT NULL DEFAULT now(),
  version             bigint NOT NULL DEFAULT 0,
  changed_at          timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, workspace_id, id),
  UNIQUE (org_id, workspace_id, provider, external_id),
  FOREIGN KEY (org_id, workspace_id) REFERENCES workspaces ON DELETE CASCADE
);
CREATE INDEX cloud_accounts_list ON cloud_accounts (org_id, workspace_id, name_key, id);
CREATE INDEX cloud_accounts_changed ON cloud_accounts (org_id, workspace_id, changed_at);
CREATE TRIGGER bump BEFORE INSERT OR UPDATE ON cloud_accounts FOR EACH ROW EXECUTE FUNCTION bump_version();

CREATE TABLE credentials (
  org_id           uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
  workspace_id     uuid NOT NULL,
  cloud_account_id uuid NOT NULL,
  kind             text NOT NULL,
  schema_version   int NOT NULL,
  key_id           text NOT NULL,
  ciphertext       bytea NOT NULL,
  hint             text NOT NULL,
  created_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, cloud_account_id),
  FOREIGN KEY (org_id, workspace_id, cloud_account_id)
    REFERENCES cloud_accounts (org_id, workspace_id, id) ON DELETE CASCADE
);

CREATE TABLE resources (
  org_id           uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
  workspace_id     uuid NOT NULL,
  id               uuid NOT NULL,
  cloud_account_id uuid NOT NULL,
  kind             text NOT NULL,
  provider_id      text NOT NULL,
  name             text NOT NULL,
  name_key         text COLLATE "C" GENERATED ALWAYS AS (lower(CASE WHEN name = '' THEN provider_id ELSE name END)) STORED,
  region           text NOT NULL,
  zone             text NOT NULL,
  type             text NOT NULL,
  state            text NOT NULL,
  tags             jsonb NOT NULL DEFAULT '{}',
  details          jsonb NOT NULL DEFAULT '{}',
  protected        boolean NOT NULL DEFAULT false,
  left_alone       text,                       -- reason why changes of power pass it by
  operation_id     uuid,                       -- the lease: which operation is changing it
  provider_time    timestamptz,
  seen_at          timestamptz NOT NULL,
  created_at       timestamptz NOT NULL DEFAULT now(),
  version          bigint NOT NULL DEFAULT 0,
  changed_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, workspace_id, id),
  UNIQUE (org_id, cloud_account_id, kind, region, provider_id),
  FOREIGN KEY (org_id, workspace_id, cloud_account_id)
    REFERENCES cloud_accounts (org_id, workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX resources_list ON resources (org_id, workspace_id, kind, name_key, id);
CREATE INDEX resources_changed ON resources (org_id, workspace_id, changed_at);
CREATE INDEX resources_leased ON resources (org_id, operation_id) WHERE operation_id IS NOT NULL;
CREATE TRIGGER bump BEFORE INSERT OR UPDATE ON resources FOR EACH ROW EXECUTE FUNCTION bump_version();

-- Tags as rows, matched with = : under a policy only leakproof operators use an index.
CREATE TABLE resource_tags (
  org_id       uuid NOT NULL,
  workspace_id uuid NOT NULL,
  key          text NOT NULL,
  value        text NOT NULL,
  resource_id  uuid NOT NULL,
  PRIMARY KEY (org_id, workspace_id, key, value, resource_id),
  FOREIGN KEY (org_id, workspace_id, resource_id)
    REFERENCES resources (org_id, workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX resource_tags_resource ON resource_tags (org_id, resource_id);

-- A workspace is of one organization: without knowing so PostgreSQL multiplies
-- the two, expects a row where there are thousands, and sorts instead of reading
-- a page off the list's index.
CREATE STATISTICS cloud_accounts_tenant (dependencies) ON org_id, workspace_id FROM cloud_accounts;
CREATE STATISTICS resources_tenant (dependencies) ON org_id, workspace_id FROM resources;
CREATE STATISTICS resource_tags_tenant (dependencies) ON org_id, workspace_id FROM resource_tags;

ALTER TABLE credential_drafts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE cloud_accounts    ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE credentials       ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE resources         ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE resource_tags     ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON credential_drafts TO cloudhub_app USING (org_id = (SELECT current_org())) WITH CHECK (org_id = (SELECT current_org()));
CREATE POLICY tenant ON cloud_accounts    TO cloudhub_app USING (org_id = (SELECT current_org())) WITH CHECK (org_id = (SELECT current_org()));
CREATE POLICY tenant ON credentials       TO cloudhub_app USING (org_id = (SELECT current_org())) WITH CHECK (org_id = (SELECT current_org()));
CREATE POLICY tenant ON resources         TO cloudhub_app USING (org_id = (SELECT current_org())) WITH CHECK (org_id = (SELECT current_org()));
CREATE POLICY tenant ON resource_tags     TO cloudhub_app USING (org_id = (SELECT current_org())) WITH CHECK (org_id = (SELECT current_org()));
CREATE POLICY system ON credential_drafts TO cloudhub_system USING (true);
CREATE POLICY system ON cloud_accounts    TO cloudhub_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON credential_drafts, cloud_accounts, credentials, resources, resource_tags TO cloudhub_app;
GRANT SELECT, DELETE ON credential_drafts TO cloudhub_system;
GRANT SELECT ON cloud_accounts TO cloudhub_system;
GRANT UPDATE (next_sync_at, version, changed_at) ON cloud_accounts TO cloudhub_system;

-- +goose Down
DROP TABLE resource_tags, resources, credentials, cloud_accounts, credential_drafts;
