-- role: app
-- Holiday calendars of an organization, their days, and the schedules that keep to
-- them. Days are written 2026-12-25.

-- name: CountCalendars :one
SELECT count(*) FROM calendars WHERE org_id = @org_id;

-- name: InsertCalendar :exec
INSERT INTO calendars (org_id, id, name, source, address, refreshed_at, next_refresh_at, notes)
VALUES (@org_id, @id, @name, @source, @address, @refreshed_at, @next_refresh_at, @notes);

-- name: ListCalendars :many
SELECT sqlc.embed(c),
  (SELECT count(*) FROM calendar_days d WHERE d.org_id = c.org_id AND d.calendar_id = c.id)::int AS day_count,
  (SELECT count(*) FROM schedule_calendars k JOIN schedules s ON s.org_id = k.org_id AND s.id = k.schedule_id
   WHERE k.org_id = c.org_id AND k.calendar_id = c.id AND s.deleted_at IS NULL)::int AS schedule_count
FROM calendars c WHERE c.org_id = @org_id ORDER BY c.id;

-- name: GetCalendar :one
SELECT sqlc.embed(c),
  (SELECT count(*) FROM calendar_days d WHERE d.org_id = c.org_id AND d.calendar_id = c.id)::int AS day_count,
  (SELECT count(*) FROM schedule_calendars k JOIN schedules s ON s.org_id = k.org_id AND s.id = k.schedule_id
   WHERE k.org_id = c.org_id AND k.calendar_id = c.id AND s.deleted_at IS NULL)::int AS schedule_count
FROM calendars c WHERE c.org_id = @org_id AND c.id = @id;

-- name: LockCalendar :one
SELECT * FROM calendars WHERE org_id = @org_id AND id = @id FOR UPDATE;

-- name: UpdateCalendar :exec
UPDATE calendars SET name = @name, source = @source, address = @address, refreshed_at = @refreshed_at, failing_since = @failing_since,
  last_error = @last_error, last_error_detail = @last_error_detail, next_refresh_at = @next_refresh_at, validators = @validators, notes = @notes,
  etag = gen_random_uuid()
WHERE org_id = @org_id AND id = @id;

-- name: DeleteCalendar :exec
DELETE FROM calendars WHERE org_id = @org_id AND id = @id;

-- name: CountSchedulesOfCalendar :one
SELECT count(*) FROM schedule_calendars k JOIN schedules s ON s.org_id = k.org_id AND s.id = k.schedule_id
WHERE k.org_id = @org_id AND k.calendar_id = @calendar_id AND s.deleted_at IS NULL;

-- name: CountSchedulesByRule :one
-- Of a built-in calendar, which has no rows: by what the rules say.
SELECT count(*) FROM schedules WHERE org_id = @org_id AND deleted_at IS NULL AND rule->'calendars' @> to_jsonb(@calendar::text);

-- name: ForgetDeletedSchedules :exec
-- What has been deleted keeps no calendar.
DELETE FROM schedule_calendars k USING schedules s
WHERE k.org_id = @org_id AND k.calendar_id = @calendar_id AND s.org_id = k.org_id AND s.id = k.schedule_id AND s.deleted_at IS NOT NULL;

-- name: CalendarDays :many
-- Those from from_day on, and before until_day.
SELECT to_char(day, 'YYYY-MM-DD')::text AS day, name FROM calendar_days
WHERE org_id = @org_id AND calendar_id = @calendar_id AND day >= (@from_day::text)::date AND day < (@until_day::text)::date
ORDER BY org_id, calendar_id, calendar_days.day;

-- name: DeleteCalendarDays :exec
DELETE FROM calendar_days WHERE org_id = @org_id AND calendar_id = @calendar_id;

-- name: InsertCalendarDays :exec
INSERT INTO calendar_days (org_id, calendar_id, day, name)
SELECT @org_id, @calendar_id, u.day::date, u.name FROM (SELECT unnest(@days::text[]) AS day, unnest(@names::text[]) AS name) AS u;

-- name: TakeCalendar :one
-- By the worker: newer lease wins, the same may repeat.
UPDATE calendars SET fence = @lease::bigint WHERE org_id = @org_id AND id = @id AND source = 'address' AND fence <= @lease::bigint
RETURNING address::text AS address, coalesce(validators, '{}')::jsonb AS validators;

-- name: CalendarIsRead :one
-- Whether it is there, and is read from an address.
SELECT EXISTS (SELECT 1 FROM calendars WHERE org_id = @org_id AND id = @id AND source = 'address');

-- name: NoteCalendarRead :exec
UPDATE calendars SET refreshed_at = clock_timestamp(), failing_since = null, last_error = null, last_error_detail = null,
  next_refresh_at = @next_refresh_at, validators = @validators, notes = @notes
WHERE org_id = @org_id AND id = @id;

-- name: NoteCalendarFailure :exec
UPDATE calendars SET failing_since = @failing_since, last_error = @last_error, last_error_detail = @last_error_detail, next_refresh_at = @next_refresh_at
WHERE org_id = @org_id AND id = @id;

-- name: ParkCalendar :execrows
-- Its reading is parked: the tenant reads so until the next one ends.
UPDATE calendars SET last_error = @last_error::text, last_error_detail = null WHERE org_id = @org_id AND id = @id;

-- name: WorkspacesToTell :many
-- Where schedules keep to a calendar that fails and nobody has been told of it
-- since it does.
SELECT DISTINCT k.workspace_id FROM schedule_calendars k JOIN schedules s ON s.org_id = k.org_id AND s.id = k.schedule_id
WHERE k.org_id = @org_id AND k.calendar_id = @calendar_id AND s.deleted_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM notifications n WHERE n.org_id = k.org_id AND n.workspace_id = k.workspace_id AND n.kind = 'calendar_failing'
    AND n.created_at >= @failing_since::timestamptz AND n.data->>'calendar_id' = k.calendar_id::text)
ORDER BY 1;

-- name: WorkspacesOfCalendar :many
-- Where schedules keep to it, in the order in which their clocks are locked.
SELECT DISTINCT k.workspace_id FROM schedule_calendars k JOIN schedules s ON s.org_id = k.org_id AND s.id = k.schedule_id
WHERE k.org_id = @org_id AND k.calendar_id = @calendar_id AND s.deleted_at IS NULL ORDER BY 1;

-- name: LockSchedulesOfCalendar :many
-- Those that act: not the paused ones.
SELECT s.workspace_id, s.id, s.rule, s.next_at, s.next_wanted FROM schedule_calendars k JOIN schedules s ON s.org_id = k.org_id AND s.id = k.schedule_id
WHERE k.org_id = @org_id AND k.calendar_id = @calendar_id AND s.deleted_at IS NULL AND s.paused_at IS NULL
ORDER BY s.workspace_id, s.id FOR UPDATE OF s;

-- name: RetimeSchedules :exec
-- Without a wanted state: there is no next time.
UPDATE schedules s SET next_at = CASE WHEN u.wanted <> '' THEN u.next_at END, next_wanted = nullif(u.wanted, ''), tzdata = @tzdata::text
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@next_ats::timestamptz[]) AS next_at, unnest(@wanteds::text[]) AS wanted) AS u
WHERE s.org_id = @org_id AND s.id = u.id;
