import { create } from "@bufbuild/protobuf";
import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useForm, useWatch } from "react-hook-form";
import { useTranslation } from "react-i18next";
import { Skeleton } from "@/components/Badge";
import { Button } from "@/components/Button";
import { Drawer, DrawerSection, FormPanel } from "@/components/Drawer";
import { FormField, Input, Segmented, Textarea } from "@/components/form";
import { ErrorState } from "@/components/States";
import { toast } from "@/components/Toast";
import { LockedPanel } from "@/features/schedule/LockedPanel";
import { type Calendar, CalendarDaysSchema, CalendarSource } from "@/gen/cloudhub/v1/calendar_pb";
import { Plan } from "@/gen/cloudhub/v1/options_pb";
import { isReason, worthRetrying } from "@/lib/errors";
import { invalidate } from "@/lib/stream/apply";
import { useServerErrors } from "@/lib/useServerErrors";
import { useWorkspace } from "@/lib/workspace";
import { MOST_DAYS, readDays, writeDays } from "./days";
import { calendarMethods, useCalendarMutations, useWrittenDays } from "./queries";

/** The longest iCal file that the server takes, in characters. */
const LONGEST_FILE = 900_000;

const SOURCES = ["days", "file", "address"] as const;
type Source = (typeof SOURCES)[number];

interface Values {
  name: string;
  source: Source;
  days: string;
  file: string;
  address: string;
}

const FIELDS = { name: "name", days: "days", file: "file", address: "address" } as const;

export interface CalendarFormProps {
  /** The one that is edited; without it a new one is made. */
  calendar?: Calendar | undefined;
  onClose: () => void;
  onSaved: (calendar: Calendar | undefined) => void;
  /** After somebody else's change. */
  onReload?: () => void;
}

/** Days written by hand are read before they can be changed. */
export function CalendarForm(props: CalendarFormProps) {
  const { t } = useTranslation("calendar");
  const { calendar } = props;
  const byHand = calendar?.source === CalendarSource.DAYS;
  const written = useWrittenDays(byHand ? calendar : undefined);
  if (!byHand || written.data) return <Form {...props} days={written.data ? writeDays(written.data) : ""} />;
  return (
    <Drawer title={t("form.editTitle")} subject={calendar.id} onClose={props.onClose}>
      {written.isError ? (
        <ErrorState title={t("form.daysError")} error={written.error} onRetry={() => void written.refetch()} />
      ) : (
        <div className="grid gap-3 p-5">
          <Skeleton width={240} />
          <Skeleton width={180} />
        </div>
      )}
    </Drawer>
  );
}

function Form({ calendar, onClose, onSaved, onReload, days }: CalendarFormProps & { days: string }) {
  const { t } = useTranslation("calendar");
  const { org } = useWorkspace();
  const client = useQueryClient();
  const { create: make, update } = useCalendarMutations();
  const requestId = useRef(crypto.randomUUID());
  const [failed, setFailed] = useState<unknown>();
  const file = useRef<HTMLInputElement>(null);
  const [fileName, setFileName] = useState("");
  const form = useForm<Values>({
    defaultValues: {
      name: calendar?.name ?? "",
      source: sourceOf(calendar),
      days,
      file: "",
      address: "",
    },
    mode: "onTouched",
  });
  const { control, register, setValue, formState } = form;
  const { errors, dirtyFields } = formState;
  const values = useWatch({ control }) as Values;
  const place = useServerErrors(form, FIELDS);
  const written = readDays(values.days);

  const onFailed = (error: unknown) => {
    const source = form.getValues("source");
    const field = isReason(error, "CALENDAR_UNREADABLE")
      ? "file"
      : isReason(error, "ADDRESS_REFUSED")
        ? "address"
        : undefined;
    const left = place(error);
    if (left && field && field === source && left.fields.length === 0) {
      form.setError(field, { type: "server", message: left.text }, { shouldFocus: field === "address" });
      setFailed(undefined);
      return;
    }
    setFailed(left ? error : undefined);
  };
  const onDone = (saved: Calendar | undefined) => {
    toast(t(calendar ? "form.saved" : "form.created", { name: saved?.name ?? values.name }), { shape: "ok" });
    invalidate(client, calendarMethods);
    onSaved(saved);
  };
  const onSubmit = form.handleSubmit((v) => {
    setFailed(undefined);
    const content = contentOf(v, calendar, Boolean(dirtyFields.days));
    const fields = { orgId: org.id, name: v.name.trim() };
    if (calendar) {
      update.mutate(
        { ...fields, calendarId: calendar.id, etag: calendar.etag, ...(content ? { content } : {}) },
        { onSuccess: (answer) => onDone(answer.calendar), onError: onFailed },
      );
    } else if (content) {
      make.mutate(
        { ...fields, content, requestId: requestId.current },
        {
          onSuccess: (answer) => onDone(answer.calendar),
          onError: (error) => {
            if (!worthRetrying(error)) requestId.current = crypto.randomUUID();
            onFailed(error);
          },
        },
      );
    }
  });
  const onFile = async (chosen: File | undefined) => {
    if (!chosen) return;
    if (chosen.size > LONGEST_FILE) {
      form.setError("file", { message: t("form.error.fileLong") });
      return;
    }
    setFileName(chosen.name);
    setValue("file", await chosen.text(), { shouldValidate: true, shouldDirty: true });
    if (values.name.trim() === "") setValue("name", chosen.name.replace(/\.ics$/i, ""), { shouldDirty: true });
  };

  const title = t(calendar ? "form.editTitle" : "form.createTitle");
  if (isReason(failed, "PLAN_REQUIRED") || org.plan === Plan.FREE)
    return <LockedPanel title={title} onClose={onClose} />;
  const conflict = isReason(failed, "CONFLICT");
  return (
    <FormPanel
      title={title}
      subject={calendar?.id ?? "new"}
      submitLabel={t(calendar ? "form.save" : "form.create")}
      onSubmit={onSubmit}
      onClose={onClose}
      busy={make.isPending || update.isPending}
      error={failed}
      said={
        conflict && onReload ? (
          <Button kind="quiet" small icon="refresh" onClick={onReload}>
            {t("form.reload")}
          </Button>
        ) : (
          values.source === "days" &&
          written.days.length > 0 && (
            <p className="text-12 text-fg-3" role="status">
              {t("dayCount", { count: written.days.length })}
            </p>
          )
        )
      }
    >
      <DrawerSection>
        <FormField label={t("form.name")} error={errors.name?.message}>
          <Input
            placeholder={t("form.namePlaceholder")}
            {...register("name", {
              validate: (name) => name.trim() !== "" || t("form.error.name"),
              maxLength: { value: 100, message: t("form.error.nameLong") },
            })}
          />
        </FormField>
        <FormField group label={t("form.source")}>
          <Segmented<Source>
            label={t("form.source")}
            value={values.source}
            options={SOURCES.map((value) => ({ value, label: t(`form.sources.${value}`) }))}
            onChange={(source) => {
              setValue("source", source, { shouldDirty: true });
              form.clearErrors(["days", "file", "address"]);
            }}
          />
        </FormField>
        {values.source === "days" && (
          <FormField
            label={t("form.days")}
            hint={t("form.daysHint")}
            error={
              errors.days?.message ??
              (values.days !== "" && written.wrong[0] ? wrongWords(written.wrong[0], written.wrong.length) : undefined)
            }
          >
            <Textarea
              rows={12}
              spellCheck={false}
              className="tnum"
              placeholder={t("form.daysPlaceholder")}
              {...register("days", {
                validate: (text, all) => {
                  if (all.source !== "days") return true;
                  const read = readDays(text);
                  if (read.wrong[0]) return wrongWords(read.wrong[0], read.wrong.length);
                  if (read.days.length === 0) return t("form.error.days");
                  return read.days.length <= MOST_DAYS || t("form.error.daysMany");
                },
              })}
            />
          </FormField>
        )}
        {values.source === "file" && (
          <FormField
            group
            label={t("form.file")}
            hint={calendar ? t("form.fileKeep") : t("form.fileHint")}
            error={errors.file?.message}
          >
            <input
              type="hidden"
              {...register("file", {
                validate: (text, all) =>
                  all.source !== "file" || keeps(calendar, "file") || text !== "" || t("form.error.file"),
              })}
            />
            <input
              ref={file}
              type="file"
              accept=".ics,text/calendar"
              className="sr"
              tabIndex={-1}
              aria-label={t("form.chooseFile")}
              onChange={(event) => {
                void onFile(event.target.files?.[0]);
                event.target.value = "";
              }}
            />
            <span className="flex flex-wrap items-center gap-3">
              <Button icon="calendar" onClick={() => file.current?.click()}>
                {t("form.chooseFile")}
              </Button>
              <span className="el text-fg-2" role="status">
                {fileName}
              </span>
            </span>
          </FormField>
        )}
        {values.source === "address" && (
          <FormField
            label={t("form.address")}
            hint={keeps(calendar, "address") ? t("form.addressKeep") : t("form.addressHint")}
            error={errors.address?.message}
          >
            <Input
              type="url"
              inputMode="url"
              maxLength={2000}
              spellCheck={false}
              autoCapitalize="none"
              placeholder={calendar?.address || t("form.addressPlaceholder")}
              {...register("address", {
                validate: (text, all) =>
                  all.source !== "address" ||
                  keeps(calendar, "address") ||
                  text.trim() !== "" ||
                  t("form.error.address"),
              })}
            />
          </FormField>
        )}
      </DrawerSection>
    </FormPanel>
  );

  function wrongWords(wrong: { line: number; text: string }, count: number): string {
    return t("form.error.line", { line: wrong.line, text: wrong.text.slice(0, 40), count });
  }
}

function sourceOf(calendar: Calendar | undefined): Source {
  if (calendar?.source === CalendarSource.ADDRESS) return "address";
  return calendar?.source === CalendarSource.FILE ? "file" : "days";
}

/** It has such a content already, which stays when none is given. */
function keeps(calendar: Calendar | undefined, source: Source): boolean {
  return calendar !== undefined && sourceOf(calendar) === source;
}

/** What the request says of the days; undefined when what is there stays. */
function contentOf(v: Values, calendar: Calendar | undefined, daysChanged: boolean) {
  switch (v.source) {
    case "days":
      if (keeps(calendar, "days") && !daysChanged) return undefined;
      return { case: "days" as const, value: create(CalendarDaysSchema, { days: readDays(v.days).days }) };
    case "file":
      return v.file === "" ? undefined : { case: "file" as const, value: v.file };
    case "address":
      return v.address.trim() === "" ? undefined : { case: "address" as const, value: v.address.trim() };
  }
}
