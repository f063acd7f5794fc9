/** The workspace looked at last, in this browser. */
const key = "cloudhub.place";

export function rememberPlace(orgId: string, workspaceId: string) {
  try {
    localStorage.setItem(key, `${orgId} ${workspaceId}`);
  } catch {
    // The first workspace opens next time.
  }
}

export function lastPlace(): { orgId: string; workspaceId: string } | undefined {
  try {
    const [orgId, workspaceId] = (localStorage.getItem(key) ?? "").split(" ");
    return orgId && workspaceId ? { orgId, workspaceId } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Where to go after signing in. Only a path of this origin: "//host", "/\host"
 * and anything with a scheme would leave it.
 */
export function safeNext(next: string | null): string {
  if (!next?.startsWith("/") || /^\/[/\\]/.test(next)) return "/";
  // Characters that a browser drops or turns into slashes before it resolves the address.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are the ones to refuse.
  if (/[\x00-\x1f\\]/.test(next)) return "/";
  const url = new URL(next, window.location.origin);
  return url.origin === window.location.origin ? url.pathname + url.search + url.hash : "/";
}
