-- role: app

-- name: InsertDraft :exec
INSERT INTO credential_drafts (org_id, workspace_id, id, provider, kind, home_region, key_id, ciphertext, hint, role_arn, replaces, expires_at)
VALUES (@org_id, @workspace_id, @id, @provider, @kind, @home_region, @key_id, @ciphertext, @hint, @role_arn, @replaces, now() + interval '10 minutes');

-- name: PrepareRole :one
-- One a person and workspace: what lives is answered again and lives on, what
-- has expired is made anew.
INSERT INTO role_preparations AS p (org_id, workspace_id, id, user_id, external_id, expires_at)
VALUES (@org_id, @workspace_id, @id, @user_id, @external_id, now() + interval '7 days')
ON CONFLICT (org_id, workspace_id, user_id) DO UPDATE SET
  id = CASE WHEN p.expires_at > now() THEN p.id ELSE excluded.id END,
  external_id = CASE WHEN p.expires_at > now() THEN p.external_id ELSE excluded.external_id END,
  created_at = CASE WHEN p.expires_at > now() THEN p.created_at ELSE excluded.created_at END,
  expires_at = excluded.expires_at
RETURNING *;

-- name: GetPreparation :one
SELECT * FROM role_preparations WHERE org_id = @org_id AND workspace_id = @workspace_id AND id = @id AND expires_at > now();

-- name: UsePreparation :one
-- Its external id belongs to the account from here on.
DELETE FROM role_preparations WHERE org_id = @org_id AND workspace_id = @workspace_id AND id = @id AND expires_at > now()
RETURNING external_id;

-- name: TakeDraft :one
-- By the worker: newer lease wins, the same may repeat.
UPDATE credential_drafts SET fence = @lease
WHERE org_id = @org_id AND id = @id AND state = 'waiting' AND expires_at > now() AND fence <= @lease
RETURNING *;

-- name: FinishDraft :execrows
UPDATE credential_drafts SET state = @state, result = @result
WHERE org_id = @org_id AND id = @id AND fence = @lease AND state = 'waiting';

-- name: GetDraft :one
SELECT * FROM credential_drafts WHERE org_id = @org_id AND id = @id AND expires_at > now();

-- name: DeleteDraft :exec
DELETE FROM credential_drafts WHERE org_id = @org_id AND id = @id;

-- name: CountAccounts :one
SELECT count(*) FROM cloud_accounts WHERE org_id = @org_id;

-- name: AccountByExternalID :one
SELECT name FROM cloud_accounts
WHERE org_id = @org_id AND workspace_id = @workspace_id AND provider = @provider AND external_id = @external_id;

-- name: InsertAccount :one
INSERT INTO cloud_accounts (org_id, workspace_id, id, provider, name, external_id, home_region, observe_only, simulated, missing_permissions, next_sync_at, role_external_id)
VALUES (@org_id, @workspace_id, @id, @provider, @name, @external_id, @home_region, @observe_only, @simulated, @missing_permissions, @next_sync_at, @role_external_id)
RETURNING *;

-- name: InsertCredential :exec
INSERT INTO credentials (org_id, workspace_id, cloud_account_id, kind, schema_version, key_id, ciphertext, hint, role_arn)
VALUES (@org_id, @workspace_id, @cloud_account_id, @kind, @schema_version, @key_id, @ciphertext, @hint, @role_arn);

-- name: ReplaceCredential :execrows
UPDATE credentials SET kind = @kind, schema_version = @schema_version, key_id = @key_id, ciphertext = @ciphertext, hint = @hint,
  role_arn = @role_arn, created_at = now()
WHERE org_id = @org_id AND cloud_account_id = @cloud_account_id;

-- name: NoteReplacedCredential :execrows
-- What the trial of the new credential found out of the account.
UPDATE cloud_accounts SET home_region = @home_region, simulated = @simulated, missing_permissions = @missing_permissions, etag = gen_random_uuid()
WHERE org_id = @org_id AND workspace_id = @workspace_id AND id = @id;

-- name: GetAccount :one
SELECT sqlc.embed(a), c.kind, c.hint, c.role_arn FROM cloud_accounts a JOIN credentials c ON c.org_id = a.org_id AND c.cloud_account_id = a.id
WHERE a.org_id = @org_id AND a.workspace_id = @workspace_id AND a.id = @id;

-- name: LockAccount :one
SELECT * FROM cloud_accounts WHERE org_id = @org_id AND workspace_id = @workspace_id AND id = @id FOR UPDATE;

-- name: ListAccounts :many
SELECT sqlc.embed(a), c.kind, c.hint, c.role_arn FROM cloud_accounts a JOIN credentials c ON c.org_id = a.org_id AND c.cloud_account_id = a.id
WHERE a.org_id = @org_id AND a.workspace_id = @workspace_id AND (a.name_key, a.id) > (@after_name::text, @after_id::uuid)
ORDER BY a.name_key, a.id LIMIT @row_limit;

-- name: ListAccountIDs :many
SELECT id FROM cloud_accounts WHERE org_id = @org_id AND workspace_id = @workspace_id ORDER BY id;

-- name: UpdateAccount :execrows
UPDATE cloud_accounts SET name = @name, observe_only = @observe_only, etag = gen_random_uuid()
WHERE org_id = @org_id AND workspace_id = @workspace_id AND id = @id;

-- name: TouchResourcesOfAccount :exec
-- What an account says of its machines has changed: their rows are told anew.
UPDATE resources SET seen_at = seen_at WHERE org_id = @org_id AND cloud_account_id = @cloud_account_id AND state <> 'gone';

-- name: AccountHasOpenTargets :one
SELECT EXISTS (SELECT 1 FROM resources WHERE org_id = @org_id AND cloud_account_id = @cloud_account_id AND operation_id IS NOT NULL);

-- name: DeleteAccount :execrows
DELETE FROM cloud_accounts WHERE org_id = @org_id AND workspace_id = @workspace_id AND id = @id;

-- name: OpenAccount :one
-- What an activity needs to call the provider: facts and the sealed credential.
SELECT a.workspace_id, a.provider, a.external_id, a.home_region, a.observe_only, c.kind, c.schema_version, c.key_id, c.ciphertext
FROM cloud_accounts a JOIN credentials c ON c.org_id = a.org_id AND c.cloud_account_id = a.id
WHERE a.org_id = @org_id AND a.id = @id;

-- name: TakeSync :one
UPDATE cloud_accounts SET fence = @lease::bigint WHERE org_id = @org_id AND id = @id AND fence <= @lease::bigint
RETURNING workspace_id;

-- name: ReadingOf :one
-- What the last reading said, and what this one has found to differ so far.
SELECT name, workspace_id, coverage, last_error, reading_added, reading_changed, reading_gone FROM cloud_accounts
WHERE org_id = @org_id AND id = @id AND fence = @lease FOR UPDATE;

-- name: InsertReading :exec
-- A reading as an operation, written at its end.
INSERT INTO operations (org_id, workspace_id, id, kind, origin, state, step, cloud_account_id, cloud_account_name, act_before, target_count,
  added_count, changed_count, gone_count, last_error, last_error_detail, created_at, started_at, ended_at)
VALUES (@org_id, @workspace_id, @id, 'sync', 'system', @state, 'done', @cloud_account_id::uuid, @cloud_account_name, @began, 0,
  @added_count, @changed_count, @gone_count, nullif(@last_error::text, ''), nullif(@last_error_detail::text, ''), @began, @began, clock_timestamp());

-- name: FinishSync :execrows
UPDATE cloud_accounts SET reading_added = 0, reading_changed = 0, reading_gone = 0, state = @state, last_error = @last_error, coverage = @coverage, last_sync_at = now(),
  resource_count = (SELECT count(*) FROM resources r WHERE r.org_id = @org_id AND r.cloud_account_id = @id AND r.state <> 'gone')
WHERE org_id = @org_id AND id = @id AND fence = @lease;

-- name: AccountsChangedSince :many
SELECT sqlc.embed(a), c.kind, c.hint, c.role_arn FROM cloud_accounts a JOIN credentials c ON c.org_id = a.org_id AND c.cloud_account_id = a.id
WHERE a.org_id = @org_id AND a.workspace_id = @workspace_id AND a.changed_at > @since AND a.version > @after_version
ORDER BY a.version LIMIT @row_limit;

-- name: ParkAccount :execrows
-- Its reading is parked: the tenant reads so until the next one ends.
UPDATE cloud_accounts SET last_error = @last_error::text WHERE org_id = @org_id AND id = @id;

-- name: DraftWaits :one
SELECT EXISTS (SELECT 1 FROM credential_drafts WHERE org_id = @org_id AND id = @id AND state = 'waiting' AND expires_at > now());
