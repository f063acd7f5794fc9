-- role: app, system
-- Sending and recording: by the loop across tenants, by the workflow of a destination
-- within one.

-- name: ClaimRetries :many
SELECT c.org_id::uuid AS org_id, c.destination_id::uuid AS destination_id, c.event_id::uuid AS event_id, c.lease::bigint AS lease, c.step::smallint AS step,
  c.attempts::int AS attempts, coalesce(c.order_key, '')::text AS order_key, c.due::bool AS due
FROM claim_retries(@org_id::uuid, @destination_id::uuid, @row_limit::int, @lease_seconds::float8) c;

-- name: ToSend :many
-- What was claimed, with what it takes to send it, secrets apart. Each event is looked
-- up by its whole key, whatever the planner believes of how many an organization has.
SELECT d.id AS destination_id, e.id AS event_id, d.workspace_id, d.channel, d.name, d.config, d.ordering, d.version, d.failures, d.open, (d.failing_since IS NOT NULL)::bool AS failing,
  coalesce(d.last_success_at < clock_timestamp() - interval '1 minute', true)::bool AS success_is_news,
  o.plan, o.name AS org_name, w.name AS workspace_name, w.time_zone, e.workspace_id AS event_workspace, e.type, e.data, e.created_at
FROM (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@destination_ids::uuid[]) AS destination_id, unnest(@event_ids::uuid[]) AS event_id) x
JOIN destinations d ON d.org_id = x.org_id AND d.id = x.destination_id
CROSS JOIN LATERAL (SELECT v.id, v.workspace_id, v.type, v.data, v.created_at FROM events v WHERE v.org_id = x.org_id AND v.id = x.event_id LIMIT 1) e
JOIN organizations o ON o.id = x.org_id
JOIN workspaces w ON w.org_id = x.org_id AND w.id = d.workspace_id;

-- name: RecordAttempts :execrows
-- Results and the log of what was tried, in one statement. A result counts while its
-- lease does: a later owner has the last word. The attempt was made all the same.
WITH x AS (
  SELECT u.* FROM (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@destination_ids::uuid[]) AS destination_id, unnest(@event_ids::uuid[]) AS event_id,
    unnest(@leases::bigint[]) AS lease, unnest(@states::text[]) AS state, unnest(@steps::smallint[]) AS step, unnest(@wait_seconds::float8[]) AS wait_s,
    unnest(@numbers::int[]) AS number, unnest(@started_ats::timestamptz[]) AS started_at, unnest(@keep_days::int[]) AS keep_days, unnest(@urls::text[]) AS url,
    unnest(@request_headers::jsonb[]) AS request_headers, unnest(@statuses::int[]) AS status, unnest(@response_headers::jsonb[]) AS response_headers,
    unnest(@response_bodies::bytea[]) AS response_body, unnest(@truncateds::bool[]) AS truncated, unnest(@addresses::text[]) AS address,
    unnest(@dns_us::bigint[]) AS dns_us, unnest(@connect_us::bigint[]) AS connect_us, unnest(@tls_us::bigint[]) AS tls_us,
    unnest(@first_byte_us::bigint[]) AS first_byte_us, unnest(@total_us::bigint[]) AS total_us, unnest(@errors::text[]) AS error, unnest(@reasons::text[]) AS reason) AS u
), a AS (
  INSERT INTO delivery_attempts (org_id, destination_id, event_id, number, started_at, keep_until, url, request_headers, status, response_headers,
    response_body, truncated, address, dns_us, connect_us, tls_us, first_byte_us, total_us, error, reason, next_at)
  SELECT x.org_id, x.destination_id, x.event_id, x.number, x.started_at, (clock_timestamp() AT TIME ZONE 'UTC')::date + x.keep_days, x.url, x.request_headers,
    x.status, x.response_headers, x.response_body, x.truncated, x.address, x.dns_us, x.connect_us, x.tls_us, x.first_byte_us, x.total_us, x.error, x.reason,
    CASE WHEN x.state = 'waiting' THEN clock_timestamp() + make_interval(secs => x.wait_s) END
  FROM x ON CONFLICT DO NOTHING
)
UPDATE deliveries d SET state = CASE WHEN d.state = 'held' AND x.state = 'waiting' THEN 'held' ELSE x.state END,
  fresh = false, step = x.step, attempts = greatest(d.attempts, x.number), lease_until = null, last_status = x.status, last_error = nullif(x.error, ''),
  next_at = CASE WHEN x.state = 'waiting' THEN clock_timestamp() + make_interval(secs => x.wait_s) ELSE d.next_at END,
  ended_at = CASE WHEN x.state = 'waiting' THEN null ELSE clock_timestamp() END
FROM x WHERE d.org_id = x.org_id AND d.destination_id = x.destination_id AND d.event_id = x.event_id AND d.lease = x.lease AND d.state IN ('waiting', 'held');

-- name: ReleaseDeliveries :exec
-- Claimed and not tried: they wait as before.
UPDATE deliveries d SET lease_until = null
FROM (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@destination_ids::uuid[]) AS destination_id, unnest(@event_ids::uuid[]) AS event_id, unnest(@leases::bigint[]) AS lease) x
WHERE d.org_id = x.org_id AND d.destination_id = x.destination_id AND d.event_id = x.event_id AND d.lease = x.lease;

-- name: NoteSuccess :exec
-- Of destinations whose last attempt was accepted. Written when it says something new.
UPDATE destinations d SET last_success_at = clock_timestamp(), failing_since = null, failures = 0, open = false, cooling_until = null, warned = 0
FROM (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@ids::uuid[]) AS id) x
WHERE d.org_id = x.org_id AND d.id = x.id
  AND (d.failures > 0 OR d.open OR d.failing_since IS NOT NULL OR d.cooling_until IS NOT NULL OR d.last_success_at IS NULL OR d.last_success_at < clock_timestamp() - interval '1 minute');

-- name: NoteFailing :many
-- Of destinations whose last attempt failed; answers how they stand then. Failures are
-- counted until the breaker opens, and then its probes: what was on its way when it
-- opened says nothing new.
UPDATE destinations d SET last_failure_at = clock_timestamp(), failing_since = coalesce(d.failing_since, clock_timestamp()),
  failures = CASE WHEN d.open AND x.probe THEN d.failures + 1 WHEN d.open THEN d.failures WHEN x.opens THEN @open_after::int ELSE least(d.failures + x.n, @open_after::int) END
FROM (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@ids::uuid[]) AS id, unnest(@counts::int[]) AS n, unnest(@probes::bool[]) AS probe, unnest(@opens::bool[]) AS opens) x
WHERE d.org_id = x.org_id AND d.id = x.id
RETURNING d.org_id, d.workspace_id, d.id, d.name, d.channel, d.failures, d.open, d.warned, d.disabled_at, extract(epoch FROM clock_timestamp() - d.failing_since)::float8 AS failing_seconds;

-- name: OpenBreakers :exec
-- Nothing is sent before the next probe.
UPDATE destinations d SET open = true, cooling_until = greatest(d.cooling_until, clock_timestamp() + make_interval(secs => x.wait_s))
FROM (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@ids::uuid[]) AS id, unnest(@wait_seconds::float8[]) AS wait_s) x
WHERE d.org_id = x.org_id AND d.id = x.id;

-- name: WarnedOf :exec
UPDATE destinations SET warned = @warned WHERE org_id = @org_id AND id = @id;

-- name: DisableDestination :execrows
UPDATE destinations SET disabled_at = clock_timestamp(), disabled_reason = @reason::text, open = false, cooling_until = null
WHERE org_id = @org_id AND id = @id AND disabled_at IS NULL;

-- name: HoldAll :exec
UPDATE deliveries SET state = 'held' WHERE org_id = @org_id AND destination_id = @destination_id AND state = 'waiting';
