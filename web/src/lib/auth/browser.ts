import { timestampDate } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { useSyncExternalStore } from "react";
import type { AccessToken } from "@/gen/cloudhub/v1/auth_pb";
import { AuthService } from "@/gen/cloudhub/v1/auth_pb";
import { createSession, type Token } from "./session";

/** Without a bearer, since it is what gets one. */
const publicTransport = createConnectTransport({
  baseUrl: "/",
  useBinaryFormat: false,
  fetch: (input, init) => fetch(input, { ...init, credentials: "same-origin" }),
});
const auth = createClient(AuthService, publicTransport);

const key = "cloudhub.signed-in";

export function toToken(token: AccessToken | undefined): Token {
  if (!token) throw new ConnectError("no access token in the answer", Code.Internal);
  return { token: token.token, expires: token.expireTime ? timestampDate(token.expireTime).getTime() : Date.now() };
}

export const session = createSession({
  refresh: async () => toToken((await auth.refreshSession({})).accessToken),
  refused: (error) => ConnectError.from(error).code === Code.Unauthenticated,
  logout: async () => {
    await auth.logout({});
  },
  locks: navigator.locks ?? { request: (_name: string, run: () => unknown) => Promise.resolve(run()) },
  channel: new BroadcastChannel("cloudhub-session"),
  memory: {
    had: () => {
      try {
        return localStorage.getItem(key) === "1";
      } catch {
        return true;
      }
    },
    set: (had) => {
      try {
        if (had) localStorage.setItem(key, "1");
        else localStorage.removeItem(key);
      } catch {
        // It only saves a request.
      }
    },
  },
  now: () => Date.now(),
});

export function useSession() {
  return useSyncExternalStore(session.subscribe, session.state);
}
