-- role: app

-- name: InsertDraft :exec
INSERT INTO credential_drafts (org_id, workspace_id, id, provider, home_region, key_id, ciphertext, hint, expires_at)
VALUES (@org_id, @workspace_id, @id, @provider, @home_region, @key_id, @ciphertext, @hint, now() + interval '10 minutes');

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
INSERT INTO cloud_accounts (org_id, workspace_id, id, provider, name, external_id, home_region, observe_only, simulated, missing_permissions, next_sync_at)
VALUES (@org_id, @workspace_id, @id, @provider, @name, @external_id, @home_region, @observe_only, @simulated, @missing_permissions, @next_sync_at)
RETURNING *;

-- name: InsertCredential :exec
INSERT INTO credentials (org_id, workspace_id, cloud_account_id, kind, schema_version, key_id, ciphertext, hint)
VALUES (@org_id, @workspace_id, @cloud_account_id, @kind, @schema_version, @key_id, @ciphertext, @hint);

-- name: GetAccount :one
SELECT sqlc.embed(a), c.hint FROM cloud_accounts a JOIN credentials c ON c.org_id = a.org_id AND c.cloud_account_id = a.id
WHERE a.org_id = @org_id AND a.workspace_id = @workspace_id AND a.id = @id;

-- name: LockAccount :one
SELECT * FROM cloud_accounts WHERE org_id = @org_id AND workspace_id = @workspace_id AND id = @id FOR UPDATE;

-- name: ListAccounts :many
SELECT sqlc.embed(a), c.hint FROM cloud_accounts a JOIN credentials c ON c.org_id = a.org_id AND c.cloud_account_id = a.id
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

-- name: FinishSync :execrows
UPDATE cloud_accounts SET state = @state, last_error = @last_error, coverage = @coverage, last_sync_at = now(),
  resource_count = (SELECT count(*) FROM resources r WHERE r.org_id = @org_id AND r.cloud_account_id = @id AND r.state <> 'gone')
WHERE org_id = @org_id AND id = @id AND fence = @lease;

-- name: AccountsChangedSince :many
SELECT sqlc.embed(a), c.hint FROM cloud_accounts a JOIN credentials c ON c.org_id = a.org_id AND c.cloud_account_id = a.id
WHERE a.org_id = @org_id AND a.workspace_id = @workspace_id AND a.changed_at > @since AND a.version > @after_version
ORDER BY a.version LIMIT @row_limit;

-- name: ParkAccount :execrows
-- Its reading is parked: the tenant reads so until the next one ends.
UPDATE cloud_accounts SET last_error = @last_error::text WHERE org_id = @org_id AND id = @id;

-- name: DraftWaits :one
SELECT EXISTS (SELECT 1 FROM credential_drafts WHERE org_id = @org_id AND id = @id AND state = 'waiting' AND expires_at > now());
