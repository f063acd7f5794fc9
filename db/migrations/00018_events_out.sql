-- Events out: destinations, what is sent to them, and the log of every attempt.
-- +goose Up
ALTER TABLE events ADD COLUMN subject text; -- what it is about: the order that some destinations keep

CREATE TABLE destinations (
  org_id          uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
  workspace_id    uuid NOT NULL,
  id              uuid NOT NULL,
  channel         text NOT NULL CHECK (channel IN ('webhook', 'email', 'slack', 'teams')),
  name            text NOT NULL,
  description     text NOT NULL DEFAULT '',
  config          jsonb NOT NULL,                -- webhook.Config; secrets are in destination_secrets
  events          text[] NOT NULL DEFAULT '{}',  -- empty: all types
  ordering        text NOT NULL DEFAULT 'none' CHECK (ordering IN ('none', 'resource', 'strict')),
  rate_per_second int NOT NULL DEFAULT 0 CHECK (rate_per_second >= 0), -- 0: no limit of its own
  paused_at       timestamptz,
  paused_by_name  text,
  disabled_at     timestamptz,
  disabled_reason text,                          -- from the error registry
  -- How it fares. Written with the attempts.
  last_success_at timestamptz,                   -- to the minute
  last_failure_at timestamptz,
  failing_since   timestamptz,                   -- no attempt was accepted since
  failures        int NOT NULL DEFAULT 0,        -- in a row: attempts until it opens, then probes
  open            boolean NOT NULL DEFAULT false, -- the breaker: one delivery is tried at cooling_until, the others wait
  cooling_until   timestamptz,                   -- nothing is sent before
  warned          smallint NOT NULL DEFAULT 0,   -- how often people were told in this time of failure
  paced_until     timestamptz,                   -- what rate_per_second has given away
  fence           bigint NOT NULL DEFAULT 0,
  version         bigint NOT NULL DEFAULT nextval('row_version'), -- of what a person sets
  created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  changed_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, workspace_id, id),
  FOREIGN KEY (org_id, workspace_id) REFERENCES workspaces ON DELETE CASCADE
);
CREATE UNIQUE INDEX destinations_name ON destinations (org_id, workspace_id, channel, lower(name));

-- Each value sealed to the workers, bound to its own row.
CREATE TABLE destination_secrets (
  org_id         uuid NOT NULL,
  workspace_id   uuid NOT NULL,
  destination_id uuid NOT NULL,
  id             uuid NOT NULL,
  kind           text NOT NULL CHECK (kind IN ('signing', 'ed25519', 'header', 'url')),
  name           text NOT NULL DEFAULT '',       -- of a header, lower case
  schema_version int NOT NULL,
  key_id         text NOT NULL,
  ciphertext     bytea NOT NULL,
  hint           text NOT NULL DEFAULT '',       -- what may be shown of it
  expires_at     timestamptz,                    -- a secret that was replaced signs until then
  created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, workspace_id, destination_id) REFERENCES destinations (org_id, workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX destination_secrets_of ON destination_secrets (org_id, workspace_id, destination_id);
CREATE INDEX destination_secrets_key ON destination_secrets (key_id, org_id);

-- One event to one destination: the payload stands in events, once. Both are purged
-- by the age of the event, so no foreign key is paid for on every row.
CREATE TABLE deliveries (
  org_id         uuid NOT NULL,
  destination_id uuid NOT NULL,
  event_id       uuid NOT NULL,                  -- UUIDv7: the order of events is theirs
  state          text NOT NULL CHECK (state IN ('waiting', 'delivered', 'exhausted', 'held')),
  fresh          boolean NOT NULL DEFAULT true,  -- never tried: the worker's loop sends it; else the destination's workflow
  step           smallint NOT NULL DEFAULT 0,    -- of the retry schedule
  attempts       int NOT NULL DEFAULT 0,
  replayed       boolean NOT NULL DEFAULT false,
  next_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  lease          bigint NOT NULL DEFAULT 0,
  lease_until    timestamptz,
  order_key      text,
  last_status    int,
  last_error     text,
  created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at       timestamptz,
  PRIMARY KEY (org_id, destination_id, event_id),
  FOREIGN KEY (org_id, destination_id) REFERENCES destinations ON DELETE CASCADE
) WITH (fillfactor = 80);
-- A claim changes no column of an index.
CREATE INDEX deliveries_fresh ON deliveries (org_id, destination_id, event_id) WHERE state = 'waiting' AND fresh;
CREATE INDEX deliveries_retry ON deliveries (org_id, destination_id, next_at) WHERE state = 'waiting' AND NOT fresh;
CREATE INDEX deliveries_stopped ON deliveries (org_id, destination_id, state, event_id) WHERE state IN ('exhausted', 'held');
CREATE SEQUENCE delivery_lease;

-- Partitions are by the day until which attempts are kept, which the plan decides when
-- one is made: a week of such days each, which is dropped when all of it has passed.
CREATE TABLE delivery_attempts (
  org_id           uuid NOT NULL,
  destination_id   uuid NOT NULL,
  event_id         uuid NOT NULL,
  number           int NOT NULL,
  started_at       timestamptz NOT NULL,
  keep_until       date NOT NULL,
  url              text NOT NULL,
  request_headers  jsonb NOT NULL,               -- [{"name","value"}], secrets masked
  status           int NOT NULL DEFAULT 0,       -- 0: no answer
  response_headers jsonb NOT NULL DEFAULT '[]',
  response_body    bytea NOT NULL DEFAULT '',    -- at most 16 kB
  truncated        boolean NOT NULL DEFAULT false,
  address          text NOT NULL DEFAULT '',
  dns_us           bigint NOT NULL DEFAULT 0,
  connect_us       bigint NOT NULL DEFAULT 0,
  tls_us           bigint NOT NULL DEFAULT 0,
  first_byte_us    bigint NOT NULL DEFAULT 0,
  total_us         bigint NOT NULL DEFAULT 0,
  error            text NOT NULL DEFAULT '',
  reason           text NOT NULL DEFAULT '',     -- from the error registry
  next_at          timestamptz,
  PRIMARY KEY (org_id, destination_id, event_id, started_at, keep_until)
) PARTITION BY RANGE (keep_until);
CREATE TABLE delivery_attempts_default PARTITION OF delivery_attempts DEFAULT;

-- +goose StatementBegin
CREATE FUNCTION turn_attempt_partitions(days_ahead int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  day     date;
  part    text;
  dropped int := 0;
BEGIN
  FOR i IN 0..least(days_ahead, 400) / 7 + 1 LOOP
    day := date_trunc('week', now() AT TIME ZONE 'UTC')::date + 7 * i;
    part := 'delivery_attempts_' || to_char(day, 'YYYYMMDD');
    IF to_regclass('public.' || part) IS NULL AND NOT EXISTS (
        SELECT 1 FROM public.delivery_attempts_default d WHERE d.keep_until >= day AND d.keep_until < day + 7) THEN
      EXECUTE format('CREATE TABLE public.%I PARTITION OF public.delivery_attempts FOR VALUES FROM (%L) TO (%L)', part, day, day + 7);
      EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', part);
      EXECUTE format('ALTER TABLE public.%I FORCE ROW LEVEL SECURITY', part);
    END IF;
  END LOOP;
  FOR part IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'public.delivery_attempts'::regclass AND c.relname ~ '^delivery_attempts_[0-9]{8}$'
      AND to_date(right(c.relname, 8), 'YYYYMMDD') + 7 <= (now() AT TIME ZONE 'UTC')::date LOOP
    EXECUTE format('DROP TABLE public.%I', part);
    dropped := dropped + 1;
  END LOOP;
  DELETE FROM public.delivery_attempts_default WHERE keep_until < (now() AT TIME ZONE 'UTC')::date;
  RETURN dropped;
END $$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION turn_attempt_partitions(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION turn_attempt_partitions(int) TO cloudhub_system;

-- What the loop sends next: of each destination after (after_org, after_destination)
-- that may be sent to now, its oldest fresh deliveries, each_limit at most less those
-- that the caller has in flight already. A destination that keeps an order is claimed
-- by one worker at a time, and nothing behind what is being retried. Rows to update are
-- named by an array: their key is searched for then, whatever the planner believes of
-- the table's size, and not compared with all that a destination ever had.
-- +goose StatementBegin
CREATE FUNCTION claim_fresh(after_org uuid, after_destination uuid, row_limit int, each_limit int, busy uuid[], busy_counts int[], lease_seconds float8)
RETURNS TABLE (org_id uuid, destination_id uuid, event_id uuid, lease bigint, step smallint, attempts int, order_key text)
LANGUAGE plpgsql SET search_path = public AS $$
#variable_conflict use_column
DECLARE
  at_org  uuid := after_org;
  at_dest uuid := after_destination;
  d       destinations;
  room    int;
  n       int;
  taken   int := 0;
BEGIN
  WHILE taken < row_limit LOOP
    SELECT f.org_id, f.destination_id INTO at_org, at_dest FROM deliveries f
    WHERE f.state = 'waiting' AND f.fresh AND (f.org_id, f.destination_id) > (at_org, at_dest)
    ORDER BY f.org_id, f.destination_id LIMIT 1;
    EXIT WHEN NOT FOUND;
    room := least(each_limit - coalesce((SELECT b.n FROM unnest(busy, busy_counts) b(id, n) WHERE b.id = at_dest), 0), row_limit - taken);
    CONTINUE WHEN room <= 0;
    SELECT x.* INTO d FROM destinations x WHERE x.org_id = at_org AND x.id = at_dest;
    CONTINUE WHEN d.id IS NULL OR d.paused_at IS NOT NULL OR d.disabled_at IS NOT NULL OR d.open OR d.cooling_until > clock_timestamp();
    IF d.ordering <> 'none' OR d.rate_per_second > 0 THEN
      PERFORM 1 FROM destinations x WHERE x.org_id = at_org AND x.id = at_dest FOR NO KEY UPDATE SKIP LOCKED;
      CONTINUE WHEN NOT FOUND;
      SELECT x.* INTO d FROM destinations x WHERE x.org_id = at_org AND x.id = at_dest;
    END IF;
    IF d.rate_per_second > 0 THEN
      room := least(room, floor(d.rate_per_second * (1 + extract(epoch FROM clock_timestamp() - greatest(d.paced_until, clock_timestamp())))::float8)::int);
      CONTINUE WHEN room <= 0;
    END IF;
    CONTINUE WHEN d.ordering = 'strict' AND EXISTS (
      SELECT 1 FROM deliveries w WHERE w.org_id = at_org AND w.destination_id = at_dest AND w.state = 'waiting' AND NOT w.fresh)
      OR d.ordering = 'strict' AND EXISTS (
      SELECT 1 FROM deliveries w WHERE w.org_id = at_org AND w.destination_id = at_dest AND w.state = 'waiting' AND w.fresh AND w.lease_until > clock_timestamp());
    RETURN QUERY
      WITH due AS (
        SELECT w.event_id FROM deliveries w
        WHERE w.org_id = at_org AND w.destination_id = at_dest AND w.state = 'waiting' AND w.fresh
          AND (w.lease_until IS NULL OR w.lease_until <= clock_timestamp())
          AND (d.ordering <> 'resource' OR w.order_key IS NULL OR NOT EXISTS (
            SELECT 1 FROM deliveries o WHERE o.org_id = at_org AND o.destination_id = at_dest AND o.state = 'waiting' AND o.order_key = w.order_key
              AND (NOT o.fresh OR o.lease_until > clock_timestamp())))
        ORDER BY w.event_id LIMIT room FOR UPDATE SKIP LOCKED
      )
      UPDATE deliveries u SET lease = nextval('delivery_lease'), lease_until = clock_timestamp() + make_interval(secs => lease_seconds)
      WHERE u.org_id = at_org AND u.destination_id = at_dest AND u.event_id = ANY (ARRAY(SELECT due.event_id FROM due))
      RETURNING u.org_id, u.destination_id, u.event_id, u.lease, u.step, u.attempts, u.order_key;
    GET DIAGNOSTICS n = ROW_COUNT;
    taken := taken + n;
    IF n > 0 AND d.rate_per_second > 0 THEN
      UPDATE destinations x SET paced_until = greatest(x.paced_until, clock_timestamp()) + make_interval(secs => n::float8 / d.rate_per_second)
      WHERE x.org_id = at_org AND x.id = at_dest;
    END IF;
  END LOOP;
END
$$;
-- +goose StatementEnd

-- What the workflow of one destination sends next: while its breaker is open the
-- oldest delivery alone, else retries and replays whose time has come.
-- +goose StatementBegin
CREATE FUNCTION claim_retries(of_org uuid, of_destination uuid, row_limit int, lease_seconds float8)
RETURNS TABLE (org_id uuid, destination_id uuid, event_id uuid, lease bigint, step smallint, attempts int, order_key text, due boolean)
LANGUAGE plpgsql SET search_path = public AS $$
#variable_conflict use_column
DECLARE
  d    destinations;
  room int := row_limit;
  n    int;
BEGIN
  SELECT x.* INTO d FROM destinations x WHERE x.org_id = of_org AND x.id = of_destination FOR NO KEY UPDATE;
  IF d.id IS NULL OR d.paused_at IS NOT NULL OR d.disabled_at IS NOT NULL OR d.cooling_until > clock_timestamp() THEN
    RETURN;
  END IF;
  IF d.open THEN
    room := 1;
  ELSIF d.rate_per_second > 0 THEN
    room := least(room, floor(d.rate_per_second * (1 + extract(epoch FROM clock_timestamp() - greatest(d.paced_until, clock_timestamp())))::float8)::int);
  END IF;
  -- One probe at a time, and one batch of what keeps an order.
  IF room <= 0 OR (d.open OR d.ordering = 'strict') AND EXISTS (
    SELECT 1 FROM deliveries w WHERE w.org_id = of_org AND w.destination_id = of_destination AND w.state = 'waiting' AND w.lease_until > clock_timestamp()) THEN
    RETURN;
  END IF;
  RETURN QUERY
    WITH candidates AS (
      SELECT w.event_id, w.order_key, w.next_at, w.lease_until FROM deliveries w
      WHERE w.org_id = of_org AND w.destination_id = of_destination AND w.state = 'waiting' AND NOT w.fresh AND (d.open OR d.ordering <> 'none' OR w.next_at <= clock_timestamp())
      UNION ALL
      (SELECT w.event_id, w.order_key, w.next_at, w.lease_until FROM deliveries w
      WHERE d.open AND w.org_id = of_org AND w.destination_id = of_destination AND w.state = 'waiting' AND w.fresh ORDER BY w.event_id LIMIT 1)
    ), ranked AS (
      -- Whether anything before it, of what it must not overtake, cannot be sent now.
      SELECT c.event_id, c.next_at, c.lease_until,
        bool_or(c.next_at > clock_timestamp() OR coalesce(c.lease_until > clock_timestamp(), false)) OVER (
          PARTITION BY CASE d.ordering WHEN 'strict' THEN '' WHEN 'resource' THEN coalesce(c.order_key, c.event_id::text) ELSE c.event_id::text END
          ORDER BY c.event_id) AS blocked
      FROM candidates c
    ), due AS (
      SELECT w.event_id FROM deliveries w JOIN ranked r USING (event_id)
      WHERE w.org_id = of_org AND w.destination_id = of_destination AND w.state = 'waiting' AND (w.lease_until IS NULL OR w.lease_until <= clock_timestamp())
        AND (d.open OR NOT r.blocked)
      ORDER BY CASE WHEN d.open OR d.ordering <> 'none' THEN w.event_id END, w.next_at LIMIT room FOR UPDATE OF w SKIP LOCKED
    )
    UPDATE deliveries u SET lease = nextval('delivery_lease'), lease_until = clock_timestamp() + make_interval(secs => lease_seconds)
    WHERE u.org_id = of_org AND u.destination_id = of_destination AND u.event_id = ANY (ARRAY(SELECT due.event_id FROM due))
    RETURNING u.org_id, u.destination_id, u.event_id, u.lease, u.step, u.attempts, u.order_key, u.next_at <= clock_timestamp();
  GET DIAGNOSTICS n = ROW_COUNT;
  IF n > 0 AND d.rate_per_second > 0 THEN
    UPDATE destinations x SET paced_until = greatest(x.paced_until, clock_timestamp()) + make_interval(secs => n::float8 / d.rate_per_second)
    WHERE x.org_id = of_org AND x.id = of_destination;
  END IF;
END
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION claim_fresh(uuid, uuid, int, int, uuid[], int[], float8) FROM PUBLIC;
REVOKE ALL ON FUNCTION claim_retries(uuid, uuid, int, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claim_fresh(uuid, uuid, int, int, uuid[], int[], float8) TO cloudhub_system;
GRANT EXECUTE ON FUNCTION claim_retries(uuid, uuid, int, float8) TO cloudhub_app, cloudhub_system;

ALTER TABLE notifications DROP CONSTRAINT notifications_kind_check;
ALTER TABLE notifications ADD CONSTRAINT notifications_kind_check
  CHECK (kind IN ('schedule_missed', 'schedule_failed', 'not_followed', 'calendar_failing', 'destination_failing', 'destination_disabled'));

-- +goose StatementBegin
DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['destinations', 'destination_secrets', 'deliveries', 'delivery_attempts'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON %I TO cloudhub_app USING (org_id = (SELECT current_org())) WITH CHECK (org_id = (SELECT current_org()))', t);
  END LOOP;
END $$;
-- +goose StatementEnd
ALTER TABLE delivery_attempts_default ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY system ON destinations        TO cloudhub_system USING (true) WITH CHECK (true);
CREATE POLICY system ON destination_secrets TO cloudhub_system USING (true) WITH CHECK (true);
CREATE POLICY system ON deliveries          TO cloudhub_system USING (true) WITH CHECK (true);
CREATE POLICY system ON delivery_attempts   TO cloudhub_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON destinations, destination_secrets TO cloudhub_app;
GRANT SELECT, INSERT, UPDATE ON deliveries TO cloudhub_app;
GRANT SELECT, INSERT ON delivery_attempts TO cloudhub_app;
GRANT SELECT, UPDATE ON destinations TO cloudhub_system;
GRANT SELECT (org_id, key_id, expires_at), DELETE ON destination_secrets TO cloudhub_system;
GRANT SELECT, INSERT, UPDATE, DELETE ON deliveries TO cloudhub_system;
GRANT SELECT, INSERT ON delivery_attempts TO cloudhub_system;
GRANT USAGE ON SEQUENCE delivery_lease TO cloudhub_app, cloudhub_system;
CREATE TRIGGER destinations_version BEFORE UPDATE ON destinations FOR EACH ROW
  WHEN ((old.name, old.description, old.config, old.events, old.ordering, old.rate_per_second) IS DISTINCT FROM (new.name, new.description, new.config, new.events, new.ordering, new.rate_per_second))
  EXECUTE FUNCTION bump_version();

-- +goose Down
DELETE FROM notifications WHERE kind IN ('destination_failing', 'destination_disabled');
ALTER TABLE notifications DROP CONSTRAINT notifications_kind_check;
ALTER TABLE notifications ADD CONSTRAINT notifications_kind_check
  CHECK (kind IN ('schedule_missed', 'schedule_failed', 'not_followed', 'calendar_failing'));
DROP FUNCTION claim_retries(uuid, uuid, int, float8);
DROP FUNCTION claim_fresh(uuid, uuid, int, int, uuid[], int[], float8);
DROP FUNCTION turn_attempt_partitions(int);
DROP TABLE delivery_attempts, deliveries, destination_secrets, destinations;
DROP SEQUENCE delivery_lease;
ALTER TABLE events DROP COLUMN subject;
