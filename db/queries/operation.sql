-- role: app

-- name: InsertOperation :one
INSERT INTO operations (org_id, workspace_id, id, origin, requested_by, requested_by_name, act_before, target_count, on_count, off_count, request_id)
VALUES (@org_id, @workspace_id, @id, @origin, @requested_by, @requested_by_name,
  clock_timestamp() + make_interval(secs => @act_within_seconds::float8), @target_count, @on_count, @off_count, nullif(@request_id::text, ''))
RETURNING *;

-- name: InsertTargets :exec
INSERT INTO operation_targets (org_id, workspace_id, operation_id, resource_id, resource_name, provider_id, cloud_account_id, region, wanted)
SELECT r.org_id, r.workspace_id, @operation_id, r.id, CASE WHEN r.name = '' THEN r.provider_id ELSE r.name END, r.provider_id, r.cloud_account_id, r.region, @wanted
FROM resources r WHERE r.org_id = @org_id AND r.workspace_id = @workspace_id AND r.id = ANY(@resource_ids::uuid[]);

-- name: GetOperation :one
SELECT * FROM operations WHERE org_id = @org_id AND workspace_id = @workspace_id AND id = @id;

-- name: ListTargets :many
SELECT * FROM operation_targets WHERE org_id = @org_id AND operation_id = @operation_id ORDER BY resource_name, resource_id;

-- name: TargetsOfResource :many
SELECT * FROM operation_targets WHERE org_id = @org_id AND resource_id = @resource_id AND operation_id = ANY(@operation_ids::uuid[]);

-- name: ListOperationSchedules :many
SELECT * FROM operation_schedules WHERE org_id = @org_id AND operation_id = ANY(@operation_ids::uuid[]) ORDER BY operation_id, name, schedule_id;

-- name: InsertOperationSchedule :exec
-- A schedule that a person runs out of turn.
INSERT INTO operation_schedules (org_id, workspace_id, operation_id, schedule_id, revision, name, wanted, due_at)
VALUES (@org_id, @workspace_id, @operation_id, @schedule_id, @revision, @name, @wanted, clock_timestamp());

-- name: InsertTargetsOfSchedule :execrows
INSERT INTO operation_targets (org_id, workspace_id, operation_id, resource_id, resource_name, provider_id, cloud_account_id, region, wanted, schedule_id)
SELECT r.org_id, r.workspace_id, @operation_id, r.id, CASE WHEN r.name = '' THEN r.provider_id ELSE r.name END, r.provider_id, r.cloud_account_id, r.region, @wanted, x.schedule_id
FROM schedule_targets x JOIN resources r ON r.org_id = x.org_id AND r.id = x.resource_id
WHERE x.org_id = @org_id AND x.schedule_id = @schedule_id AND r.state <> 'gone';

-- name: ListReadings :many
SELECT * FROM operation_readings WHERE org_id = @org_id AND operation_id = @operation_id ORDER BY cloud_account_name, cloud_account_id, schedule_id;

-- name: ListOperations :many
SELECT * FROM operations
WHERE org_id = @org_id AND workspace_id = @workspace_id AND (created_at, id) < (@before_at::timestamptz, @before_id::uuid)
ORDER BY created_at DESC, id DESC LIMIT @row_limit;

-- name: ListOpenOperations :many
SELECT * FROM operations
WHERE org_id = @org_id AND workspace_id = @workspace_id AND ended_at IS NULL AND (created_at, id) < (@before_at::timestamptz, @before_id::uuid)
ORDER BY created_at DESC, id DESC LIMIT @row_limit;

-- name: ListOperationsOfResource :many
SELECT o.* FROM operation_targets t JOIN operations o ON o.org_id = t.org_id AND o.id = t.operation_id
WHERE t.org_id = @org_id AND t.resource_id = @resource_id AND o.workspace_id = @workspace_id
  AND (NOT @open::bool OR o.ended_at IS NULL)
  AND (o.created_at, o.id) < (@before_at::timestamptz, @before_id::uuid)
ORDER BY o.created_at DESC, o.id DESC LIMIT @row_limit;

-- name: ListRunsOfSchedule :many
SELECT o.* FROM operation_schedules s JOIN operations o ON o.org_id = s.org_id AND o.id = s.operation_id
WHERE s.org_id = @org_id AND s.schedule_id = @schedule_id AND o.workspace_id = @workspace_id
  AND (NOT @open::bool OR o.ended_at IS NULL)
  AND (sqlc.narg(resource_id)::uuid IS NULL OR EXISTS (
    SELECT 1 FROM operation_targets t WHERE t.org_id = o.org_id AND t.operation_id = o.id AND t.resource_id = sqlc.narg(resource_id)::uuid))
  AND (o.created_at, o.id) < (@before_at::timestamptz, @before_id::uuid)
ORDER BY o.created_at DESC, o.id DESC LIMIT @row_limit;

-- name: OperationsChangedSince :many
-- Versions are drawn as rows are written, and no two are equal: with after_version
-- a poll reads on where its last page ended.
SELECT * FROM operations WHERE org_id = @org_id AND workspace_id = @workspace_id AND changed_at > @since AND version > @after_version
ORDER BY version LIMIT @row_limit;

-- name: TargetsChangedSince :many
SELECT * FROM operation_targets WHERE org_id = @org_id AND workspace_id = @workspace_id AND changed_at > @since AND version > @after_version
ORDER BY version LIMIT @row_limit;

-- name: SchedulesChangedSince :many
SELECT id, version, changed_at FROM schedules WHERE org_id = @org_id AND workspace_id = @workspace_id AND changed_at > @since AND version > @after_version
ORDER BY version LIMIT @row_limit;

-- name: DatabaseTime :one
SELECT clock_timestamp()::timestamptz AS now;
