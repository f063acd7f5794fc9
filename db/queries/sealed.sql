-- role: system
-- Which keys have sealed what, across tenants and without a ciphertext.

-- name: SealedRowsByKey :many
-- Every table with a ciphertext of the ring of the workers; drafts live ten minutes.
SELECT s.key_id::text AS key_id, sum(s.n)::bigint AS n FROM (
  SELECT key_id, count(*) AS n FROM credentials GROUP BY key_id
  UNION ALL
  SELECT key_id, count(*) AS n FROM credential_drafts GROUP BY key_id
  UNION ALL
  SELECT key_id, count(*) AS n FROM destination_secrets GROUP BY key_id
) AS s GROUP BY s.key_id ORDER BY s.key_id;

-- name: OrgsSealedWith :many
-- Whose rows are to be sealed anew.
SELECT org_id FROM credentials WHERE credentials.key_id = ANY(@replaced::text[])
UNION SELECT org_id FROM destination_secrets WHERE destination_secrets.key_id = ANY(@replaced::text[]) ORDER BY org_id LIMIT 1000;
