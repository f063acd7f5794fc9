/**
 * The real pages over invented answers, to look at without a server. Served by
 * `npm run dev` as /preview.html and never built: the build starts at
 * index.html. ?path= says where, ?scene= which answers, ?theme= and ?lang=
 * how, ?now= keeps the stream from saying anything.
 */
import { TransportProvider } from "@connectrpc/connect-query";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode, Suspense } from "react";
import { createRoot } from "react-dom/client";
import { createMemoryRouter, RouterProvider } from "react-router";
import { routes } from "@/app/router";
import { initI18n, type Language } from "@/i18n";
import { createSession } from "@/lib/auth/session";
import { createQueryClient } from "@/lib/transport";
import "@/styles/app.css";
import { fakeTransport, type Scene } from "./scenes";

const query = new URLSearchParams(window.location.search);
for (const name of ["theme", "density"]) {
  const value = query.get(name);
  if (value) document.documentElement.dataset[name] = value;
}

const path = query.get("path") ?? "/";
const signedOut = path.startsWith("/sign-in") || path.startsWith("/register");
const session = createSession({
  refresh: async () => ({ token: "preview", expires: Date.now() + 300_000 }),
  refused: () => false,
  logout: async () => {},
  locks: navigator.locks,
  channel: new BroadcastChannel("preview"),
  memory: { had: () => !signedOut, set: () => {} },
  now: () => Date.now(),
});
const transport = fakeTransport((query.get("scene") as Scene | null) ?? "full");
const queryClient = createQueryClient();

await initI18n((query.get("lang") as Language | null) ?? "pt-BR");
const root = document.getElementById("root");
if (!root) throw new Error("preview.html lacks #root");
createRoot(root).render(
  <StrictMode>
    <TransportProvider transport={transport}>
      <QueryClientProvider client={queryClient}>
        <Suspense>
          <RouterProvider
            router={createMemoryRouter(routes({ session, queryClient, transport }), { initialEntries: [path] })}
          />
        </Suspense>
      </QueryClientProvider>
    </TransportProvider>
  </StrictMode>,
);
