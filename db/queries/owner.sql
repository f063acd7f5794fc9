-- role: owner
-- Who is a platform admin: `cloudhub admin`, and nobody else, writes it.

-- name: UserToGrant :one
SELECT u.id, u.email, u.name, (p.user_id IS NOT NULL)::bool AS is_admin
FROM users u LEFT JOIN platform_admins p ON p.user_id = u.id WHERE u.email_key = @email_key;

-- name: GrantPlatformAdmin :execrows
INSERT INTO platform_admins (user_id) VALUES (@user_id) ON CONFLICT DO NOTHING;

-- name: RevokePlatformAdmin :execrows
DELETE FROM platform_admins WHERE user_id = @user_id;

-- name: ListPlatformAdmins :many
SELECT u.email, u.name, p.granted_at, (u.suspended_at IS NOT NULL)::bool AS suspended
FROM platform_admins p JOIN users u ON u.id = p.user_id ORDER BY u.email_key;
