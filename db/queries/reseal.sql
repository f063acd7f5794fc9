-- role: app
-- Rows that a replaced key sealed, to be sealed anew by an activity.

-- name: LockCredentialsToReseal :many
SELECT workspace_id, cloud_account_id, schema_version, key_id, ciphertext FROM credentials
WHERE org_id = @org_id AND key_id = ANY(@replaced::text[]) AND cloud_account_id > @after_id
ORDER BY cloud_account_id LIMIT @row_limit FOR UPDATE;

-- name: ResealCredential :exec
UPDATE credentials SET key_id = @key_id, ciphertext = @ciphertext WHERE org_id = @org_id AND cloud_account_id = @cloud_account_id;
