-- role: app
-- The tenant's side of the agenda: asking, reading what was asked, ending.

-- name: Ask :exec
-- The last statement of the transaction that makes the work true. account_id is
-- the cloud account it is about, nil for several or none.
INSERT INTO agenda AS a (org_id, kind, subject, lane, account_id, due_at, look_at, trace, request_id)
VALUES (@org_id, @kind, @subject, @lane, @account_id, coalesce(sqlc.narg(due_at)::timestamptz, now()), coalesce(sqlc.narg(due_at)::timestamptz, now()),
  nullif(@trace::text, ''), nullif(@request_id::text, ''))
ON CONFLICT (org_id, kind, subject) DO UPDATE SET
  asked = a.asked + 1, lane = least(a.lane, excluded.lane), look_at = least(a.look_at, excluded.look_at), starts = 0,
  trace = excluded.trace, request_id = excluded.request_id;

-- name: SetClock :exec
-- Sets or moves a clock row; the row's lock is the mutex of what it drives.
INSERT INTO agenda AS a (org_id, kind, subject, lane, due_at, look_at)
VALUES (@org_id, @kind, @subject, @lane, @due_at, @due_at)
ON CONFLICT (org_id, kind, subject) DO UPDATE SET due_at = excluded.due_at, look_at = excluded.look_at;

-- name: LockAgenda :one
SELECT * FROM agenda WHERE org_id = @org_id AND kind = @kind AND subject = @subject FOR UPDATE;

-- name: DeleteAgenda :exec
DELETE FROM agenda WHERE org_id = @org_id AND kind = @kind AND subject = @subject;

-- name: Asked :one
SELECT asked FROM agenda WHERE org_id = @org_id AND kind = @kind AND subject = @subject;

-- name: PushLook :exec
-- A workflow that records is not looked at for a while, and stands in no queue.
-- Only what moved the work forward ends the back-off: one that is taken and dies,
-- again and again, waits. What only watches hardly uses the shares (00015).
UPDATE agenda SET taken = taken OR parked_at IS NULL, watching = @watching::bool,
  look_at = CASE WHEN parked_at IS NULL THEN greatest(look_at, now() + make_interval(secs => @wait_seconds::float8)) ELSE look_at END,
  starts = CASE WHEN @moved::bool THEN 0 ELSE starts END, last_error = CASE WHEN @moved::bool THEN null ELSE last_error END
WHERE org_id = @org_id AND kind = @kind AND subject = @subject;

-- name: EndAgenda :execrows
-- Ends the row unless somebody has asked since `asked` was read. 0 rows: go round again.
DELETE FROM agenda WHERE org_id = @org_id AND kind = @kind AND subject = @subject AND asked = @asked;

-- name: AgendaRowExists :one
SELECT EXISTS (SELECT 1 FROM agenda WHERE org_id = @org_id AND kind = @kind AND subject = @subject);

-- name: ParkedRow :one
-- Whether a platform admin has parked it, and why: the tenant is told.
SELECT parked_at::timestamptz AS parked_at, parked_reason::text AS parked_reason FROM agenda
WHERE org_id = @org_id AND kind = @kind AND subject = @subject AND parked_at IS NOT NULL;

-- name: LookAgain :exec
-- At a parked row, after the lease with which it was looked at.
UPDATE agenda SET look_at = now() + make_interval(secs => @wait_seconds::float8)
WHERE org_id = @org_id AND kind = @kind AND subject = @subject AND parked_at IS NOT NULL AND lease = @lease;

-- name: EndParked :execrows
-- Unless it has been driven again meanwhile.
DELETE FROM agenda WHERE org_id = @org_id AND kind = @kind AND subject = @subject AND parked_at IS NOT NULL AND lease = @lease;

-- name: LockParked :one
-- The last lock of a transaction about a parked row: it is parked still.
SELECT asked FROM agenda WHERE org_id = @org_id AND kind = @kind AND subject = @subject AND parked_at IS NOT NULL AND lease = @lease FOR UPDATE;
