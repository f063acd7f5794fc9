import type { TFunction } from "i18next";
import { Simulated } from "@/components/Badge";
import type { Column } from "@/components/Table";
import type { CloudAccount } from "@/gen/cloudhub/v1/cloud_account_pb";
import type { Operation } from "@/gen/cloudhub/v1/operation_pb";
import type { Resource } from "@/gen/cloudhub/v1/resource_pb";
import { AloneMark } from "./AloneMark";
import { StateCell } from "./StateCell";

export interface ColumnsOf {
  t: TFunction<"instance">;
  accounts: ReadonlyMap<string, CloudAccount>;
  operations: ReadonlyMap<string, Operation>;
}

export function instanceColumns({ t, accounts, operations }: ColumnsOf): Column<Resource>[] {
  return [
    {
      id: "name",
      header: t("column.name"),
      cell: (r) => r.name || r.providerId,
      after: (r) => (
        <>
          <AloneMark resource={r} />
          <Simulated when={r.simulated} />
        </>
      ),
      name: true,
      sortable: true,
      phone: 1,
      width: 180,
    },
    {
      id: "state",
      header: t("column.state"),
      cell: (r) => <StateCell resource={r} operation={operations.get(r.operationId)} />,
      phone: 3,
      width: 168,
    },
    { id: "type", header: t("column.type"), cell: (r) => <span className="text-fg-2">{r.type}</span>, phone: 4 },
    {
      id: "zone",
      header: t("column.zone"),
      cell: (r) => <span className="text-fg-2">{r.zone || r.region}</span>,
      priority: 3,
      phone: 2,
    },
    {
      id: "account",
      header: t("column.account"),
      cell: (r) => <span className="text-fg-2">{accounts.get(r.cloudAccountId)?.name ?? "–"}</span>,
      priority: 2,
    },
  ];
}
