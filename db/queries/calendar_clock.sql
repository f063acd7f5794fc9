-- role: system
-- The clocks of calendars, across tenants.

-- name: StampNextRefresh :exec
UPDATE calendars c SET next_refresh_at = u.next_at
FROM (SELECT unnest(@org_ids::uuid[]) AS org_id, unnest(@ids::uuid[]) AS id, unnest(@next_ats::timestamptz[]) AS next_at) AS u
WHERE c.org_id = u.org_id AND c.id = u.id;

-- name: CalendarsWithoutClock :many
-- The invariant: what is read from an address is on the agenda. Must answer
-- nothing, ever.
SELECT c.org_id, c.id FROM calendars c
WHERE c.source = 'address'
  AND NOT EXISTS (SELECT 1 FROM agenda a WHERE a.org_id = c.org_id AND a.kind = 'calendar-clock' AND a.subject = c.id::text)
LIMIT 100;
