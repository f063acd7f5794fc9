import { useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Facts, Note, Skeleton } from "@/components/Badge";
import { Button, IconButton } from "@/components/Button";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import { CopyButton } from "@/components/CopyButton";
import { Drawer, DrawerSection } from "@/components/Drawer";
import { ErrorState } from "@/components/States";
import { RelativeTime, When } from "@/components/Time";
import { toast } from "@/components/Toast";
import { BRAZIL } from "@/features/schedule/names";
import { type Calendar, type CalendarDay, CalendarService, CalendarSource } from "@/gen/cloudhub/v1/calendar_pb";
import { isReason, reasonText, toAppError } from "@/lib/errors";
import { makeFormat, useFormat } from "@/lib/format";
import { invalidate } from "@/lib/stream/apply";
import { useWorkspace } from "@/lib/workspace";
import { calendarMethods, useCalendar, useCalendarMutations } from "./queries";
import { sourceWord } from "./source";

export interface CalendarDrawerProps {
  calendarId: string;
  row: Calendar | undefined;
  manage: boolean;
  onEdit: () => void;
  onClose: () => void;
}

export function CalendarDrawer({ calendarId, row, manage, onEdit, onClose }: CalendarDrawerProps) {
  const { t } = useTranslation("calendar");
  const thisYear = new Date().getUTCFullYear();
  const [year, setYear] = useState(thisYear);
  const query = useCalendar(calendarId, year);
  const [removing, setRemoving] = useState(false);
  const calendar = row ?? query.data?.calendar;
  const { refresh, onRefresh } = useRefresh();
  if (!calendar) {
    return (
      <Drawer title={query.isError ? t("eyebrow") : "…"} subject={calendarId} onClose={onClose}>
        {query.isError ? (
          <ErrorState
            title={t("missing")}
            error={query.error}
            onRetry={isReason(query.error, "NOT_FOUND") ? undefined : () => void query.refetch()}
          />
        ) : (
          <div className="grid gap-3 p-5">
            <Skeleton width={240} />
            <Skeleton width={180} />
          </div>
        )}
      </Drawer>
    );
  }
  const builtIn = calendar.source === CalendarSource.BUILT_IN;
  const denied = manage ? undefined : t("manageDenied");
  return (
    <Drawer
      title={calendar.id === BRAZIL ? t("brazil") : calendar.name}
      subject={calendarId}
      eyebrow={<span className="text-fg-3">{t("eyebrow")}</span>}
      tools={<CopyButton value={window.location.href} label={t("copyAddress")} />}
      actions={
        !builtIn && (
          <>
            {calendar.source === CalendarSource.ADDRESS && (
              <Button
                icon="refresh"
                disabled={!manage}
                title={denied}
                busy={refresh.isPending}
                onClick={() => onRefresh(calendar)}
              >
                {t("refresh")}
              </Button>
            )}
            <Button icon="edit" disabled={!manage} title={denied} onClick={onEdit}>
              {t("edit")}
            </Button>
            <Button icon="trash" kind="danger" disabled={!manage} title={denied} onClick={() => setRemoving(true)}>
              {t("remove")}
            </Button>
            {!manage && <p className="basis-full text-12 text-fg-2">{t("manageDenied")}</p>}
          </>
        )
      }
      onClose={onClose}
    >
      {calendar.lastError !== "" && (
        <section>
          <Note tone="warning" role="status">
            <p>
              <b>{reasonText(calendar.lastError, { why: calendar.lastErrorDetail }) ?? calendar.lastError}</b>
            </p>
            {calendar.lastErrorDetail !== "" && (
              <p className="text-12 break-words text-fg-2">{calendar.lastErrorDetail}</p>
            )}
          </Note>
        </section>
      )}
      <DrawerSection title={t("facts")}>
        <CalendarFacts calendar={calendar} />
        {calendar.notes.length > 0 && (
          <details className="mt-3 text-12 text-fg-2">
            <summary>{t("notes", { count: calendar.notes.length })}</summary>
            <ul className="cal-notes" lang="en">
              {calendar.notes.map((note) => (
                <li key={note}>{note}</li>
              ))}
            </ul>
          </details>
        )}
      </DrawerSection>
      <DrawerSection
        title={t("days")}
        aside={
          <span className="year">
            <IconButton icon="left" small label={t("yearBefore")} onClick={() => setYear(year - 1)} />
            <b className="tnum" role="status">
              {year}
            </b>
            <IconButton
              icon="right"
              small
              label={t("yearAfter")}
              disabled={year >= 2100}
              onClick={() => setYear(year + 1)}
            />
          </span>
        }
      >
        <Days
          days={query.isPlaceholderData ? undefined : query.data?.days}
          error={query.error}
          onRetry={() => void query.refetch()}
          year={year}
        />
      </DrawerSection>
      {removing && <Remove calendar={calendar} onClose={() => setRemoving(false)} onRemoved={onClose} />}
    </Drawer>
  );
}

function useRefresh() {
  const { t } = useTranslation("calendar");
  const { org } = useWorkspace();
  const client = useQueryClient();
  const { refresh } = useCalendarMutations();
  const onRefresh = (calendar: Calendar) =>
    refresh.mutate(
      { orgId: org.id, calendarId: calendar.id },
      {
        onSuccess: (answer) => {
          invalidate(client, calendarMethods);
          const failed = answer.calendar?.lastError ?? "";
          toast(failed === "" ? t("refreshed", { name: calendar.name }) : (reasonText(failed) ?? failed), {
            shape: failed === "" ? "ok" : "warning",
          });
        },
        onError: (error) => toast(toAppError(error).text, { shape: "failed", seconds: 8 }),
      },
    );
  return { refresh, onRefresh };
}

function CalendarFacts({ calendar }: { calendar: Calendar }) {
  const { t } = useTranslation("calendar");
  const rows: ReadonlyArray<readonly [string, React.ReactNode] | false> = [
    [t("fact.source"), t(`source.${sourceWord(calendar.source)}`)],
    calendar.address !== "" && [
      t("fact.address"),
      <span key="a" className="break-all">
        {calendar.address}
      </span>,
    ],
    [t("fact.days"), t("dayCount", { count: calendar.dayCount })],
    [t("fact.used"), calendar.scheduleCount > 0 ? t("usedBy", { count: calendar.scheduleCount }) : t("usedByNone")],
    calendar.refreshTime !== undefined && [t("fact.read"), <RelativeTime key="r" at={calendar.refreshTime} />],
    calendar.nextRefreshTime !== undefined && [t("fact.next"), <When key="n" at={calendar.nextRefreshTime} />],
  ];
  return <Facts rows={rows} />;
}

/** The days of one year, with the law of a built-in calendar. */
function Days({
  days,
  error,
  onRetry,
  year,
}: {
  days: readonly CalendarDay[] | undefined;
  error: unknown;
  onRetry: () => void;
  year: number;
}) {
  const { t } = useTranslation("calendar");
  const { language } = useFormat();
  const utc = useMemo(() => makeFormat(language, "UTC"), [language]);
  if (!days) {
    if (error) {
      return (
        <p className="text-fg-2">
          {toAppError(error).text}{" "}
          <button type="button" className="lk" onClick={onRetry}>
            {t("retry")}
          </button>
        </p>
      );
    }
    return (
      <div className="grid gap-4 py-2" aria-busy="true">
        {[200, 160, 220].map((width) => (
          <Skeleton key={width} width={width} />
        ))}
      </div>
    );
  }
  const shown = days.filter((day) => day.date.startsWith(`${year}-`));
  if (shown.length === 0) return <p className="text-fg-3">{t("noDays", { year })}</p>;
  return (
    <ul className="cal-days">
      {shown.map((day) => {
        const at = new Date(`${day.date}T00:00:00Z`);
        return (
          <li key={day.date}>
            <span className="tnum cal-date">
              <span className="text-fg-3">{utc.weekday(at)}</span> {utc.date(at, at.getTime())}
            </span>
            <span className="min-w-0">
              <span className="block">{day.name || t("nameless")}</span>
              {day.law !== "" && <span className="block text-12 text-fg-3">{day.law}</span>}
            </span>
          </li>
        );
      })}
    </ul>
  );
}

function Remove({ calendar, onClose, onRemoved }: { calendar: Calendar; onClose: () => void; onRemoved: () => void }) {
  const { t } = useTranslation("calendar");
  const { org } = useWorkspace();
  const client = useQueryClient();
  const { remove } = useCalendarMutations();
  const used = calendar.scheduleCount > 0;
  return (
    <ConfirmDialog
      open
      danger
      title={t("removing.title", { name: calendar.name })}
      confirmLabel={t("removing.action")}
      disabled={used}
      busy={remove.isPending}
      error={remove.error}
      onClose={onClose}
      onConfirm={() =>
        remove.mutate(
          { orgId: org.id, calendarId: calendar.id },
          {
            onSuccess: () => {
              toast(t("removing.done", { name: calendar.name }), { shape: "ok" });
              onClose();
              onRemoved();
              // Not its days: it has none any more.
              invalidate(
                client,
                calendarMethods.filter((method) => method !== CalendarService.method.getCalendar),
              );
            },
          },
        )
      }
      impact={[
        used
          ? { tone: "failed", text: t("removing.used", { count: calendar.scheduleCount }) }
          : { tone: "ok", text: t("removing.unused") },
      ]}
    />
  );
}
