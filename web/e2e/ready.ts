import { readFileSync } from "node:fs";

type Ready = {
  url: string;
  sim_url?: string;
  demo?: { email: string; password: string };
};

const path = process.env.CLOUDHUB_READY;
const ready: Ready | undefined = path ? JSON.parse(readFileSync(path, "utf8")) : undefined;

export const baseURL = ready?.url ?? process.env.CLOUDHUB_URL ?? "http://127.0.0.1:8080";

/** Where the customer's own people work in the simulated cloud, and what lets them. */
export function simulated() {
  if (!path || !ready?.sim_url) throw new Error("CLOUDHUB_READY does not name the ready.json of a demonstration");
  return { url: ready.sim_url, token: readFileSync(`${path.replace(/[^/]*$/, "")}sim/token`, "utf8").trim() };
}

/** The person of the demonstration. */
export function demo() {
  if (!ready?.demo) throw new Error("CLOUDHUB_READY does not name the ready.json of a demonstration");
  return ready.demo;
}
