import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type CloudAccount,
  type CreateCloudAccountRequestSchema,
  CredentialKind,
} from "@/gen/cloudhub/v1/cloud_account_pb";

/** The two ways into an AWS account. */
export type Way = "role" | "key";

export type CredentialValues = {
  way: Way;
  roleArn: string;
  accessKeyId: string;
  secretAccessKey: string;
  homeRegion: string;
};

export const noCredential: CredentialValues = {
  way: "role",
  roleArn: "",
  accessKeyId: "",
  secretAccessKey: "",
  homeRegion: "us-east-1",
};

/** The paths of the contract that violations name, in the order of the form. */
export const credentialFields = {
  "aws_role.role_arn": "roleArn",
  "aws_role.home_region": "homeRegion",
  "aws_access_key.access_key_id": "accessKeyId",
  "aws_access_key.secret_access_key": "secretAccessKey",
  "aws_access_key.home_region": "homeRegion",
} as const;

type Credential = NonNullable<MessageInitShape<typeof CreateCloudAccountRequestSchema>["credential"]>;

/** What is sent of the values; of the other way nothing is. */
export function credentialOf(values: CredentialValues, preparationId: string): Credential {
  const { way, roleArn, accessKeyId, secretAccessKey, homeRegion } = values;
  return way === "role"
    ? { case: "awsRole", value: { roleArn, preparationId, homeRegion } }
    : { case: "awsAccessKey", value: { accessKeyId, secretAccessKey, homeRegion } };
}

export const byRole = (account: CloudAccount) => account.credentialKind === CredentialKind.AWS_ROLE;

/** "CloudHub" of "arn:aws:iam::123456789012:role/ops/CloudHub" */
export const roleName = (arn: string) => arn.slice(arn.lastIndexOf("/") + 1);

/** What AWS calls an ARN of a role. */
export const isRoleArn = (text: string) => /^arn:aws:iam::\d{12}:role\/([!-~]+\/)?[\w+=,.@-]{1,64}$/.test(text);
