import { Code, ConnectError } from "@connectrpc/connect";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from "@/gen/google/rpc/error_details_pb";
import { textFor } from "@/i18n";

/** Any failure, in the shape that a screen can show. */
export type AppError = {
  /** From the error registry, e.g. "CONFLICT"; "OFFLINE" when no answer came. */
  reason: string;
  code: Code;
  /** In the person's language: what happened, what it means, what to do. */
  text: string;
  /** To give to whoever looks into it; empty when no server answered. */
  requestId: string;
  /** By the path of the contract, in snake_case: "aws_access_key.access_key_id". */
  fields: ReadonlyArray<{ path: string; text: string }>;
  metadata: Readonly<Record<string, string>>;
  /** Milliseconds after which trying again makes sense, when the server said so. */
  retryAfter: number | undefined;
};

/** Turns whatever was thrown into an AppError. Call it while rendering, so that the language is the current one. */
export function toAppError(thrown: unknown): AppError {
  const error = ConnectError.from(thrown);
  const info = error.findDetails(ErrorInfoSchema).find((detail) => detail.domain === "cloudhub");
  const metadata = info?.metadata ?? {};
  const reason = info?.reason || fallbackReason(error);
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return {
    reason,
    code: error.code,
    text: reasonText(reason, metadata) ?? reasonText("INTERNAL", {}) ?? error.rawMessage,
    requestId: error.findDetails(RequestInfoSchema)[0]?.requestId || error.metadata.get("x-request-id") || "",
    fields: error
      .findDetails(BadRequestSchema)
      .flatMap((detail) => detail.fieldViolations)
      .map((violation) => ({
        path: violation.field,
        text: fieldText(violation.reason, violation.description, metadata),
      })),
    metadata,
    retryAfter: delay ? Number(delay.seconds) * 1000 + delay.nanos / 1e6 : undefined,
  };
}

export function useAppError(thrown: unknown): AppError | undefined {
  const { i18n: current } = useTranslation();
  const language = current.language;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text depends on the language.
  return useMemo(() => (thrown ? toAppError(thrown) : undefined), [thrown, language]);
}

/** The text of a reason in the registry, undefined when it is not there. */
export function reasonText(reason: string, values: Readonly<Record<string, string>> = {}): string | undefined {
  return textFor("reasons", reason, values);
}

/** A violation says its registry reason, or the rule of the contract that it broke ("string.min_len"). */
function fieldText(reason: string, description: string, metadata: Record<string, string>): string {
  const registered = reason ? reasonText(reason, metadata) : undefined;
  if (registered) return registered;
  const rule = reason ? textFor("common", `field.${reason.replaceAll(".", "_")}`) : undefined;
  return rule ?? (description || (textFor("common", "field.invalid") ?? ""));
}

function fallbackReason(error: ConnectError): string {
  switch (error.code) {
    case Code.Unauthenticated:
      return "UNAUTHENTICATED";
    case Code.PermissionDenied:
      return "PERMISSION_DENIED";
    case Code.NotFound:
      return "NOT_FOUND";
    case Code.InvalidArgument:
      return "VALIDATION";
    case Code.ResourceExhausted:
      return "RATE_LIMITED";
    case Code.Canceled:
      return "CANCELLED";
    case Code.DeadlineExceeded:
      return "DEADLINE";
    case Code.Unavailable:
      return "UNAVAILABLE";
    default:
      // fetch() says a failed connection with a TypeError and nothing else.
      return error.cause instanceof TypeError ? "OFFLINE" : "INTERNAL";
  }
}

/** Whether asking again by itself could help: not when the request itself was refused. */
export function worthRetrying(thrown: unknown): boolean {
  const { code } = ConnectError.from(thrown);
  return code === Code.Unavailable || code === Code.DeadlineExceeded || code === Code.Unknown || code === Code.Internal;
}

export function isReason(thrown: unknown, reason: string): boolean {
  return Boolean(thrown) && toAppError(thrown).reason === reason;
}
