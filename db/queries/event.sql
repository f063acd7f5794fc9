-- role: app, system

-- name: InsertEvents :exec
-- In the transaction that makes them true, with a delivery for each destination that
-- has subscribed to them. Those of a whole organization go to every workspace.
WITH u AS (
  SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@ids::uuid[]) AS id, unnest(@workspace_ids::uuid[]) AS workspace_id,
    unnest(@types::text[]) AS type, unnest(@datas::jsonb[]) AS data, unnest(@subjects::text[]) AS subject
), e AS (
  INSERT INTO events (org_id, id, workspace_id, type, data, subject)
  SELECT u.org_id, u.id, nullif(u.workspace_id, '00000000-0000-0000-0000-000000000000'), u.type, u.data, nullif(u.subject, '') FROM u
  RETURNING events.org_id, events.id, events.workspace_id, events.type, events.subject
)
INSERT INTO deliveries (org_id, destination_id, event_id, state, order_key)
SELECT e.org_id, d.id, e.id, CASE WHEN d.paused_at IS NULL AND d.disabled_at IS NULL THEN 'waiting' ELSE 'held' END, e.subject
FROM e JOIN destinations d ON d.org_id = e.org_id AND (e.workspace_id IS NULL OR d.workspace_id = e.workspace_id)
WHERE cardinality(d.events) = 0 OR e.type = ANY(d.events);

-- name: InsertTest :exec
-- An event for one destination alone.
WITH e AS (
  INSERT INTO events (org_id, id, workspace_id, type, data) VALUES (@org_id, @id, @workspace_id::uuid, @type, @data)
)
INSERT INTO deliveries (org_id, destination_id, event_id, state)
SELECT d.org_id, d.id, @id, CASE WHEN d.paused_at IS NULL AND d.disabled_at IS NULL THEN 'waiting' ELSE 'held' END
FROM destinations d WHERE d.org_id = @org_id AND d.id = @destination_id;

-- name: InsertNotifications :exec
INSERT INTO notifications (org_id, workspace_id, id, kind, severity, data)
SELECT u.org_id, u.workspace_id, u.id, u.kind, u.severity, u.data
FROM (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@ids::uuid[]) AS id, unnest(@workspace_ids::uuid[]) AS workspace_id,
  unnest(@kinds::text[]) AS kind, unnest(@severities::text[]) AS severity, unnest(@datas::jsonb[]) AS data) AS u;
