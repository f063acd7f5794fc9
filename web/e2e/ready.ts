import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

type Ready = {
  url: string;
  sim_url?: string;
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

/** Asks the simulated clouds for something that a real one would do by itself. */
export async function simulator(method: "POST" | "DELETE", about: string, body?: unknown) {
  if (!path || !ready?.sim_url) throw new Error("the installation has no simulated clouds");
  const token = readFileSync(join(dirname(path), "sim", "token"), "utf8").trim();
  const answer = await fetch(`${ready.sim_url}/_sim/${about}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`the simulator answered ${answer.status}: ${await answer.text()}`);
  return answer.status === 204 ? undefined : ((await answer.json()) as { id: string });
}
