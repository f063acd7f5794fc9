import type { ServiceImpl } from "@connectrpc/connect";
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import {
  type CloudAccount,
  CloudAccountService,
  CloudAccountState,
  type CreateCloudAccountRequest,
  type DeleteCloudAccountRequest,
  type UpdateCloudAccountRequest,
} from "@/gen/cloudhub/v1/cloud_account_pb";
import { InventoryService, type SyncInventoryRequest } from "@/gen/cloudhub/v1/inventory_pb";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { renderInWorkspace } from "@/test/app";
import { accountId, Code, fakeAccount, fakeError, orgId, workspaceId } from "@/test/fakes";
import { AccountsPage } from "./AccountsPage";

const here = `/o/${orgId}/w/${workspaceId}/accounts`;

function setup(
  accounts: CloudAccount[],
  service: Partial<ServiceImpl<typeof CloudAccountService>> = {},
  options: { at?: string; permissions?: Permission[] } = {},
) {
  const sync: SyncInventoryRequest[] = [];
  const view = renderInWorkspace(<AccountsPage />, {
    at: here,
    ...options,
    services: (rpc) => {
      rpc.service(CloudAccountService, { listCloudAccounts: () => ({ cloudAccounts: accounts }), ...service });
      rpc.service(InventoryService, {
        syncInventory: (request) => {
          sync.push(request);
          return { accounts: 1 };
        },
      });
    },
  });
  return { ...view, sync, user: userEvent.setup() };
}

describe("the list of accounts", () => {
  it("says how much was read, and which account is not the real cloud", async () => {
    const partial = fakeAccount(2, {
      name: "ipe-prd",
      state: CloudAccountState.PARTIAL,
      simulated: true,
      coverage: [
        { region: "sa-east-1", ok: true, count: 3 },
        { region: "us-east-1", reason: "PROVIDER_DENIED" },
      ],
    });
    setup([fakeAccount(1, { name: "ipe-hml" }), partial]);
    const row = (await screen.findByRole("button", { name: "ipe-prd" })).closest("tr") as HTMLElement;
    expect(within(row).getByText("Lida em parte")).toBeTruthy();
    expect(within(row).getByText("lidas 1 de 2 regiões")).toBeTruthy();
    expect(within(row).getByText("simulado")).toBeTruthy();
  });

  it("offers an account to those who may add one, and says who can to the others", async () => {
    const { unmount } = setup([]);
    expect(await screen.findByText("Nenhuma conta de nuvem ainda")).toBeTruthy();
    expect(screen.getAllByRole("button", { name: "Acrescentar conta" })).toHaveLength(1);
    unmount();
    setup([], {}, { permissions: [Permission.RESOURCES_VIEW] });
    expect(await screen.findByText("Quem pode acrescentar: dona, dono ou admin.")).toBeTruthy();
    expect(screen.queryByRole("button", { name: "Acrescentar conta" })).toBeNull();
  });

  it("names the permission that is missing instead of asking for what would be refused", async () => {
    setup([fakeAccount(1)], {}, { permissions: [Permission.COSTS_VIEW] });
    expect(await screen.findByText("resources.view")).toBeTruthy();
    expect(screen.queryByText("conta-1")).toBeNull();
  });

  it("shows a failure with the request's id and reads again when asked", async () => {
    let broken = true;
    const { user } = setup([], {
      listCloudAccounts: () => {
        if (broken) throw fakeError(Code.Internal, "INTERNAL");
        return { cloudAccounts: [fakeAccount(1, { name: "ipe-hml" })] };
      },
    });
    expect(await screen.findByText("req_01KAT7Q2M9XF")).toBeTruthy();
    broken = false;
    await user.click(screen.getByRole("button", { name: "Tentar de novo" }));
    expect(await screen.findByRole("button", { name: "ipe-hml" })).toBeTruthy();
  });
});

describe("adding an account", () => {
  const fill = async (user: ReturnType<typeof userEvent.setup>) => {
    await user.type(await screen.findByLabelText("Nome"), "ipe-hml");
    await user.type(screen.getByLabelText("Id da chave"), " AKIAIOSFODNN7EXAMPLE ");
    await user.type(screen.getByLabelText("Segredo"), "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
  };
  const submit = (user: ReturnType<typeof userEvent.setup>) =>
    user.click(screen.getByRole("button", { name: "Provar e acrescentar" }));

  it("starts by looking only, sends what was typed and opens the new account", async () => {
    const sent: CreateCloudAccountRequest[] = [];
    const accounts: CloudAccount[] = [];
    const { user, router } = setup(
      accounts,
      {
        createCloudAccount: (request) => {
          sent.push(request);
          const cloudAccount = fakeAccount(7, { name: request.name, state: CloudAccountState.READING });
          accounts.push(cloudAccount);
          return { cloudAccount };
        },
      },
      { at: `${here}?add=aws` },
    );
    await fill(user);
    const observe = screen.getByRole<HTMLInputElement>("switch", { name: /Só observar/ });
    expect(observe.checked).toBe(true);
    expect(screen.getByLabelText("Segredo").getAttribute("autocomplete")).toBe("off");
    await submit(user);
    await waitFor(() => expect(router.state.location.search).toBe(`?open=${accountId(7)}`));
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({ orgId, workspaceId, name: "ipe-hml", observeOnly: true });
    expect(sent[0]?.credential).toMatchObject({
      case: "awsAccessKey",
      value: {
        accessKeyId: "AKIAIOSFODNN7EXAMPLE",
        secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        homeRegion: "us-east-1",
      },
    });
    expect(sent[0]?.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("names the permission that the trial missed, keeps what was typed, and asks again with the same id", async () => {
    const sent: CreateCloudAccountRequest[] = [];
    const { user } = setup(
      [],
      {
        createCloudAccount: (request) => {
          sent.push(request);
          throw fakeError(Code.FailedPrecondition, "PERMISSION_MISSING_AT_PROVIDER", {
            metadata: { permissions: "ec2:DescribeInstances, ec2:DescribeRegions" },
          });
        },
      },
      { at: `${here}?add=aws` },
    );
    await fill(user);
    await submit(user);
    const alert = await screen.findByRole("alert");
    expect(within(alert).getByText("ec2:DescribeInstances")).toBeTruthy();
    expect(within(alert).getByText("ec2:DescribeRegions")).toBeTruthy();
    expect(screen.getByLabelText<HTMLInputElement>("Segredo").value).not.toBe("");
    await submit(user);
    await waitFor(() => expect(sent).toHaveLength(2));
    expect(sent[1]?.requestId).toBe(sent[0]?.requestId);
    await user.type(screen.getByLabelText("Nome"), "-2");
    await submit(user);
    await waitFor(() => expect(sent).toHaveLength(3));
    expect(sent[2]?.requestId).not.toBe(sent[0]?.requestId);
  });

  it("puts violations at the fields of the key", async () => {
    const { user } = setup(
      [],
      {
        createCloudAccount: () => {
          throw fakeError(Code.InvalidArgument, "VALIDATION", {
            fields: { "aws_access_key.secret_access_key": "string.pattern" },
          });
        },
      },
      { at: `${here}?add=aws` },
    );
    await fill(user);
    await submit(user);
    const secret = screen.getByLabelText("Segredo");
    await waitFor(() => expect(secret.getAttribute("aria-invalid")).toBe("true"));
    expect(document.activeElement).toBe(secret);
  });

  it("shows the policy that goes with the choice", async () => {
    const { user } = setup([], {}, { at: `${here}?add=aws` });
    const policy = () => document.querySelector("pre")?.textContent ?? "";
    await screen.findByLabelText("Nome");
    expect(JSON.parse(policy()).Statement.flatMap((one: { Action: string[] }) => one.Action)).toEqual([
      "ec2:DescribeInstances",
      "ec2:DescribeRegions",
      "sts:GetCallerIdentity",
    ]);
    await user.click(screen.getByRole("switch", { name: /Só observar/ }));
    expect(policy()).toContain("ec2:StopInstances");
  });
});

describe("the drawer of an account", () => {
  const at = `${here}?open=${accountId(1)}`;

  it("says region by region what was not read and why", async () => {
    setup(
      [
        fakeAccount(1, {
          coverage: [
            { region: "sa-east-1", ok: true, count: 3 },
            { region: "us-west-2", reason: "PROVIDER_DENIED", detail: "UnauthorizedOperation" },
          ],
        }),
      ],
      {},
      { at },
    );
    const drawer = await screen.findByRole("complementary", { name: /conta-1/ });
    const region = within(drawer).getByText("us-west-2").closest("li") as HTMLElement;
    expect(region.textContent).toContain("O provedor recusou: falta uma permissão.");
    expect(region.textContent).toContain("UnauthorizedOperation");
  });

  it("switches observing with the etag last read, and tells when somebody was faster", async () => {
    const sent: UpdateCloudAccountRequest[] = [];
    const accounts = [fakeAccount(1)];
    const { user } = setup(
      accounts,
      {
        updateCloudAccount: (request) => {
          sent.push(request);
          accounts[0] = fakeAccount(1, { etag: '"newer"', version: 2n });
          throw fakeError(Code.Aborted, "CONFLICT");
        },
      },
      { at },
    );
    await user.click(await screen.findByRole("switch", { name: /Só observar/ }));
    expect((await screen.findByRole("alert")).textContent).toContain("Alguém mudou a conta nesse meio-tempo");
    expect(sent[0]).toMatchObject({
      cloudAccountId: accountId(1),
      observeOnly: false,
      etag: '"1"',
      updateMask: { paths: ["observe_only"] },
    });
    await waitFor(async () => {
      await user.click(screen.getByRole("switch", { name: /Só observar/ }));
      expect(sent.at(-1)?.etag).toBe('"newer"');
    });
  });

  it("renames with a mask of only the name", async () => {
    const sent: UpdateCloudAccountRequest[] = [];
    const accounts = [fakeAccount(1)];
    const { user } = setup(
      accounts,
      {
        updateCloudAccount: (request) => {
          sent.push(request);
          accounts[0] = fakeAccount(1, { name: request.name, version: 2n });
          return { cloudAccount: accounts[0] };
        },
      },
      { at },
    );
    await user.click(await screen.findByRole("button", { name: "Renomear" }));
    const field = screen.getByLabelText("Nome");
    await user.clear(field);
    await user.type(field, "ipe-novo");
    await user.click(screen.getByRole("button", { name: "Salvar" }));
    expect(await screen.findByRole("heading", { level: 2, name: "ipe-novo" })).toBeTruthy();
    expect(sent[0]).toMatchObject({ name: "ipe-novo", etag: '"1"', updateMask: { paths: ["name"] } });
  });

  it("reads now, only this account", async () => {
    const { user, sync } = setup([fakeAccount(1)], {}, { at });
    await user.click(await screen.findByRole("button", { name: "Ler agora" }));
    await waitFor(() => expect(sync).toHaveLength(1));
    expect(sync[0]).toMatchObject({ orgId, workspaceId, cloudAccountIds: [accountId(1)] });
  });

  it("removes only when the name is typed, and keeps the dialog when the account is busy", async () => {
    const sent: DeleteCloudAccountRequest[] = [];
    const { user } = setup(
      [fakeAccount(1, { resourceCount: 42 })],
      {
        deleteCloudAccount: (request) => {
          sent.push(request);
          throw fakeError(Code.FailedPrecondition, "ACCOUNT_BUSY");
        },
      },
      { at },
    );
    await user.click(await screen.findByRole("button", { name: "Remover" }));
    const dialog = await screen.findByRole("alertdialog");
    expect(dialog.textContent).toContain("42 recursos saem do inventário");
    expect(dialog.textContent).toContain("Nada muda na AWS");
    const button = within(dialog).getByRole<HTMLButtonElement>("button", { name: "Remover conta" });
    expect(button.disabled).toBe(true);
    await user.type(within(dialog).getByRole("textbox"), "conta-1");
    await user.click(button);
    expect((await within(dialog).findByRole("alert")).textContent).toContain(
      "Uma operação está mudando máquinas desta conta",
    );
    expect(sent[0]).toMatchObject({ cloudAccountId: accountId(1), etag: '"1"' });
  });

  it("shows no way to change to those who may only look", async () => {
    setup([fakeAccount(1)], {}, { at, permissions: [Permission.RESOURCES_VIEW] });
    expect(await screen.findByRole("button", { name: "Ler agora" })).toBeTruthy();
    expect(screen.queryByRole("button", { name: "Remover" })).toBeNull();
    expect(screen.getByRole<HTMLInputElement>("switch").disabled).toBe(true);
  });
});
