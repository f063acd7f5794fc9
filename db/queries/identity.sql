-- role: identity
-- Users, sessions and sign-in. The server's sign-in and its authentication of
-- every request are the only callers.

-- name: InsertUser :exec
INSERT INTO users (id, email, email_key, name, locale, password_hash, actor_hash, trial_used_at)
VALUES (@id, @email, @email_key, @name, @locale, @password_hash, @actor_hash, now());

-- name: UserByEmail :one
SELECT * FROM users WHERE email_key = @email_key;

-- name: UserByID :one
SELECT * FROM users WHERE id = @id;

-- name: InsertOrganization :exec
INSERT INTO organizations (id, name, personal_of, plan, plan_until)
VALUES (@id, @name, @personal_of, @plan, @plan_until);

-- name: InsertMembership :exec
INSERT INTO memberships (org_id, user_id, role, name) VALUES (@org_id, @user_id, @role, @name);

-- name: InsertWorkspace :exec
INSERT INTO workspaces (org_id, id, name, time_zone) VALUES (@org_id, @id, @name, @time_zone);

-- name: InsertSession :exec
INSERT INTO sessions (id, user_id, remember, idle_expires_at, expires_at, address, user_agent)
VALUES (@id, @user_id, @remember, @idle_expires_at, @expires_at, @address, @user_agent);

-- name: InsertRefreshToken :exec
INSERT INTO refresh_tokens (token_hash, session_id, generation) VALUES (@token_hash, @session_id, @generation);

-- name: LockSessionOfToken :one
-- The session first, then the token: the same order everywhere.
SELECT s.*, u.suspended_at AS user_suspended_at FROM sessions s
JOIN users u ON u.id = s.user_id
WHERE s.id = (SELECT t.session_id FROM refresh_tokens t WHERE t.token_hash = @token_hash)
FOR UPDATE OF s;

-- name: LockRefreshToken :one
SELECT t.*, (SELECT max(n.generation)::int FROM refresh_tokens n WHERE n.session_id = t.session_id) AS newest
FROM refresh_tokens t WHERE t.token_hash = @token_hash FOR UPDATE OF t;

-- name: RotateRefreshToken :exec
-- By the server's clock, which also reads it: the grace is seconds.
UPDATE refresh_tokens SET rotated_at = @rotated_at::timestamptz WHERE token_hash = @token_hash;

-- name: TouchSession :exec
UPDATE sessions SET last_used_at = now(), idle_expires_at = @idle_expires_at, address = @address WHERE id = @id;

-- name: RevokeSession :execrows
UPDATE sessions SET revoked_at = now(), revoked_reason = @reason::text
WHERE id = @id AND user_id = @user_id AND revoked_at IS NULL;

-- name: SessionIsLive :one
-- Read on every request: what a revoked session or a suspended user may do ends
-- at once. By the server's clock, which also set when it ends.
SELECT s.user_id, s.signed_in_at, u.actor_hash, u.name, u.locale,
  EXISTS (SELECT 1 FROM platform_admins p WHERE p.user_id = s.user_id)::bool AS platform_admin
FROM sessions s JOIN users u ON u.id = s.user_id
WHERE s.id = @id AND s.revoked_at IS NULL AND s.expires_at > @now::timestamptz AND s.idle_expires_at > @now::timestamptz AND u.suspended_at IS NULL;

-- name: ListSessions :many
SELECT * FROM sessions
WHERE user_id = @user_id AND revoked_at IS NULL AND expires_at > now() AND idle_expires_at > now()
ORDER BY created_at DESC LIMIT 100;

-- name: CountLoginFailure :one
-- Counted before the password is checked, under the row's lock, so that parallel
-- guesses cannot pass together. Answers whether the caller must wait.
INSERT INTO login_failures AS f (scope, key, failures, first_at, locked_until)
VALUES (@scope, @key, 1, now(), now())
ON CONFLICT (scope, key) DO UPDATE SET
  failures = CASE WHEN f.locked_until > now() THEN f.failures
                  WHEN f.first_at < now() - interval '1 hour' THEN 1 ELSE f.failures + 1 END,
  first_at = CASE WHEN f.locked_until <= now() AND f.first_at < now() - interval '1 hour' THEN now() ELSE f.first_at END,
  locked_until = CASE
    WHEN f.locked_until > now() THEN f.locked_until
    WHEN f.first_at < now() - interval '1 hour' THEN now()
    WHEN f.failures + 1 > @free_tries::int
      THEN now() + least(interval '15 minutes', interval '5 seconds' * power(2, least(f.failures - @free_tries::int, 10)))
    ELSE now() END
RETURNING failures, (locked_until > now())::bool AS locked, locked_until;

-- name: UncountLogin :exec
-- A try that was no failure: an office that signs in all day is not an attack.
UPDATE login_failures SET failures = failures - 1 WHERE scope = @scope AND key = @key AND failures > 0;

-- name: ForgetLoginFailures :exec
DELETE FROM login_failures WHERE scope = @scope AND key = @key;

-- name: ListMyOrganizations :many
SELECT o.*, m.role, (o.plan_until IS NOT NULL AND o.plan_until <= now())::bool AS plan_over
FROM memberships m JOIN organizations o ON o.id = m.org_id
WHERE m.user_id = @user_id
ORDER BY (o.personal_of IS NOT DISTINCT FROM m.user_id) DESC, o.name, o.id;

-- name: ListMyWorkspaces :many
-- Owners and admins enter every workspace, others those they are members of.
SELECT w.org_id, w.id, w.name, w.time_zone, wm.role_override FROM memberships m
JOIN workspaces w ON w.org_id = m.org_id
LEFT JOIN workspace_members wm ON wm.org_id = w.org_id AND wm.workspace_id = w.id AND wm.user_id = m.user_id
WHERE m.user_id = @user_id AND (m.role IN ('owner', 'admin') OR wm.user_id IS NOT NULL)
ORDER BY w.org_id, w.name, w.id;
