import { create } from "@bufbuild/protobuf";
import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { Controller, useForm, useWatch } from "react-hook-form";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { DrawerSection, FormPanel } from "@/components/Drawer";
import { FormField, Input, Segmented } from "@/components/form";
import { toast } from "@/components/Toast";
import { knownZone, minuteOf } from "@/components/time/wall";
import { Plan } from "@/gen/cloudhub/v1/options_pb";
import type { Resource } from "@/gen/cloudhub/v1/resource_pb";
import {
  type Schedule,
  ScheduleRuleSchema,
  ScheduleService,
  TargetSelectorSchema,
} from "@/gen/cloudhub/v1/schedule_pb";
import { isReason, toAppError, worthRetrying } from "@/lib/errors";
import { invalidate } from "@/lib/stream/apply";
import { useServerErrors } from "@/lib/useServerErrors";
import { useWorkspace } from "@/lib/workspace";
import { CalendarPicker } from "./CalendarPicker";
import type { RuleKind } from "./day";
import {
  CATCH_UP,
  clockOf,
  DAYS,
  type Days,
  daysOf,
  FIELDS,
  hoursAWeek,
  isComplete,
  isSelective,
  presetDays,
  ruleOfValues,
  type ScheduleValues,
  selectorOf,
  valuesOf,
} from "./form";
import { LockedPanel } from "./LockedPanel";
import { MonthDays } from "./MonthDays";
import { Preview } from "./Preview";
import { usePreview, useScheduleMutations } from "./queries";
import { RateWarnings } from "./RateWarnings";
import { toContract } from "./rule";
import { SelectorFields } from "./SelectorFields";
import { TargetPicker } from "./TargetPicker";
import { WeekdayToggles } from "./Weekdays";
import { overnightWords } from "./words";
import { ZonePicker } from "./ZonePicker";
import "./schedule.css";

export interface ScheduleFormProps {
  /** The one that is edited; without it a new one is made. */
  schedule?: Schedule | undefined;
  /** Chosen beforehand. */
  resources?: readonly Resource[];
  onClose: () => void;
  /** Instead of `onClose`, once it is stored. */
  onSaved?: (schedule: Schedule | undefined) => void;
  /** After somebody else's change: reads the schedule again. */
  onReload?: () => void;
}

const NONE: readonly Resource[] = [];

/** Makes or changes a schedule; shows what it will do while it is filled. */
export function ScheduleForm({ schedule, resources = NONE, onClose, onSaved, onReload }: ScheduleFormProps) {
  const { t } = useTranslation("schedule");
  const { ids, org, timeZone } = useWorkspace();
  const client = useQueryClient();
  const { create: make, update } = useScheduleMutations();
  // One for each form, so that sending it twice makes one schedule.
  const requestId = useRef(crypto.randomUUID());
  const [failed, setFailed] = useState<unknown>();
  const form = useForm<ScheduleValues>({
    defaultValues: valuesOf(
      schedule,
      resources.map((r) => r.id),
      timeZone || "America/Sao_Paulo",
    ),
    mode: "onTouched",
  });
  const { control, register, setValue, trigger, formState } = form;
  const { errors } = formState;
  const place = useServerErrors(form, FIELDS);
  const values = useWatch({ control }) as ScheduleValues;
  const rule = ruleOfValues(values);
  const bySelector = values.targets === "selector";
  const catchUp = minutesOf(values.catchUpMinutes);
  const preview = usePreview({
    rule,
    scheduleId: schedule?.id,
    catchUpMinutes: catchUp ?? 0,
    ...(bySelector ? { selector: values.selector } : { resourceIds: values.resourceIds }),
  });
  const overnight = overnightWords(rule, t);

  const onFailed = (error: unknown) => {
    // What concerns one field, though the answer names none.
    const field = fieldOf(error, form.getValues());
    if (field && !hasField(error)) {
      const { reason, text } = toAppError(error);
      const message = reason === "SCHEDULE_CONFLICT" ? t("form.error.same") : text;
      form.setError(field, { type: "server", message }, { shouldFocus: true });
      setFailed(undefined);
      return;
    }
    setFailed(place(error) ? error : undefined);
  };
  const onDone = (saved: Schedule | undefined) => {
    toast(t(schedule ? "form.saved" : "form.created", { name: saved?.name ?? values.name }), { shape: "ok" });
    invalidate(client, [ScheduleService.method.listSchedules, ScheduleService.method.getSchedule]);
    if (onSaved) onSaved(saved);
    else onClose();
  };
  const onSubmit = form.handleSubmit((v) => {
    setFailed(undefined);
    const fields = {
      ...ids,
      name: v.name.trim(),
      rule: create(ScheduleRuleSchema, toContract(ruleOfValues(v))),
      catchUpMinutes: minutesOf(v.catchUpMinutes) ?? 0,
      ...(v.targets === "selector"
        ? { resourceIds: [], selector: create(TargetSelectorSchema, selectorOf(v.selector)) }
        : { resourceIds: v.resourceIds }),
    };
    if (schedule) {
      update.mutate(
        { ...fields, scheduleId: schedule.id, etag: schedule.etag },
        { onSuccess: (answer) => onDone(answer.schedule), onError: onFailed },
      );
    } else {
      make.mutate(
        { ...fields, requestId: requestId.current },
        {
          onSuccess: (answer) => onDone(answer.schedule),
          onError: (error) => {
            // A refused request made nothing, and the corrected one is another.
            // One that was lost on the way may have: it keeps its id.
            if (!worthRetrying(error)) requestId.current = crypto.randomUUID();
            onFailed(error);
          },
        },
      );
    }
  });

  const title = t(schedule ? "form.editTitle" : "form.createTitle");
  if (isReason(failed, "PLAN_REQUIRED") || org.plan === Plan.FREE) {
    return <LockedPanel title={title} onClose={onClose} />;
  }
  const clock = (name: "startTime" | "stopTime") =>
    register(name, {
      validate: (text) => {
        if (minuteOf(text) === undefined) return t("form.error.time");
        const pair = form.getValues("kind") === "pair";
        return pair && name === "stopTime" && text === form.getValues("startTime") ? t("form.error.same") : true;
      },
      shouldUnregister: false,
      setValueAs: (text: string) => text.trim(),
      onBlur: (event: { target: { value: string } }) => {
        setValue(name, clockOf(event.target.value), { shouldValidate: true, shouldDirty: true });
        if (formState.touchedFields.stopTime || name === "stopTime") void trigger("stopTime");
      },
    });
  const conflict = isReason(failed, "CONFLICT");
  return (
    <FormPanel
      title={title}
      subject={schedule?.id ?? "new"}
      submitLabel={t(schedule ? "form.save" : "form.create")}
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
          isComplete(rule) &&
          values.kind === "pair" &&
          values.days !== "month" && (
            <p className="text-12 text-fg-3">{t("form.hoursAWeek", { hours: hoursAWeek(rule) })}</p>
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
        <Controller
          control={control}
          name="kind"
          render={({ field }) => (
            <FormField group label={t("form.kind")}>
              <Segmented<RuleKind>
                label={t("form.kind")}
                value={field.value}
                options={KINDS.map((value) => ({ value, label: t(`form.kinds.${value}`) }))}
                onChange={field.onChange}
              />
            </FormField>
          )}
        />
        <Controller
          control={control}
          name="days"
          render={({ field }) => (
            <FormField group label={t("form.when")} className="days-preset">
              <Segmented<Days>
                label={t("form.when")}
                value={field.value}
                options={DAYS.map((value) => ({ value, label: t(`form.preset.${value}`) }))}
                onChange={(days) => {
                  field.onChange(days);
                  const preset = presetDays[days];
                  if (preset) setValue("weekdays", preset, { shouldDirty: true, shouldValidate: true });
                }}
              />
            </FormField>
          )}
        />
        {values.days === "month" && (
          <Controller
            control={control}
            name="monthDays"
            rules={{
              validate: (days) => form.getValues("days") !== "month" || days.length > 0 || t("form.error.days"),
            }}
            render={({ field, fieldState }) => (
              <FormField group label={t("form.monthDays")} error={fieldState.error?.message}>
                <MonthDays
                  value={field.value}
                  onChange={field.onChange}
                  focusRef={field.ref}
                  skipShort={values.skipShort}
                  onSkipShort={(skip) => setValue("skipShort", skip, { shouldDirty: true })}
                />
              </FormField>
            )}
          />
        )}
        <div className="hours-row" data-days={values.days === "month" ? "month" : "week"}>
          {values.days !== "month" && (
            <Controller
              control={control}
              name="weekdays"
              rules={{
                validate: (days) => form.getValues("days") === "month" || days.length > 0 || t("form.error.days"),
              }}
              render={({ field, fieldState }) => (
                <FormField group label={t("form.days")} error={fieldState.error?.message}>
                  <WeekdayToggles
                    value={field.value}
                    onChange={(days) => {
                      field.onChange(days);
                      setValue("days", values.days === "weekdays" ? "weekdays" : daysOf(days), { shouldDirty: true });
                    }}
                    focusRef={field.ref}
                  />
                </FormField>
              )}
            />
          )}
          {values.kind !== "stop" && (
            <FormField label={t("form.start")} error={errors.startTime?.message}>
              <Input inputMode="numeric" maxLength={5} className="tnum" {...clock("startTime")} />
            </FormField>
          )}
          {values.kind !== "start" && (
            <FormField label={t("form.stop")} error={errors.stopTime?.message}>
              <Input inputMode="numeric" maxLength={5} className="tnum" {...clock("stopTime")} />
            </FormField>
          )}
        </div>
        {overnight !== "" && <p className="-mt-2 text-12 text-fg-3">{overnight}</p>}
        <Controller
          control={control}
          name="timeZone"
          render={({ field, fieldState }) => (
            <FormField label={t("form.zone")} error={fieldState.error?.message}>
              <ZonePicker value={field.value} onChange={field.onChange} />
            </FormField>
          )}
        />
        <Controller
          control={control}
          name="calendarIds"
          render={({ field, fieldState }) => (
            <FormField group label={t("form.calendars")} error={fieldState.error?.message}>
              <CalendarPicker
                value={field.value}
                onChange={field.onChange}
                zone={knownZone(values.timeZone) ? values.timeZone : "UTC"}
                inputRef={field.ref}
              />
            </FormField>
          )}
        />
      </DrawerSection>
      <DrawerSection
        title={t("form.targets")}
        aside={
          <Segmented<ScheduleValues["targets"]>
            small
            label={t("form.targetsBy")}
            value={values.targets}
            options={[
              { value: "chosen", label: t("form.targetsChosen") },
              { value: "selector", label: t("form.targetsSelector") },
            ]}
            onChange={(by) => {
              setValue("targets", by, { shouldDirty: true });
              form.clearErrors(["resourceIds", "selector"]);
            }}
          />
        }
      >
        {bySelector ? (
          <Controller
            key="selector"
            control={control}
            name="selector"
            rules={{
              validate: (selector) =>
                form.getValues("targets") !== "selector" || isSelective(selector) || t("form.error.selector"),
            }}
            render={({ field, fieldState }) => (
              <FormField
                group
                label={<span className="sr">{t("form.targets")}</span>}
                error={errorOf(fieldState.error)}
              >
                <SelectorFields
                  value={field.value}
                  onChange={field.onChange}
                  invalid={fieldState.invalid}
                  inputRef={field.ref}
                />
              </FormField>
            )}
          />
        ) : (
          <Controller
            key="chosen"
            control={control}
            name="resourceIds"
            rules={{
              validate: (chosen) =>
                form.getValues("targets") !== "chosen" || chosen.length > 0 || t("form.error.targets"),
            }}
            render={({ field, fieldState }) => (
              <FormField
                group
                label={<span className="sr">{t("form.targets")}</span>}
                error={fieldState.error?.message}
              >
                <TargetPicker
                  value={field.value}
                  onChange={field.onChange}
                  known={resources}
                  invalid={fieldState.invalid}
                  inputRef={field.ref}
                />
              </FormField>
            )}
          />
        )}
        {!preview.idle && preview.data && preview.data.rateWarnings.length > 0 && (
          <RateWarnings
            warnings={preview.data.rateWarnings}
            window={catchUp ?? CATCH_UP}
            onTime={(on, time) =>
              setValue(on ? "startTime" : "stopTime", time, { shouldDirty: true, shouldValidate: true })
            }
          />
        )}
        <FormField label={t("form.catchUp")} error={errors.catchUpMinutes?.message} hint={t("form.catchUpHint")}>
          <span className="catch-up">
            <Input
              inputMode="numeric"
              maxLength={3}
              className="tnum"
              {...register("catchUpMinutes", {
                validate: (text) => minutesOf(text) !== undefined || t("form.error.catchUp"),
              })}
            />
            <span className="text-fg-2">{t("form.minutes")}</span>
          </span>
        </FormField>
      </DrawerSection>
      <Preview
        rule={preview.asked}
        answer={preview.data}
        idle={preview.idle}
        error={preview.error}
        busy={preview.isPending}
      />
    </FormPanel>
  );
}

const KINDS: readonly RuleKind[] = ["pair", "start", "stop"];

/** Minutes of the window, 1 to 120; undefined when it is not that. */
function minutesOf(text: string): number | undefined {
  const minutes = /^\s*\d{1,3}\s*$/.test(text) ? Number(text) : 0;
  return minutes >= 1 && minutes <= 120 ? minutes : undefined;
}

/** A message for the selector as a whole; react-hook-form types errors of an object by its parts. */
function errorOf(error: unknown): string | undefined {
  return error && typeof error === "object" && "message" in error && typeof error.message === "string"
    ? error.message
    : undefined;
}

/** At which field an error belongs that names none. */
function fieldOf(error: unknown, values: ScheduleValues): keyof ScheduleValues | undefined {
  const time = values.kind === "start" ? "startTime" : "stopTime";
  switch (toAppError(error).reason) {
    case "SCHEDULE_CONFLICT":
    case "SCHEDULE_CLASH":
      return time;
    case "TIME_ZONE_UNKNOWN":
      return "timeZone";
    default:
      return undefined;
  }
}

function hasField(error: unknown): boolean {
  return toAppError(error).fields.length > 0;
}
