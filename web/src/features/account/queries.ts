import { useMutation, useQuery } from "@connectrpc/connect-query";
import { useQueryClient } from "@tanstack/react-query";
import { CloudAccountService } from "@/gen/cloudhub/v1/cloud_account_pb";
import { InventoryService } from "@/gen/cloudhub/v1/inventory_pb";
import { Permission } from "@/gen/cloudhub/v1/options_pb";
import { ScheduleService } from "@/gen/cloudhub/v1/schedule_pb";
import { invalidate } from "@/lib/stream/apply";
import { useWorkspace } from "@/lib/workspace";

/** All accounts: plans allow far fewer than the 500 of one answer. */
export function useCloudAccounts() {
  const { ids, can } = useWorkspace();
  return useQuery(
    CloudAccountService.method.listCloudAccounts,
    { ...ids, pageSize: 500 },
    { enabled: can(Permission.RESOURCES_VIEW) },
  );
}

export function useCreateCloudAccount() {
  const client = useQueryClient();
  return useMutation(CloudAccountService.method.createCloudAccount, {
    // The account has used the external id up: the next one gets another.
    onSuccess: () =>
      invalidate(client, [CloudAccountService.method.listCloudAccounts, CloudAccountService.method.prepareAwsRole]),
  });
}

/**
 * How a role must look, for an account that is there or for a new one. Asking
 * again answers the same external id until an account uses it.
 */
export function usePreparedRole(cloudAccountId = "") {
  const { ids } = useWorkspace();
  return useQuery(CloudAccountService.method.prepareAwsRole, { ...ids, cloudAccountId }, { retry: false });
}

export function useReplaceCredential() {
  const client = useQueryClient();
  return useMutation(CloudAccountService.method.replaceCloudAccountCredential, {
    onSettled: () => invalidate(client, [CloudAccountService.method.listCloudAccounts]),
  });
}

export function useUpdateCloudAccount() {
  const client = useQueryClient();
  return useMutation(CloudAccountService.method.updateCloudAccount, {
    // Also after a refusal: an old etag means that there is something newer to read.
    // The machines of an account say themselves whether it is only observed.
    onSettled: () =>
      invalidate(client, [
        CloudAccountService.method.listCloudAccounts,
        InventoryService.method.listResources,
        InventoryService.method.getResource,
      ]),
  });
}

export function useDeleteCloudAccount() {
  const client = useQueryClient();
  return useMutation(CloudAccountService.method.deleteCloudAccount, {
    // Its machines leave the inventory and the schedules with it.
    onSuccess: () =>
      invalidate(client, [
        CloudAccountService.method.listCloudAccounts,
        InventoryService.method.listResources,
        ScheduleService.method.listSchedules,
      ]),
  });
}

export function useSyncAccounts() {
  return useMutation(InventoryService.method.syncInventory);
}
