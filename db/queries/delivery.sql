-- role: system
-- The engine of deliveries. Across tenants.

-- name: ClaimFresh :many
-- What the loop sends next (the function is in 00018).
SELECT c.org_id::uuid AS org_id, c.destination_id::uuid AS destination_id, c.event_id::uuid AS event_id, c.lease::bigint AS lease, c.step::smallint AS step,
  c.attempts::int AS attempts, coalesce(c.order_key, '')::text AS order_key
FROM claim_fresh(@after_org::uuid, @after_destination::uuid, @row_limit::int, @each_limit::int, @busy::uuid[], @busy_counts::int[], @lease_seconds::float8) c;

-- name: ClaimRetries :many
SELECT c.org_id::uuid AS org_id, c.destination_id::uuid AS destination_id, c.event_id::uuid AS event_id, c.lease::bigint AS lease, c.step::smallint AS step,
  c.attempts::int AS attempts, coalesce(c.order_key, '')::text AS order_key
FROM claim_retries(@org_id::uuid, @destination_id::uuid, @row_limit::int, @lease_seconds::float8) c;

-- name: AnyFresh :one
-- Whether the loop has anything to look at.
SELECT EXISTS (SELECT 1 FROM deliveries WHERE state = 'waiting' AND fresh);

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
-- Of destinations whose last attempt failed; answers how they stand then. cool_seconds
-- is what they asked for, 0: nothing.
UPDATE destinations d SET last_failure_at = clock_timestamp(), failing_since = coalesce(d.failing_since, clock_timestamp()), failures = d.failures + x.n,
  cooling_until = CASE WHEN x.cool_s > 0 THEN greatest(d.cooling_until, clock_timestamp() + make_interval(secs => x.cool_s)) ELSE d.cooling_until END
FROM (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@ids::uuid[]) AS id, unnest(@counts::int[]) AS n, unnest(@cool_seconds::float8[]) AS cool_s) x
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

-- name: TurnAttemptPartitions :one
-- Makes those of the days to come and drops those whose day has passed.
SELECT turn_attempt_partitions(@days_ahead::int)::int AS dropped;

-- name: PurgeDeliveries :execrows
-- By the age of their events, as the plan has it. What still waits goes too.
DELETE FROM deliveries d USING destinations x JOIN organizations o ON o.id = x.org_id
WHERE d.org_id = x.org_id AND d.destination_id = x.id
  AND d.event_id < CASE o.plan WHEN 'enterprise' THEN @before_enterprise::uuid WHEN 'pro' THEN @before_pro::uuid ELSE @before_free::uuid END;

-- name: PurgeDestinationSecrets :execrows
DELETE FROM destination_secrets WHERE expires_at < now();

-- name: DestinationsLost :many
-- With retries to make and no row on the agenda: an invariant.
SELECT DISTINCT d.org_id, d.id FROM destinations d
WHERE d.paused_at IS NULL AND d.disabled_at IS NULL
  AND (d.open AND EXISTS (SELECT 1 FROM deliveries w WHERE w.org_id = d.org_id AND w.destination_id = d.id AND w.state = 'waiting')
    OR EXISTS (SELECT 1 FROM deliveries w WHERE w.org_id = d.org_id AND w.destination_id = d.id AND w.state = 'waiting' AND NOT w.fresh))
  AND NOT EXISTS (SELECT 1 FROM agenda a WHERE a.org_id = d.org_id AND a.kind = 'destination' AND a.subject = d.id::text)
LIMIT 1000;
