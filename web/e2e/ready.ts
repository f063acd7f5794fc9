import { readFileSync } from "node:fs";

type Ready = {
  url: string;
  demo?: { email: string; password: string };
};

const path = process.env.CLOUDHUB_READY;
const ready: Ready | undefined = path ? JSON.parse(readFileSync(path, "utf8")) : undefined;

export const baseURL = ready?.url ?? process.env.CLOUDHUB_URL ?? "http://127.0.0.1:8080";

/** The person of the demonstration. */
export function demo() {
  if (!ready?.demo) throw new Error("CLOUDHUB_READY does not name the ready.json of a demonstration");
  return ready.demo;
}
