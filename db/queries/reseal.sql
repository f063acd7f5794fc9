-- role: app
-- Rows that a replaced key sealed, to be sealed anew by an activity.

-- name: LockCredentialsToReseal :many
SELECT workspace_id, cloud_account_id, schema_version, key_id, ciphertext FROM credentials
WHERE org_id = @org_id AND key_id = ANY(@replaced::text[]) AND cloud_account_id > @after_id
ORDER BY cloud_account_id LIMIT @row_limit FOR UPDATE;

-- name: ResealCredential :exec
UPDATE credentials SET key_id = @key_id, ciphertext = @ciphertext WHERE org_id = @org_id AND cloud_account_id = @cloud_account_id;

-- name: LockDestinationSecretsToReseal :many
SELECT workspace_id, id, kind, schema_version, key_id, ciphertext FROM destination_secrets
WHERE org_id = @org_id AND key_id = ANY(@replaced::text[]) AND id > @after_id
ORDER BY id LIMIT @row_limit FOR UPDATE;

-- name: ResealDestinationSecret :exec
UPDATE destination_secrets SET key_id = @key_id, ciphertext = @ciphertext WHERE org_id = @org_id AND id = @id;
