package db

import (
	"context"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"
)

// The roles of the house, and what may be done with each: ARCHITECTURE, "Who
// holds what". Migrations grant to these names.
const (
	RoleOwner    = "cloudhub_owner"
	RoleApp      = "cloudhub_app"
	RoleIdentity = "cloudhub_identity"
	RoleSystem   = "cloudhub_system"
	RoleAdmin    = "cloudhub_admin"
)

// runtimeRoles are all but the owner.
const runtimeRoles = RoleApp + ", " + RoleIdentity + ", " + RoleSystem + ", " + RoleAdmin

// URLs has one address for each role of one database.
type URLs struct {
	Owner, App, Identity, System, Admin string
}

// Bootstrap makes the roles (with the password for all of them) and an empty
// database, as a superuser, where they are missing. It is for the embedded
// server and for tests; in production an administrator runs
// deploy/postgres/roles.sql.
func Bootstrap(ctx context.Context, superURL, database, password string) (URLs, error) {
	conn, err := pgx.Connect(ctx, superURL)
	if err != nil {
		return URLs{}, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	// Roles belong to the whole cluster: two callers must not make them at once.
	const lockKey = 0x636c6f7564 // "cloud"
	if _, err := conn.Exec(ctx, "select pg_advisory_lock($1)", lockKey); err != nil {
		return URLs{}, err
	}
	for role, attributes := range map[string]string{
		RoleOwner: "LOGIN BYPASSRLS", RoleApp: "LOGIN NOBYPASSRLS", RoleIdentity: "LOGIN NOBYPASSRLS", RoleSystem: "LOGIN NOBYPASSRLS",
		RoleAdmin: "LOGIN NOBYPASSRLS",
	} {
		if err := ensureRole(ctx, conn, role, attributes, password); err != nil {
			return URLs{}, err
		}
	}
	if err := ensureDatabase(ctx, conn, superURL, database); err != nil {
		return URLs{}, err
	}
	return urlsFor(superURL, database, password)
}

func ensureRole(ctx context.Context, conn *pgx.Conn, role, attributes, password string) error {
	var exists bool
	if err := conn.QueryRow(ctx, "select exists (select 1 from pg_roles where rolname = $1)", role).Scan(&exists); err != nil {
		return err
	}
	verb := "ALTER"
	if !exists {
		verb = "CREATE"
	}
	var quoted string
	if err := conn.QueryRow(ctx, "select quote_literal($1)", password).Scan(&quoted); err != nil {
		return err
	}
	statements := []string{fmt.Sprintf("%s ROLE %s %s PASSWORD %s", verb, role, attributes, quoted)}
	if role != RoleOwner {
		// A transaction that hangs would keep others waiting for its rows.
		statements = append(statements,
			fmt.Sprintf("ALTER ROLE %s SET statement_timeout = '30s'", role),
			fmt.Sprintf("ALTER ROLE %s SET idle_in_transaction_session_timeout = '30s'", role))
	}
	if role == RoleOwner {
		// For oldest_transaction_seconds(), which runs as the owner and answers a
		// number: to see for how long others' transactions have been open.
		statements = append(statements, "GRANT pg_read_all_stats TO "+role)
	}
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return fmt.Errorf("role %s: %w", role, err)
		}
	}
	return nil
}

func ensureDatabase(ctx context.Context, conn *pgx.Conn, superURL, database string) error {
	var exists bool
	if err := conn.QueryRow(ctx, "select exists (select 1 from pg_database where datname = $1)", database).Scan(&exists); err != nil {
		return err
	}
	name := pgx.Identifier{database}.Sanitize()
	if !exists {
		if _, err := conn.Exec(ctx, "CREATE DATABASE "+name+" OWNER "+RoleOwner); err != nil {
			return err
		}
	}
	inside, err := withDatabase(superURL, database)
	if err != nil {
		return err
	}
	db, err := pgx.Connect(ctx, inside)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close(context.WithoutCancel(ctx)) }()
	for _, s := range []string{
		"REVOKE ALL ON DATABASE " + name + " FROM PUBLIC",
		"GRANT CONNECT ON DATABASE " + name + " TO " + runtimeRoles,
		"ALTER SCHEMA public OWNER TO " + RoleOwner,
		"REVOKE CREATE ON SCHEMA public FROM PUBLIC",
		"GRANT USAGE ON SCHEMA public TO " + runtimeRoles,
		revokeBuiltin,
	} {
		if _, err := db.Exec(ctx, s); err != nil {
			return fmt.Errorf("database %s: %w", database, err)
		}
	}
	return nil
}

// revokeBuiltin takes from everybody what PostgreSQL gives to everybody and the
// product has no use for: large objects, which no policy binds and which are a
// role's and not a tenant's, and ending the other sessions of one's role. The
// owner keeps them: pg_dump writes such rights down, and a restore by who has
// none would fail over them instead of passing them over.
// deploy/postgres/roles.sql has the same statement.
const revokeBuiltin = `DO $$
DECLARE f regprocedure;
BEGIN
  FOR f IN SELECT oid FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
    AND proname ~ '^(lo_.*|loread|lowrite|pg_terminate_backend|pg_cancel_backend)$' LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO cloudhub_owner', f);
  END LOOP;
END $$`

func withDatabase(raw, database string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", err
	}
	u.Path = "/" + database
	return u.String(), nil
}

func urlsFor(superURL, database, password string) (URLs, error) {
	u, err := url.Parse(superURL)
	if err != nil {
		return URLs{}, err
	}
	as := func(role string) string {
		c := *u
		c.User = url.UserPassword(role, password)
		c.Path = "/" + database
		return c.String()
	}
	return URLs{Owner: as(RoleOwner), App: as(RoleApp), Identity: as(RoleIdentity), System: as(RoleSystem), Admin: as(RoleAdmin)}, nil
}
