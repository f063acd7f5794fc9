-- role: app, system

-- name: InsertEvents :exec
-- In the transaction that makes them true.
INSERT INTO events (org_id, id, workspace_id, type, data)
SELECT u.org_id, u.id, u.workspace_id, u.type, u.data
FROM (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@ids::uuid[]) AS id, unnest(@workspace_ids::uuid[]) AS workspace_id,
  unnest(@types::text[]) AS type, unnest(@datas::jsonb[]) AS data) AS u;

-- name: InsertNotifications :exec
INSERT INTO notifications (org_id, id, workspace_id, kind, severity, data)
SELECT u.org_id, u.id, u.workspace_id, u.kind, u.severity, u.data
FROM (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@ids::uuid[]) AS id, unnest(@workspace_ids::uuid[]) AS workspace_id,
  unnest(@kinds::text[]) AS kind, unnest(@severities::text[]) AS severity, unnest(@datas::jsonb[]) AS data) AS u;
