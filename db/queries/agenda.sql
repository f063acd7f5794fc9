-- role: app
-- The tenant's side of the agenda: asking, reading what was asked, ending.

-- name: Ask :exec
-- The last statement of the transaction that makes the work true.
INSERT INTO agenda AS a (org_id, kind, subject, lane, due_at, look_at, trace, request_id)
VALUES (@org_id, @kind, @subject, @lane, coalesce(sqlc.narg(due_at)::timestamptz, now()), coalesce(sqlc.narg(due_at)::timestamptz, now()),
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
-- A workflow that records is not looked at for a while. Only what moved the work
-- forward ends the back-off: one that is taken and dies, again and again, waits.
UPDATE agenda SET look_at = greatest(look_at, now() + make_interval(secs => @wait_seconds::float8)),
  starts = CASE WHEN @moved::bool THEN 0 ELSE starts END
WHERE org_id = @org_id AND kind = @kind AND subject = @subject;

-- name: EndAgenda :execrows
-- Ends the row unless somebody has asked since `asked` was read. 0 rows: go round again.
DELETE FROM agenda WHERE org_id = @org_id AND kind = @kind AND subject = @subject AND asked = @asked;

-- name: AgendaRowExists :one
SELECT EXISTS (SELECT 1 FROM agenda WHERE org_id = @org_id AND kind = @kind AND subject = @subject);
