import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  AwsRoleDocumentsSchema,
  CloudAccountSchema,
  CloudAccountState,
  CredentialKind,
  PrepareAwsRoleResponseSchema,
} from "@/gen/cloudhub/v1/cloud_account_pb";
import { Permission, Plan } from "@/gen/cloudhub/v1/options_pb";
import { Provider } from "@/gen/cloudhub/v1/resource_pb";
import { type GetMeResponse, GetMeResponseSchema, Role } from "@/gen/cloudhub/v1/user_pb";
import { BadRequestSchema, ErrorInfoSchema, RequestInfoSchema } from "@/gen/google/rpc/error_details_pb";

/** Stable ids, so that an assertion can name them. */
export const orgId = "11111111-1111-4111-8111-111111111111";
export const workspaceId = "22222222-2222-4222-8222-222222222222";
export const accountId = (n: number) => `33333333-3333-4333-8333-${String(n).padStart(12, "0")}`;

export const allPermissions = Object.values(Permission).filter(
  (value): value is Permission => typeof value === "number" && value !== Permission.UNSPECIFIED,
);

export function fakeMe(permissions: readonly Permission[] = allPermissions): GetMeResponse {
  return create(GetMeResponseSchema, {
    user: { id: "u1", email: "ana@meridiano.example", name: "Ana Prado", locale: "pt-BR" },
    organizations: [
      {
        id: orgId,
        name: "Ipê Alimentos",
        plan: Plan.PRO,
        role: permissions.length === allPermissions.length ? Role.OWNER : Role.VIEWER,
        permissions: [...permissions],
        workspaces: [
          { id: workspaceId, name: "Operação", timeZone: "America/Sao_Paulo", permissions: [...permissions] },
          {
            id: "22222222-2222-4222-8222-222222222223",
            name: "Homologação",
            timeZone: "America/Sao_Paulo",
            permissions: [...permissions],
          },
        ],
      },
      {
        id: "11111111-1111-4111-8111-111111111112",
        name: "Meridiano TI",
        plan: Plan.FREE,
        role: Role.ADMIN,
        workspaces: [
          {
            id: "22222222-2222-4222-8222-222222222224",
            name: "Default",
            timeZone: "America/Sao_Paulo",
            permissions: [...permissions],
          },
        ],
      },
    ],
  });
}

export function fakeAccount(n: number, changes: MessageInitShape<typeof CloudAccountSchema> = {}) {
  const now = Date.now();
  return create(CloudAccountSchema, {
    id: accountId(n),
    provider: Provider.AWS,
    name: `conta-${n}`,
    externalId: String(447122901835 + n),
    credentialHint: "QX7A",
    credentialKind: CredentialKind.AWS_ACCESS_KEY,
    observeOnly: true,
    state: CloudAccountState.OK,
    lastSyncTime: timestampFromMs(now - 130_000),
    nextSyncTime: timestampFromMs(now + 170_000),
    resourceCount: 42,
    coverage: [
      { region: "sa-east-1", ok: true, count: 30 },
      { region: "us-east-1", ok: true, count: 12 },
      { region: "us-west-2", ok: true, count: 0 },
      { region: "eu-west-1", ok: true, count: 0 },
    ],
    createTime: timestampFromDate(new Date("2026-03-12T14:00:00Z")),
    etag: `"${n}"`,
    version: 1n,
    ...changes,
  });
}

/** How a role must look, as the server says it. */
export function fakeRole(changes: MessageInitShape<typeof PrepareAwsRoleResponseSchema> = {}) {
  return create(PrepareAwsRoleResponseSchema, {
    preparationId: "44444444-4444-4444-8444-444444444444",
    externalId: "6e0f3a52-9a3c-4a52-8d0b-6f2f8f0b8a11",
    principalArn: "arn:aws:iam::905418276340:user/cloudhub",
    trustPolicy: '{"trust": "6e0f3a52-9a3c-4a52-8d0b-6f2f8f0b8a11"}',
    read: create(AwsRoleDocumentsSchema, { policy: '{"read": "policy"}', cloudformation: "read: template" }),
    full: create(AwsRoleDocumentsSchema, { policy: '{"full": "policy"}', cloudformation: "full: template" }),
    ...changes,
  });
}

/** An error as the server makes them: reason, metadata, violations and the request's id. */
export function fakeError(
  code: Code,
  reason: string,
  {
    metadata = {},
    fields = {},
    requestId = "req_01KAT7Q2M9XF",
  }: { metadata?: Record<string, string>; fields?: Record<string, string>; requestId?: string } = {},
) {
  const violations = Object.entries(fields).map(([field, rule]) => ({
    field,
    reason: rule,
    description: `english text for ${rule}`,
  }));
  return new ConnectError(`english text for ${reason}`, code, undefined, [
    { desc: ErrorInfoSchema, value: { reason, domain: "cloudhub", metadata } },
    { desc: RequestInfoSchema, value: { requestId } },
    ...(violations.length > 0 ? [{ desc: BadRequestSchema, value: { fieldViolations: violations } }] : []),
  ]);
}

export { Code };
