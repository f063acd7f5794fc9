import type { UseFormReturn } from "react-hook-form";
import { useFieldArray } from "react-hook-form";
import { useTranslation } from "react-i18next";
import { Button, IconButton } from "@/components/Button";
import { Checkbox, FormField, Input } from "@/components/form";
import type { Destination } from "@/gen/cloudhub/v1/webhook_pb";
import { headerProblem, isKept, MOST_HEADERS, type Values } from "./form";

/** Headers of one's own; the value of a secret one is kept and never shown. */
export function HeaderFields({
  form,
  destination,
}: {
  form: UseFormReturn<Values>;
  destination: Destination | undefined;
}) {
  const { t } = useTranslation("webhook");
  const { control, register, formState } = form;
  const { fields, append, remove } = useFieldArray({ control, name: "headers" });
  const headers = form.watch("headers");
  return (
    <div className="wh-headers">
      {fields.map((field, index) => {
        const header = headers[index];
        const kept = header !== undefined && isKept(header, destination);
        const error =
          formState.errors.headers?.[index]?.name?.message ?? formState.errors.headers?.[index]?.value?.message;
        return (
          <FormField
            key={field.id}
            group
            label={<span className="sr">{t("form.headerN", { n: index + 1 })}</span>}
            error={error}
          >
            <div className="wh-header">
              <Input
                id={undefined}
                aria-label={t("form.headerName")}
                placeholder={t("form.headerName")}
                maxLength={100}
                spellCheck={false}
                autoCapitalize="none"
                autoComplete="off"
                {...register(`headers.${index}.name`, {
                  validate: (_name, all) => {
                    const one = all.headers[index];
                    const problem = one && headerProblem(one, all.headers, destination);
                    // A value that is not written yet is told at the value.
                    return !problem || problem === "value" || t(`form.error.header.${problem}`);
                  },
                })}
              />
              <Input
                id={undefined}
                type={header?.secret ? "password" : "text"}
                aria-label={t("form.headerValue")}
                placeholder={kept ? t("form.headerKept") : t("form.headerValue")}
                maxLength={2000}
                spellCheck={false}
                autoCapitalize="none"
                autoComplete={header?.secret ? "new-password" : "off"}
                {...register(`headers.${index}.value`, {
                  validate: (_value, all) => {
                    const one = all.headers[index];
                    const problem = one && headerProblem(one, all.headers, destination);
                    return problem !== "value" || t("form.error.header.value");
                  },
                })}
              />
              <IconButton icon="trash" label={t("form.headerRemove", { n: index + 1 })} onClick={() => remove(index)} />
            </div>
            <Checkbox
              label={kept ? t("form.headerSecretKept") : t("form.headerSecret")}
              {...register(`headers.${index}.secret`)}
            />
          </FormField>
        );
      })}
      <div>
        <Button
          small
          icon="plus"
          disabled={fields.length >= MOST_HEADERS}
          onClick={() => append({ name: "", value: "", secret: false })}
        >
          {t("form.headerAdd")}
        </Button>
      </div>
    </div>
  );
}
