-- role: app
-- What the caller may do, read on every request: there is no cache to be stale.

-- name: Standing :one
-- No row: not a member, or no such workspace, or one he may not enter. The nil
-- uuid as workspace asks about the organization alone.
SELECT m.role, m.name, o.plan, o.plan_until, (o.plan_until IS NOT NULL AND o.plan_until <= now())::bool AS plan_over,
  o.paused_at, coalesce(wm.role_override, '')::text AS role_override, coalesce(w.time_zone, '')::text AS time_zone
FROM memberships m
JOIN organizations o ON o.id = m.org_id
LEFT JOIN workspaces w ON w.org_id = m.org_id AND w.id = @workspace_id
LEFT JOIN workspace_members wm ON wm.org_id = m.org_id AND wm.workspace_id = w.id AND wm.user_id = m.user_id
WHERE m.org_id = @org_id AND m.user_id = @user_id
  AND (@workspace_id = '00000000-0000-0000-0000-000000000000'::uuid
       OR (w.id IS NOT NULL AND (m.role IN ('owner', 'admin') OR wm.user_id IS NOT NULL)));

-- name: LockOrganization :one
-- Serialises what counts against a plan's limit.
SELECT * FROM organizations WHERE id = @org_id FOR NO KEY UPDATE;

-- name: FindIdempotencyKey :one
SELECT request_hash, subject_id FROM idempotency_keys
WHERE org_id = @org_id AND user_id = @user_id AND procedure = @procedure AND request_id = @request_id;

-- name: InsertIdempotencyKey :execrows
INSERT INTO idempotency_keys (org_id, user_id, procedure, request_id, request_hash, subject_id)
VALUES (@org_id, @user_id, @procedure, @request_id, @request_hash, @subject_id)
ON CONFLICT DO NOTHING;

-- name: PauseAutomation :one
UPDATE organizations SET paused_at = coalesce(paused_at, clock_timestamp()), paused_reason = @reason::text, paused_by_name = @by_name::text
WHERE id = @org_id RETURNING paused_at::timestamptz AS paused_at;

-- name: ResumeAutomation :execrows
UPDATE organizations SET paused_at = null, paused_reason = null, paused_by_name = null WHERE id = @org_id AND paused_at IS NOT NULL;

-- name: AutomationPause :one
SELECT paused_at, coalesce(paused_reason, '')::text AS paused_reason, coalesce(paused_by_name, '')::text AS paused_by_name FROM organizations WHERE id = @org_id;
