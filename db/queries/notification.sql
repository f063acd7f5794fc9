-- role: app

-- name: ListNotifications :many
SELECT n.*, (n.created_at <= coalesce(r.read_until, '-infinity'))::bool AS read FROM notifications n
LEFT JOIN notification_reads r ON r.org_id = n.org_id AND r.workspace_id = n.workspace_id AND r.user_id = @user_id
WHERE n.org_id = @org_id AND n.workspace_id = @workspace_id AND (n.created_at, n.id) < (@before_at::timestamptz, @before_id::uuid)
ORDER BY n.created_at DESC, n.id DESC LIMIT @row_limit;

-- name: CountUnread :one
-- At most a hundred are counted.
SELECT count(*)::int FROM (
  SELECT 1 FROM notifications n
  WHERE n.org_id = @org_id AND n.workspace_id = @workspace_id AND n.created_at > coalesce((
    SELECT r.read_until FROM notification_reads r WHERE r.org_id = @org_id AND r.workspace_id = @workspace_id AND r.user_id = @user_id), '-infinity')
  LIMIT 100) AS x;

-- name: MarkRead :execrows
-- Up to one notification; what was read stays read.
INSERT INTO notification_reads AS r (org_id, workspace_id, user_id, read_until)
SELECT n.org_id, n.workspace_id, @user_id, n.created_at FROM notifications n
WHERE n.org_id = @org_id AND n.workspace_id = @workspace_id AND n.id = @id
ON CONFLICT (org_id, workspace_id, user_id) DO UPDATE SET read_until = greatest(r.read_until, excluded.read_until);
