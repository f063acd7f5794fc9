package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"golang.org/x/sync/errgroup"

	"github.com/cloudhub/cloudhub/activities"
	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/cloud"
	"github.com/cloudhub/cloudhub/internal/cloud/aws"
	"github.com/cloudhub/cloudhub/internal/platform/vault"
	"github.com/cloudhub/cloudhub/workflows"
)

// The alternative to the agenda's clock rows: Temporal keeps a Schedule for each
// workspace, which starts a workflow at the minute; the workflow claims the
// minute in a transaction of its own and then does what ours does.

const scheduledQueue = "bench-scheduled"

// minute is a Schedule's argument.
type minute struct {
	Org, Workspace, Account, Resource, Schedule uuid.UUID
	Machine                                     string
	Operation                                   uuid.UUID
	Due                                         time.Time
}

func scheduledPower(ctx workflow.Context, m minute) error {
	local := workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: 10 * time.Second})
	var c *claimer
	if err := workflow.ExecuteLocalActivity(local, c.Claim, m).Get(ctx, nil); err != nil {
		return err
	}
	return workflows.Power(ctx, activities.WorkInput{Org: m.Org, Subject: m.Operation, Lease: 1})
}

// claimer writes what the dispatcher writes, of one workspace.
type claimer struct{ system *db.System }

func (c *claimer) Claim(ctx context.Context, m minute) error {
	one := func(id uuid.UUID) []uuid.UUID { return []uuid.UUID{id} }
	return c.system.Tx(ctx, func(q *gen.Queries) error {
		fresh, err := q.ClaimOperations(ctx, gen.ClaimOperationsParams{
			OrgIds: one(m.Org), WorkspaceIds: one(m.Workspace), Ids: one(m.Operation), States: []string{"queued"}, DueAts: []time.Time{m.Due},
			ActBefores: []time.Time{m.Due.Add(10 * time.Minute)}, TargetCounts: []int32{1}, OnCounts: []int32{0}, OffCounts: []int32{1},
			DoneCounts: []int32{0}, LeftAloneCounts: []int32{0},
		})
		if err != nil || len(fresh) == 0 {
			return err
		}
		if err := q.ClaimSchedules(ctx, gen.ClaimSchedulesParams{
			OrgIds: one(m.Org), WorkspaceIds: one(m.Workspace), OperationIds: one(m.Operation), ScheduleIds: one(m.Schedule), Revisions: []int32{1},
			Names: []string{"Bench"}, Wanteds: []string{"stopped"}, DueAts: []time.Time{m.Due},
		}); err != nil {
			return err
		}
		if err := q.ClaimTargets(ctx, gen.ClaimTargetsParams{
			OrgIds: one(m.Org), WorkspaceIds: one(m.Workspace), OperationIds: one(m.Operation), ResourceIds: one(m.Resource), ResourceNames: []string{"bench"},
			ProviderIds: []string{m.Machine}, CloudAccountIds: one(m.Account), Regions: []string{region}, ScheduleIds: one(m.Schedule),
			Wanteds: []string{"stopped"}, States: []string{"pending"}, Reasons: []string{""},
		}); err != nil {
			return err
		}
		after, err := json.Marshal(map[string]any{"due_at": m.Due, "targets": 1})
		if err != nil {
			return err
		}
		return q.InsertAuditMany(ctx, gen.InsertAuditManyParams{
			ActorKind: "timetable", Action: "operation.claim", SubjectKind: "operation", OrgIds: one(m.Org), Ids: one(uuid.Must(uuid.NewV7())),
			WorkspaceIds: one(m.Workspace), SubjectIds: []string{m.Operation.String()}, Afters: []json.RawMessage{after},
		})
	})
}

// scheduledChild is the worker of the alternative. Its settings are the
// product's own.
func scheduledChild(ctx context.Context, _ []string) error {
	ctx, stop := untilTerminated(ctx)
	defer stop()
	opener, err := vault.LoadOpener(os.Getenv("CLOUDHUB_KEYS_DIR"))
	if err != nil {
		return err
	}
	tenants, closeApp, err := tenantsOf(ctx, os.Getenv("CLOUDHUB_DATABASE_APP_URL"), 24)
	if err != nil {
		return err
	}
	defer closeApp()
	system, err := db.Connect(ctx, db.Options{URL: os.Getenv("CLOUDHUB_DATABASE_SYSTEM_URL"), MaxConns: 16, AppName: "bench"})
	if err != nil {
		return err
	}
	defer system.Close()
	c, err := client.DialContext(ctx, client.Options{HostPort: os.Getenv("CLOUDHUB_TEMPORAL_ADDRESS"), Namespace: activities.Namespace, Logger: silent{}})
	if err != nil {
		return err
	}
	defer c.Close()
	log := slog.New(slog.DiscardHandler)
	adapter := aws.New(aws.Options{Endpoint: os.Getenv("CLOUDHUB_AWS_ENDPOINT"), Logger: log})
	clouds := activities.Clouds{cloud.AWS: {Prober: adapter, Instances: []cloud.Instances{adapter}, Simulated: true}}
	w := worker.New(c, scheduledQueue, worker.Options{MaxConcurrentActivityExecutionSize: 500, MaxConcurrentWorkflowTaskPollers: 2, MaxConcurrentActivityTaskPollers: 2})
	w.RegisterWorkflow(scheduledPower)
	w.RegisterActivity(&claimer{db.NewSystem(system)})
	w.RegisterActivity(activities.NewPower(activities.Deps{Tenants: tenants, Opener: opener, Clouds: clouds, Logger: log}))
	if err := w.Start(); err != nil {
		return err
	}
	fmt.Println("working")
	<-ctx.Done()
	w.Stop()
	return nil
}

func untilTerminated(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, syscall.SIGTERM)
}

// bySchedules makes a Schedule for each workspace that fires once.
func (s *site) bySchedules(ctx context.Context, all []small) (outcome, error) {
	w, err := spawn(ctx, s.dir, "scheduled-worker", s.workerEnv(), os.Args[0], "scheduled-worker")
	if err != nil {
		return outcome{}, err
	}
	defer w.stop()
	c, err := client.DialContext(ctx, client.Options{HostPort: s.temporal.said, Namespace: activities.Namespace, Logger: silent{}})
	if err != nil {
		return outcome{}, err
	}
	defer c.Close()
	// Making them takes a while; they must all stand before the minute comes.
	due := time.Now().Add(untilDue + time.Duration(len(all))*60*time.Millisecond).Truncate(time.Second)
	began := time.Now()
	if err := setDue(ctx, s.super, ids(all), due); err != nil {
		return outcome{}, err
	}
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for _, x := range all {
		m := minute{
			Org: x.org, Workspace: x.workspace, Account: x.account, Resource: x.resource, Schedule: x.schedule,
			Machine: x.machine, Operation: uuid.Must(uuid.NewV7()), Due: due,
		}
		group.Go(func() error {
			_, err := c.ScheduleClient().Create(gctx, client.ScheduleOptions{
				ID: "bench-" + x.workspace.String(),
				Spec: client.ScheduleSpec{Calendars: []client.ScheduleCalendarSpec{{
					Second: one(due.UTC().Second()), Minute: one(due.UTC().Minute()), Hour: one(due.UTC().Hour()),
					DayOfMonth: one(due.UTC().Day()), Month: one(int(due.UTC().Month())), Year: one(due.UTC().Year()),
				}}},
				Action:        &client.ScheduleWorkflowAction{ID: scheduledID(m.Operation), Workflow: scheduledPower, Args: []any{m}, TaskQueue: scheduledQueue},
				CatchupWindow: 10 * time.Minute,
			})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return outcome{}, err
	}
	if time.Now().After(due) {
		return outcome{}, fmt.Errorf("the machine is too slow: %d schedules took %s to make", len(all), time.Since(began))
	}
	return s.observe(ctx, w, all, due, func(operation uuid.UUID) string {
		return scheduledID(operation) + "-" + due.UTC().Format(time.RFC3339) // Temporal adds the minute
	})
}

func scheduledID(operation uuid.UUID) string { return "scheduled/" + operation.String() }

func one(n int) []client.ScheduleRange { return []client.ScheduleRange{{Start: n}} }
