-- role: app

-- name: InsertSchedule :one
INSERT INTO schedules (org_id, workspace_id, id, name, rule, next_at, next_wanted, tzdata, created_by, created_by_name)
VALUES (@org_id, @workspace_id, @id, @name, @rule, @next_at, @next_wanted, @tzdata, @created_by, @created_by_name)
RETURNING *;

-- name: InsertScheduleTargets :exec
INSERT INTO schedule_targets (org_id, workspace_id, schedule_id, resource_id)
SELECT @org_id, @workspace_id, @schedule_id, u.id FROM (SELECT unnest(@resource_ids::uuid[]) AS id) AS u;

-- name: DeleteScheduleTargets :exec
DELETE FROM schedule_targets WHERE org_id = @org_id AND schedule_id = @schedule_id;

-- name: GetSchedule :one
SELECT * FROM schedules WHERE org_id = @org_id AND workspace_id = @workspace_id AND id = @id AND deleted_at IS NULL;

-- name: LockSchedule :one
SELECT * FROM schedules WHERE org_id = @org_id AND workspace_id = @workspace_id AND id = @id AND deleted_at IS NULL FOR UPDATE;

-- name: ListSchedules :many
SELECT * FROM schedules
WHERE org_id = @org_id AND workspace_id = @workspace_id AND deleted_at IS NULL
  AND (next_at, id) > (@after_at::timestamptz, @after_id::uuid)
ORDER BY next_at, id LIMIT @row_limit;

-- name: ListSchedulesOfResource :many
SELECT s.* FROM schedule_targets t JOIN schedules s ON s.org_id = t.org_id AND s.id = t.schedule_id
WHERE t.org_id = @org_id AND t.resource_id = @resource_id AND s.workspace_id = @workspace_id AND s.deleted_at IS NULL
  AND (s.next_at, s.id) > (@after_at::timestamptz, @after_id::uuid)
ORDER BY s.next_at, s.id LIMIT @row_limit;

-- name: TargetIDsOfSchedules :many
SELECT schedule_id, resource_id FROM schedule_targets
WHERE org_id = @org_id AND schedule_id = ANY(@schedule_ids::uuid[]) ORDER BY schedule_id, resource_id;

-- name: RecentRuns :many
-- The last ten runs of each schedule, counted over its own targets.
SELECT s.schedule_id, s.operation_id, s.due_at, s.wanted,
  count(t.resource_id)::int AS target_count,
  count(t.resource_id) FILTER (WHERE t.state IN ('done', 'already'))::int AS done_count,
  count(t.resource_id) FILTER (WHERE t.state IN ('left_alone', 'superseded'))::int AS left_alone_count,
  count(t.resource_id) FILTER (WHERE t.state = 'failed')::int AS failed_count,
  count(t.resource_id) FILTER (WHERE t.state = 'missed')::int AS missed_count,
  count(t.resource_id) FILTER (WHERE t.ended_at IS NULL)::int AS open_count
FROM (SELECT unnest(@schedule_ids::uuid[]) AS id) AS want
CROSS JOIN LATERAL (
  SELECT x.org_id, x.schedule_id, x.operation_id, x.due_at, x.wanted FROM operation_schedules x
  WHERE x.org_id = @org_id AND x.schedule_id = want.id ORDER BY x.due_at DESC LIMIT 10) s
LEFT JOIN operation_targets t ON t.org_id = s.org_id AND t.operation_id = s.operation_id AND t.schedule_id = s.schedule_id
GROUP BY s.schedule_id, s.operation_id, s.due_at, s.wanted
ORDER BY s.schedule_id, s.due_at DESC;

-- name: UpdateSchedule :one
UPDATE schedules SET name = @name, rule = @rule, revision = revision + @revised::int, next_at = @next_at, next_wanted = @next_wanted,
  tzdata = @tzdata, etag = gen_random_uuid()
WHERE org_id = @org_id AND workspace_id = @workspace_id AND id = @id AND deleted_at IS NULL
RETURNING *;

-- name: DeleteSchedule :execrows
UPDATE schedules SET deleted_at = now(), next_at = null, next_wanted = null
WHERE org_id = @org_id AND workspace_id = @workspace_id AND id = @id AND deleted_at IS NULL;

-- name: NextOfWorkspace :one
SELECT coalesce(min(next_at), now())::timestamptz AS next_at, count(*) AS n FROM schedules
WHERE org_id = @org_id AND workspace_id = @workspace_id AND deleted_at IS NULL AND next_at IS NOT NULL;

-- name: TouchSchedules :exec
-- What stands beside the schedules of a workspace has changed: whoever watches
-- reads them anew.
UPDATE schedules SET etag = etag WHERE org_id = @org_id AND workspace_id = @workspace_id AND deleted_at IS NULL;
