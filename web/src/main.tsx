import { TransportProvider } from "@connectrpc/connect-query";
import { QueryClientProvider } from "@tanstack/react-query";
import { setNonce } from "get-nonce";
import { StrictMode, Suspense } from "react";
import { createRoot } from "react-dom/client";
import { RouterProvider } from "react-router";
import { createRouter } from "./app/router";
import { initI18n } from "./i18n";
import { session } from "./lib/auth/browser";
import { createQueryClient, createTransport } from "./lib/transport";
import "./styles/app.css";

// The server writes a nonce for each answer; a dialog's scroll lock is a style
// that the policy lets through only with it.
const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content;
if (nonce) setNonce(nonce);

const transport = createTransport(session);
const queryClient = createQueryClient();
const root = document.getElementById("root");
if (!root) throw new Error("index.html lacks #root");

await initI18n();
const router = createRouter({ session, queryClient, transport });

createRoot(root).render(
  <StrictMode>
    <TransportProvider transport={transport}>
      <QueryClientProvider client={queryClient}>
        <Suspense>
          <RouterProvider router={router} />
        </Suspense>
      </QueryClientProvider>
    </TransportProvider>
  </StrictMode>,
);
