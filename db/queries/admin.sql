-- role: admin
-- The operators' page: the agenda of all tenants. It sees no other table of
-- theirs but the name of an organization.

-- name: AgendaByDue :many
-- What is on the agenda by the time it is due, the oldest first. view is due,
-- late, failing, open_too_long or all. A row that fails again and again has a
-- later look_at and is as late as its due_at says.
SELECT a.org_id, coalesce((SELECT o.name FROM organizations o WHERE o.id = a.org_id), '')::text AS org_name, a.kind, a.subject, a.lane, a.due_at, a.look_at, a.asked, a.told, a.lease, a.run_id, a.starts,
  a.last_error, a.parked_at, a.parked_by, a.parked_reason, now()::timestamptz AS now
FROM agenda a
WHERE (a.due_at, a.org_id, a.kind, a.subject) > (@after_due::timestamptz, @after_org::uuid, @after_kind::text, @after_subject::text)
  AND a.due_at <= @until::timestamptz
  AND CASE @view::text
    WHEN 'due' THEN a.parked_at IS NULL AND a.run_id IS NULL
    WHEN 'late' THEN a.parked_at IS NULL AND (a.run_id IS NULL OR a.last_error IS NOT NULL) AND a.due_at < now() - make_interval(secs => @late_seconds::float8)
    WHEN 'failing' THEN a.parked_at IS NULL AND a.last_error IS NOT NULL
    WHEN 'open_too_long' THEN a.parked_at IS NULL AND a.run_id IS NOT NULL
      AND a.due_at < now() - make_interval(secs => (@open_seconds::float8[])[array_position(@open_kinds::text[], a.kind)])
    ELSE true END
  AND (cardinality(@kinds::text[]) = 0 OR a.kind = ANY(@kinds::text[]))
  AND (cardinality(@lanes::smallint[]) = 0 OR a.lane = ANY(@lanes::smallint[]))
  AND (@search::text = '' OR a.org_id::text = @search::text 
    OR EXISTS (SELECT 1 FROM organizations o WHERE o.id = a.org_id AND strpos(lower(o.name), lower(@search::text)) > 0))
ORDER BY a.due_at, a.org_id, a.kind, a.subject LIMIT @row_limit;

-- name: ParkedAgenda :many
-- Parked rows in the same order; there are few, and a clock may be parked before
-- it is due.
SELECT a.org_id, coalesce((SELECT o.name FROM organizations o WHERE o.id = a.org_id), '')::text AS org_name, a.kind, a.subject, a.lane, a.due_at, a.look_at, a.asked, a.told, a.lease, a.run_id, a.starts,
  a.last_error, a.parked_at, a.parked_by, a.parked_reason, now()::timestamptz AS now
FROM agenda a
WHERE a.parked_at IS NOT NULL
  AND (a.due_at, a.org_id, a.kind, a.subject) > (@after_due::timestamptz, @after_org::uuid, @after_kind::text, @after_subject::text)
  AND (cardinality(@kinds::text[]) = 0 OR a.kind = ANY(@kinds::text[]))
  AND (cardinality(@lanes::smallint[]) = 0 OR a.lane = ANY(@lanes::smallint[]))
  AND (@search::text = '' OR a.org_id::text = @search::text 
    OR EXISTS (SELECT 1 FROM organizations o WHERE o.id = a.org_id AND strpos(lower(o.name), lower(@search::text)) > 0))
ORDER BY a.due_at, a.org_id, a.kind, a.subject LIMIT @row_limit;

-- name: AgendaRow :one
SELECT a.org_id, coalesce((SELECT o.name FROM organizations o WHERE o.id = a.org_id), '')::text AS org_name, a.kind, a.subject, a.lane, a.due_at, a.look_at, a.asked, a.told, a.lease, a.run_id, a.starts,
  a.last_error, a.parked_at, a.parked_by, a.parked_reason, now()::timestamptz AS now
FROM agenda a
WHERE a.org_id = @org_id AND a.kind = @kind AND a.subject = @subject;

-- name: LockAgendaRow :one
-- So that the audit row says what was changed, not what was seen earlier.
SELECT starts, lease FROM agenda WHERE org_id = @org_id AND kind = @kind AND subject = @subject FOR NO KEY UPDATE;

-- name: SummarizeAgenda :many
-- Clocks that wait for their time are left out: there are many and they are well.
SELECT a.kind, a.lane,
  count(*) FILTER (WHERE a.parked_at IS NULL AND a.run_id IS NULL AND a.due_at <= now()) AS due,
  count(*) FILTER (WHERE a.parked_at IS NULL AND (a.run_id IS NULL OR a.last_error IS NOT NULL) AND a.due_at < now() - make_interval(secs => @late_seconds::float8)) AS late,
  count(*) FILTER (WHERE a.parked_at IS NULL AND a.last_error IS NOT NULL) AS failing,
  count(*) FILTER (WHERE a.parked_at IS NULL AND a.run_id IS NOT NULL) AS in_flight,
  count(*) FILTER (WHERE a.parked_at IS NULL AND a.run_id IS NOT NULL
    AND a.due_at < now() - make_interval(secs => (@open_seconds::float8[])[array_position(@open_kinds::text[], a.kind)])) AS open_too_long,
  count(*) FILTER (WHERE a.parked_at IS NOT NULL) AS parked,
  coalesce(min(a.due_at) FILTER (WHERE a.parked_at IS NULL AND (a.run_id IS NULL OR a.last_error IS NOT NULL) AND a.due_at <= now()), 'epoch')::timestamptz AS oldest_due,
  now()::timestamptz AS now
FROM agenda a WHERE a.due_at <= now() OR a.parked_at IS NOT NULL
GROUP BY a.kind, a.lane ORDER BY a.lane, a.kind;

-- name: DispatcherConnections :one
-- A dispatcher polls four times a second: while one lives it has a connection.
SELECT dispatcher_connections()::bigint AS connections, clock_timestamp()::timestamptz AS now;

-- name: AdminTime :one
SELECT now()::timestamptz AS now;

-- name: DriveAgain :execrows
-- Delivered anew: a run that still lives is found by its id, one that is gone is
-- replaced.
UPDATE agenda SET look_at = now(), starts = 0, run_id = null, taken = false, parked_at = null, parked_by = null, parked_reason = null
WHERE org_id = @org_id AND kind = @kind AND subject = @subject;

-- name: ParkAgenda :execrows
-- A dispatcher looks at it at once, to tell the tenant.
UPDATE agenda SET parked_at = now(), parked_by = @parked_by::text, parked_reason = @parked_reason::text, look_at = now()
WHERE org_id = @org_id AND kind = @kind AND subject = @subject;
