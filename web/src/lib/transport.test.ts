import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { describe, expect, it, vi } from "vitest";
import { AuthService } from "@/gen/cloudhub/v1/auth_pb";
import { UserService } from "@/gen/cloudhub/v1/user_pb";
import { bearer } from "./transport";

function wire(session: { token: () => Promise<string>; renew: (stale: string) => Promise<string> }, accepted: string) {
  const seen: Array<string | null> = [];
  const transport = createRouterTransport(
    (rpc) => {
      rpc.service(UserService, {
        getMe: (_request, context) => {
          const header = context.requestHeader.get("authorization");
          seen.push(header);
          if (header !== `Bearer ${accepted}`) throw new ConnectError("old", Code.Unauthenticated);
          return {};
        },
      });
      rpc.service(AuthService, {
        login: (_request, context) => {
          seen.push(context.requestHeader.get("authorization"));
          return {};
        },
      });
    },
    { transport: { interceptors: [bearer(session)] } },
  );
  return { transport, seen };
}

describe("bearer", () => {
  it("sends a refused request once more with a new token", async () => {
    const session = { token: vi.fn(async () => "old"), renew: vi.fn(async (_stale: string) => "new") };
    const { transport, seen } = wire(session, "new");
    await createClient(UserService, transport).getMe({});
    expect(seen).toEqual(["Bearer old", "Bearer new"]);
    expect(session.renew).toHaveBeenCalledWith("old");
  });

  it("gives up after the second refusal", async () => {
    const session = { token: async () => "old", renew: async () => "also old" };
    const { transport, seen } = wire(session, "another");
    await expect(createClient(UserService, transport).getMe({})).rejects.toMatchObject({ code: Code.Unauthenticated });
    expect(seen).toHaveLength(2);
  });

  it("never puts a token on the requests that get one", async () => {
    const session = { token: vi.fn(async () => "t"), renew: vi.fn(async () => "t") };
    const { transport, seen } = wire(session, "t");
    await createClient(AuthService, transport).login({ email: "a", password: "b" });
    expect(seen).toEqual([null]);
    expect(session.token).not.toHaveBeenCalled();
  });
});
