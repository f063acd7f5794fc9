import type { ServiceImpl } from "@connectrpc/connect";
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import {
  type CloudAccount,
  CloudAccountService,
  CloudAccountState,
  type CreateCloudAccountRequest,
  CredentialKind,
  type DeleteCloudAccountRequest,
  type PrepareAwsRoleRequest,
  type ReplaceCloudAccountCredentialRequest,
  type UpdateCloudAccountRequest,
} from "@/gen/cloudhub/v1/cloud_account_pb";
import { InventoryService, type SyncInventoryRequest } from "@/gen/cloudhub/v1/inventory_pb";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { renderInWorkspace } from "@/test/app";
import { accountId, Code, fakeAccount, fakeError, fakeRole, orgId, workspaceId } from "@/test/fakes";
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
      rpc.service(CloudAccountService, {
        listCloudAccounts: () => ({ cloudAccounts: accounts }),
        prepareAwsRole: () => fakeRole(),
        ...service,
      });
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
    await user.click(screen.getByRole("radio", { name: "Chave de acesso" }));
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
    await user.click(await screen.findByRole("radio", { name: "Chave de acesso" }));
    expect(JSON.parse(policy()).Statement.flatMap((one: { Action: string[] }) => one.Action)).toEqual([
      "ec2:DescribeInstances",
      "ec2:DescribeRegions",
      "sts:GetCallerIdentity",
    ]);
    await user.click(screen.getByRole("switch", { name: /Só observar/ }));
    expect(policy()).toContain("ec2:StopInstances");
  });
});

describe("an account by role", () => {
  const at = `${here}?add=aws`;
  const arn = "arn:aws:iam::447122901836:role/CloudHub";
  const external = fakeRole().externalId;
  const shown = () => document.querySelector("pre")?.textContent;
  const submit = (user: ReturnType<typeof userEvent.setup>) =>
    user.click(screen.getByRole("button", { name: "Provar e acrescentar" }));

  it("is the way that is offered, with documents that follow the choice", async () => {
    const { user } = setup([], {}, { at });
    expect((await screen.findByRole("radio", { name: "Papel (recomendado)" })).getAttribute("aria-checked")).toBe(
      "true",
    );
    expect(await screen.findByText(external)).toBeTruthy();
    expect(screen.getByText(fakeRole().principalArn)).toBeTruthy();
    expect(shown()).toBe("read: template");
    await user.click(screen.getByRole("switch", { name: /Só observar/ }));
    expect(shown()).toBe("full: template");
    await user.click(screen.getByRole("radio", { name: "Permissões" }));
    expect(shown()).toBe('{"full": "policy"}');
    await user.click(screen.getByRole("radio", { name: "Confiança" }));
    expect(shown()).toBe(fakeRole().trustPolicy);
    await user.click(screen.getByRole("button", { name: "Copiar o documento" }));
    expect(await navigator.clipboard.readText()).toBe(fakeRole().trustPolicy);
    await user.click(screen.getByRole("button", { name: "Copiar o external id" }));
    expect(await navigator.clipboard.readText()).toBe(external);
    expect(screen.queryByLabelText("Segredo")).toBeNull();
  });

  it("downloads a document under a name that says what it is", async () => {
    const saved: Array<{ name: string; text: Promise<string> }> = [];
    let blob: Blob | undefined;
    URL.createObjectURL = (given) => {
      blob = given as Blob;
      return "blob:here";
    };
    URL.revokeObjectURL = () => {};
    const click = HTMLAnchorElement.prototype.click;
    HTMLAnchorElement.prototype.click = function () {
      if (blob) saved.push({ name: this.download, text: blob.text() });
    };
    try {
      const { user } = setup([], {}, { at });
      await user.click(await screen.findByRole("button", { name: "Baixar" }));
    } finally {
      HTMLAnchorElement.prototype.click = click;
    }
    expect(saved.map((file) => file.name)).toEqual(["cloudhub-role.yaml"]);
    expect(await saved[0]?.text).toBe("read: template");
  });

  it("sends the ARN with the preparation, and nothing of a key", async () => {
    const sent: CreateCloudAccountRequest[] = [];
    const { user, router } = setup(
      [],
      {
        createCloudAccount: (request) => {
          sent.push(request);
          return { cloudAccount: fakeAccount(7) };
        },
      },
      { at },
    );
    await user.type(await screen.findByLabelText("Nome"), "ipe-dev");
    await user.type(await screen.findByLabelText("ARN do papel"), "arn:aws:iam::1:user/x");
    await submit(user);
    const field = screen.getByLabelText<HTMLInputElement>("ARN do papel");
    await waitFor(() => expect(field.getAttribute("aria-invalid")).toBe("true"));
    expect(sent).toHaveLength(0);
    await user.clear(field);
    await user.type(field, ` ${arn} `);
    await submit(user);
    await waitFor(() => expect(router.state.location.search).toBe(`?open=${accountId(7)}`));
    expect(sent[0]?.credential).toMatchObject({
      case: "awsRole",
      value: { roleArn: arn, preparationId: fakeRole().preparationId, homeRegion: "us-east-1" },
    });
  });

  it.each([
    ["ROLE_WITHOUT_EXTERNAL_ID", "pode ser assumido sem o external id"],
    ["ROLE_NOT_ASSUMABLE", "não nos deixa assumir este papel (AccessDenied)"],
  ])("says %s at the field", async (reason, text) => {
    const { user } = setup(
      [],
      {
        createCloudAccount: () => {
          throw fakeError(Code.InvalidArgument, reason, {
            metadata: { detail: "AccessDenied" },
            fields: { "aws_role.role_arn": reason },
          });
        },
      },
      { at },
    );
    await user.type(await screen.findByLabelText("Nome"), "ipe-dev");
    const field = await screen.findByLabelText("ARN do papel");
    await user.type(field, arn);
    await submit(user);
    await waitFor(() => expect(field.getAttribute("aria-invalid")).toBe("true"));
    const described = field.getAttribute("aria-describedby")?.split(" ")[0] ?? "";
    expect(document.getElementById(described)?.textContent).toContain(text);
    expect(document.activeElement).toBe(field);
  });

  it("says plainly that the installation has no identity, and a key still works", async () => {
    const { user } = setup(
      [],
      {
        prepareAwsRole: () => {
          throw fakeError(Code.FailedPrecondition, "ROLE_PRINCIPAL_MISSING");
        },
      },
      { at },
    );
    const alert = await screen.findByRole("alert");
    expect(alert.textContent).toContain("Aqui não dá para usar um papel");
    expect(alert.textContent).toContain("Quem a opera pode configurar uma");
    const button = screen.getByRole<HTMLButtonElement>("button", { name: "Provar e acrescentar" });
    expect(button.disabled).toBe(true);
    expect(screen.queryByLabelText("ARN do papel")).toBeNull();
    await user.click(screen.getByRole("radio", { name: "Chave de acesso" }));
    expect(button.disabled).toBe(false);
    expect(screen.getByLabelText("Id da chave")).toBeTruthy();
  });

  it("shows another external id when the one of the form is no longer valid", async () => {
    let asked = 0;
    const { user } = setup(
      [],
      {
        prepareAwsRole: () => fakeRole({ externalId: `external-${++asked}` }),
        createCloudAccount: () => {
          throw fakeError(Code.FailedPrecondition, "ROLE_PREPARATION_GONE");
        },
      },
      { at },
    );
    expect(await screen.findByText("external-1")).toBeTruthy();
    await user.type(screen.getByLabelText("Nome"), "ipe-dev");
    await user.type(screen.getByLabelText("ARN do papel"), arn);
    await submit(user);
    expect(await screen.findByText("external-2")).toBeTruthy();
    expect((await screen.findByRole("alert")).textContent).toContain("não vale mais");
  });

  it("is told in the list, in the drawer and when it is removed", async () => {
    const account = fakeAccount(1, {
      credentialKind: CredentialKind.AWS_ROLE,
      credentialHint: "",
      roleArn: arn,
      roleExternalId: external,
    });
    const { user } = setup([account], {}, { at: `${here}?open=${accountId(1)}` });
    const drawer = await screen.findByRole("complementary", { name: /conta-1/ });
    expect(within(drawer).getByText(arn)).toBeTruthy();
    expect(within(drawer).getByText(external)).toBeTruthy();
    expect(within(drawer).getByText("papel da AWS")).toBeTruthy();
    expect(within(screen.getByRole("table")).getByText("papel CloudHub")).toBeTruthy();
    await user.click(within(drawer).getByRole("button", { name: "Remover" }));
    expect((await screen.findByRole("alertdialog")).textContent).toContain("O papel CloudHub deixa de ser usado");
  });

  it("takes a key's place, with the account's own external id", async () => {
    const asked: PrepareAwsRoleRequest[] = [];
    const sent: ReplaceCloudAccountCredentialRequest[] = [];
    let fails = true;
    const { user, router } = setup(
      [fakeAccount(1)],
      {
        prepareAwsRole: (request) => {
          asked.push(request);
          return fakeRole({ preparationId: "" });
        },
        replaceCloudAccountCredential: (request) => {
          sent.push(request);
          if (fails)
            throw fakeError(Code.FailedPrecondition, "ACCOUNT_MISMATCH", {
              metadata: { found: "111122223333", external_id: "447122901836" },
            });
          return { cloudAccount: fakeAccount(1) };
        },
      },
      { at: `${here}?open=${accountId(1)}` },
    );
    await user.click(await screen.findByRole("button", { name: "Trocar a credencial" }));
    const panel = await screen.findByRole("complementary", { name: "Trocar a credencial de conta-1" });
    await user.type(await within(panel).findByLabelText("ARN do papel"), arn);
    const go = () => user.click(within(panel).getByRole("button", { name: "Provar e trocar" }));
    await go();
    const alert = await within(panel).findByRole("alert");
    expect(alert.textContent).toContain("Nada foi trocado");
    expect(alert.textContent).toContain("Isto abre a conta 111122223333");
    fails = false;
    await go();
    await waitFor(() => expect(router.state.location.search).toBe(`?open=${accountId(1)}`));
    expect(asked[0]?.cloudAccountId).toBe(accountId(1));
    expect(sent[1]).toMatchObject({
      cloudAccountId: accountId(1),
      etag: '"1"',
      credential: { case: "awsRole", value: { roleArn: arn, preparationId: "" } },
    });
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
