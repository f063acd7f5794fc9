import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { toast } from "@/components/Toast";
import { DeliveryState, type Destination } from "@/gen/cloudhub/v1/webhook_pb";
import { toAppError } from "@/lib/errors";
import { invalidate } from "@/lib/stream/apply";
import { useWorkspace } from "@/lib/workspace";
import { useWebhookMutations, webhookMethods } from "./queries";
import { RemoveDialog } from "./RemoveDialog";
import { ReplayDialog, type ReplayWhat } from "./ReplayDialog";
import { RotateDialog } from "./RotateDialog";

type Open =
  | { kind: "rotate" | "remove"; destination: Destination }
  | { kind: "replay"; destination: Destination; what: ReplayWhat; onSent?: (() => void) | undefined };

/** What is done to a destination, and the dialog that it takes. */
export function useDestinationActions({
  onSecret,
  onRemoved,
}: {
  onSecret?: (destination: Destination, secret: string) => void;
  onRemoved?: (destination: Destination) => void;
} = {}) {
  const { t } = useTranslation("webhook");
  const { ids } = useWorkspace();
  const client = useQueryClient();
  const { pause, resume, replay } = useWebhookMutations();
  const [open, setOpen] = useState<Open>();
  const failed = (error: unknown) => toast(toAppError(error).text, { shape: "failed", seconds: 8 });
  const close = () => setOpen(undefined);

  const onPause = (destination: Destination) =>
    pause.mutate(
      { ...ids, destinationId: destination.id },
      {
        onSuccess: () => {
          invalidate(client, webhookMethods);
          toast(t("paused", { name: destination.name }), { shape: "held" });
        },
        onError: failed,
      },
    );

  /** What was held meanwhile is counted, and offered. */
  const onResume = async (destination: Destination) => {
    try {
      await resume.mutateAsync({ ...ids, destinationId: destination.id });
      invalidate(client, webhookMethods);
      toast(t("resumed", { name: destination.name }), { shape: "ok" });
      const { count } = await replay.mutateAsync({
        ...ids,
        destinationId: destination.id,
        what: { case: "range", value: { states: [DeliveryState.HELD] } },
        validateOnly: true,
      });
      if (count > 0) setOpen({ kind: "replay", destination, what: { kind: "held" } });
    } catch (error) {
      failed(error);
    }
  };

  const dialog = (): ReactNode => {
    switch (open?.kind) {
      case "rotate":
        return (
          <RotateDialog
            destination={open.destination}
            onClose={close}
            onRotated={(secret) => {
              close();
              onSecret?.(open.destination, secret);
            }}
          />
        );
      case "remove":
        return (
          <RemoveDialog
            destination={open.destination}
            onClose={close}
            onRemoved={() => {
              close();
              onRemoved?.(open.destination);
            }}
          />
        );
      case "replay":
        return (
          <ReplayDialog
            destination={open.destination}
            what={open.what}
            onClose={close}
            {...(open.onSent ? { onSent: open.onSent } : {})}
          />
        );
    }
  };

  return {
    dialog: dialog(),
    busy: pause.isPending || resume.isPending || replay.isPending,
    pause: onPause,
    resume: (destination: Destination) => void onResume(destination),
    rotate: (destination: Destination) => setOpen({ kind: "rotate", destination }),
    remove: (destination: Destination) => setOpen({ kind: "remove", destination }),
    replay: (destination: Destination, what: ReplayWhat, onSent?: () => void) =>
      setOpen({ kind: "replay", destination, what, onSent }),
  };
}
