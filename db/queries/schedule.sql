-- role: app

-- name: InsertSchedule :one
INSERT INTO schedules (org_id, workspace_id, id, name, rule, selector, catch_up_minutes, next_at, next_wanted, tzdata, created_by, created_by_name)
VALUES (@org_id, @workspace_id, @id, @name, @rule, @selector, @catch_up_minutes, @next_at, @next_wanted, @tzdata, @created_by, @created_by_name)
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
  AND (coalesce(next_at, '9999-12-31 00:00:00+00'::timestamptz), id) > (@after_at::timestamptz, @after_id::uuid)
ORDER BY coalesce(next_at, '9999-12-31 00:00:00+00'::timestamptz), id LIMIT @row_limit;

-- name: ListSchedulesOfResource :many
SELECT s.* FROM schedule_targets t JOIN schedules s ON s.org_id = t.org_id AND s.id = t.schedule_id
WHERE t.org_id = @org_id AND t.resource_id = @resource_id AND s.workspace_id = @workspace_id AND s.deleted_at IS NULL
  AND (coalesce(s.next_at, '9999-12-31 00:00:00+00'::timestamptz), s.id) > (@after_at::timestamptz, @after_id::uuid)
ORDER BY coalesce(s.next_at, '9999-12-31 00:00:00+00'::timestamptz), s.id LIMIT @row_limit;

-- name: TargetIDsOfSchedules :many
SELECT schedule_id, resource_id FROM schedule_targets
WHERE org_id = @org_id AND schedule_id = ANY(@schedule_ids::uuid[]) ORDER BY schedule_id, resource_id;

-- name: RecentRuns :many
-- The last ten runs of each schedule, counted over its own targets.
SELECT s.schedule_id, s.operation_id, s.due_at, s.wanted, coalesce(s.exception, '')::text AS exception, coalesce(s.exception_text, '')::text AS exception_text,
  o.origin, o.state, (o.ended_at IS NOT NULL)::bool AS ended,
  (SELECT count(*) FROM operation_readings g WHERE g.org_id = s.org_id AND g.operation_id = s.operation_id AND g.schedule_id = s.schedule_id AND g.reason IS NOT NULL)::int AS unread_count,
  (SELECT count(*) FROM operation_readings g WHERE g.org_id = s.org_id AND g.operation_id = s.operation_id AND g.schedule_id = s.schedule_id AND g.ended_at IS NULL)::int AS reading_count,
  count(t.resource_id)::int AS target_count,
  count(t.resource_id) FILTER (WHERE t.state IN ('done', 'already'))::int AS done_count,
  count(t.resource_id) FILTER (WHERE t.state IN ('left_alone', 'superseded'))::int AS left_alone_count,
  count(t.resource_id) FILTER (WHERE t.state = 'failed')::int AS failed_count,
  count(t.resource_id) FILTER (WHERE t.state = 'missed')::int AS missed_count,
  count(t.resource_id) FILTER (WHERE t.ended_at IS NULL)::int AS open_count
FROM (SELECT unnest(@schedule_ids::uuid[]) AS id) AS want
CROSS JOIN LATERAL (
  SELECT x.org_id, x.schedule_id, x.operation_id, x.due_at, x.wanted, x.exception, x.exception_text FROM operation_schedules x
  WHERE x.org_id = @org_id AND x.schedule_id = want.id ORDER BY x.due_at DESC LIMIT 10) s
JOIN operations o ON o.org_id = s.org_id AND o.id = s.operation_id
LEFT JOIN operation_targets t ON t.org_id = s.org_id AND t.operation_id = s.operation_id AND t.schedule_id = s.schedule_id
GROUP BY s.org_id, s.schedule_id, s.operation_id, s.due_at, s.wanted, s.exception, s.exception_text, o.origin, o.state, o.ended_at
ORDER BY s.schedule_id, s.due_at DESC;

-- name: UpdateSchedule :one
UPDATE schedules SET name = @name, rule = @rule, selector = @selector, catch_up_minutes = @catch_up_minutes, revision = revision + @revised::int, next_at = @next_at, next_wanted = @next_wanted,
  tzdata = @tzdata, etag = gen_random_uuid()
WHERE org_id = @org_id AND workspace_id = @workspace_id AND id = @id AND deleted_at IS NULL
RETURNING *;

-- name: DeleteSchedule :execrows
UPDATE schedules SET deleted_at = now(), next_at = null, next_wanted = null
WHERE org_id = @org_id AND workspace_id = @workspace_id AND id = @id AND deleted_at IS NULL;

-- name: NextOfWorkspace :one
SELECT coalesce(min(next_at), now())::timestamptz AS next_at, count(*) AS n FROM schedules
WHERE org_id = @org_id AND workspace_id = @workspace_id AND deleted_at IS NULL AND next_at IS NOT NULL;

-- name: SetPaused :execrows
UPDATE schedules SET paused_at = CASE WHEN @paused::bool THEN clock_timestamp() END, paused_by_name = nullif(@by_name::text, ''),
  next_at = @next_at, next_wanted = @next_wanted, tzdata = @tzdata, etag = gen_random_uuid()
WHERE org_id = @org_id AND workspace_id = @workspace_id AND id = @id AND deleted_at IS NULL;

-- name: InsertScheduleCalendars :exec
INSERT INTO schedule_calendars (org_id, workspace_id, schedule_id, calendar_id)
SELECT @org_id, @workspace_id, @schedule_id, u.id FROM (SELECT unnest(@calendar_ids::uuid[]) AS id) AS u;

-- name: DeleteScheduleCalendars :exec
DELETE FROM schedule_calendars WHERE org_id = @org_id AND schedule_id = @schedule_id;

-- name: CalendarsByID :many
SELECT id, name FROM calendars WHERE org_id = @org_id AND id = ANY(@ids::uuid[]) ORDER BY id;

-- name: DaysOfCalendars :many
SELECT calendar_id, day, name FROM calendar_days
WHERE org_id = @org_id AND calendar_id = ANY(@calendar_ids::uuid[]) AND day >= @since::date ORDER BY calendar_id, day;

-- name: InsertSkip :execrows
INSERT INTO schedule_skips (org_id, workspace_id, schedule_id, at, created_by, created_by_name)
VALUES (@org_id, @workspace_id, @schedule_id, @at, @created_by, @created_by_name) ON CONFLICT DO NOTHING;

-- name: DeleteSkip :execrows
DELETE FROM schedule_skips WHERE org_id = @org_id AND schedule_id = @schedule_id AND at = @at AND at > clock_timestamp();

-- name: SkipsAhead :many
SELECT schedule_id, at, created_by_name FROM schedule_skips
WHERE org_id = @org_id AND schedule_id = ANY(@schedule_ids::uuid[]) AND at > @since::timestamptz ORDER BY schedule_id, at;

-- name: SchedulesOfResources :many
-- Whose chosen machines are among these, with those machines: for what would
-- clash.
SELECT s.id, s.name, s.rule, t.resource_id FROM schedule_targets t
JOIN schedules s ON s.org_id = t.org_id AND s.id = t.schedule_id
WHERE t.org_id = @org_id AND t.resource_id = ANY(@resource_ids::uuid[]) AND s.workspace_id = @workspace_id AND s.deleted_at IS NULL AND s.id <> @except_id
ORDER BY s.id, t.resource_id;

-- name: AccountNames :many
SELECT id, name FROM cloud_accounts WHERE org_id = @org_id AND workspace_id = @workspace_id ORDER BY id;

-- name: TouchSchedules :exec
-- What stands beside the schedules of a workspace has changed: whoever watches
-- reads them anew.
UPDATE schedules SET etag = etag WHERE org_id = @org_id AND workspace_id = @workspace_id AND deleted_at IS NULL;

-- name: CalendarNames :many
SELECT id, name FROM calendars WHERE org_id = @org_id ORDER BY id;
