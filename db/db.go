// Package db owns the way to PostgreSQL: roles, pools, migrations and the
// transaction helpers. Tenant data is reached only through Tenants.InTenant,
// which sets the tenant for one transaction alone; row-level security makes
// everything else answer nothing. It holds no decision of any feature.
package db

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudhub/cloudhub/db/gen"
)

// Options of a pool. MaxConns 0 means 10. MinConns are kept open: a connection
// costs milliseconds of both sides, and those who come together after a quiet hour
// would all wait for theirs.
type Options struct {
	URL      string
	MaxConns int32
	MinConns int32
	// AppName shows in pg_stat_activity, e.g. "cloudhub server".
	AppName string
}

// Connect opens a pool and proves that it answers.
func Connect(ctx context.Context, o Options) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(o.URL)
	if err != nil {
		return nil, fmt.Errorf("database address: %w", err)
	}
	cfg.MaxConns = 10
	if o.MaxConns > 0 {
		cfg.MaxConns = o.MaxConns
	}
	cfg.MinConns = o.MinConns
	cfg.MaxConnIdleTime = 5 * time.Minute
	cfg.ConnConfig.RuntimeParams["application_name"] = o.AppName
	cfg.ConnConfig.Tracer = queryTracer{}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("database does not answer: %w", err)
	}
	return pool, nil
}

// Tenants reaches tenant data as the role cloudhub_app, one tenant at a time.
type Tenants struct{ pool *pgxpool.Pool }

// NewTenants wraps a pool of the role cloudhub_app.
func NewTenants(pool *pgxpool.Pool) *Tenants { return &Tenants{pool} }

// InTenant runs fn in one transaction in which only the rows of org exist. fn
// may run again when PostgreSQL reports a deadlock or a serialization failure,
// so it must do nothing but use q.
func (t *Tenants) InTenant(ctx context.Context, org uuid.UUID, fn func(q *gen.Queries) error) error {
	return retry(ctx, t.pool, func() error {
		conn, err := t.pool.Acquire(ctx)
		if err != nil {
			return err
		}
		// A connection that is not at rest when it is given back is closed.
		defer conn.Release()
		// One round trip for both. The tenant is a parameter and stands in no
		// statement's text: whoever has this role reads the texts of its other
		// sessions in pg_stat_activity, and an id of a tenant is all that is
		// needed to be it.
		begin := &pgx.Batch{}
		begin.Queue("begin")
		begin.Queue("select set_config('cloudhub.org_id', $1, true)", org.String())
		tx := tenantTx{conn}
		if err := conn.SendBatch(ctx, begin).Close(); err != nil {
			_ = tx.Rollback(context.WithoutCancel(ctx))
			return err
		}
		return finish(ctx, tx, gen.New(conn), fn)
	})
}

// tenantTx ends a transaction that InTenant has begun.
type tenantTx struct{ conn *pgxpool.Conn }

func (t tenantTx) Commit(ctx context.Context) error {
	tag, err := t.conn.Exec(ctx, "commit")
	if err == nil && tag.String() == "ROLLBACK" {
		return pgx.ErrTxCommitRollback
	}
	return err
}

// Rollback does nothing after a commit.
func (t tenantTx) Rollback(ctx context.Context) error {
	if t.conn.Conn().PgConn().TxStatus() == idle {
		return nil
	}
	_, err := t.conn.Exec(ctx, "rollback")
	return err
}

// idle is the protocol's word for a connection outside a transaction.
const idle = 'I'

// Ping says whether the database answers.
func (t *Tenants) Ping(ctx context.Context) error { return t.pool.Ping(ctx) }

// Identity reaches users, sessions and memberships as cloudhub_identity.
type Identity struct{ pool *pgxpool.Pool }

// NewIdentity wraps a pool of the role cloudhub_identity.
func NewIdentity(pool *pgxpool.Pool) *Identity { return &Identity{pool} }

// Tx runs fn in one transaction.
func (i *Identity) Tx(ctx context.Context, fn func(q *gen.Queries) error) error {
	return retry(ctx, i.pool, func() error { return runTx(ctx, i.pool, fn) })
}

// Read is for single readings, without a transaction around them.
func (i *Identity) Read() *gen.Queries { return gen.New(patient{i.pool}) }

// System reaches the agenda and a short list of queries across tenants as
// cloudhub_system.
type System struct{ pool *pgxpool.Pool }

// NewSystem wraps a pool of the role cloudhub_system.
func NewSystem(pool *pgxpool.Pool) *System { return &System{pool} }

// Tx runs fn in one transaction.
func (s *System) Tx(ctx context.Context, fn func(q *gen.Queries) error) error {
	return retry(ctx, s.pool, func() error { return runTx(ctx, s.pool, fn) })
}

// Read is for single statements, without a transaction around them.
func (s *System) Read() *gen.Queries { return gen.New(s.pool) }

// Owner reaches everything as cloudhub_owner, past every policy: for commands of
// whoever administers the installation.
type Owner struct{ pool *pgxpool.Pool }

// NewOwner wraps a pool of the role cloudhub_owner.
func NewOwner(pool *pgxpool.Pool) *Owner { return &Owner{pool} }

// Tx runs fn in one transaction.
func (o *Owner) Tx(ctx context.Context, fn func(q *gen.Queries) error) error {
	return retry(ctx, o.pool, func() error { return runTx(ctx, o.pool, fn) })
}

// Read is for single statements, without a transaction around them.
func (o *Owner) Read() *gen.Queries { return gen.New(o.pool) }

// Admin reaches the agenda of all tenants as cloudhub_admin: for the operators'
// page alone.
type Admin struct{ pool *pgxpool.Pool }

// NewAdmin wraps a pool of the role cloudhub_admin.
func NewAdmin(pool *pgxpool.Pool) *Admin { return &Admin{pool} }

// Tx runs fn in one transaction.
func (a *Admin) Tx(ctx context.Context, fn func(q *gen.Queries) error) error {
	return retry(ctx, a.pool, func() error { return runTx(ctx, a.pool, fn) })
}

// Read is for single statements, without a transaction around them.
func (a *Admin) Read() *gen.Queries { return gen.New(a.pool) }

func runTx(ctx context.Context, pool *pgxpool.Pool, fn func(q *gen.Queries) error) error {
	tx, err := pool.Begin(ctx)
	if err != nil {
		return err
	}
	return finish(ctx, tx, gen.New(tx), fn)
}

// finish runs fn in a transaction that has begun, and ends it.
func finish(ctx context.Context, tx interface {
	Commit(ctx context.Context) error
	Rollback(ctx context.Context) error
}, q *gen.Queries, fn func(q *gen.Queries) error) error {
	// After a commit this does nothing. A context that has ended must not keep
	// the transaction open.
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	if err := fn(q); err != nil {
		var done *CommittedError
		if errors.As(err, &done) {
			if cerr := tx.Commit(ctx); cerr != nil {
				return &commitError{cerr}
			}
			return done.Err
		}
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return &commitError{err}
	}
	return nil
}

// commitError is a commit of which nobody knows whether it happened, when the
// connection went with it.
type commitError struct{ err error }

func (e *commitError) Error() string { return e.err.Error() }
func (e *commitError) Unwrap() error { return e.err }

// CommittedError is an error that must not undo what its transaction wrote:
// the revocation of a stolen session is kept although the caller is refused.
type CommittedError struct{ Err error }

func (e *CommittedError) Error() string { return e.Err.Error() }
func (e *CommittedError) Unwrap() error { return e.Err }

// Commit wraps err so that the transaction is committed and err returned.
func Commit(err error) error { return &CommittedError{err} }

// How long is waited before a transaction is run again: when PostgreSQL asks that
// it be repeated, and when the connection was cut. A server that restarts is back
// within a second or two.
var (
	askedWaits = []time.Duration{10 * time.Millisecond, 20 * time.Millisecond, 30 * time.Millisecond}
	cutWaits   = []time.Duration{
		20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond,
	}
)

// retry runs a whole transaction again when PostgreSQL asks for it, and when it
// was cut off before its commit: then nothing of it has happened. A server that went
// away took every connection of the pool along: they are not tried one after the other.
func retry(ctx context.Context, pool *pgxpool.Pool, run func() error) error {
	asked, cut := askedWaits, cutWaits
	for {
		err := run()
		waits := &asked
		switch {
		case err == nil:
			return nil
		case repeatable(err):
		case cutOff(err):
			waits = &cut
			if pool != nil {
				pool.Reset()
			}
		default:
			return err
		}
		if len(*waits) == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After((*waits)[0]):
		}
		*waits = (*waits)[1:]
	}
}

func repeatable(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}

// cutOff says that the server or the connection went away before a commit was
// asked for.
func cutOff(err error) bool {
	var commit *commitError
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	switch {
	case errors.As(err, &commit):
		return false
	case errors.As(err, &pg):
		// admin_shutdown, crash_shutdown, cannot_connect_now
		return pg.Code == "57P01" || pg.Code == "57P02" || pg.Code == "57P03"
	default:
		return errors.As(err, &connect) || pgconn.SafeToRetry(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
			errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed)
	}
}

// patient asks again for the one row of a reading that was cut off.
type patient struct{ *pgxpool.Pool }

func (p patient) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return patientRow{func(dest ...any) error {
		return retry(ctx, p.Pool, func() error { return p.Pool.QueryRow(ctx, sql, args...).Scan(dest...) })
	}}
}

type patientRow struct{ scan func(dest ...any) error }

func (r patientRow) Scan(dest ...any) error { return r.scan(dest...) }

// IsNoRows says that a :one query found nothing.
func IsNoRows(err error) bool { return errors.Is(err, pgx.ErrNoRows) }

// ViolatesUnique says that err is a violation of the named unique constraint
// or index.
func ViolatesUnique(err error, constraint string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23505" && pg.ConstraintName == constraint
}
