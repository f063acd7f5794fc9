-- role: app
-- Changes of power, as the worker's activities record them. Lock order, always:
-- operation, then resources by id, then targets, then the agenda row.

-- name: TakeOperation :one
-- Newer lease wins, the same may repeat. No row: final or fenced; end at once.
-- That it was parked is no longer so.
UPDATE operations SET fence = @lease::bigint, state = 'running',
  last_error = CASE WHEN last_error = 'PARKED' THEN null ELSE last_error END,
  last_error_detail = CASE WHEN last_error = 'PARKED' THEN null ELSE last_error_detail END,
  step = CASE WHEN step = 'queued' THEN 'deciding' ELSE step END, started_at = coalesce(started_at, clock_timestamp())
WHERE org_id = @org_id AND id = @id AND ended_at IS NULL AND fence <= @lease::bigint
RETURNING *;

-- name: LockFencedOperation :one
SELECT *, (act_before - clock_timestamp() <= interval '0')::bool AS too_late,
  extract(epoch FROM act_before - clock_timestamp())::float8 AS seconds_left
FROM operations WHERE org_id = @org_id AND id = @id AND fence = @lease::bigint AND ended_at IS NULL FOR UPDATE;

-- name: LockTargetResources :many
-- The resources of the open targets of an operation, locked in the order of
-- their ids, with all that decides whether they may be touched.
SELECT t.resource_id, t.cloud_account_id, t.region, t.wanted, t.state AS target_state, t.asked_at, t.accepted_at,
  r.kind, r.provider_id, r.state AS resource_state, r.protected, CASE WHEN r.act_anyway THEN '' ELSE coalesce(r.left_alone, '') END::text AS left_alone, r.operation_id,
  EXISTS (SELECT 1 FROM holds h WHERE h.org_id = r.org_id AND h.resource_id = r.id AND h.ended_at IS NULL AND h.until > now())::bool AS held,
  a.observe_only, a.provider, (o.paused_at IS NOT NULL)::bool AS paused
FROM operation_targets t
JOIN resources r ON r.org_id = t.org_id AND r.id = t.resource_id
JOIN cloud_accounts a ON a.org_id = r.org_id AND a.id = r.cloud_account_id
JOIN organizations o ON o.id = t.org_id
WHERE t.org_id = @org_id AND t.operation_id = @operation_id AND t.ended_at IS NULL
ORDER BY r.id FOR UPDATE OF r;

-- name: OrphanTargets :many
-- Open targets whose resource left with its account.
SELECT t.resource_id FROM operation_targets t
WHERE t.org_id = @org_id AND t.operation_id = @operation_id AND t.ended_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM resources r WHERE r.org_id = t.org_id AND r.id = t.resource_id);

-- name: NewerIntents :many
-- Of these resources, those that an operation asked for later than ours.
SELECT DISTINCT t.resource_id FROM operation_targets mine
JOIN operation_targets t ON t.org_id = mine.org_id AND t.resource_id = mine.resource_id AND t.operation_id <> mine.operation_id
  AND (t.asked_at, t.operation_id) > (mine.asked_at, mine.operation_id)
  AND t.state NOT IN ('left_alone', 'missed', 'superseded')
WHERE mine.org_id = @org_id AND mine.operation_id = @operation_id AND mine.ended_at IS NULL;

-- name: TakeResources :exec
UPDATE resources SET operation_id = @operation_id::uuid WHERE org_id = @org_id AND id = ANY(@ids::uuid[])
  AND operation_id IS DISTINCT FROM @operation_id::uuid;

-- name: MarkTaken :exec
UPDATE operation_targets SET state = 'taken', before_state = coalesce(before_state, @before_state::text)
WHERE org_id = @org_id AND operation_id = @operation_id AND resource_id = ANY(@resource_ids::uuid[]) AND state = 'pending';

-- name: SupersedeOthers :execrows
-- What older operations still wanted of resources that this one has just taken.
-- A newer one may have been asked for since NewerIntents was read: it stays.
UPDATE operation_targets t SET state = 'superseded', reason = 'SUPERSEDED', ended_at = clock_timestamp()
FROM operation_targets mine
WHERE mine.org_id = @org_id AND mine.operation_id = @operation_id AND mine.resource_id = ANY(@resource_ids::uuid[])
  AND t.org_id = mine.org_id AND t.resource_id = mine.resource_id AND t.operation_id <> mine.operation_id AND t.ended_at IS NULL
  AND (t.asked_at, t.operation_id) < (mine.asked_at, mine.operation_id);

-- name: EndTargets :execrows
UPDATE operation_targets t SET state = u.state, reason = nullif(u.reason, ''), detail = nullif(u.detail, ''),
  before_state = coalesce(t.before_state, nullif(u.before_state, '')), after_state = nullif(u.after_state, ''), ended_at = clock_timestamp()
FROM (SELECT unnest(@resource_ids::uuid[]) AS resource_id, unnest(@states::text[]) AS state, unnest(@reasons::text[]) AS reason,
  unnest(@details::text[]) AS detail, unnest(@before_states::text[]) AS before_state, unnest(@after_states::text[]) AS after_state) AS u
WHERE t.org_id = @org_id AND t.operation_id = @operation_id AND t.resource_id = u.resource_id AND t.ended_at IS NULL;

-- name: ReleaseResources :exec
-- The lease goes with the record of the end; the state is what was seen.
UPDATE resources r SET operation_id = null, state = coalesce(nullif(u.state, ''), r.state),
  seen_at = CASE WHEN u.state = '' THEN r.seen_at ELSE greatest(r.seen_at, @seen_at::timestamptz) END
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@states::text[]) AS state) AS u
WHERE r.org_id = @org_id AND r.id = u.id AND r.operation_id = @operation_id::uuid;

-- name: ObserveResources :exec
-- What was seen of machines that are still changing.
UPDATE resources r SET state = u.state, seen_at = greatest(r.seen_at, @seen_at::timestamptz)
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@states::text[]) AS state) AS u
WHERE r.org_id = @org_id AND r.id = u.id AND r.operation_id = @operation_id::uuid AND r.state <> u.state;

-- name: MayAct :many
-- The last statement before a provider call: of these, which may still be
-- touched. It writes the intent (one attempt more) before the call.
UPDATE operation_targets t SET attempts = t.attempts + 1, calling_until = clock_timestamp() + make_interval(secs => @call_seconds::float8)
FROM resources r, cloud_accounts a, organizations g, operations o
WHERE t.org_id = @org_id AND t.operation_id = @operation_id AND t.resource_id = ANY(@resource_ids::uuid[])
  AND t.ended_at IS NULL AND t.accepted_at IS NULL
  AND o.org_id = t.org_id AND o.id = t.operation_id AND o.fence = @lease::bigint AND o.ended_at IS NULL AND least(t.act_before, o.act_before) > clock_timestamp()
  AND r.org_id = t.org_id AND r.id = t.resource_id AND r.operation_id = t.operation_id AND NOT r.protected
  AND a.org_id = r.org_id AND a.id = r.cloud_account_id AND NOT a.observe_only
  AND g.id = t.org_id AND (o.origin = 'person' OR g.paused_at IS NULL AND NOT EXISTS (
    SELECT 1 FROM holds h WHERE h.org_id = r.org_id AND h.resource_id = r.id AND h.ended_at IS NULL AND h.until > now()))
RETURNING t.resource_id, extract(epoch FROM least(t.act_before, o.act_before) - clock_timestamp())::float8 AS seconds_left;

-- name: NoteAnswer :exec
-- The call has been answered: also for a target that a newer operation has ended
-- meanwhile, which waits for this word. What was accepted may not show at once.
UPDATE operation_targets SET
  accepted_at = CASE WHEN resource_id = ANY(@accepted_ids::uuid[]) THEN coalesce(accepted_at, clock_timestamp()) ELSE accepted_at END,
  calling_until = CASE WHEN resource_id = ANY(@accepted_ids::uuid[]) THEN clock_timestamp() + make_interval(secs => @settle_seconds::float8) END
WHERE org_id = @org_id AND operation_id = @operation_id AND resource_id = ANY(@resource_ids::uuid[]);

-- name: MarkAccepted :exec
UPDATE operation_targets SET state = 'accepted', accepted_at = coalesce(accepted_at, clock_timestamp()), reason = null, detail = null
WHERE org_id = @org_id AND operation_id = @operation_id AND resource_id = ANY(@resource_ids::uuid[]) AND ended_at IS NULL;

-- name: NoteRefusal :exec
-- Why a target is still open: the call was refused and will be made again. It
-- is the target's end when no call comes through before act_before.
UPDATE operation_targets SET reason = @reason::text, detail = nullif(@detail::text, '')
WHERE org_id = @org_id AND operation_id = @operation_id AND resource_id = ANY(@resource_ids::uuid[]) AND ended_at IS NULL AND accepted_at IS NULL;

-- name: NoteAttempt :exec
UPDATE operations SET attempts = attempts + @calls::int, step = coalesce(nullif(@step::text, ''), step),
  last_error = coalesce(nullif(@last_error::text, ''), last_error), last_error_detail = coalesce(nullif(@last_error_detail::text, ''), last_error_detail)
WHERE org_id = @org_id AND id = @id AND fence = @lease::bigint AND ended_at IS NULL;

-- name: SetStep :exec
UPDATE operations SET step = @step WHERE org_id = @org_id AND id = @id AND fence = @lease::bigint AND ended_at IS NULL AND step <> @step;

-- name: CountOperation :one
-- Progress, counted from the targets. It answers whether the operation only watches:
-- all that is open has been accepted, and nothing is left to ask the provider for.
WITH c AS (
  SELECT count(*)::int AS total, count(*) FILTER (WHERE t.wanted = 'running')::int AS on_n, count(*) FILTER (WHERE t.wanted = 'stopped')::int AS off_n,
    count(*) FILTER (WHERE t.ended_at IS NOT NULL)::int AS done,
    count(*) FILTER (WHERE t.state = 'failed')::int AS failed,
    count(*) FILTER (WHERE t.state = 'left_alone')::int AS left_alone,
    count(*) FILTER (WHERE t.ended_at IS NULL AND t.accepted_at IS NULL) AS unasked
  FROM operation_targets t WHERE t.org_id = @org_id AND t.operation_id = @id
), u AS (
  UPDATE operations o SET target_count = c.total, on_count = c.on_n, off_count = c.off_n, done_count = c.done, failed_count = c.failed, left_alone_count = c.left_alone FROM c
  WHERE o.org_id = @org_id AND o.id = @id
    AND (o.target_count, o.on_count, o.off_count, o.done_count, o.failed_count, o.left_alone_count) IS DISTINCT FROM (c.total, c.on_n, c.off_n, c.done, c.failed, c.left_alone)
)
SELECT (c.unasked = 0 AND NOT EXISTS (
  SELECT 1 FROM operation_readings g WHERE g.org_id = @org_id AND g.operation_id = @id AND g.ended_at IS NULL))::bool AS watching FROM c;

-- name: CountTargetEnds :one
SELECT count(*)::int AS total, count(*) FILTER (WHERE ended_at IS NULL)::int AS open,
  count(*) FILTER (WHERE state IN ('done', 'already'))::int AS reached,
  count(*) FILTER (WHERE state = 'failed')::int AS failed,
  count(*) FILTER (WHERE state = 'missed')::int AS missed,
  count(*) FILTER (WHERE state IN ('left_alone', 'superseded'))::int AS passed_by,
  (SELECT count(*) FROM operation_readings g WHERE g.org_id = @org_id AND g.operation_id = @operation_id AND g.reason IS NOT NULL AND g.reason <> 'AUTOMATION_PAUSED')::int AS unread,
  (SELECT count(*) FROM operation_readings g WHERE g.org_id = @org_id AND g.operation_id = @operation_id AND g.ended_at IS NULL)::int AS reading
FROM operation_targets WHERE org_id = @org_id AND operation_id = @operation_id;

-- name: EndOperation :execrows
UPDATE operations SET state = @state, step = 'done', ended_at = clock_timestamp(),
  last_error = coalesce(nullif(@last_error::text, ''), last_error), last_error_detail = coalesce(nullif(@last_error_detail::text, ''), last_error_detail)
WHERE org_id = @org_id AND id = @id AND fence <= @lease::bigint AND ended_at IS NULL;

-- name: AbandonTargets :exec
-- An operator has ended the run: what is open failed, with that reason.
UPDATE operation_targets SET state = 'failed', reason = @reason::text, detail = @detail::text, ended_at = clock_timestamp()
WHERE org_id = @org_id AND operation_id = @operation_id AND ended_at IS NULL;

-- name: AbandonResources :exec
UPDATE resources SET operation_id = null WHERE org_id = @org_id AND operation_id = @operation_id::uuid;

-- name: ParkOperation :one
-- A platform admin has parked it: the tenant reads why, and a run that still
-- works is fenced. No row: final, or a newer run has it.
UPDATE operations SET fence = @lease::bigint, last_error = @reason::text, last_error_detail = @detail::text
WHERE org_id = @org_id AND id = @id AND ended_at IS NULL AND fence <= @lease::bigint
RETURNING extract(epoch FROM act_before - clock_timestamp())::float8 AS seconds_left;

-- name: ExpireTargets :exec
-- The time of a parked operation has passed: what no provider accepted was
-- missed; of what one had accepted, nobody saw the end.
UPDATE operation_targets SET state = CASE WHEN accepted_at IS NULL THEN 'missed' ELSE 'failed' END, reason = @reason::text, detail = @detail::text,
  ended_at = clock_timestamp()
WHERE org_id = @org_id AND operation_id = @operation_id AND ended_at IS NULL;

-- name: ActorOfOperation :one
SELECT origin, requested_by, workspace_id FROM operations WHERE org_id = @org_id AND id = @id;

-- name: OpenTargets :many
-- What one batch still has to do, with all that decides how. No row: nothing
-- left, or a newer run has taken over.
SELECT t.resource_id, t.wanted, t.state, t.attempts, t.accepted_at, coalesce(t.reason, '')::text AS refused, coalesce(t.detail, '')::text AS refused_detail,
  -- Calls of other operations for the opposite: unanswered, and accepted just now.
  EXISTS (SELECT 1 FROM operation_targets x WHERE x.org_id = t.org_id AND x.resource_id = t.resource_id AND x.operation_id <> t.operation_id
    AND x.wanted <> t.wanted AND x.calling_until > clock_timestamp() AND x.accepted_at IS NULL)::bool AS in_flight,
  EXISTS (SELECT 1 FROM operation_targets x WHERE x.org_id = t.org_id AND x.resource_id = t.resource_id AND x.operation_id <> t.operation_id
    AND x.wanted <> t.wanted AND x.calling_until > clock_timestamp() AND x.accepted_at IS NOT NULL)::bool AS settling,
  r.provider_id, r.state AS resource_state,
  r.protected, CASE WHEN r.act_anyway THEN '' ELSE coalesce(r.left_alone, '') END::text AS left_alone, a.observe_only, (g.paused_at IS NOT NULL)::bool AS paused,
  EXISTS (SELECT 1 FROM holds h WHERE h.org_id = r.org_id AND h.resource_id = r.id AND h.ended_at IS NULL AND h.until > now())::bool AS held,
  o.origin, o.due_at, least(t.act_before, o.act_before)::timestamptz AS act_before, clock_timestamp()::timestamptz AS now
FROM operations o
JOIN operation_targets t ON t.org_id = o.org_id AND t.operation_id = o.id
JOIN resources r ON r.org_id = t.org_id AND r.id = t.resource_id
JOIN cloud_accounts a ON a.org_id = r.org_id AND a.id = r.cloud_account_id
JOIN organizations g ON g.id = o.org_id
WHERE o.org_id = @org_id AND o.id = @operation_id AND o.fence = @lease::bigint AND o.ended_at IS NULL AND t.ended_at IS NULL
  AND t.cloud_account_id = @cloud_account_id AND t.region = @region AND (@kind::text = '' OR r.kind = @kind::text)
ORDER BY t.resource_id;

-- name: OperationEnd :one
SELECT fence, (ended_at IS NOT NULL)::bool AS ended FROM operations WHERE org_id = @org_id AND id = @id;

-- name: InsertReadings :exec
-- As the dispatcher claims them, for an order of a person.
INSERT INTO operation_readings (org_id, workspace_id, operation_id, schedule_id, cloud_account_id, cloud_account_name, selector, wanted, act_before)
SELECT o.org_id, o.workspace_id, o.id, @schedule_id, a.id, a.name, @selector, @wanted, o.act_before
FROM operations o JOIN cloud_accounts a ON a.org_id = o.org_id AND a.workspace_id = o.workspace_id
WHERE o.org_id = @org_id AND o.id = @operation_id AND a.id = ANY(@account_ids::uuid[]);

-- name: PendingReadings :many
SELECT schedule_id, cloud_account_id FROM operation_readings
WHERE org_id = @org_id AND operation_id = @operation_id AND ended_at IS NULL ORDER BY schedule_id, cloud_account_id;

-- name: OpenReading :one
SELECT g.selector, g.wanted, g.act_before, (g.act_before <= clock_timestamp())::bool AS too_late, o.workspace_id,
  extract(epoch FROM g.act_before - clock_timestamp())::float8 AS seconds_left, (x.paused_at IS NOT NULL AND o.origin <> 'person')::bool AS paused,
  clock_timestamp()::timestamptz AS now
FROM operation_readings g
JOIN operations o ON o.org_id = g.org_id AND o.id = g.operation_id
JOIN organizations x ON x.id = g.org_id
WHERE g.org_id = @org_id AND g.operation_id = @operation_id AND g.schedule_id = @schedule_id AND g.cloud_account_id = @cloud_account_id
  AND g.ended_at IS NULL AND o.fence = @lease::bigint AND o.ended_at IS NULL;

-- name: InsertFoundTargets :exec
-- Machines that a selector found. One that another schedule of the minute wants
-- the opposite of is left alone.
INSERT INTO operation_targets AS t (org_id, workspace_id, operation_id, resource_id, resource_name, provider_id, cloud_account_id, region, schedule_id, wanted, act_before)
SELECT r.org_id, r.workspace_id, @operation_id, r.id, CASE WHEN r.name = '' THEN r.provider_id ELSE r.name END, r.provider_id, r.cloud_account_id, r.region,
  @schedule_id, @wanted, @act_before
FROM resources r
WHERE r.org_id = @org_id AND r.cloud_account_id = @cloud_account_id AND r.kind = @kind AND r.region = @region AND r.provider_id = ANY(@provider_ids::text[])
ORDER BY r.id
ON CONFLICT (org_id, operation_id, resource_id) DO UPDATE SET state = 'left_alone', reason = 'CONFLICTING_ORDERS', ended_at = clock_timestamp()
WHERE t.wanted <> excluded.wanted AND t.state = 'pending';

-- name: EndReading :exec
UPDATE operation_readings g SET ended_at = clock_timestamp(), reason = nullif(@reason::text, ''), detail = nullif(@detail::text, ''),
  found_count = (SELECT count(*) FROM operation_targets t
    WHERE t.org_id = g.org_id AND t.operation_id = g.operation_id AND t.schedule_id = g.schedule_id AND t.cloud_account_id = g.cloud_account_id)
WHERE g.org_id = @org_id AND g.operation_id = @operation_id AND g.schedule_id = @schedule_id AND g.cloud_account_id = @cloud_account_id AND g.ended_at IS NULL;

-- name: EndReadings :exec
-- Of an operation that ends without them.
UPDATE operation_readings SET ended_at = clock_timestamp(), reason = @reason::text, detail = nullif(@detail::text, '')
WHERE org_id = @org_id AND operation_id = @operation_id AND ended_at IS NULL;

-- name: TargetsToTell :many
SELECT t.resource_id, t.resource_name, t.provider_id, t.cloud_account_id, t.region, t.schedule_id, t.wanted, t.state, coalesce(t.reason, '')::text AS reason
FROM operation_targets t WHERE t.org_id = @org_id AND t.operation_id = @operation_id ORDER BY t.resource_id;

-- name: SchedulesToTell :many
SELECT s.schedule_id, s.name, s.wanted, s.due_at, s.revision, coalesce(s.exception, '')::text AS exception,
  (SELECT count(*) FROM operation_readings g WHERE g.org_id = s.org_id AND g.operation_id = s.operation_id AND g.schedule_id = s.schedule_id
    AND g.reason IS NOT NULL AND g.reason <> 'AUTOMATION_PAUSED')::int AS unread_count
FROM operation_schedules s WHERE s.org_id = @org_id AND s.operation_id = @operation_id ORDER BY s.schedule_id;

-- name: Follow :exec
-- Keeps an eye on what a timetable brought into its wanted state.
INSERT INTO follows AS f (org_id, workspace_id, resource_id, operation_id, schedule_id, wanted, since, until)
SELECT t.org_id, t.workspace_id, t.resource_id, t.operation_id, t.schedule_id, t.wanted, t.ended_at, t.ended_at + make_interval(secs => @for_seconds::float8)
FROM operation_targets t JOIN resources r ON r.org_id = t.org_id AND r.id = t.resource_id AND r.operation_id IS NULL
WHERE t.org_id = @org_id AND t.operation_id = @operation_id AND t.state IN ('done', 'already') AND t.schedule_id IS NOT NULL
ORDER BY t.resource_id
ON CONFLICT (org_id, resource_id) DO UPDATE SET operation_id = excluded.operation_id, schedule_id = excluded.schedule_id, wanted = excluded.wanted,
  since = excluded.since, until = excluded.until;

-- name: Unfollow :exec
-- An order of ours changes it now.
DELETE FROM follows WHERE org_id = @org_id AND resource_id = ANY(@resource_ids::uuid[]);

-- name: SeeFollowed :many
-- After a reading of a kind in a region that began at read_at: what has left its state is
-- answered once; what has kept it for its time is let go.
WITH seen AS (
  SELECT f.org_id, f.workspace_id, f.resource_id, f.operation_id, f.schedule_id, f.wanted, r.state, r.name, r.provider_id,
    (f.wanted = 'running' AND r.state IN ('stopped', 'stopping', 'gone') OR f.wanted = 'stopped' AND r.state IN ('running', 'starting'))::bool AS astray
  FROM follows f JOIN resources r ON r.org_id = f.org_id AND r.id = f.resource_id
  WHERE f.org_id = @org_id AND r.cloud_account_id = @cloud_account_id AND r.kind = @kind AND r.region = @region AND r.operation_id IS NULL AND f.since < @read_at::timestamptz
    AND (f.until < @read_at::timestamptz OR f.wanted = 'running' AND r.state IN ('stopped', 'stopping', 'gone') OR f.wanted = 'stopped' AND r.state IN ('running', 'starting'))
  FOR UPDATE OF f SKIP LOCKED
), let_go AS (
  DELETE FROM follows d USING seen WHERE d.org_id = seen.org_id AND d.resource_id = seen.resource_id
)
SELECT seen.workspace_id, seen.resource_id, seen.operation_id, seen.schedule_id, seen.wanted, seen.state, seen.name, seen.provider_id
FROM seen WHERE seen.astray ORDER BY seen.resource_id;

-- name: SetActAnyway :execrows
UPDATE resources SET act_anyway = @act_anyway WHERE org_id = @org_id AND workspace_id = @workspace_id AND id = @id AND state <> 'gone';
