-- +goose Up
-- What each key has sealed: counted for operators and the metric, and found when
-- a key has been replaced and its rows are to be sealed anew. The dispatcher
-- sees whose a row is and which key sealed it, never the ciphertext.
CREATE INDEX credentials_key ON credentials (key_id, org_id);
CREATE POLICY system ON credentials FOR SELECT TO cloudhub_system USING (true);
GRANT SELECT (org_id, key_id) ON credentials TO cloudhub_system;

-- +goose Down
REVOKE SELECT (org_id, key_id) ON credentials FROM cloudhub_system;
DROP POLICY system ON credentials;
DROP INDEX credentials_key;
