/** What reading the inventory needs. */
const read = ["ec2:DescribeInstances", "ec2:DescribeRegions", "sts:GetCallerIdentity"];
/** What switching machines needs besides. */
const write = ["ec2:StartInstances", "ec2:StopInstances"];

/** The least that CloudHub asks of AWS, as a policy to paste. */
export function policy(observeOnly: boolean): string {
  const statement = (sid: string, actions: readonly string[]) => ({
    Sid: sid,
    Effect: "Allow",
    Action: actions,
    Resource: "*",
  });
  return JSON.stringify(
    {
      Version: "2012-10-17",
      Statement: [statement("CloudHubRead", read), ...(observeOnly ? [] : [statement("CloudHubPower", write)])],
    },
    null,
    2,
  );
}

type Missing = { missingPermissions: readonly string[] };

export const lacksPower = (account: Missing) => account.missingPermissions.some((name) => write.includes(name));
export const lacksRead = (account: Missing) => account.missingPermissions.some((name) => read.includes(name));

/** Where an account may be asked first. Every commercial region, by code. */
export const regions = [
  "us-east-1",
  "us-east-2",
  "us-west-1",
  "us-west-2",
  "sa-east-1",
  "ca-central-1",
  "ca-west-1",
  "mx-central-1",
  "eu-central-1",
  "eu-central-2",
  "eu-north-1",
  "eu-south-1",
  "eu-south-2",
  "eu-west-1",
  "eu-west-2",
  "eu-west-3",
  "ap-east-1",
  "ap-northeast-1",
  "ap-northeast-2",
  "ap-northeast-3",
  "ap-south-1",
  "ap-south-2",
  "ap-southeast-1",
  "ap-southeast-2",
  "ap-southeast-3",
  "ap-southeast-4",
  "ap-southeast-5",
  "ap-southeast-7",
  "af-south-1",
  "il-central-1",
  "me-central-1",
  "me-south-1",
] as const;

/** "4471 2290 1836": the twelve digits of an AWS account, in fours, so that they can be compared. */
export function spaced(externalId: string): string {
  return /^\d{12}$/.test(externalId) ? externalId.replace(/(\d{4})(?=\d)/g, "$1 ") : externalId;
}
