import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { QueryClient } from "@tanstack/react-query";
import { AuthService } from "@/gen/cloudhub/v1/auth_pb";
import type { Session } from "./auth/session";
import { worthRetrying } from "./errors";

/**
 * Puts the bearer on every request but those of AuthService, which are public.
 * A request that is refused for its token is sent once more with a new one.
 */
export function bearer(session: Pick<Session, "token" | "renew">): Interceptor {
  return (next) => async (request) => {
    if (request.service.typeName === AuthService.typeName) return next(request);
    const token = await session.token();
    request.header.set("Authorization", `Bearer ${token}`);
    try {
      return await next(request);
    } catch (error) {
      // A stream's request body cannot be sent twice; its owner opens it anew.
      if (request.stream || ConnectError.from(error).code !== Code.Unauthenticated) throw error;
      request.header.set("Authorization", `Bearer ${await session.renew(token)}`);
      return next(request);
    }
  };
}

/** Same origin, JSON: readable in the browser's own tools, and under one policy for cookies. */
export function createTransport(session: Pick<Session, "token" | "renew">) {
  return createConnectTransport({
    baseUrl: "/",
    useBinaryFormat: false,
    interceptors: [bearer(session)],
    fetch: (input, init) => fetch(input, { ...init, credentials: "same-origin" }),
  });
}

export function createQueryClient() {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // What was refused stays refused; what failed on the way is tried twice more.
        retry: (count, error) => count < 2 && worthRetrying(error),
        retryDelay: (attempt) => Math.min(8_000, 500 * 2 ** attempt) * (0.5 + Math.random() / 2),
        // The stream keeps what is on screen true.
        staleTime: 30_000,
        refetchOnWindowFocus: false,
      },
      mutations: { retry: false },
    },
  });
}
