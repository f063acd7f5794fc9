-- role: app
-- Destinations as people set them, and what was sent to them. Within one tenant.

-- name: ListDestinations :many
-- retry_at 1970: nothing is to be sent again.
SELECT sqlc.embed(d), t.waiting, t.held, t.exhausted, coalesce(t.retry_at, 'epoch')::timestamptz AS retry_at
FROM destinations d CROSS JOIN LATERAL (
  SELECT
    (SELECT count(*) FROM (SELECT 1 FROM deliveries w WHERE w.org_id = d.org_id AND w.destination_id = d.id AND w.state = 'waiting' AND w.fresh LIMIT 10000) x)
      + (SELECT count(*) FROM (SELECT 1 FROM deliveries w WHERE w.org_id = d.org_id AND w.destination_id = d.id AND w.state = 'waiting' AND NOT w.fresh LIMIT 10000) x) AS waiting,
    (SELECT count(*) FROM (SELECT 1 FROM deliveries w WHERE w.org_id = d.org_id AND w.destination_id = d.id AND w.state = 'held' LIMIT 10000) x) AS held,
    (SELECT count(*) FROM (SELECT 1 FROM deliveries w WHERE w.org_id = d.org_id AND w.destination_id = d.id AND w.state = 'exhausted' LIMIT 10000) x) AS exhausted,
    (SELECT min(w.next_at) FROM deliveries w WHERE w.org_id = d.org_id AND w.destination_id = d.id AND w.state = 'waiting' AND NOT w.fresh) AS retry_at
) t
WHERE d.org_id = @org_id AND d.workspace_id = @workspace_id
  AND (cardinality(@channels::text[]) = 0 OR d.channel = ANY(@channels::text[]))
  AND (@only_id::uuid = '00000000-0000-0000-0000-000000000000' OR d.id = @only_id::uuid)
ORDER BY lower(d.name), d.id;

-- name: CountDestinations :one
SELECT count(*) FROM destinations WHERE org_id = @org_id AND workspace_id = @workspace_id AND channel = @channel;

-- name: InsertDestination :exec
INSERT INTO destinations (org_id, workspace_id, id, channel, name, description, config, events, ordering, rate_per_second)
VALUES (@org_id, @workspace_id, @id, @channel, @name, @description, @config, @events, @ordering, @rate_per_second);

-- name: LockDestination :one
SELECT * FROM destinations WHERE org_id = @org_id AND workspace_id = @workspace_id AND id = @id FOR NO KEY UPDATE;

-- name: UpdateDestination :exec
UPDATE destinations SET name = @name, description = @description, config = @config, events = @events, ordering = @ordering, rate_per_second = @rate_per_second
WHERE org_id = @org_id AND id = @id;

-- name: TouchDestination :exec
-- Its secrets have changed: what a worker remembers of it is old.
UPDATE destinations SET version = nextval('row_version') WHERE org_id = @org_id AND id = @id;

-- name: DeleteDestination :execrows
DELETE FROM destinations WHERE org_id = @org_id AND workspace_id = @workspace_id AND id = @id;

-- name: PauseDestination :exec
UPDATE destinations SET paused_at = coalesce(paused_at, clock_timestamp()), paused_by_name = coalesce(paused_by_name, @by_name::text)
WHERE org_id = @org_id AND id = @id;

-- name: ResumeDestination :exec
UPDATE destinations SET paused_at = null, paused_by_name = null, disabled_at = null, disabled_reason = null, open = false, cooling_until = null,
  failing_since = null, failures = 0, warned = 0
WHERE org_id = @org_id AND id = @id;

-- name: HoldDeliveries :exec
-- What waits is sent no more until it is replayed. What is on its way may arrive still.
UPDATE deliveries SET state = 'held' WHERE org_id = @org_id AND destination_id = @destination_id AND state = 'waiting';

-- name: HasRetries :one
SELECT EXISTS (SELECT 1 FROM deliveries WHERE org_id = @org_id AND destination_id = @destination_id AND state = 'waiting' AND NOT fresh);

-- name: InsertDestinationSecret :exec
INSERT INTO destination_secrets (org_id, workspace_id, destination_id, id, kind, name, schema_version, key_id, ciphertext, hint)
VALUES (@org_id, @workspace_id, @destination_id, @id, @kind, @name, @schema_version, @key_id, @ciphertext, @hint);

-- name: DestinationSecretHints :many
SELECT destination_id, kind, name, hint, expires_at FROM destination_secrets
WHERE org_id = @org_id AND workspace_id = @workspace_id
  AND (@only_id::uuid = '00000000-0000-0000-0000-000000000000' OR destination_id = @only_id::uuid)
  AND (expires_at IS NULL OR expires_at > clock_timestamp())
ORDER BY destination_id, kind, name, created_at DESC;

-- name: ExpireDestinationSecrets :exec
-- Those of a kind that sign now go on signing until then; what was to end sooner does.
UPDATE destination_secrets SET expires_at = least(coalesce(expires_at, 'infinity'), clock_timestamp() + make_interval(secs => @overlap_seconds::float8))
WHERE org_id = @org_id AND destination_id = @destination_id AND kind = @kind;

-- name: DeleteDestinationSecrets :exec
DELETE FROM destination_secrets WHERE org_id = @org_id AND destination_id = @destination_id AND kind = @kind
  AND NOT (name = ANY(@keep_names::text[]));

-- name: DestinationSecretsToOpen :many
SELECT id, workspace_id, destination_id, kind, name, schema_version, key_id, ciphertext, expires_at FROM destination_secrets
WHERE org_id = @org_id AND destination_id = ANY(@ids::uuid[]) AND (expires_at IS NULL OR expires_at > clock_timestamp())
ORDER BY destination_id, created_at DESC;

-- name: TakeDestination :one
-- By its workflow: newer lease wins, the same may repeat.
UPDATE destinations SET fence = @lease::bigint WHERE org_id = @org_id AND id = @id AND fence <= @lease::bigint
RETURNING version;

-- name: DestinationExists :one
SELECT EXISTS (SELECT 1 FROM destinations WHERE org_id = @org_id AND id = @id);

-- name: NextOfDestination :one
-- When its workflow has something to do next, in seconds, or nothing. And how much
-- waits, fresh or not.
SELECT
  CASE WHEN d.paused_at IS NOT NULL OR d.disabled_at IS NOT NULL THEN 0
    ELSE coalesce(greatest(0, extract(epoch FROM greatest(d.cooling_until, CASE
      WHEN d.open AND EXISTS (SELECT 1 FROM deliveries w WHERE w.org_id = d.org_id AND w.destination_id = d.id AND w.state = 'waiting')
        THEN coalesce((SELECT max(w.lease_until) FROM deliveries w WHERE w.org_id = d.org_id AND w.destination_id = d.id AND w.state = 'waiting' AND w.lease_until > clock_timestamp()), clock_timestamp())
      ELSE (SELECT min(greatest(w.next_at, w.lease_until)) FROM deliveries w WHERE w.org_id = d.org_id AND w.destination_id = d.id AND w.state = 'waiting' AND NOT w.fresh) END
    ) - clock_timestamp())), 0) END::float8 AS wait_seconds,
  (CASE WHEN d.paused_at IS NOT NULL OR d.disabled_at IS NOT NULL THEN true
    WHEN d.open THEN NOT EXISTS (SELECT 1 FROM deliveries w WHERE w.org_id = d.org_id AND w.destination_id = d.id AND w.state = 'waiting')
    ELSE NOT EXISTS (SELECT 1 FROM deliveries w WHERE w.org_id = d.org_id AND w.destination_id = d.id AND w.state = 'waiting' AND NOT w.fresh) END)::bool AS nothing,
  (SELECT count(*) FROM (SELECT 1 FROM deliveries w WHERE w.org_id = d.org_id AND w.destination_id = d.id AND w.state = 'waiting' AND w.fresh LIMIT 10000) x)
    + (SELECT count(*) FROM (SELECT 1 FROM deliveries w WHERE w.org_id = d.org_id AND w.destination_id = d.id AND w.state = 'waiting' AND NOT w.fresh LIMIT 10000) x) AS backlog
FROM destinations d WHERE d.org_id = @org_id AND d.id = @id;

-- name: ListDeliveries :many
SELECT sqlc.embed(d), e.type
FROM deliveries d JOIN events e ON e.org_id = d.org_id AND e.id = d.event_id
WHERE d.org_id = @org_id AND d.destination_id = @destination_id AND d.event_id < @before_id AND d.event_id >= @from_id
  AND (cardinality(@states::text[]) = 0 OR CASE WHEN d.state = 'waiting' AND d.attempts > 0 THEN 'retrying' ELSE d.state END = ANY(@states::text[]))
  AND (cardinality(@types::text[]) = 0 OR e.type = ANY(@types::text[]))
ORDER BY d.event_id DESC LIMIT @row_limit::int;

-- name: GetDelivery :one
SELECT sqlc.embed(d), e.type, e.data, e.workspace_id, e.created_at AS event_time
FROM deliveries d JOIN events e ON e.org_id = d.org_id AND e.id = d.event_id
WHERE d.org_id = @org_id AND d.destination_id = @destination_id AND d.event_id = @event_id;

-- name: ListAttempts :many
SELECT * FROM delivery_attempts
WHERE org_id = @org_id AND destination_id = @destination_id AND event_id = @event_id
ORDER BY started_at DESC LIMIT 200;

-- name: CountReplay :one
-- What a replay would send: of some ids, or of a range.
SELECT count(*) FROM deliveries d JOIN events e ON e.org_id = d.org_id AND e.id = d.event_id
WHERE d.org_id = @org_id AND d.destination_id = @destination_id AND d.state <> 'waiting' AND d.event_id >= @from_id AND d.event_id < @before_id
  AND (cardinality(@ids::uuid[]) = 0 OR d.event_id = ANY(@ids::uuid[]))
  AND (cardinality(@states::text[]) = 0 OR d.state = ANY(@states::text[]))
  AND (cardinality(@types::text[]) = 0 OR e.type = ANY(@types::text[]));

-- name: Replay :execrows
-- One after the other, at a pace, in the order of the events. Their schedule of
-- retries begins anew.
UPDATE deliveries d SET state = 'waiting', fresh = false, replayed = d.state <> 'held', step = 0, ended_at = null, lease_until = null,
  next_at = clock_timestamp() + make_interval(secs => (r.nth - 1) / @per_second::float8)
FROM (
  SELECT p.event_id, row_number() OVER (ORDER BY p.event_id) AS nth FROM (
    SELECT x.event_id FROM deliveries x JOIN events e ON e.org_id = x.org_id AND e.id = x.event_id
    WHERE x.org_id = @org_id AND x.destination_id = @destination_id AND x.state <> 'waiting' AND x.event_id >= @from_id AND x.event_id < @before_id
      AND (cardinality(@ids::uuid[]) = 0 OR x.event_id = ANY(@ids::uuid[]))
      AND (cardinality(@states::text[]) = 0 OR x.state = ANY(@states::text[]))
      AND (cardinality(@types::text[]) = 0 OR e.type = ANY(@types::text[]))
    FOR UPDATE OF x) p
) r
WHERE d.org_id = @org_id AND d.destination_id = @destination_id AND d.event_id = r.event_id;
