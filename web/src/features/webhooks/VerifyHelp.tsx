import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Segmented } from "@/components/form";
import { CodeBlock } from "./CodeBlock";
// Run against the published example by verify.test.ts: what is shown is what was tried.
import go from "./verify/verify.go.txt?raw";
import node from "./verify/verify.mjs?raw";
import python from "./verify/verify.py?raw";
import shell from "./verify/verify.sh?raw";

const programs = { go, node, python, curl: shell } as const;
type Program = keyof typeof programs;
const names: Record<Program, { label: string; file: string }> = {
  go: { label: "Go", file: "verify.go" },
  node: { label: "Node", file: "verify.mjs" },
  python: { label: "Python", file: "verify.py" },
  curl: { label: "curl", file: "verify.sh" },
};
const HEADERS = ["webhook-id", "webhook-timestamp", "webhook-signature", "X-CloudHub-Signature"] as const;
const words = {
  "webhook-id": "id",
  "webhook-timestamp": "timestamp",
  "webhook-signature": "signature",
  "X-CloudHub-Signature": "simple",
} as const;

/** How a receiver makes sure that a delivery is ours. */
export function VerifyHelp() {
  const { t } = useTranslation("webhook");
  const [program, setProgram] = useState<Program>("go");
  const { label, file } = names[program];
  return (
    <section className="wh-help" aria-labelledby="verify-help">
      <div className="wh-help-head">
        <h2 id="verify-help">{t("verify.title")}</h2>
        <Segmented<Program>
          small
          label={t("verify.language")}
          value={program}
          onChange={setProgram}
          options={(Object.keys(programs) as Program[]).map((value) => ({ value, label: names[value].label }))}
        />
      </div>
      <div className="wh-verify">
        <div className="grid content-start gap-3">
          <p className="text-fg-2">{t("verify.what")}</p>
          <dl className="wh-verify-headers">
            {HEADERS.map((name) => (
              <div key={name}>
                <dt className="code">{name}</dt>
                <dd>{t(`verify.header.${words[name]}`)}</dd>
              </div>
            ))}
          </dl>
          <p className="text-fg-2">{t("verify.raw")}</p>
          <p className="text-fg-2">{t("verify.tolerance")}</p>
          <p className="text-fg-2">{t("verify.answer")}</p>
        </div>
        <CodeBlock
          label={t("verify.program", { name: label })}
          text={programs[program].trimEnd()}
          copies={programs[program]}
          copyLabel={t("verify.copy")}
          aside={<span className="code">{file}</span>}
          lang="en"
        />
      </div>
    </section>
  );
}
