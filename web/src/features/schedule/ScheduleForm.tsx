import { create } from "@bufbuild/protobuf";
import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { Controller, useForm, useWatch } from "react-hook-form";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/Button";
import { DrawerSection, FormPanel } from "@/components/Drawer";
import { FormField, Input } from "@/components/form";
import { toast } from "@/components/Toast";
import { minuteOf } from "@/components/time/wall";
import { Plan } from "@/gen/cloudhub/v1/options_pb";
import type { Resource } from "@/gen/cloudhub/v1/resource_pb";
import { type Schedule, ScheduleRuleSchema, ScheduleService } from "@/gen/cloudhub/v1/schedule_pb";
import { isReason, toAppError, worthRetrying } from "@/lib/errors";
import { invalidate } from "@/lib/stream/apply";
import { useServerErrors } from "@/lib/useServerErrors";
import { useWorkspace } from "@/lib/workspace";
import { clockOf, FIELDS, hoursAWeek, isComplete, ruleOfValues, type ScheduleValues, valuesOf } from "./form";
import { LockedPanel } from "./LockedPanel";
import { Preview } from "./Preview";
import { usePreview, useScheduleMutations } from "./queries";
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
  const preview = usePreview(rule);
  const overnight = overnightWords(rule, t);

  const onFailed = (error: unknown) => {
    if (isReason(error, "SCHEDULE_CONFLICT") && !hasField(error)) {
      form.setError("stopTime", { type: "server", message: t("form.error.same") }, { shouldFocus: true });
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
      rule: create(ScheduleRuleSchema, ruleOfValues(v)),
      resourceIds: v.resourceIds,
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
        return name === "stopTime" && text === form.getValues("startTime") ? t("form.error.same") : true;
      },
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
          isComplete(rule) && <p className="text-12 text-fg-3">{t("form.hoursAWeek", { hours: hoursAWeek(rule) })}</p>
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
        <div className="hours-row">
          <Controller
            control={control}
            name="weekdays"
            rules={{ validate: (days) => days.length > 0 || t("form.error.days") }}
            render={({ field, fieldState }) => (
              <FormField group label={t("form.days")} error={fieldState.error?.message}>
                <WeekdayToggles value={field.value} onChange={field.onChange} focusRef={field.ref} />
              </FormField>
            )}
          />
          <FormField label={t("form.start")} error={errors.startTime?.message}>
            <Input inputMode="numeric" maxLength={5} className="tnum" {...clock("startTime")} />
          </FormField>
          <FormField label={t("form.stop")} error={errors.stopTime?.message}>
            <Input inputMode="numeric" maxLength={5} className="tnum" {...clock("stopTime")} />
          </FormField>
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
      </DrawerSection>
      <DrawerSection>
        <Controller
          control={control}
          name="resourceIds"
          rules={{ validate: (chosen) => chosen.length > 0 || t("form.error.targets") }}
          render={({ field, fieldState }) => (
            <FormField group label={t("form.targets")} error={fieldState.error?.message}>
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
      </DrawerSection>
      <Preview rule={preview.asked} answer={preview.data} idle={preview.idle} error={preview.error} />
    </FormPanel>
  );
}

function hasField(error: unknown): boolean {
  return toAppError(error).fields.length > 0;
}
