import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button, IconButton } from "./Button";

/** Copies `value`. Says so in place: the icon turns into a tick for two seconds. */
export function CopyButton({
  value,
  label,
  text,
}: {
  value: string;
  label: string /** Shown as a small button with words. */;
  text?: string;
}) {
  const { t } = useTranslation("common");
  const [copied, setCopied] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async () => {
    await navigator.clipboard.writeText(value);
    setCopied(true);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setCopied(false), 2000);
  };
  return (
    <>
      {text ? (
        <Button small icon={copied ? "check" : "copy"} onClick={copy}>
          {copied ? t("copied") : text}
        </Button>
      ) : (
        <IconButton small icon={copied ? "check" : "copy"} label={label} onClick={copy} />
      )}
      <span className="sr" role="status">
        {copied ? t("copied") : ""}
      </span>
    </>
  );
}
