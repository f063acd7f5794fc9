-- role: app

-- name: ListResources :many
-- Joined by the whole foreign key: so the planner knows that each has one account.
SELECT r.id, r.kind, r.cloud_account_id, r.provider_id, r.name, r.name_key, r.region, r.zone, r.type, r.state, r.tags, r.protected,
  r.left_alone, r.operation_id, r.provider_time, r.seen_at, r.version, r.act_anyway, a.simulated, a.observe_only
FROM resources r JOIN cloud_accounts a ON a.org_id = r.org_id AND a.workspace_id = r.workspace_id AND a.id = r.cloud_account_id
WHERE r.org_id = @org_id AND r.workspace_id = @workspace_id AND r.kind = @kind
  AND r.state <> 'gone'
  AND (r.name_key, r.id) > (@after_name::text, @after_id::uuid)
  AND (cardinality(@cloud_account_ids::uuid[]) = 0 OR r.cloud_account_id = ANY(@cloud_account_ids::uuid[]))
  AND (cardinality(@regions::text[]) = 0 OR r.region = ANY(@regions::text[]))
  AND (cardinality(@states::text[]) = 0 OR r.state = ANY(@states::text[]))
  AND (cardinality(@resource_ids::uuid[]) = 0 OR r.id = ANY(@resource_ids::uuid[]))
  AND (@search::text = '' OR strpos(r.name_key, @search::text) > 0 OR strpos(lower(r.provider_id), @search::text) > 0)
  AND (cardinality(@tag_keys::text[]) = 0 OR r.id IN (
    SELECT t.resource_id FROM resource_tags t
    JOIN (SELECT unnest(@tag_keys::text[]) AS key, unnest(@tag_values::text[]) AS value) AS u ON t.key = u.key AND t.value = u.value
    WHERE t.org_id = @org_id AND t.workspace_id = @workspace_id
    GROUP BY t.resource_id HAVING count(*) = cardinality(@tag_keys::text[])))
ORDER BY r.name_key, r.id LIMIT @row_limit;

-- name: ListSelected :many
-- What a selector matches in the inventory: one row of tag_keys for each value, or
-- for the key when any value will do.
SELECT r.id, r.kind, r.cloud_account_id, r.provider_id, r.name, r.name_key, r.region, r.zone, r.type, r.state, r.tags, r.protected,
  r.left_alone, r.operation_id, r.provider_time, r.seen_at, r.version, r.act_anyway, a.simulated, a.observe_only
FROM resources r JOIN cloud_accounts a ON a.org_id = r.org_id AND a.workspace_id = r.workspace_id AND a.id = r.cloud_account_id
WHERE r.org_id = @org_id AND r.workspace_id = @workspace_id AND r.kind = @kind AND r.state <> 'gone'
  AND (cardinality(@cloud_account_ids::uuid[]) = 0 OR r.cloud_account_id = ANY(@cloud_account_ids::uuid[]))
  AND (cardinality(@regions::text[]) = 0 OR r.region = ANY(@regions::text[]))
  AND (@name_prefix::text = '' OR starts_with(r.name, @name_prefix::text))
  AND (@tag_count::int = 0 OR r.id IN (
    SELECT t.resource_id FROM resource_tags t
    JOIN (SELECT unnest(@tag_keys::text[]) AS key, unnest(@tag_values::text[]) AS value, unnest(@tag_anys::bool[]) AS any_value) AS u
      ON t.key = u.key AND (u.any_value OR t.value = u.value)
    WHERE t.org_id = @org_id AND t.workspace_id = @workspace_id
    GROUP BY t.resource_id HAVING count(*) = @tag_count::int))
ORDER BY r.name_key, r.id LIMIT @row_limit;

-- name: CountSelected :many
-- The same, counted by account and region, and how many will be left alone.
SELECT r.cloud_account_id, a.name AS cloud_account_name, r.region, count(*)::int AS n,
  count(*) FILTER (WHERE a.observe_only OR r.protected OR r.left_alone IS NOT NULL AND NOT r.act_anyway)::int AS left_alone
FROM resources r JOIN cloud_accounts a ON a.org_id = r.org_id AND a.workspace_id = r.workspace_id AND a.id = r.cloud_account_id
WHERE r.org_id = @org_id AND r.workspace_id = @workspace_id AND r.kind = @kind AND r.state <> 'gone'
  AND (cardinality(@cloud_account_ids::uuid[]) = 0 OR r.cloud_account_id = ANY(@cloud_account_ids::uuid[]))
  AND (cardinality(@regions::text[]) = 0 OR r.region = ANY(@regions::text[]))
  AND (@name_prefix::text = '' OR starts_with(r.name, @name_prefix::text))
  AND (@tag_count::int = 0 OR r.id IN (
    SELECT t.resource_id FROM resource_tags t
    JOIN (SELECT unnest(@tag_keys::text[]) AS key, unnest(@tag_values::text[]) AS value, unnest(@tag_anys::bool[]) AS any_value) AS u
      ON t.key = u.key AND (u.any_value OR t.value = u.value)
    WHERE t.org_id = @org_id AND t.workspace_id = @workspace_id
    GROUP BY t.resource_id HAVING count(*) = @tag_count::int))
GROUP BY r.cloud_account_id, a.name, r.region ORDER BY a.name, r.cloud_account_id, r.region;

-- name: CountChosen :many
SELECT r.cloud_account_id, a.name AS cloud_account_name, r.region, r.kind, count(*)::int AS n
FROM resources r JOIN cloud_accounts a ON a.org_id = r.org_id AND a.id = r.cloud_account_id
WHERE r.org_id = @org_id AND r.workspace_id = @workspace_id AND r.id = ANY(@ids::uuid[]) AND r.state <> 'gone'
GROUP BY r.cloud_account_id, a.name, r.region, r.kind ORDER BY a.name, r.cloud_account_id, r.region, r.kind;

-- name: ResourcesByName :many
-- By the provider's id or by name, as a person writes them in a file.
SELECT r.id, r.name, r.provider_id FROM resources r
WHERE r.org_id = @org_id AND r.workspace_id = @workspace_id AND r.state <> 'gone' AND (r.provider_id = ANY(@names::text[]) OR r.name = ANY(@names::text[]))
ORDER BY r.id;

-- name: CountResourcesByState :many
SELECT r.state, count(*)::int AS n FROM resources r
WHERE r.org_id = @org_id AND r.workspace_id = @workspace_id AND r.kind = @kind AND r.state <> 'gone'
  AND (cardinality(@cloud_account_ids::uuid[]) = 0 OR r.cloud_account_id = ANY(@cloud_account_ids::uuid[]))
  AND (cardinality(@regions::text[]) = 0 OR r.region = ANY(@regions::text[]))
  AND (cardinality(@resource_ids::uuid[]) = 0 OR r.id = ANY(@resource_ids::uuid[]))
  AND (@search::text = '' OR strpos(r.name_key, @search::text) > 0 OR strpos(lower(r.provider_id), @search::text) > 0)
  AND (cardinality(@tag_keys::text[]) = 0 OR r.id IN (
    SELECT t.resource_id FROM resource_tags t
    JOIN (SELECT unnest(@tag_keys::text[]) AS key, unnest(@tag_values::text[]) AS value) AS u ON t.key = u.key AND t.value = u.value
    WHERE t.org_id = @org_id AND t.workspace_id = @workspace_id
    GROUP BY t.resource_id HAVING count(*) = cardinality(@tag_keys::text[])))
GROUP BY r.state ORDER BY r.state;

-- name: CountAllByState :many
-- Without any filter, off the index alone: a plan for any arguments keeps the columns
-- of filters that nobody asked for, and goes to each row for them.
SELECT r.state, count(*)::int AS n FROM resources r
WHERE r.org_id = @org_id AND r.workspace_id = @workspace_id AND r.kind = @kind AND r.state <> 'gone'
GROUP BY r.state ORDER BY r.state;

-- name: GetResource :one
SELECT sqlc.embed(r), a.simulated, a.observe_only
FROM resources r JOIN cloud_accounts a ON a.org_id = r.org_id AND a.id = r.cloud_account_id
WHERE r.org_id = @org_id AND r.workspace_id = @workspace_id AND r.id = @id;

-- name: ResourcesByID :many
SELECT r.id, r.name, r.provider_id, r.cloud_account_id, r.region, r.state, r.kind
FROM resources r
WHERE r.org_id = @org_id AND r.workspace_id = @workspace_id AND r.id = ANY(@ids::uuid[]) AND r.state <> 'gone'
ORDER BY r.id;

-- name: ResourcesChangedSince :many
SELECT sqlc.embed(r), a.simulated, a.observe_only
FROM resources r JOIN cloud_accounts a ON a.org_id = r.org_id AND a.id = r.cloud_account_id
WHERE r.org_id = @org_id AND r.workspace_id = @workspace_id AND r.changed_at > @since AND r.version > @after_version
ORDER BY r.version LIMIT @row_limit;

-- name: ResourcesOfRegion :many
SELECT id, provider_id, state, operation_id FROM resources
WHERE org_id = @org_id AND cloud_account_id = @cloud_account_id AND kind = @kind AND region = @region;

-- name: UpsertResources :many
-- A row is written only when something about it changed, so that an unchanged
-- estate costs no versions; `seen_at` alone moves by MarkSeen. The state of a
-- machine that an operation holds is written by that operation alone. added: it
-- was not there, or had gone; changed: it differs from what the inventory had in
-- what a person knows it by. An address or a start time follows a change of state,
-- and would make a difference of each one that we have made.
WITH u AS (
  SELECT x.* FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@provider_ids::text[]) AS provider_id, unnest(@names::text[]) AS name,
  unnest(@zones::text[]) AS zone, unnest(@types::text[]) AS type, unnest(@states::text[]) AS state,
  unnest(@tagses::jsonb[]) AS tags, unnest(@detailses::jsonb[]) AS details, unnest(@protecteds::bool[]) AS protected,
  unnest(@left_alones::text[]) AS left_alone, unnest(@provider_times::timestamptz[]) AS provider_time) AS x
), old AS (
  SELECT o.id, o.name, o.zone, o.type, o.state, o.tags, o.left_alone FROM resources o
  WHERE o.org_id = @org_id AND o.cloud_account_id = @cloud_account_id AND o.kind = @kind AND o.region = @region
    AND o.provider_id = ANY(@provider_ids::text[])
), written AS (
INSERT INTO resources AS r (org_id, workspace_id, id, cloud_account_id, kind, provider_id, name, region, zone, type, state,
  tags, details, protected, left_alone, provider_time, seen_at)
SELECT @org_id, @workspace_id, u.id, @cloud_account_id, @kind, u.provider_id, u.name, @region, u.zone, u.type, u.state,
  u.tags, u.details, u.protected, nullif(u.left_alone, ''), u.provider_time, @read_at::timestamptz
FROM u
ON CONFLICT (org_id, cloud_account_id, kind, region, provider_id) DO UPDATE SET
  name = excluded.name, zone = excluded.zone, type = excluded.type,
  state = CASE WHEN r.operation_id IS NULL AND r.seen_at <= excluded.seen_at THEN excluded.state ELSE r.state END,
  tags = excluded.tags, details = excluded.details, protected = excluded.protected, left_alone = excluded.left_alone,
  provider_time = excluded.provider_time, seen_at = greatest(r.seen_at, excluded.seen_at)
WHERE (r.name, r.zone, r.type, r.tags, r.details, r.protected, r.left_alone, r.provider_time)
   IS DISTINCT FROM (excluded.name, excluded.zone, excluded.type, excluded.tags, excluded.details, excluded.protected, excluded.left_alone, excluded.provider_time)
   OR (r.state <> excluded.state AND r.operation_id IS NULL AND r.seen_at <= excluded.seen_at)
   OR r.seen_at < excluded.seen_at - interval '1 hour'
RETURNING r.id, r.provider_id, r.name, r.zone, r.type, r.state, r.tags, r.left_alone)
SELECT w.id, w.provider_id, (old.id IS NULL OR old.state = 'gone' AND w.state <> 'gone')::bool AS added,
  (old.id IS NOT NULL AND old.state <> 'gone'
    AND (w.name, w.zone, w.type, w.state, w.tags, w.left_alone) IS DISTINCT FROM (old.name, old.zone, old.type, old.state, old.tags, old.left_alone))::bool AS changed
FROM written w LEFT JOIN old ON old.id = w.id;

-- name: DeleteTagsOf :exec
DELETE FROM resource_tags WHERE org_id = @org_id AND resource_id = ANY(@resource_ids::uuid[]);

-- name: InsertTags :exec
INSERT INTO resource_tags (org_id, workspace_id, key, value, resource_id)
SELECT @org_id, @workspace_id, u.key, u.value, u.resource_id
FROM (SELECT unnest(@keys::text[]) AS key, unnest(@values::text[]) AS value, unnest(@resource_ids::uuid[]) AS resource_id) AS u
ON CONFLICT DO NOTHING;

-- name: MarkGone :execrows
-- What a complete reading of the region did not show.
UPDATE resources SET state = 'gone', seen_at = @read_at
WHERE org_id = @org_id AND cloud_account_id = @cloud_account_id AND kind = @kind AND region = @region
  AND state <> 'gone' AND seen_at < @read_at AND operation_id IS NULL AND NOT provider_id = ANY(@seen_provider_ids::text[]);

-- name: NoteDifferences :exec
-- In the transaction that writes them: a reading that dies half-way and begins
-- again does not find them a second time.
UPDATE cloud_accounts SET reading_added = reading_added + @added::int, reading_changed = reading_changed + @changed::int, reading_gone = reading_gone + @gone::int
WHERE org_id = @org_id AND id = @id;
