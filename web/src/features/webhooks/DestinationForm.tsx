import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useForm, useWatch } from "react-hook-form";
import { useTranslation } from "react-i18next";
import { Note } from "@/components/Badge";
import { Button } from "@/components/Button";
import { CopyButton } from "@/components/CopyButton";
import { DrawerSection, FormPanel } from "@/components/Drawer";
import { FormField, Input, PasswordField, Segmented, Select, Switch, Textarea } from "@/components/form";
import { toast } from "@/components/Toast";
import { Plan } from "@/gen/cloudhub/v1/options_pb";
import type { Destination } from "@/gen/cloudhub/v1/webhook_pb";
import { languageNames, languages } from "@/i18n";
import { isReason, toAppError } from "@/lib/errors";
import { useRequestId } from "@/lib/requestId";
import { invalidate } from "@/lib/stream/apply";
import { useServerErrors } from "@/lib/useServerErrors";
import { useWorkspace } from "@/lib/workspace";
import { ChatHelp } from "./ChatHelp";
import { EventPicker } from "./EventPicker";
import {
  addressProblem,
  type Locale,
  MOST_RATE,
  MOST_RECIPIENTS,
  recipientsOf,
  specOf,
  type Values,
  valuesOf,
} from "./form";
import { HeaderFields } from "./HeaderFields";
import { LockedPanel } from "./Locked";
import { useWebhookMutations, webhookMethods } from "./queries";
import { type ChannelWord, ORDERING_WORDS, type OrderingWord } from "./words";
import "./webhooks.css";

const FIELDS = {
  "spec.name": "name",
  "spec.webhook.url": "url",
  "spec.slack.url": "chatUrl",
  "spec.teams.url": "chatUrl",
  "spec.email.recipients": "recipients",
  "spec.description": "description",
  "spec.events": "events",
  "spec.webhook.headers": "headers",
  "spec.rate_per_second": "rate",
} as const;

export interface DestinationFormProps {
  /** Those to choose from; one alone is not asked for. */
  channels: readonly ChannelWord[];
  /** Channels of which there may be no more. */
  full: readonly ChannelWord[];
  /** The one that is edited; without it a new one is made. */
  destination?: Destination | undefined;
  onClose: () => void;
  /** `secret` is shown once; "" when there is none. */
  onSaved: (destination: Destination | undefined, secret: string) => void;
  /** After somebody else's change. */
  onReload?: () => void;
}

export function DestinationForm(props: DestinationFormProps) {
  const { channels, full, destination, onClose, onSaved, onReload } = props;
  const { t, i18n } = useTranslation("webhook");
  const { ids, org } = useWorkspace();
  const client = useQueryClient();
  const { create: make, update } = useWebhookMutations();
  const requestId = useRequestId();
  const lastTry = useRef(0);
  const [failed, setFailed] = useState<unknown>();
  const first = channels.find((one) => !full.includes(one)) ?? channels[0] ?? "webhook";
  const form = useForm<Values>({ defaultValues: valuesOf(destination, first, i18n.language), mode: "onTouched" });
  const { control, register, setValue, formState } = form;
  const { errors } = formState;
  const v = useWatch({ control }) as Values;
  const place = useServerErrors(form, FIELDS);

  const onFailed = (error: unknown) => {
    // The same values asked again after a refusal are another request.
    lastTry.current++;
    const left = place(error);
    const field = left && left.fields.length === 0 ? fieldOf(error, form.getValues("channel")) : undefined;
    if (left && field) {
      form.setError(field, { type: "server", message: left.text }, { shouldFocus: true });
      setFailed(undefined);
    } else setFailed(left ? error : undefined);
  };
  const onDone = (saved: Destination | undefined, secret: string) => {
    toast(t(destination ? "form.saved" : "form.created", { name: saved?.name ?? v.name }), { shape: "ok" });
    invalidate(client, webhookMethods);
    onSaved(saved, secret);
  };
  const onSubmit = form.handleSubmit((values) => {
    setFailed(undefined);
    const spec = specOf(values);
    if (destination) {
      update.mutate(
        { ...ids, destinationId: destination.id, spec, etag: destination.etag },
        { onSuccess: (answer) => onDone(answer.destination, ""), onError: onFailed },
      );
    } else {
      make.mutate(
        { ...ids, spec, requestId: requestId([values, lastTry.current]) },
        {
          onSuccess: (answer) => onDone(answer.destination, answer.secret),
          onError: (error) => {
            // An answer that was lost on the way is asked for again under the same id.
            if (toAppError(error).reason === "OFFLINE") setFailed(error);
            else onFailed(error);
          },
        },
      );
    }
  });

  const word = v.channel;
  const title = destination
    ? t("form.editTitle", { name: destination.name })
    : t(`form.createTitle.${channels.length > 1 ? "channel" : "webhook"}`);
  if (isReason(failed, "PLAN_REQUIRED") || org.plan === Plan.FREE)
    return <LockedPanel title={title} onClose={onClose} />;
  const conflict = isReason(failed, "CONFLICT") && destination !== undefined && onReload !== undefined;
  return (
    <FormPanel
      title={title}
      subject={destination?.id ?? "new"}
      submitLabel={t(destination ? "form.save" : "form.create")}
      onSubmit={onSubmit}
      onClose={onClose}
      busy={make.isPending || update.isPending}
      error={failed}
      said={
        conflict && (
          <Button kind="quiet" small icon="refresh" onClick={onReload}>
            {t("form.reload")}
          </Button>
        )
      }
    >
      <DrawerSection>
        {channels.length > 1 && !destination && (
          <FormField group label={t("form.channel")} hint={full.length > 0 ? t("form.channelFull") : undefined}>
            <Segmented<ChannelWord>
              label={t("form.channel")}
              value={word}
              options={channels.map((value) => ({
                value,
                label: t(`channel.${value}`),
                disabled: full.includes(value),
              }))}
              onChange={(channel) => {
                setValue("channel", channel, { shouldDirty: true });
                form.clearErrors();
                setFailed(undefined);
              }}
            />
          </FormField>
        )}
        <FormField label={t("form.name")} error={errors.name?.message}>
          <Input
            maxLength={100}
            placeholder={t(`form.namePlaceholder.${word}`)}
            {...register("name", { validate: (name) => name.trim() !== "" || t("form.error.name") })}
          />
        </FormField>
        <Where form={form} values={v} destination={destination} />
        <FormField label={t("form.description")} error={errors.description?.message}>
          <Textarea rows={2} maxLength={500} {...register("description")} />
        </FormField>
      </DrawerSection>
      <DrawerSection title={t("form.events")}>
        <FormField
          group
          label={<span className="sr">{t("form.events")}</span>}
          error={errors.events?.message}
          hint={t("form.eventsHint")}
        >
          <input
            type="hidden"
            {...register("events", {
              validate: (events, all) => all.which === "all" || events.length > 0 || t("form.error.events"),
            })}
          />
          <EventPicker
            which={v.which}
            selected={v.events}
            invalid={errors.events !== undefined}
            onWhich={(which) => {
              setValue("which", which, { shouldDirty: true });
              form.clearErrors("events");
            }}
            onSelect={(events) =>
              setValue("events", events, { shouldDirty: true, shouldValidate: formState.isSubmitted })
            }
          />
        </FormField>
      </DrawerSection>
      <DrawerSection title={t("form.sending")}>
        <FormField group label={t("form.ordering")} hint={t(`form.orderingWhat.${v.ordering}`)}>
          <Segmented<OrderingWord>
            label={t("form.ordering")}
            value={v.ordering}
            options={ORDERING_WORDS.map((value) => ({ value, label: t(`ordering.${value}`) }))}
            onChange={(ordering) => setValue("ordering", ordering, { shouldDirty: true })}
          />
        </FormField>
        <FormField label={t("form.rate")} hint={t("form.rateHint")} error={errors.rate?.message}>
          <span className="wh-rate">
            <Input
              type="number"
              inputMode="numeric"
              min={1}
              max={MOST_RATE}
              placeholder={t("form.ratePlaceholder")}
              {...register("rate", {
                validate: (rate) =>
                  rate.trim() === "" ||
                  (/^\d+$/.test(rate.trim()) && Number(rate) >= 1 && Number(rate) <= MOST_RATE) ||
                  t("form.error.rate"),
              })}
            />
            <span className="text-fg-2">{t("form.rateUnit")}</span>
          </span>
        </FormField>
      </DrawerSection>
      {word === "webhook" && <WebhookExtras form={form} values={v} destination={destination} />}
      {(word === "slack" || word === "teams") && (
        <DrawerSection title={t(`help.${word}.title`)}>
          <ChatHelp channel={word} />
        </DrawerSection>
      )}
    </FormPanel>
  );
}

/** The field that a reason without violations is about. */
function fieldOf(error: unknown, channel: ChannelWord): keyof Values | undefined {
  if (isReason(error, "ADDRESS_REFUSED")) return channel === "webhook" ? "url" : "chatUrl";
  return undefined;
}

interface PartProps {
  form: ReturnType<typeof useForm<Values>>;
  values: Values;
  destination: Destination | undefined;
}

/** Where it goes: an address, people, a secret address. */
function Where({ form, values: v, destination }: PartProps) {
  const { t } = useTranslation("webhook");
  const { register, formState } = form;
  const { errors } = formState;
  if (v.channel === "webhook") {
    return (
      <FormField label={t("form.url")} hint={t("form.urlHint")} error={errors.url?.message}>
        <Input
          key="url"
          type="url"
          inputMode="url"
          maxLength={2000}
          spellCheck={false}
          autoCapitalize="none"
          placeholder={t("form.urlPlaceholder")}
          {...register("url", {
            validate: (text, all) => {
              const problem = all.channel === "webhook" && addressProblem(text);
              return !problem || t(`form.error.url.${problem}`);
            },
          })}
        />
      </FormField>
    );
  }
  const language = (
    <FormField label={t("form.locale")}>
      <Select {...register("locale")}>
        {languages.map((one: Locale) => (
          <option key={one} value={one}>
            {languageNames[one]}
          </option>
        ))}
      </Select>
    </FormField>
  );
  if (v.channel === "email") {
    return (
      <>
        <FormField label={t("form.recipients")} hint={t("form.recipientsHint")} error={errors.recipients?.message}>
          <Textarea
            key="recipients"
            rows={3}
            spellCheck={false}
            autoCapitalize="none"
            {...register("recipients", {
              validate: (text, all) => {
                if (all.channel !== "email") return true;
                const found = recipientsOf(text);
                if (found.length === 0) return t("form.error.recipients");
                if (found.length > MOST_RECIPIENTS) return t("form.error.recipientsMany");
                const wrong = found.find((one) => !/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(one));
                return !wrong || t("form.error.recipient", { text: wrong.slice(0, 60) });
              },
            })}
          />
        </FormField>
        {language}
      </>
    );
  }
  const config = destination?.config;
  const hint = config?.case === "slack" || config?.case === "teams" ? config.value.urlHint : "";
  return (
    <>
      <FormField
        label={t(`form.chatUrl.${v.channel}`)}
        hint={hint ? t("form.chatUrlKept", { hint }) : t("form.chatUrlHint")}
        error={errors.chatUrl?.message}
      >
        <PasswordField
          key="chatUrl"
          autoComplete="off"
          maxLength={2000}
          placeholder={hint}
          {...register("chatUrl", {
            validate: (text, all) => {
              if (all.channel !== "slack" && all.channel !== "teams") return true;
              if (text.trim() === "") return destination !== undefined || t("form.error.chatUrl");
              const problem = addressProblem(text);
              return !problem || t("form.error.chatUrl");
            },
          })}
        />
      </FormField>
      {language}
    </>
  );
}

/** Signature and headers: what only webhooks have. */
function WebhookExtras({ form, values: v, destination }: PartProps) {
  const { t } = useTranslation("webhook");
  const config = destination?.config;
  const publicKey = config?.case === "webhook" && v.ed25519 ? config.value.publicKey : "";
  return (
    <>
      <DrawerSection title={t("form.signature")}>
        <Note>
          <p className="text-12 text-fg-2">{t(destination ? "form.secretKept" : "form.secretOnce")}</p>
        </Note>
        <Switch label={t("form.ed25519")} hint={t("form.ed25519Hint")} {...form.register("ed25519")} />
        {v.ed25519 &&
          (publicKey ? (
            <p className="flex items-center gap-1 text-12">
              <span className="code min-w-0 break-all">{publicKey}</span>
              <CopyButton value={publicKey} label={t("copyPublicKey")} />
            </p>
          ) : (
            <p className="text-12 text-fg-3">{t("form.publicKeyLater")}</p>
          ))}
      </DrawerSection>
      <DrawerSection title={t("form.headers")}>
        <p className="text-12 text-fg-3">{t("form.headersHint")}</p>
        <HeaderFields form={form} destination={destination} />
        {form.formState.errors.headers?.message && (
          <p className="text-12 text-failed" role="alert">
            {form.formState.errors.headers.message}
          </p>
        )}
      </DrawerSection>
    </>
  );
}
