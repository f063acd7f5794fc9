-- What only watches leaves its share to others: a stop is accepted in a moment and
-- seen minutes later, and whatever waits for the share would be that late.
-- +goose Up
ALTER TABLE agenda ADD COLUMN watching boolean NOT NULL DEFAULT false; -- all that is open of it has been accepted: nothing is left to ask a provider for

-- What is being delivered, without the clocks, of which there are as many as there
-- are workspaces and accounts.
CREATE INDEX agenda_leased ON agenda (lane, look_at) WHERE run_id IS NULL AND lease > 0 AND parked_at IS NULL;

-- As in 00013, but a share counts what has still to ask a provider. Of what was
-- delivered at all, watching or not, a share has eight times as many: each holds a
-- place in a worker. What was leased a moment ago counts as delivered: it is on its
-- way, or was delivered and cannot be acknowledged yet. So does what a run has taken
-- before the delivery was acknowledged, until it is silent.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION waiting_work(of_lane smallint, kinds text[], from_org uuid, org_limit int, each_limit int, org_share int, account_share int)
RETURNS TABLE (org_id uuid, kind text, subject text, look_at timestamptz, turn int)
LANGUAGE plpgsql STABLE SET search_path = public AS $$
#variable_conflict use_column
DECLARE
  org     uuid;
  account uuid;
  found_n int := 0;
  n_asks  int;
  n_open  int;
  room    int;
BEGIN
  SELECT g.org_id INTO org FROM agenda g
  WHERE g.lane = of_lane AND g.org_id >= from_org AND g.look_at <= now() AND g.kind = ANY(kinds)
    AND g.run_id IS NULL AND g.parked_at IS NULL AND g.kind NOT IN ('timetable', 'sync-clock', 'calendar-clock', 'housekeeping')
  ORDER BY g.org_id LIMIT 1;
  WHILE org IS NOT NULL LOOP
    SELECT count(*) FILTER (WHERE NOT x.watching), count(*) INTO n_asks, n_open FROM (
      SELECT o.watching FROM agenda o WHERE o.lane = of_lane AND o.org_id = org AND o.run_id IS NOT NULL AND o.parked_at IS NULL
      UNION ALL
      SELECT l.watching FROM agenda l WHERE l.lane = of_lane AND l.look_at > now() AND l.run_id IS NULL AND l.lease > 0 AND l.parked_at IS NULL
        AND (l.taken OR l.look_at <= clock_timestamp() + interval '16 seconds' AND l.last_error IS NULL) AND l.org_id = org) x;
    room := greatest(least(org_share - n_asks, 8 * org_share - n_open), 0);
    RETURN QUERY
      WITH RECURSIVE acc AS (
        (SELECT g.account_id, 1 AS nth FROM agenda g
         WHERE room > 0 AND g.lane = of_lane AND g.org_id = org AND g.look_at <= now() AND g.kind = ANY(kinds)
           AND g.run_id IS NULL AND g.parked_at IS NULL AND g.kind NOT IN ('timetable', 'sync-clock', 'calendar-clock', 'housekeeping')
         ORDER BY g.account_id LIMIT 1)
        UNION ALL
        SELECT n.account_id, p.nth + 1 FROM acc p CROSS JOIN LATERAL (
          SELECT g.account_id FROM agenda g
          WHERE g.lane = of_lane AND g.org_id = org AND g.account_id > p.account_id AND g.look_at <= now() AND g.kind = ANY(kinds)
            AND g.run_id IS NULL AND g.parked_at IS NULL AND g.kind NOT IN ('timetable', 'sync-clock', 'calendar-clock', 'housekeeping')
          ORDER BY g.account_id LIMIT 1) n
        WHERE p.nth < 1000
      ), row_of AS (
        SELECT d.kind, d.subject, d.look_at, d.n + open_of.asks AS nth FROM acc p
        CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE NOT x.watching) AS asks, count(*) AS n FROM (
          SELECT o.watching FROM agenda o WHERE o.lane = of_lane AND o.org_id = org AND o.account_id = p.account_id AND o.run_id IS NOT NULL AND o.parked_at IS NULL
          UNION ALL
          SELECT l.watching FROM agenda l WHERE l.lane = of_lane AND l.look_at > now() AND l.run_id IS NULL AND l.lease > 0 AND l.parked_at IS NULL
            AND (l.taken OR l.look_at <= clock_timestamp() + interval '16 seconds' AND l.last_error IS NULL) AND l.org_id = org AND l.account_id = p.account_id) x) open_of
        CROSS JOIN LATERAL (
          SELECT f.kind, f.subject, f.look_at, row_number() OVER (ORDER BY f.look_at) AS n FROM (
            SELECT a.kind, a.subject, a.look_at FROM agenda a
            WHERE a.lane = of_lane AND a.org_id = org AND a.account_id = p.account_id AND a.look_at <= now() AND a.kind = ANY(kinds)
              AND a.run_id IS NULL AND a.parked_at IS NULL AND a.kind NOT IN ('timetable', 'sync-clock', 'calendar-clock', 'housekeeping')
            ORDER BY a.look_at LIMIT each_limit) f) d
        CROSS JOIN LATERAL (SELECT CASE WHEN p.account_id = '00000000-0000-0000-0000-000000000000' THEN org_share ELSE account_share END AS n) share
        WHERE d.n + open_of.asks <= share.n AND d.n + open_of.n <= 8 * share.n
      )
      SELECT org, r.kind, r.subject, r.look_at, (n_asks + row_number() OVER (ORDER BY r.nth, r.look_at))::int FROM row_of r
      ORDER BY r.nth, r.look_at LIMIT least(each_limit, room);
    IF FOUND THEN
      found_n := found_n + 1;
      EXIT WHEN found_n >= org_limit;
    ELSE
      RETURN QUERY SELECT org, null::text, null::text, null::timestamptz, null::int;
    END IF;
    SELECT (SELECT g.org_id FROM agenda g
      WHERE g.lane = of_lane AND g.org_id > org AND g.look_at <= now() AND g.kind = ANY(kinds)
        AND g.run_id IS NULL AND g.parked_at IS NULL AND g.kind NOT IN ('timetable', 'sync-clock', 'calendar-clock', 'housekeeping')
      ORDER BY g.org_id LIMIT 1) INTO org;
  END LOOP;
END
$$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION waiting_work(of_lane smallint, kinds text[], from_org uuid, org_limit int, each_limit int, org_share int, account_share int)
RETURNS TABLE (org_id uuid, kind text, subject text, look_at timestamptz, turn int)
LANGUAGE plpgsql STABLE SET search_path = public AS $$
#variable_conflict use_column
DECLARE
  org     uuid;
  account uuid;
  found_n int := 0;
  n_open  int;
BEGIN
  SELECT g.org_id INTO org FROM agenda g
  WHERE g.lane = of_lane AND g.org_id >= from_org AND g.look_at <= now() AND g.kind = ANY(kinds)
    AND g.run_id IS NULL AND g.parked_at IS NULL AND g.kind NOT IN ('timetable', 'sync-clock', 'calendar-clock', 'housekeeping')
  ORDER BY g.org_id LIMIT 1;
  WHILE org IS NOT NULL LOOP
    SELECT count(*) INTO n_open FROM agenda o WHERE o.lane = of_lane AND o.org_id = org AND o.run_id IS NOT NULL AND o.parked_at IS NULL;
    RETURN QUERY
      WITH RECURSIVE acc AS (
        (SELECT g.account_id, 1 AS nth FROM agenda g
         WHERE n_open < org_share AND g.lane = of_lane AND g.org_id = org AND g.look_at <= now() AND g.kind = ANY(kinds)
           AND g.run_id IS NULL AND g.parked_at IS NULL AND g.kind NOT IN ('timetable', 'sync-clock', 'calendar-clock', 'housekeeping')
         ORDER BY g.account_id LIMIT 1)
        UNION ALL
        SELECT n.account_id, p.nth + 1 FROM acc p CROSS JOIN LATERAL (
          SELECT g.account_id FROM agenda g
          WHERE g.lane = of_lane AND g.org_id = org AND g.account_id > p.account_id AND g.look_at <= now() AND g.kind = ANY(kinds)
            AND g.run_id IS NULL AND g.parked_at IS NULL AND g.kind NOT IN ('timetable', 'sync-clock', 'calendar-clock', 'housekeeping')
          ORDER BY g.account_id LIMIT 1) n
        WHERE p.nth < 1000
      ), row_of AS (
        SELECT d.kind, d.subject, d.look_at, d.nth FROM acc p
        CROSS JOIN LATERAL (SELECT count(*) AS n FROM agenda o
          WHERE o.lane = of_lane AND o.org_id = org AND o.account_id = p.account_id AND o.run_id IS NOT NULL AND o.parked_at IS NULL) open_of
        CROSS JOIN LATERAL (
          SELECT f.kind, f.subject, f.look_at, row_number() OVER (ORDER BY f.look_at) + open_of.n AS nth FROM (
            SELECT a.kind, a.subject, a.look_at FROM agenda a
            WHERE a.lane = of_lane AND a.org_id = org AND a.account_id = p.account_id AND a.look_at <= now() AND a.kind = ANY(kinds)
              AND a.run_id IS NULL AND a.parked_at IS NULL AND a.kind NOT IN ('timetable', 'sync-clock', 'calendar-clock', 'housekeeping')
            ORDER BY a.look_at LIMIT each_limit) f) d
        WHERE d.nth <= CASE WHEN p.account_id = '00000000-0000-0000-0000-000000000000' THEN org_share ELSE account_share END
      )
      SELECT org, r.kind, r.subject, r.look_at, (n_open + row_number() OVER (ORDER BY r.nth, r.look_at))::int FROM row_of r
      ORDER BY r.nth, r.look_at LIMIT least(each_limit, org_share - n_open);
    IF FOUND THEN
      found_n := found_n + 1;
      EXIT WHEN found_n >= org_limit;
    ELSE
      RETURN QUERY SELECT org, null::text, null::text, null::timestamptz, null::int;
    END IF;
    SELECT (SELECT g.org_id FROM agenda g
      WHERE g.lane = of_lane AND g.org_id > org AND g.look_at <= now() AND g.kind = ANY(kinds)
        AND g.run_id IS NULL AND g.parked_at IS NULL AND g.kind NOT IN ('timetable', 'sync-clock', 'calendar-clock', 'housekeeping')
      ORDER BY g.org_id LIMIT 1) INTO org;
  END LOOP;
END
$$;
-- +goose StatementEnd
DROP INDEX agenda_leased;
ALTER TABLE agenda DROP COLUMN watching;
