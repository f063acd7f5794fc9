-- role: app, identity, system, admin, owner

-- name: InsertAudit :exec
INSERT INTO audit_log (org_id, id, workspace_id, actor_kind, actor, address, request_id, action, subject_kind, subject_id, before, after)
VALUES (@org_id, @id, @workspace_id, @actor_kind, @actor, @address, @request_id, @action, @subject_kind, @subject_id, @before, @after);
