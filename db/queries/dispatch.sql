-- role: system
-- The dispatcher: leases, acknowledgements, clocks, housekeeping. Across tenants.

-- name: LaneDue :one
-- Whether a round of the lane can find anything: all that it expands, delivers, asks
-- after or looks at is due by look_at. One entry read off agenda_look.
SELECT EXISTS (SELECT 1 FROM agenda a WHERE a.lane = @lane AND a.look_at <= now())::bool AS due;

-- name: WaitingWork :many
-- What may be delivered next (the function is in 00013): first who has least in
-- flight, then what has waited longest. A row without a kind is an organization
-- that may have nothing delivered now.
SELECT w.org_id::uuid AS org_id, coalesce(w.kind, '')::text AS kind, coalesce(w.subject, '')::text AS subject, coalesce(w.turn, 0)::int AS turn, coalesce(w.look_at, now())::timestamptz AS look_at
FROM waiting_work(@lane::smallint, @kinds::text[], @from_org::uuid, @org_limit::int, @each_limit::int, @org_share::int, @account_share::int) w
ORDER BY 4, 5;

-- name: LeaseWork :many
-- Of the rows named those that still wait; what another has locked is passed over.
WITH x AS (
  SELECT u.* FROM (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@kinds::text[]) AS kind, unnest(@subjects::text[]) AS subject) AS u
), due AS (
  SELECT a.org_id, a.kind, a.subject FROM agenda a JOIN x USING (org_id, kind, subject)
  WHERE a.look_at <= now() AND a.run_id IS NULL AND a.parked_at IS NULL
  FOR UPDATE OF a SKIP LOCKED
)
UPDATE agenda a SET look_at = now() + make_interval(secs => @lease_seconds::float8), lease = nextval('agenda_lease')
FROM due d WHERE (a.org_id, a.kind, a.subject) = (d.org_id, d.kind, d.subject)
RETURNING a.*;

-- name: LeaseDelivered :many
-- Rows already delivered that have been silent. No cap covers them: a cap must
-- not cover its own recovery.
WITH due AS (
  SELECT g.org_id, g.kind, g.subject FROM agenda g
  WHERE g.lane = @lane AND g.look_at <= now() AND g.run_id IS NOT NULL AND g.parked_at IS NULL AND g.kind = ANY(@kinds::text[])
  ORDER BY g.look_at LIMIT @row_limit::int FOR UPDATE SKIP LOCKED
)
UPDATE agenda a SET look_at = now() + make_interval(secs => @lease_seconds::float8), lease = nextval('agenda_lease')
FROM due d WHERE (a.org_id, a.kind, a.subject) = (d.org_id, d.kind, d.subject)
RETURNING a.*;

-- name: LookAtParked :many
-- Parked rows whose tenant has not been told, or whose time may have passed. They
-- are delivered to nobody: the lease is for the fence.
WITH due AS (
  SELECT g.org_id, g.kind, g.subject FROM agenda g
  WHERE g.parked_at IS NOT NULL AND g.lane = @lane AND g.look_at <= now()
  ORDER BY g.due_at LIMIT @row_limit::int FOR UPDATE SKIP LOCKED
)
UPDATE agenda a SET look_at = now() + make_interval(secs => @lease_seconds::float8), lease = nextval('agenda_lease')
FROM due d WHERE (a.org_id, a.kind, a.subject) = (d.org_id, d.kind, d.subject)
RETURNING a.*;

-- name: LockLane :exec
-- Before CountArriving, in the transaction that leases: of several workers one at a
-- time counts and leases, or together they pass the cap. One that is frozen in
-- between is cut off by PostgreSQL, so that the others go on.
SELECT set_config('idle_in_transaction_session_timeout', (@patience_ms::int)::text, true),
  pg_advisory_xact_lock(hashtext('cloudhub agenda lane'), @lane::int);

-- name: CountArriving :one
-- What stands in queues: delivered and not taken up by a worker yet, or leased a
-- moment ago to be delivered. What waits after a failure is not: a cap must not
-- cover its own recovery. By the clock and not by now(): who waited for the lane
-- began before those who leased meanwhile.
-- In two halves, each off an index of its own: of both at once PostgreSQL reads every
-- clock there is.
SELECT ((SELECT count(*) FROM agenda a WHERE a.lane = @lane AND a.run_id IS NOT NULL AND NOT a.taken AND a.parked_at IS NULL)
  + (SELECT count(*) FROM agenda a WHERE a.lane = @lane AND a.run_id IS NULL AND a.lease > 0 AND a.parked_at IS NULL AND a.last_error IS NULL
    AND a.look_at > clock_timestamp() AND a.look_at <= clock_timestamp() + make_interval(secs => @lease_seconds::float8)))::bigint AS arriving;

-- name: Acknowledge :execrows
-- In batches. Locked rows are skipped, or this deadlocks beside transactions
-- that touch two agenda rows. The caller repeats it for those: what was started
-- and is acknowledged already is passed over. PostgreSQL itself waits, in spite of SKIP
-- LOCKED, for a row that is changed again while its last change is followed
-- ("while locking updated version"): one in many thousands deadlocks still, so
-- this runs in System.Tx, which repeats it.
-- What made a run be started anew stays on the row until the new one has moved
-- (PushLook): it is not well because it was delivered once more.
WITH x AS (
  SELECT u.* FROM (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@kinds::text[]) AS kind, unnest(@subjects::text[]) AS subject, unnest(@leases::bigint[]) AS lease, unnest(@askeds::bigint[]) AS asked, unnest(@run_ids::text[]) AS run_id, unnest(@starteds::bool[]) AS started, unnest(@waits::float8[]) AS wait_s) AS u
), l AS (
  SELECT x.org_id, x.kind, x.subject, x.lease, x.asked, x.run_id, x.started, x.wait_s FROM x JOIN agenda a USING (org_id, kind, subject)
  WHERE a.lease = x.lease AND a.parked_at IS NULL AND NOT (x.started AND a.run_id IS NOT DISTINCT FROM x.run_id)
  ORDER BY 1, 2, 3 FOR UPDATE OF a SKIP LOCKED
)
UPDATE agenda a SET told = l.asked, run_id = l.run_id, starts = a.starts + l.started::int, last_error = CASE WHEN a.starts > 0 THEN a.last_error END,
  look_at = CASE WHEN a.asked = l.asked THEN now() + make_interval(secs => l.wait_s) ELSE a.look_at END
FROM l WHERE (a.org_id, a.kind, a.subject) = (l.org_id, l.kind, l.subject) AND a.lease = l.lease;

-- name: AcknowledgeBusy :exec
-- The old run of the id is still open: look again soon, tell nothing.
UPDATE agenda SET run_id = @run_id::text, look_at = now() + make_interval(secs => @wait_seconds::float8)
WHERE org_id = @org_id AND kind = @kind AND subject = @subject AND lease = @lease AND parked_at IS NULL;

-- name: NoteFailure :exec
UPDATE agenda SET last_error = left(@last_error::text, 500), look_at = now() + make_interval(secs => @wait_seconds::float8)
WHERE org_id = @org_id AND kind = @kind AND subject = @subject AND lease = @lease AND parked_at IS NULL;

-- name: Redeliver :exec
-- The run was lost or failed: to be started anew, after a wait that doubles.
UPDATE agenda SET run_id = null, taken = false, last_error = left(@last_error::text, 500),
  look_at = now() + make_interval(secs => @wait_seconds::float8)
WHERE org_id = @org_id AND kind = @kind AND subject = @subject AND lease = @lease AND parked_at IS NULL;

-- name: LockDueClocks :many
SELECT * FROM agenda WHERE kind = @kind AND lane = @lane AND look_at <= now() AND parked_at IS NULL
ORDER BY look_at LIMIT @row_limit::int FOR UPDATE SKIP LOCKED;

-- name: LockClock :one
SELECT * FROM agenda WHERE org_id = @org_id AND kind = @kind AND subject = @subject AND look_at <= now() AND parked_at IS NULL FOR UPDATE SKIP LOCKED;

-- name: MoveClocks :exec
-- To their next time; rows whose next time is null have nothing left to wait for.
WITH x AS (
  SELECT u.* FROM (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@subjects::text[]) AS subject, unnest(@nexts::timestamptz[]) AS next_at) AS u
)
UPDATE agenda a SET due_at = x.next_at, look_at = x.next_at, run_id = null, last_error = null
FROM x WHERE a.org_id = x.org_id AND a.kind = @kind::text AND a.subject = x.subject;

-- name: DeleteClock :exec
DELETE FROM agenda WHERE org_id = @org_id AND kind = @kind AND subject = @subject;

-- name: NoteClockFailure :exec
UPDATE agenda SET last_error = left(@last_error::text, 500), look_at = now() + make_interval(secs => @wait_seconds::float8)
WHERE org_id = @org_id AND kind = @kind AND subject = @subject;

-- name: AskMany :exec
-- account_ids and traces may be left out.
INSERT INTO agenda AS a (org_id, kind, subject, lane, account_id, due_at, look_at, trace)
SELECT u.org_id, @kind::text, u.subject, @lane::smallint, coalesce(u.account_id, '00000000-0000-0000-0000-000000000000'), u.due_at, now(), nullif(u.trace, '')
FROM (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@subjects::text[]) AS subject, unnest(@account_ids::uuid[]) AS account_id,
  unnest(@due_ats::timestamptz[]) AS due_at, unnest(@traces::text[]) AS trace) AS u
ON CONFLICT (org_id, kind, subject) DO UPDATE SET
  asked = a.asked + 1, lane = least(a.lane, excluded.lane), look_at = least(a.look_at, now()), starts = 0;

-- name: AgendaOldestDue :many
-- Lateness of the agenda, by lane: what the alarm looks at. By due_at: a row that
-- fails again and again is looked at later each time and is no less late.
SELECT lane, count(*) AS due, min(due_at)::timestamptz AS oldest FROM agenda
WHERE due_at <= now() AND parked_at IS NULL AND (run_id IS NULL OR last_error IS NOT NULL) GROUP BY lane;

-- name: AgendaTrouble :many
-- What needs a person, by kind; SummarizeAgenda shows him the same.
SELECT a.kind,
  count(*) FILTER (WHERE a.parked_at IS NULL AND a.last_error IS NOT NULL) AS failing,
  count(*) FILTER (WHERE a.parked_at IS NULL AND a.run_id IS NOT NULL
    AND a.due_at < now() - make_interval(secs => (@open_seconds::float8[])[array_position(@open_kinds::text[], a.kind)])) AS open_too_long,
  count(*) FILTER (WHERE a.parked_at IS NOT NULL) AS parked
FROM agenda a WHERE a.due_at <= now() OR a.parked_at IS NOT NULL GROUP BY a.kind;

-- name: UnfinishedWithoutAgenda :many
-- The invariant: what is not final is on the agenda. Must answer nothing, ever.
SELECT 'power' AS kind, o.org_id, o.id::text AS subject FROM operations o
WHERE o.ended_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM agenda a WHERE a.org_id = o.org_id AND a.kind = 'power' AND a.subject = o.id::text)
UNION ALL
SELECT 'timetable', s.org_id, s.workspace_id::text FROM schedules s
WHERE s.deleted_at IS NULL AND s.next_at IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM agenda a WHERE a.org_id = s.org_id AND a.kind = 'timetable' AND a.subject = s.workspace_id::text)
UNION ALL
SELECT 'sync-clock', c.org_id, c.id::text FROM cloud_accounts c
WHERE NOT EXISTS (SELECT 1 FROM agenda a WHERE a.org_id = c.org_id AND a.kind = 'sync-clock' AND a.subject = c.id::text)
LIMIT 100;

-- name: DueSchedules :many
-- Of the workspaces whose clock was locked: what is due by now, and of what is not
-- no row: off schedules_list alone.
SELECT s.* FROM schedules s
JOIN (SELECT u.org_id, d.id FROM (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@workspace_ids::uuid[]) AS workspace_id) AS u
  CROSS JOIN LATERAL (
    SELECT l.id FROM schedules l
    WHERE l.org_id = u.org_id AND l.workspace_id = u.workspace_id AND l.deleted_at IS NULL AND l.next_at <= @at
    ORDER BY l.next_at, l.id) AS d) AS due
  ON s.org_id = due.org_id AND s.id = due.id
ORDER BY s.org_id, s.workspace_id, s.next_at, s.id;

-- name: NextOfWorkspaces :many
-- One row read of each, off schedules_due.
SELECT u.org_id::uuid AS org_id, u.workspace_id::uuid AS workspace_id, n.next_at::timestamptz AS next_at
FROM (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@workspace_ids::uuid[]) AS workspace_id) AS u
CROSS JOIN LATERAL (
  SELECT min(s.next_at) AS next_at FROM schedules s
  WHERE s.org_id = u.org_id AND s.workspace_id = u.workspace_id AND s.deleted_at IS NULL AND s.next_at IS NOT NULL) AS n
WHERE n.next_at IS NOT NULL;

-- name: AdvanceSchedules :exec
-- Without a wanted state: never again.
UPDATE schedules s SET next_at = CASE WHEN u.next_wanted <> '' THEN u.next_at END, next_wanted = nullif(u.next_wanted, ''), tzdata = @tzdata::text
FROM (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@ids::uuid[]) AS id, unnest(@next_ats::timestamptz[]) AS next_at, unnest(@next_wanteds::text[]) AS next_wanted) AS u
WHERE s.org_id = u.org_id AND s.id = u.id;

-- name: TargetsOfSchedules :many
SELECT st.org_id, st.schedule_id, st.workspace_id, r.id AS resource_id, r.name, r.provider_id, r.cloud_account_id, r.region
FROM schedule_targets st
JOIN (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@ids::uuid[]) AS id) AS u ON st.org_id = u.org_id AND st.schedule_id = u.id
JOIN resources r ON r.org_id = st.org_id AND r.id = st.resource_id
ORDER BY st.org_id, st.schedule_id, r.id;

-- name: ClaimOperations :many
-- Answers the minutes that were not claimed before: only their targets are written.
INSERT INTO operations (org_id, workspace_id, id, origin, state, step, due_at, act_before, target_count, on_count, off_count, done_count, left_alone_count, ended_at)
SELECT u.org_id, u.workspace_id, u.id, 'timetable', u.state, CASE WHEN u.state = 'queued' THEN 'queued' ELSE 'done' END, u.due_at, u.act_before,
  u.target_count, u.on_count, u.off_count, u.done_count, u.left_alone_count, CASE WHEN u.state <> 'queued' THEN clock_timestamp() END
FROM (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@workspace_ids::uuid[]) AS workspace_id, unnest(@ids::uuid[]) AS id,
  unnest(@states::text[]) AS state, unnest(@due_ats::timestamptz[]) AS due_at, unnest(@act_befores::timestamptz[]) AS act_before,
  unnest(@target_counts::int[]) AS target_count, unnest(@on_counts::int[]) AS on_count, unnest(@off_counts::int[]) AS off_count,
  unnest(@done_counts::int[]) AS done_count, unnest(@left_alone_counts::int[]) AS left_alone_count) AS u
ON CONFLICT (org_id, workspace_id, due_at) WHERE origin = 'timetable' DO NOTHING
RETURNING org_id, id;

-- name: ClaimSchedules :exec
INSERT INTO operation_schedules (org_id, workspace_id, operation_id, schedule_id, revision, name, wanted, due_at, exception, exception_text)
SELECT u.org_id, u.workspace_id, u.operation_id, u.schedule_id, u.revision, u.name, u.wanted, u.due_at, nullif(u.exception, ''), nullif(u.exception_text, '')
FROM (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@workspace_ids::uuid[]) AS workspace_id, unnest(@operation_ids::uuid[]) AS operation_id,
  unnest(@schedule_ids::uuid[]) AS schedule_id, unnest(@revisions::int[]) AS revision, unnest(@names::text[]) AS name,
  unnest(@wanteds::text[]) AS wanted, unnest(@due_ats::timestamptz[]) AS due_at, unnest(@exceptions::text[]) AS exception,
  unnest(@exception_texts::text[]) AS exception_text) AS u;

-- name: ClaimTargets :exec
INSERT INTO operation_targets (org_id, workspace_id, operation_id, resource_id, resource_name, provider_id, cloud_account_id, region,
  schedule_id, wanted, state, reason, act_before, ended_at)
SELECT u.org_id, u.workspace_id, u.operation_id, u.resource_id, u.resource_name, u.provider_id, u.cloud_account_id, u.region,
  u.schedule_id, u.wanted, u.state, nullif(u.reason, ''), u.act_before, CASE WHEN u.state <> 'pending' THEN clock_timestamp() END
FROM (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@workspace_ids::uuid[]) AS workspace_id, unnest(@operation_ids::uuid[]) AS operation_id,
  unnest(@resource_ids::uuid[]) AS resource_id, unnest(@resource_names::text[]) AS resource_name, unnest(@provider_ids::text[]) AS provider_id,
  unnest(@cloud_account_ids::uuid[]) AS cloud_account_id, unnest(@regions::text[]) AS region, unnest(@schedule_ids::uuid[]) AS schedule_id,
  unnest(@wanteds::text[]) AS wanted, unnest(@states::text[]) AS state, unnest(@reasons::text[]) AS reason, unnest(@act_befores::timestamptz[]) AS act_before) AS u;

-- name: ClaimReadings :exec
INSERT INTO operation_readings (org_id, workspace_id, operation_id, schedule_id, cloud_account_id, cloud_account_name, selector, wanted, act_before)
SELECT u.org_id, u.workspace_id, u.operation_id, u.schedule_id, u.cloud_account_id, u.cloud_account_name, u.selector, u.wanted, u.act_before
FROM (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@workspace_ids::uuid[]) AS workspace_id, unnest(@operation_ids::uuid[]) AS operation_id,
  unnest(@schedule_ids::uuid[]) AS schedule_id, unnest(@cloud_account_ids::uuid[]) AS cloud_account_id, unnest(@cloud_account_names::text[]) AS cloud_account_name,
  unnest(@selectors::jsonb[]) AS selector, unnest(@wanteds::text[]) AS wanted, unnest(@act_befores::timestamptz[]) AS act_before) AS u;

-- name: SkipsOfSchedules :many
SELECT k.schedule_id, k.at, k.created_by_name FROM schedule_skips k
JOIN (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@ids::uuid[]) AS id) AS u ON k.org_id = u.org_id AND k.schedule_id = u.id
WHERE k.at <= @until::timestamptz;

-- name: HoldsOfSchedules :many
-- Those that last longer than the oldest minute to be claimed.
SELECT h.schedule_id::uuid AS schedule_id, h.until, h.reason, h.created_by_name FROM holds h
JOIN (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@ids::uuid[]) AS id) AS u ON h.org_id = u.org_id AND h.schedule_id = u.id
WHERE h.ended_at IS NULL AND h.until > @since::timestamptz
ORDER BY h.schedule_id, h.until DESC;

-- name: DaysOfSchedules :many
-- The holidays that schedules keep to, from a day on.
SELECT x.schedule_id, x.calendar_id, d.day, d.name FROM schedule_calendars x
JOIN (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@ids::uuid[]) AS id) AS u ON x.org_id = u.org_id AND x.schedule_id = u.id
JOIN calendar_days d ON d.org_id = x.org_id AND d.calendar_id = x.calendar_id
WHERE d.day >= @since::date;

-- name: AccountsOfWorkspaces :many
SELECT a.workspace_id, a.id, a.name FROM cloud_accounts a
JOIN (SELECT DISTINCT y.org_id, y.workspace_id FROM (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@workspace_ids::uuid[]) AS workspace_id) AS y) AS u
  ON a.org_id = u.org_id AND a.workspace_id = u.workspace_id
ORDER BY a.workspace_id, a.id;

-- name: PurgeSkips :execrows
DELETE FROM schedule_skips WHERE at < now() - interval '7 days';

-- name: PurgeHolds :execrows
DELETE FROM holds WHERE least(until, ended_at) < now() - interval '90 days';

-- name: PurgeEvents :execrows
-- As long as what was sent of them is kept.
DELETE FROM events e USING organizations o WHERE o.id = e.org_id AND e.created_at < now() - make_interval(days =>
  CASE o.plan WHEN 'enterprise' THEN @enterprise_days::int WHEN 'pro' THEN @pro_days::int ELSE @free_days::int END);

-- name: PurgeNotifications :execrows
DELETE FROM notifications WHERE created_at < now() - interval '90 days';

-- name: StampNextSync :exec
UPDATE cloud_accounts c SET next_sync_at = u.next_at
FROM (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@ids::uuid[]) AS id, unnest(@next_ats::timestamptz[]) AS next_at) AS u
WHERE c.org_id = u.org_id AND c.id = u.id;

-- name: EnsureAuditPartitions :exec
SELECT ensure_audit_partitions();

-- name: PurgeDrafts :execrows
DELETE FROM credential_drafts WHERE expires_at < now();

-- name: PurgePreparations :execrows
DELETE FROM role_preparations WHERE expires_at < now();

-- name: PurgeSessions :execrows
DELETE FROM sessions WHERE least(expires_at, idle_expires_at) < now() - interval '7 days' OR revoked_at < now() - interval '7 days';

-- name: PurgeLoginFailures :execrows
DELETE FROM login_failures WHERE first_at < now() - interval '1 day' AND locked_until < now();

-- name: PurgeIdempotencyKeys :execrows
DELETE FROM idempotency_keys WHERE created_at < now() - interval '24 hours';

-- name: PurgeOperations :execrows
DELETE FROM operations WHERE ended_at < now() - interval '30 days';

-- name: WorkFacts :many
-- By what an operator finds a workflow in Temporal: workspace and origin.
SELECT o.id, o.workspace_id, o.origin FROM operations o
JOIN (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@ids::uuid[]) AS id) AS u ON o.org_id = u.org_id AND o.id = u.id
UNION ALL
SELECT c.id, c.workspace_id, 'system' FROM cloud_accounts c
JOIN (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@ids::uuid[]) AS id) AS u ON c.org_id = u.org_id AND c.id = u.id
UNION ALL
SELECT d.id, d.workspace_id, 'person' FROM credential_drafts d
JOIN (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@ids::uuid[]) AS id) AS u ON d.org_id = u.org_id AND d.id = u.id;

-- name: SystemTime :one
SELECT clock_timestamp()::timestamptz AS now;

-- name: InsertAuditMany :exec
INSERT INTO audit_log (org_id, id, workspace_id, actor_kind, action, subject_kind, subject_id, after)
SELECT u.org_id, u.id, u.workspace_id, @actor_kind::text, @action::text, @subject_kind::text, u.subject_id, u.after
FROM (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@ids::uuid[]) AS id, unnest(@workspace_ids::uuid[]) AS workspace_id,
  unnest(@subject_ids::text[]) AS subject_id, unnest(@afters::jsonb[]) AS after) AS u;

-- name: SchedulesByZoneData :many
-- Schedules whose next time was computed with other zone data than this
-- program has.
SELECT s.* FROM schedules s WHERE s.deleted_at IS NULL AND s.next_at IS NOT NULL AND s.tzdata <> @tzdata ORDER BY s.org_id, s.workspace_id LIMIT 500;

-- name: OldestTransaction :one
-- Seconds since the oldest open transaction in this database began.
SELECT oldest_transaction_seconds()::float8 AS seconds;
