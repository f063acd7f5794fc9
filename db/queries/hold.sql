-- role: app

-- name: InsertHold :exec
INSERT INTO holds (org_id, workspace_id, id, schedule_id, resource_id, reason, until, created_by, created_by_name)
VALUES (@org_id, @workspace_id, @id, @schedule_id, @resource_id, @reason, @until, @created_by, @created_by_name);

-- name: GetHold :one
SELECT h.*, coalesce(s.name, r.name, '')::text AS subject_name, coalesce(r.provider_id, '')::text AS provider_id FROM holds h
LEFT JOIN schedules s ON s.org_id = h.org_id AND s.id = h.schedule_id
LEFT JOIN resources r ON r.org_id = h.org_id AND r.id = h.resource_id
WHERE h.org_id = @org_id AND h.workspace_id = @workspace_id AND h.id = @id;

-- name: EndHold :execrows
UPDATE holds SET ended_at = clock_timestamp(), ended_by_name = @ended_by_name::text
WHERE org_id = @org_id AND workspace_id = @workspace_id AND id = @id AND ended_at IS NULL AND until > clock_timestamp();

-- name: ListHolds :many
SELECT h.*, coalesce(s.name, r.name, '')::text AS subject_name, coalesce(r.provider_id, '')::text AS provider_id FROM holds h
LEFT JOIN schedules s ON s.org_id = h.org_id AND s.id = h.schedule_id
LEFT JOIN resources r ON r.org_id = h.org_id AND r.id = h.resource_id
WHERE h.org_id = @org_id AND h.workspace_id = @workspace_id AND (h.created_at, h.id) < (@before_at::timestamptz, @before_id::uuid)
  AND (NOT @in_force::bool OR h.ended_at IS NULL AND h.until > now())
ORDER BY h.created_at DESC, h.id DESC LIMIT @row_limit;

-- name: HoldsInForce :many
-- On these schedules; the one that lasts longest first.
SELECT h.* FROM holds h
WHERE h.org_id = @org_id AND h.schedule_id = ANY(@schedule_ids::uuid[]) AND h.ended_at IS NULL AND h.until > now()
ORDER BY h.schedule_id, h.until DESC;

-- name: TouchSchedule :exec
-- Something beside it has changed: whoever watches reads it anew.
UPDATE schedules SET etag = etag WHERE org_id = @org_id AND id = @id;

-- name: TouchResource :exec
UPDATE resources SET seen_at = seen_at WHERE org_id = @org_id AND id = @id;
