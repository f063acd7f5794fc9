package db_test

import (
	"crypto/md5" // as PostgreSQL's md5(): made-up ids, not a secret
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/cloudhub/cloudhub/db/dbtest"
	"github.com/cloudhub/cloudhub/db/gen"
)

func md5ID(org uuid.UUID, what string, i int) uuid.UUID {
	return uuid.UUID(md5.Sum(fmt.Appendf(nil, "%s%s%d", org, what, i)))
}

const page = 50

var (
	none   = []uuid.UUID{}
	noText = []string{}
)

func (e estate) resources() gen.ListResourcesParams {
	return gen.ListResourcesParams{
		OrgID: e.small.Org, WorkspaceID: e.small.Workspace, Kind: dbtest.Kind, AfterName: "", AfterID: uuid.Nil,
		CloudAccountIds: none, Regions: noText, States: noText, ResourceIds: none, TagKeys: noText, TagValues: noText, RowLimit: page,
	}
}

func (e estate) states() gen.CountResourcesByStateParams {
	return gen.CountResourcesByStateParams{
		OrgID: e.small.Org, WorkspaceID: e.small.Workspace, Kind: dbtest.Kind,
		CloudAccountIds: none, Regions: noText, ResourceIds: none, TagKeys: noText, TagValues: noText,
	}
}

// plans is the intended way to answer each list, for a page of 50.
func plans() map[string]plan {
	all := map[string]plan{}
	for _, group := range []map[string]plan{inventoryPlans(), accountPlans(), operationPlans(), powerPlans(), schedulePlans(), calendarPlans(), deliveryPlans(), exceptionPlans(), dispatchPlans(), adminPlans(), identityPlans()} {
		for name, p := range group {
			all[name] = p
		}
	}
	return all
}

func inventoryPlans() map[string]plan {
	// A third of the machines is gone, and is passed over on the way. The small
	// tenant has 500, which PostgreSQL may as well read and sort; the large one's
	// page must come off the index.
	return map[string]plan{
		"ListResources": {index: "resources_list", filtered: 200, run: ask((*gen.Queries).ListResources, estate.resources)},
		"ListResources further on": {index: "resources_list", filtered: 200, run: ask((*gen.Queries).ListResources, func(e estate) gen.ListResourcesParams {
			p := e.resources()
			p.AfterName = "machine 8"
			return p
		})},
		"ListResources of the large tenant": {index: "resources_list", filtered: page, large: true, run: ask((*gen.Queries).ListResources, func(e estate) gen.ListResourcesParams {
			p := e.resources()
			p.OrgID, p.WorkspaceID = e.large.Org, e.large.Workspace
			return p
		})},
		"ListResources by state": {index: "resources_list", filtered: 400, run: ask((*gen.Queries).ListResources, func(e estate) gen.ListResourcesParams {
			p := e.resources()
			p.States = []string{"running"}
			return p
		})},
		"ListResources by tag": {index: "resource_tags_pkey", filtered: 1010, run: ask((*gen.Queries).ListResources, func(e estate) gen.ListResourcesParams {
			p := e.resources()
			p.TagKeys, p.TagValues = []string{"env"}, []string{"env-7"}
			return p
		})},
		"ListResources by name": {index: "resources_list", filtered: 1010, run: ask((*gen.Queries).ListResources, func(e estate) gen.ListResourcesParams {
			p := e.resources()
			p.Search = "abc"
			return p
		})},
		"CountAllByState": {index: "resources_states", filtered: 400, alone: true, run: ask((*gen.Queries).CountAllByState, func(e estate) gen.CountAllByStateParams {
			return gen.CountAllByStateParams{OrgID: e.small.Org, WorkspaceID: e.small.Workspace, Kind: dbtest.Kind}
		})},
		"CountResourcesByState": {index: "resources_states", filtered: 400, run: ask((*gen.Queries).CountResourcesByState, estate.states)},
		"CountResourcesByState by tag": {index: "resource_tags_pkey", filtered: 1010, run: ask((*gen.Queries).CountResourcesByState, func(e estate) gen.CountResourcesByStateParams {
			p := e.states()
			p.TagKeys, p.TagValues = []string{"env"}, []string{"env-7"}
			return p
		})},
		"ResourcesByID": {index: "resources_pkey", filtered: 2, run: ask((*gen.Queries).ResourcesByID, func(e estate) gen.ResourcesByIDParams {
			return gen.ResourcesByIDParams{OrgID: e.small.Org, WorkspaceID: e.small.Workspace, Ids: []uuid.UUID{e.resource(1), e.resource(2)}}
		})},
		"ResourcesChangedSince": {index: "resources_changed", run: ask((*gen.Queries).ResourcesChangedSince, func(e estate) gen.ResourcesChangedSinceParams {
			return gen.ResourcesChangedSinceParams{OrgID: e.small.Org, WorkspaceID: e.small.Workspace, Since: recent(), RowLimit: page}
		})},
		"ResourcesOfRegion": {index: "resources_org_id_cloud_account_id_kind_region_provider_id_key", run: ask((*gen.Queries).ResourcesOfRegion, func(e estate) gen.ResourcesOfRegionParams {
			return gen.ResourcesOfRegionParams{OrgID: e.small.Org, CloudAccountID: md5ID(e.small.Org, "account", 3), Kind: dbtest.Kind, Region: dbtest.Region}
		})},
	}
}

func accountPlans() map[string]plan {
	return map[string]plan{
		"ListAccounts": {index: "cloud_accounts_list", run: ask((*gen.Queries).ListAccounts, func(e estate) gen.ListAccountsParams {
			return gen.ListAccountsParams{OrgID: e.small.Org, WorkspaceID: e.small.Workspace, RowLimit: page}
		})},
		"LockCredentialsToReseal": {index: "credentials_pkey or credentials_key", filtered: 50, run: ask((*gen.Queries).LockCredentialsToReseal, func(e estate) gen.LockCredentialsToResealParams {
			return gen.LockCredentialsToResealParams{OrgID: e.small.Org, Replaced: []string{"7"}, RowLimit: page}
		})},
		"ListAccountIDs": {index: "cloud_accounts_org_id_workspace_id_id_key", run: ask((*gen.Queries).ListAccountIDs, func(e estate) gen.ListAccountIDsParams {
			return gen.ListAccountIDsParams{OrgID: e.small.Org, WorkspaceID: e.small.Workspace}
		})},
		"AccountsChangedSince": {index: "cloud_accounts_changed", run: ask((*gen.Queries).AccountsChangedSince, func(e estate) gen.AccountsChangedSinceParams {
			return gen.AccountsChangedSinceParams{OrgID: e.small.Org, WorkspaceID: e.small.Workspace, Since: recent(), RowLimit: page}
		})},
		"Standing": {index: "memberships_pkey", run: ask((*gen.Queries).Standing, func(e estate) gen.StandingParams {
			return gen.StandingParams{OrgID: e.small.Org, WorkspaceID: e.small.Workspace, UserID: e.small.User}
		})},
	}
}

func operationPlans() map[string]plan {
	return map[string]plan{
		"ListOperations": {index: "operations_list", run: ask((*gen.Queries).ListOperations, func(e estate) gen.ListOperationsParams {
			return gen.ListOperationsParams{OrgID: e.small.Org, WorkspaceID: e.small.Workspace, BeforeAt: time.Now(), BeforeID: uuid.Max, RowLimit: page}
		})},
		"ListOperations of the large tenant": {index: "operations_list", large: true, run: ask((*gen.Queries).ListOperations, func(e estate) gen.ListOperationsParams {
			return gen.ListOperationsParams{OrgID: e.large.Org, WorkspaceID: e.large.Workspace, BeforeAt: time.Now(), BeforeID: uuid.Max, RowLimit: page}
		})},
		"ListOpenOperations": {index: "operations_open", run: ask((*gen.Queries).ListOpenOperations, func(e estate) gen.ListOpenOperationsParams {
			return gen.ListOpenOperationsParams{OrgID: e.small.Org, WorkspaceID: e.small.Workspace, BeforeAt: time.Now(), BeforeID: uuid.Max, RowLimit: page}
		})},
		"ListOperationsOfResource": {index: "operation_targets_resource", run: ask((*gen.Queries).ListOperationsOfResource, func(e estate) gen.ListOperationsOfResourceParams {
			return gen.ListOperationsOfResourceParams{OrgID: e.small.Org, ResourceID: e.resource(9), WorkspaceID: e.small.Workspace, BeforeAt: time.Now(), BeforeID: uuid.Max, RowLimit: page}
		})},
		"ListRunsOfSchedule": {index: "operation_schedules_runs", run: ask((*gen.Queries).ListRunsOfSchedule, func(e estate) gen.ListRunsOfScheduleParams {
			return gen.ListRunsOfScheduleParams{OrgID: e.small.Org, ScheduleID: e.schedule(9), WorkspaceID: e.small.Workspace, BeforeAt: time.Now(), BeforeID: uuid.Max, RowLimit: page}
		})},
		"ListTargets": {index: "operation_targets_pkey", run: ask((*gen.Queries).ListTargets, func(e estate) gen.ListTargetsParams {
			return gen.ListTargetsParams{OrgID: e.small.Org, OperationID: e.openOp}
		})},
		"TargetsOfResource": {index: "operation_targets_resource or operation_targets_pkey", filtered: 50, run: ask((*gen.Queries).TargetsOfResource, func(e estate) gen.TargetsOfResourceParams {
			return gen.TargetsOfResourceParams{OrgID: e.small.Org, ResourceID: e.resource(9), OperationIds: []uuid.UUID{e.openOp, e.small.Operation}}
		})},
		"ListOperationSchedules": {index: "operation_schedules_pkey", run: ask((*gen.Queries).ListOperationSchedules, func(e estate) gen.ListOperationSchedulesParams {
			return gen.ListOperationSchedulesParams{OrgID: e.small.Org, OperationIds: []uuid.UUID{e.openOp, e.small.Operation}}
		})},
		"OperationsChangedSince": {index: "operations_changed", run: ask((*gen.Queries).OperationsChangedSince, func(e estate) gen.OperationsChangedSinceParams {
			return gen.OperationsChangedSinceParams{OrgID: e.small.Org, WorkspaceID: e.small.Workspace, Since: recent(), RowLimit: page}
		})},
		"TargetsChangedSince": {index: "operation_targets_changed", run: ask((*gen.Queries).TargetsChangedSince, func(e estate) gen.TargetsChangedSinceParams {
			return gen.TargetsChangedSinceParams{OrgID: e.small.Org, WorkspaceID: e.small.Workspace, Since: recent(), RowLimit: page}
		})},
		"SchedulesChangedSince": {index: "schedules_changed", run: ask((*gen.Queries).SchedulesChangedSince, func(e estate) gen.SchedulesChangedSinceParams {
			return gen.SchedulesChangedSinceParams{OrgID: e.small.Org, WorkspaceID: e.small.Workspace, Since: recent(), RowLimit: page}
		})},
	}
}

func powerPlans() map[string]plan {
	return map[string]plan{
		"LockTargetResources": {index: "operation_targets_pkey", run: ask((*gen.Queries).LockTargetResources, func(e estate) gen.LockTargetResourcesParams {
			return gen.LockTargetResourcesParams{OrgID: e.small.Org, OperationID: e.openOp}
		})},
		"OrphanTargets": {index: "operation_targets_pkey", run: ask((*gen.Queries).OrphanTargets, func(e estate) gen.OrphanTargetsParams {
			return gen.OrphanTargetsParams{OrgID: e.small.Org, OperationID: e.openOp}
		})},
		"NewerIntents": {index: "operation_targets_resource", filtered: 50, run: ask((*gen.Queries).NewerIntents, func(e estate) gen.NewerIntentsParams {
			return gen.NewerIntentsParams{OrgID: e.small.Org, OperationID: e.openOp}
		})},
		"SupersedeOthers": {index: "operation_targets_resource", filtered: 50, run: ask((*gen.Queries).SupersedeOthers, func(e estate) gen.SupersedeOthersParams {
			return gen.SupersedeOthersParams{OrgID: e.small.Org, OperationID: e.openOp, ResourceIds: []uuid.UUID{e.resource(1), e.resource(2)}}
		})},
		"OpenTargets": {index: "operation_targets_pkey", filtered: 50, run: ask((*gen.Queries).OpenTargets, func(e estate) gen.OpenTargetsParams {
			return gen.OpenTargetsParams{OrgID: e.small.Org, OperationID: e.openOp, CloudAccountID: e.small.Account, Region: dbtest.Region}
		})},
	}
}

func schedulePlans() map[string]plan {
	return map[string]plan{
		"ListSchedules": {index: "schedules_list", run: ask((*gen.Queries).ListSchedules, func(e estate) gen.ListSchedulesParams {
			return gen.ListSchedulesParams{OrgID: e.small.Org, WorkspaceID: e.small.Workspace, AfterAt: time.Now(), RowLimit: page}
		})},
		"ListSchedules of the large tenant": {index: "schedules_list", large: true, run: ask((*gen.Queries).ListSchedules, func(e estate) gen.ListSchedulesParams {
			return gen.ListSchedulesParams{OrgID: e.large.Org, WorkspaceID: e.large.Workspace, AfterAt: time.Now(), RowLimit: page}
		})},
		"ListSchedulesOfResource": {index: "schedule_targets_resource", filtered: 10, run: ask((*gen.Queries).ListSchedulesOfResource, func(e estate) gen.ListSchedulesOfResourceParams {
			return gen.ListSchedulesOfResourceParams{OrgID: e.small.Org, ResourceID: e.resource(38), WorkspaceID: e.small.Workspace, RowLimit: page}
		})},
		"TargetIDsOfSchedules": {index: "schedule_targets_pkey", run: ask((*gen.Queries).TargetIDsOfSchedules, func(e estate) gen.TargetIDsOfSchedulesParams {
			return gen.TargetIDsOfSchedulesParams{OrgID: e.small.Org, ScheduleIds: []uuid.UUID{e.schedule(1), e.schedule(2)}}
		})},
		"RecentRuns": {index: "operation_schedules_runs", filtered: 50, run: ask((*gen.Queries).RecentRuns, func(e estate) gen.RecentRunsParams {
			return gen.RecentRunsParams{OrgID: e.small.Org, ScheduleIds: []uuid.UUID{e.schedule(1), e.schedule(2)}}
		})},
	}
}

func exceptionPlans() map[string]plan {
	ids := func(e estate) ([]uuid.UUID, []uuid.UUID) {
		return []uuid.UUID{e.small.Org, e.small.Org}, []uuid.UUID{e.schedule(1), e.schedule(2)}
	}
	selected := func(e estate) gen.CountSelectedParams {
		return gen.CountSelectedParams{
			OrgID: e.small.Org, WorkspaceID: e.small.Workspace, Kind: dbtest.Kind, CloudAccountIds: none, Regions: noText,
			TagCount: 1, TagKeys: []string{"env"}, TagValues: []string{"env-1"}, TagAnys: []bool{false},
		}
	}
	return map[string]plan{
		"SkipsOfSchedules": {index: "schedule_skips_pkey", run: ask((*gen.Queries).SkipsOfSchedules, func(e estate) gen.SkipsOfSchedulesParams {
			orgs, schedules := ids(e)
			return gen.SkipsOfSchedulesParams{OrgIds: orgs, Ids: schedules, Until: time.Now()}
		})},
		"HoldsOfSchedules": {index: "holds_schedule", run: ask((*gen.Queries).HoldsOfSchedules, func(e estate) gen.HoldsOfSchedulesParams {
			orgs, schedules := ids(e)
			return gen.HoldsOfSchedulesParams{OrgIds: orgs, Ids: schedules, Since: time.Now()}
		})},
		"DaysOfSchedules": {index: "calendar_days_pkey", filtered: 20, run: ask((*gen.Queries).DaysOfSchedules, func(e estate) gen.DaysOfSchedulesParams {
			orgs, schedules := ids(e)
			return gen.DaysOfSchedulesParams{OrgIds: orgs, Ids: schedules, Since: pgtype.Date{Time: time.Now(), Valid: true}}
		})},
		"AccountsOfWorkspaces": {index: "cloud_accounts_list or cloud_accounts_changed or cloud_accounts_org_id_workspace_id_id_key", filtered: 10, run: ask((*gen.Queries).AccountsOfWorkspaces, func(e estate) gen.AccountsOfWorkspacesParams {
			return gen.AccountsOfWorkspacesParams{OrgIds: []uuid.UUID{e.small.Org}, WorkspaceIds: []uuid.UUID{e.small.Workspace}}
		})},
		"ListNotifications": {index: "notifications_list", run: ask((*gen.Queries).ListNotifications, func(e estate) gen.ListNotificationsParams {
			return gen.ListNotificationsParams{UserID: e.small.User, OrgID: e.small.Org, WorkspaceID: e.small.Workspace, BeforeAt: time.Now().Add(time.Hour), BeforeID: uuid.Max, RowLimit: page}
		})},
		"ListHolds": {index: "holds_list", filtered: 50, run: ask((*gen.Queries).ListHolds, func(e estate) gen.ListHoldsParams {
			return gen.ListHoldsParams{OrgID: e.small.Org, WorkspaceID: e.small.Workspace, BeforeAt: time.Now().Add(time.Hour), BeforeID: uuid.Max, RowLimit: page}
		})},
		"HoldsInForce": {index: "holds_schedule", run: ask((*gen.Queries).HoldsInForce, func(e estate) gen.HoldsInForceParams {
			_, schedules := ids(e)
			return gen.HoldsInForceParams{OrgID: e.small.Org, ScheduleIds: schedules}
		})},
		"SkipsAhead": {index: "schedule_skips_pkey", run: ask((*gen.Queries).SkipsAhead, func(e estate) gen.SkipsAheadParams {
			_, schedules := ids(e)
			return gen.SkipsAheadParams{OrgID: e.small.Org, ScheduleIds: schedules, Since: time.Now()}
		})},
		"DaysOfCalendars": {index: "calendar_days_pkey", run: ask((*gen.Queries).DaysOfCalendars, func(e estate) gen.DaysOfCalendarsParams {
			return gen.DaysOfCalendarsParams{OrgID: e.small.Org, CalendarIds: []uuid.UUID{e.small.Calendar}, Since: pgtype.Date{Time: time.Now(), Valid: true}}
		})},
		"SchedulesOfResources": {index: "schedule_targets_resource", filtered: 10, run: ask((*gen.Queries).SchedulesOfResources, func(e estate) gen.SchedulesOfResourcesParams {
			return gen.SchedulesOfResourcesParams{OrgID: e.small.Org, ResourceIds: []uuid.UUID{e.resource(38), e.resource(75)}, WorkspaceID: e.small.Workspace, ExceptID: e.schedule(1)}
		})},
		"AccountNames": {index: "cloud_accounts_list or cloud_accounts_org_id_workspace_id_id_key", filtered: 10, run: ask((*gen.Queries).AccountNames, func(e estate) gen.AccountNamesParams {
			return gen.AccountNamesParams{OrgID: e.small.Org, WorkspaceID: e.small.Workspace}
		})},
		"PendingReadings": {index: "operation_readings_pkey", filtered: 10, run: ask((*gen.Queries).PendingReadings, func(e estate) gen.PendingReadingsParams {
			return gen.PendingReadingsParams{OrgID: e.small.Org, OperationID: e.small.Operation}
		})},
		"ListReadings": {index: "operation_readings_pkey", run: ask((*gen.Queries).ListReadings, func(e estate) gen.ListReadingsParams {
			return gen.ListReadingsParams{OrgID: e.small.Org, OperationID: e.small.Operation}
		})},
		"TargetsToTell": {index: "operation_targets_pkey", run: ask((*gen.Queries).TargetsToTell, func(e estate) gen.TargetsToTellParams {
			return gen.TargetsToTellParams{OrgID: e.small.Org, OperationID: e.openOp}
		})},
		"SchedulesToTell": {index: "operation_schedules_pkey", filtered: 10, run: ask((*gen.Queries).SchedulesToTell, func(e estate) gen.SchedulesToTellParams {
			return gen.SchedulesToTellParams{OrgID: e.small.Org, OperationID: e.openOp}
		})},
		"ListSelected": {index: "resource_tags_pkey", filtered: 2100, run: ask((*gen.Queries).ListSelected, func(e estate) gen.ListSelectedParams {
			p := selected(e)
			return gen.ListSelectedParams{
				OrgID: p.OrgID, WorkspaceID: p.WorkspaceID, Kind: p.Kind, CloudAccountIds: none, Regions: noText, TagCount: 1, TagKeys: p.TagKeys,
				TagValues: p.TagValues, TagAnys: p.TagAnys, RowLimit: page,
			}
		})},
		"CountSelected": {index: "resource_tags_pkey", filtered: 2100, run: ask((*gen.Queries).CountSelected, selected)},
		"CountChosen": {index: "resources_pkey", filtered: 10, run: ask((*gen.Queries).CountChosen, func(e estate) gen.CountChosenParams {
			return gen.CountChosenParams{OrgID: e.small.Org, WorkspaceID: e.small.Workspace, Ids: []uuid.UUID{e.resource(3), e.resource(6)}}
		})},
		"ResourcesByName": {index: "resources_list or resources_states", filtered: 1010, run: ask((*gen.Queries).ResourcesByName, func(e estate) gen.ResourcesByNameParams {
			return gen.ResourcesByNameParams{OrgID: e.small.Org, WorkspaceID: e.small.Workspace, Names: []string{"i-3", "i-6"}}
		})},
	}
}

func dispatchPlans() map[string]plan {
	kinds := []string{"power", "probe", "sync", "reseal"}
	return map[string]plan{
		"LaneDue": {index: "agenda_look", alone: true, run: ask((*gen.Queries).LaneDue, func(estate) int16 { return 1 })},
		"LeaseWork": {index: "agenda_pkey", filtered: 4, run: ask((*gen.Queries).LeaseWork, func(e estate) gen.LeaseWorkParams {
			return gen.LeaseWorkParams{LeaseSeconds: 15, OrgIds: []uuid.UUID{e.small.Org, e.large.Org}, Kinds: []string{"power", "power"}, Subjects: []string{e.openOp.String(), "none"}}
		})},
		"LeaseDelivered": {index: "agenda_look or agenda_open", filtered: 200, run: ask((*gen.Queries).LeaseDelivered, func(estate) gen.LeaseDeliveredParams {
			return gen.LeaseDeliveredParams{LeaseSeconds: 15, Lane: 1, Kinds: kinds, RowLimit: 200}
		})},
		"OrgsSealedWith": {index: "credentials_key", run: ask((*gen.Queries).OrgsSealedWith, func(estate) []string { return []string{"7"} })},
		"LookAtParked": {index: "agenda_parked", run: ask((*gen.Queries).LookAtParked, func(estate) gen.LookAtParkedParams {
			return gen.LookAtParkedParams{Lane: 1, RowLimit: 100, LeaseSeconds: 15}
		})},
		"LockDueClocks": {index: "agenda_look", filtered: 200, run: ask((*gen.Queries).LockDueClocks, func(estate) gen.LockDueClocksParams {
			return gen.LockDueClocksParams{Kind: "timetable", Lane: 1, RowLimit: 500}
		})},
		"DueSchedules": {index: "schedules_due", batch: "of up to 500 workspaces, and a third of all rows is guessed to be due", run: ask((*gen.Queries).DueSchedules, func(e estate) gen.DueSchedulesParams {
			now := time.Now()
			return gen.DueSchedulesParams{OrgIds: []uuid.UUID{e.small.Org, e.large.Org}, WorkspaceIds: []uuid.UUID{e.small.Workspace, e.large.Workspace}, At: &now}
		})},
		"NextOfWorkspaces": {index: "schedules_due", run: ask((*gen.Queries).NextOfWorkspaces, func(e estate) gen.NextOfWorkspacesParams {
			return gen.NextOfWorkspacesParams{OrgIds: []uuid.UUID{e.small.Org, e.large.Org}, WorkspaceIds: []uuid.UUID{e.small.Workspace, e.large.Workspace}}
		})},
		"TargetsOfSchedules": {index: "schedule_targets_pkey", run: ask((*gen.Queries).TargetsOfSchedules, func(e estate) gen.TargetsOfSchedulesParams {
			return gen.TargetsOfSchedulesParams{OrgIds: []uuid.UUID{e.small.Org, e.small.Org}, Ids: []uuid.UUID{e.schedule(1), e.schedule(2)}}
		})},
		"WorkFacts": {index: "operations_pkey", run: ask((*gen.Queries).WorkFacts, func(e estate) gen.WorkFactsParams {
			return gen.WorkFactsParams{OrgIds: []uuid.UUID{e.small.Org}, Ids: []uuid.UUID{e.openOp}}
		})},
	}
}

func adminPlans() map[string]plan {
	list := func(view string, until time.Time) gen.AgendaByDueParams {
		return gen.AgendaByDueParams{
			Until: until, View: view, LateSeconds: 30, OpenKinds: []string{"power"}, OpenSeconds: []float64{60}, Kinds: noText, Lanes: []int16{}, RowLimit: page,
		}
	}
	cases := map[string]plan{
		"AgendaByDue of everything": {index: "agenda_due", run: ask((*gen.Queries).AgendaByDue, func(estate) gen.AgendaByDueParams {
			return list("all", time.Now().AddDate(1000, 0, 0))
		})},
		"ParkedAgenda": {index: "agenda_parked", run: ask((*gen.Queries).ParkedAgenda, func(estate) gen.ParkedAgendaParams {
			return gen.ParkedAgendaParams{Kinds: noText, Lanes: []int16{}, RowLimit: page}
		})},
	}
	// Clocks that wait for their time are not read; what is in flight is, and is
	// as much as the caps allow.
	for _, view := range []string{"due", "late", "failing", "open_too_long"} {
		cases["AgendaByDue "+view] = plan{index: "agenda_due", filtered: 200, run: ask((*gen.Queries).AgendaByDue, func(estate) gen.AgendaByDueParams {
			return list(view, time.Now())
		})}
	}
	return cases
}

func identityPlans() map[string]plan {
	user := func(e estate) uuid.UUID { return e.large.User }
	return map[string]plan{
		"ListSessions":        {index: "sessions_user", run: ask((*gen.Queries).ListSessions, user)},
		"ListMyOrganizations": {index: "memberships_user", run: ask((*gen.Queries).ListMyOrganizations, user)},
		"ListMyWorkspaces":    {index: "memberships_user", run: ask((*gen.Queries).ListMyWorkspaces, user)},
	}
}
