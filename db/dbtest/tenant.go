package dbtest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
)

// Kind, Region and Zone of what a Fixture has.
const (
	Kind   = "aws.ec2.instance"
	Region = "sa-east-1"
	Zone   = "America/Sao_Paulo"
)

// Fixture names one tenant's rows. It has at least one in every table.
type Fixture struct {
	Org, Workspace, User, Session uuid.UUID
	ActorHash                     []byte
	// RefreshTokenHash is of a made-up token.
	RefreshTokenHash []byte
	Account, Draft   uuid.UUID
	// Preparation is of a role for an account that is not there yet.
	Preparation uuid.UUID
	// Resources: running, stopped, protected by its tag. All have the tag env=prod.
	Resources []uuid.UUID
	// Schedule stops the first resource; its next time is in NextAt.
	Schedule uuid.UUID
	NextAt   time.Time
	// Operation is the schedule's last run, which succeeded an hour ago.
	Operation uuid.UUID
	// Calendar of one day, to which the schedule keeps; Hold on the second resource;
	// Notification of the last run.
	Calendar, Hold, Notification uuid.UUID
	// Destination of events, to which one was delivered: that of Notification's id.
	Destination uuid.UUID
}

// Tenant makes a tenant at rest: nothing of it is due, and what is not final is
// on the agenda (UnfinishedWithoutAgenda answers nothing). Rows are written by
// the roles and queries that write them in the product; what no query writes yet
// comes from the owner.
func Tenant(t testing.TB, d *DB) Fixture {
	t.Helper()
	ids := make([]uuid.UUID, 16)
	for i := range ids {
		ids[i] = NewID(t)
	}
	f := Fixture{
		Org: ids[0], Workspace: ids[1], User: ids[2], Session: ids[3], Account: ids[4], Draft: ids[5],
		Resources: ids[6:9:9], Schedule: ids[9], Operation: ids[10], Preparation: ids[11],
		Calendar: ids[12], Hold: ids[13], Notification: ids[14], Destination: ids[15],
		NextAt: time.Now().Add(time.Hour).Truncate(time.Minute).UTC(),
	}
	f.ActorHash, f.RefreshTokenHash = hash("actor", f.User), hash("token", f.Session)
	for _, step := range []func(context.Context, *DB) error{f.people, f.account, f.inventory, f.timetable, f.lastRun, f.exceptions, f.delivery, f.traces} {
		require.NoError(t, step(t.Context(), d))
	}
	return f
}

// NewID answers a fresh UUIDv7.
func NewID(t testing.TB) uuid.UUID {
	t.Helper()
	id, err := uuid.NewV7()
	require.NoError(t, err)
	return id
}

func hash(what string, id uuid.UUID) []byte {
	sum := sha256.Sum256([]byte(what + id.String()))
	return sum[:]
}

// email of the fixture's person.
func (f Fixture) email() string { return f.User.String() + "@example.com" }

func (f Fixture) people(ctx context.Context, d *DB) error {
	now := time.Now()
	err := d.Identity.Tx(ctx, func(q *gen.Queries) error {
		return first(
			func() error {
				return q.InsertUser(ctx, gen.InsertUserParams{
					ID: f.User, Email: f.email(), EmailKey: f.email(), Name: "Ana Souza", Locale: "pt-BR",
					PasswordHash: "$argon2id$", ActorHash: f.ActorHash,
				})
			},
			func() error {
				return q.InsertOrganization(ctx, gen.InsertOrganizationParams{ID: f.Org, Name: "Padaria da Ana", PersonalOf: &f.User, Plan: "pro"})
			},
			func() error {
				return q.InsertMembership(ctx, gen.InsertMembershipParams{OrgID: f.Org, UserID: f.User, Role: "owner", Name: "Ana Souza"})
			},
			func() error {
				return q.InsertWorkspace(ctx, gen.InsertWorkspaceParams{OrgID: f.Org, ID: f.Workspace, Name: "Produção", TimeZone: Zone})
			},
			func() error {
				return q.InsertSession(ctx, gen.InsertSessionParams{
					ID: f.Session, UserID: f.User, IdleExpiresAt: now.Add(time.Hour), ExpiresAt: now.Add(24 * time.Hour), Address: "192.0.2.7",
				})
			},
			func() error {
				return q.InsertRefreshToken(ctx, gen.InsertRefreshTokenParams{TokenHash: f.RefreshTokenHash, SessionID: f.Session, Generation: 1})
			},
			func() error {
				_, err := q.CountLoginFailure(ctx, gen.CountLoginFailureParams{Scope: "account", Key: hash("failure", f.User), FreeTries: 5})
				return err
			},
		)
	})
	if err != nil {
		return err
	}
	if _, err = d.Owner.Exec(ctx, `INSERT INTO workspace_members (org_id, workspace_id, user_id) VALUES ($1, $2, $3)`, f.Org, f.Workspace, f.User); err != nil {
		return err
	}
	_, err = db.NewOwner(d.Owner).Read().GrantPlatformAdmin(ctx, f.User)
	return err
}

func (f Fixture) account(ctx context.Context, d *DB) error {
	return d.Tenants.InTenant(ctx, f.Org, func(q *gen.Queries) error {
		return first(
			func() error {
				return q.InsertDraft(ctx, gen.InsertDraftParams{
					OrgID: f.Org, WorkspaceID: f.Workspace, ID: f.Draft, Provider: "aws", Kind: "aws.access_key", HomeRegion: Region,
					KeyID: "test", Ciphertext: []byte("sealed"), Hint: "WXYZ",
				})
			},
			func() error {
				_, err := q.InsertAccount(ctx, gen.InsertAccountParams{
					OrgID: f.Org, WorkspaceID: f.Workspace, ID: f.Account, Provider: "aws", Name: "Conta principal",
					ExternalID: "123456789012", HomeRegion: Region, MissingPermissions: []string{}, RoleExternalID: f.Account.String(),
				})
				return err
			},
			func() error {
				return q.InsertCredential(ctx, gen.InsertCredentialParams{
					OrgID: f.Org, WorkspaceID: f.Workspace, CloudAccountID: f.Account, Kind: "aws.access_key", SchemaVersion: 1,
					KeyID: "test", Ciphertext: []byte("sealed"), Hint: "ABCD",
				})
			},
			func() error {
				_, err := q.PrepareRole(ctx, gen.PrepareRoleParams{
					OrgID: f.Org, WorkspaceID: f.Workspace, ID: f.Preparation, UserID: f.User, ExternalID: f.Preparation.String(),
				})
				return err
			},
			func() error { return f.clock(ctx, q, "sync-clock", f.Account, 2) },
		)
	})
}

func (f Fixture) clock(ctx context.Context, q *gen.Queries, kind string, subject uuid.UUID, lane int16) error {
	return q.SetClock(ctx, gen.SetClockParams{OrgID: f.Org, Kind: kind, Subject: subject.String(), Lane: lane, DueAt: f.NextAt})
}

func (f Fixture) inventory(ctx context.Context, d *DB) error {
	tags := []json.RawMessage{
		json.RawMessage(`{"env":"prod"}`), json.RawMessage(`{"env":"prod"}`),
		json.RawMessage(`{"env":"prod","cloudhub:protected":"true"}`),
	}
	now := time.Now()
	return d.Tenants.InTenant(ctx, f.Org, func(q *gen.Queries) error {
		_, err := q.UpsertResources(ctx, gen.UpsertResourcesParams{
			OrgID: f.Org, WorkspaceID: f.Workspace, CloudAccountID: f.Account, Kind: Kind, Region: Region, ReadAt: now,
			Ids: f.Resources, ProviderIds: []string{"i-0aa1", "i-0aa2", "i-0aa3"}, Names: []string{"web-1", "web-2", "banco"},
			Zones: repeat(3, Region+"a"), Types: repeat(3, "t3.micro"), States: []string{"running", "stopped", "running"},
			Tagses: tags, Detailses: repeat(3, json.RawMessage(`{}`)), Protecteds: []bool{false, false, true},
			LeftAlones: repeat(3, ""), ProviderTimes: repeat(3, now),
		})
		if err != nil {
			return err
		}
		return q.InsertTags(ctx, gen.InsertTagsParams{
			OrgID: f.Org, WorkspaceID: f.Workspace, ResourceIds: f.Resources, Keys: repeat(3, "env"), Values: repeat(3, "prod"),
		})
	})
}

func (f Fixture) timetable(ctx context.Context, d *DB) error {
	wanted := "stopped"
	return d.Tenants.InTenant(ctx, f.Org, func(q *gen.Queries) error {
		_, err := q.InsertSchedule(ctx, gen.InsertScheduleParams{
			OrgID: f.Org, WorkspaceID: f.Workspace, ID: f.Schedule, Name: "Fora do expediente",
			Rule:           json.RawMessage(`{"start":480,"stop":1140,"weekdays":[1,2,3,4,5],"zone":"` + Zone + `"}`),
			CatchUpMinutes: 10, NextAt: &f.NextAt, NextWanted: &wanted, Tzdata: "test", CreatedBy: f.User, CreatedByName: "Ana Souza",
		})
		if err != nil {
			return err
		}
		err = q.InsertScheduleTargets(ctx, gen.InsertScheduleTargetsParams{
			OrgID: f.Org, WorkspaceID: f.Workspace, ScheduleID: f.Schedule, ResourceIds: f.Resources[:1],
		})
		if err != nil {
			return err
		}
		return f.clock(ctx, q, "timetable", f.Workspace, 1)
	})
}

// lastRun is claimed as the dispatcher does and ended as an activity does.
func (f Fixture) lastRun(ctx context.Context, d *DB) error {
	due := f.NextAt.Add(-2 * time.Hour)
	orgs, workspaces, operations := repeat(1, f.Org), repeat(1, f.Workspace), repeat(1, f.Operation)
	err := d.System.Tx(ctx, func(q *gen.Queries) error {
		return first(
			func() error {
				_, err := q.ClaimOperations(ctx, gen.ClaimOperationsParams{
					OrgIds: orgs, WorkspaceIds: workspaces, Ids: operations, States: repeat(1, "queued"), DueAts: repeat(1, due),
					ActBefores: repeat(1, due.Add(10*time.Minute)), TargetCounts: repeat(1, int32(1)), OnCounts: repeat(1, int32(0)),
					OffCounts: repeat(1, int32(1)), DoneCounts: repeat(1, int32(0)), LeftAloneCounts: repeat(1, int32(0)),
				})
				return err
			},
			func() error {
				return q.ClaimSchedules(ctx, gen.ClaimSchedulesParams{
					OrgIds: orgs, WorkspaceIds: workspaces, OperationIds: operations, ScheduleIds: repeat(1, f.Schedule),
					Revisions: repeat(1, int32(1)), Names: repeat(1, "Fora do expediente"), Wanteds: repeat(1, "stopped"), DueAts: repeat(1, due),
					Exceptions: repeat(1, ""), ExceptionTexts: repeat(1, ""),
				})
			},
			func() error {
				return q.ClaimTargets(ctx, gen.ClaimTargetsParams{
					OrgIds: orgs, WorkspaceIds: workspaces, OperationIds: operations, ResourceIds: f.Resources[:1],
					ResourceNames: repeat(1, "web-1"), ProviderIds: repeat(1, "i-0aa1"), CloudAccountIds: repeat(1, f.Account),
					Regions: repeat(1, Region), ScheduleIds: repeat(1, f.Schedule), Wanteds: repeat(1, "stopped"),
					States: repeat(1, "pending"), Reasons: repeat(1, ""), ActBefores: repeat(1, due.Add(10*time.Minute)),
				})
			},
		)
	})
	if err != nil {
		return err
	}
	return d.Tenants.InTenant(ctx, f.Org, func(q *gen.Queries) error {
		_, err := q.EndTargets(ctx, gen.EndTargetsParams{
			OrgID: f.Org, OperationID: f.Operation, ResourceIds: f.Resources[:1], States: repeat(1, "done"), Reasons: repeat(1, ""),
			Details: repeat(1, ""), BeforeStates: repeat(1, "running"), AfterStates: repeat(1, "stopped"),
		})
		if err != nil {
			return err
		}
		if _, err := q.CountOperation(ctx, gen.CountOperationParams{OrgID: f.Org, ID: f.Operation}); err != nil {
			return err
		}
		_, err = q.EndOperation(ctx, gen.EndOperationParams{OrgID: f.Org, ID: f.Operation, State: "succeeded"})
		return err
	})
}

// exceptions are what leaves out runs of the schedule, and what is told of its last
// run, of which nothing is in force now: a hold on the second machine apart.
func (f Fixture) exceptions(ctx context.Context, d *DB) error {
	day := pgtype.Date{Time: time.Date(2031, 12, 24, 0, 0, 0, 0, time.UTC), Valid: true}
	if _, err := d.Owner.Exec(ctx, `INSERT INTO calendars (org_id, id, name, source) VALUES ($1, $2, 'Feriados da casa', 'days')`, f.Org, f.Calendar); err != nil {
		return err
	}
	if _, err := d.Owner.Exec(ctx, `INSERT INTO calendar_days (org_id, calendar_id, day, name) VALUES ($1, $2, $3, 'Véspera')`, f.Org, f.Calendar, day); err != nil {
		return err
	}
	return d.Tenants.InTenant(ctx, f.Org, func(q *gen.Queries) error {
		return first(
			func() error {
				return q.InsertScheduleCalendars(ctx, gen.InsertScheduleCalendarsParams{
					OrgID: f.Org, WorkspaceID: f.Workspace, ScheduleID: f.Schedule, CalendarIds: repeat(1, f.Calendar),
				})
			},
			func() error {
				_, err := q.InsertSkip(ctx, gen.InsertSkipParams{
					OrgID: f.Org, WorkspaceID: f.Workspace, ScheduleID: f.Schedule, At: f.NextAt.Add(24 * time.Hour), CreatedBy: f.User, CreatedByName: "Ana Souza",
				})
				return err
			},
			func() error {
				return q.InsertHold(ctx, gen.InsertHoldParams{
					OrgID: f.Org, WorkspaceID: f.Workspace, ID: f.Hold, ResourceID: &f.Resources[1], Reason: "Migração", Until: f.NextAt.Add(240 * time.Hour),
					CreatedBy: f.User, CreatedByName: "Ana Souza",
				})
			},
			func() error {
				return q.Follow(ctx, gen.FollowParams{ForSeconds: 900, OrgID: f.Org, OperationID: f.Operation})
			},
			func() error {
				return q.InsertReadings(ctx, gen.InsertReadingsParams{
					ScheduleID: f.Schedule, Selector: json.RawMessage(`{"everything":true}`), Wanted: "stopped", OrgID: f.Org, OperationID: f.Operation,
					AccountIds: repeat(1, f.Account),
				})
			},
			func() error {
				return q.EndReadings(ctx, gen.EndReadingsParams{Reason: "AUTOMATION_PAUSED", OrgID: f.Org, OperationID: f.Operation})
			},
			func() error {
				return q.InsertEvents(ctx, gen.InsertEventsParams{
					OrgIds: repeat(1, f.Org), Ids: repeat(1, f.Notification), WorkspaceIds: repeat(1, f.Workspace), Types: repeat(1, "schedule.executed"),
					Datas: repeat(1, json.RawMessage(`{}`)),
				})
			},
			func() error {
				return q.InsertNotifications(ctx, gen.InsertNotificationsParams{
					OrgIds: repeat(1, f.Org), Ids: repeat(1, f.Notification), WorkspaceIds: repeat(1, f.Workspace), Kinds: repeat(1, "schedule_failed"),
					Severities: repeat(1, "error"), Datas: repeat(1, json.RawMessage(`{"subject_name":"Fora do expediente"}`)),
				})
			},
			func() error {
				_, err := q.MarkRead(ctx, gen.MarkReadParams{UserID: f.User, OrgID: f.Org, WorkspaceID: f.Workspace, ID: f.Notification})
				return err
			},
		)
	})
}

// delivery was made once, and is in no queue.
func (f Fixture) delivery(ctx context.Context, d *DB) error {
	if err := d.Tenants.InTenant(ctx, f.Org, func(q *gen.Queries) error {
		return first(
			func() error {
				return q.InsertDestination(ctx, gen.InsertDestinationParams{
					OrgID: f.Org, WorkspaceID: f.Workspace, ID: f.Destination, Channel: "webhook", Name: "Meu sistema", Config: json.RawMessage(`{"url":"https://hooks.example.com/"}`),
					Events: []string{}, Ordering: "none",
				})
			},
			func() error {
				return q.InsertDestinationSecret(ctx, gen.InsertDestinationSecretParams{
					OrgID: f.Org, WorkspaceID: f.Workspace, DestinationID: f.Destination, ID: f.Destination, Kind: "signing", SchemaVersion: 1, KeyID: "1", Ciphertext: []byte("sealed"), Hint: "aB3d",
				})
			},
		)
	}); err != nil {
		return err
	}
	for _, statement := range []string{
		`INSERT INTO deliveries (org_id, destination_id, event_id, state, fresh, attempts, last_status, ended_at) VALUES ($1, $2, $3, 'delivered', false, 1, 200, now())`,
		`INSERT INTO delivery_attempts (org_id, destination_id, event_id, number, started_at, keep_until, url, request_headers, status)
			VALUES ($1, $2, $3, 1, now(), now()::date + 30, 'https://hooks.example.com/', '[]', 200)`,
	} {
		if _, err := d.Owner.Exec(ctx, statement, f.Org, f.Destination, f.Notification); err != nil {
			return err
		}
	}
	return nil
}

func (f Fixture) traces(ctx context.Context, d *DB) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	return d.Tenants.InTenant(ctx, f.Org, func(q *gen.Queries) error {
		_, err := q.InsertIdempotencyKey(ctx, gen.InsertIdempotencyKeyParams{
			OrgID: f.Org, UserID: f.User, Procedure: "/cloudhub.v1.ScheduleService/CreateSchedule", RequestID: id,
			RequestHash: hash("request", id), SubjectID: f.Schedule,
		})
		if err != nil {
			return err
		}
		return q.InsertAudit(ctx, gen.InsertAuditParams{
			OrgID: f.Org, ID: id, WorkspaceID: &f.Workspace, ActorKind: "person", Actor: f.ActorHash, Address: "192.0.2.7",
			Action: "schedule.create", SubjectKind: "schedule", SubjectID: f.Schedule.String(), After: json.RawMessage(`{}`),
		})
	})
}

// first runs steps until one fails.
func first(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func repeat[T any](n int, v T) []T {
	all := make([]T, n)
	for i := range all {
		all[i] = v
	}
	return all
}
