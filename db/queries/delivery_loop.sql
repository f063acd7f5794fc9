-- role: system
-- The loop of first attempts, and housekeeping. Across tenants.

-- name: ClaimFresh :many
-- What the loop sends next (the function is in 00018).
SELECT c.org_id::uuid AS org_id, c.destination_id::uuid AS destination_id, c.event_id::uuid AS event_id, c.lease::bigint AS lease, c.step::smallint AS step,
  c.attempts::int AS attempts, coalesce(c.order_key, '')::text AS order_key
FROM claim_fresh(@after_org::uuid, @after_destination::uuid, @row_limit::int, @each_limit::int, @busy::uuid[], @busy_counts::int[], @lease_seconds::float8) c;

-- name: AnyFresh :one
-- Whether the loop has anything to look at: asked four times a second.
SELECT EXISTS (SELECT 1 FROM deliveries WHERE state = 'waiting' AND fresh);

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
