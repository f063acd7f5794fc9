-- The roles and the database of CloudHub, for an administrator of PostgreSQL 14
-- or newer. Set the passwords, then run once as a superuser:
--   psql -v owner_password=… -v app_password=… -v identity_password=… -v system_password=… -v admin_password=… -f roles.sql
-- and after it, with CLOUDHUB_DATABASE_OWNER_URL set: cloudhub migrate up
-- A database made by an older version lacks cloudhub_admin: run the lines that
-- name it, connected to the database, before its migration.
CREATE ROLE cloudhub_owner    LOGIN BYPASSRLS   PASSWORD :'owner_password';
CREATE ROLE cloudhub_app      LOGIN NOBYPASSRLS PASSWORD :'app_password';
CREATE ROLE cloudhub_identity LOGIN NOBYPASSRLS PASSWORD :'identity_password';
CREATE ROLE cloudhub_system   LOGIN NOBYPASSRLS PASSWORD :'system_password';
CREATE ROLE cloudhub_admin    LOGIN NOBYPASSRLS PASSWORD :'admin_password';
ALTER ROLE cloudhub_app      SET statement_timeout = '30s';
ALTER ROLE cloudhub_app      SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE cloudhub_identity SET statement_timeout = '30s';
ALTER ROLE cloudhub_identity SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE cloudhub_system   SET statement_timeout = '30s';
ALTER ROLE cloudhub_system   SET idle_in_transaction_session_timeout = '30s';
GRANT pg_read_all_stats TO cloudhub_owner; -- to see for how long others' transactions have been open
ALTER ROLE cloudhub_admin    SET statement_timeout = '30s';
ALTER ROLE cloudhub_admin    SET idle_in_transaction_session_timeout = '30s';
CREATE DATABASE cloudhub OWNER cloudhub_owner;
REVOKE ALL ON DATABASE cloudhub FROM PUBLIC;
GRANT CONNECT ON DATABASE cloudhub TO cloudhub_app, cloudhub_identity, cloudhub_system, cloudhub_admin;
\connect cloudhub
ALTER SCHEMA public OWNER TO cloudhub_owner;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO cloudhub_app, cloudhub_identity, cloudhub_system, cloudhub_admin;
-- What PostgreSQL gives to everybody and the product has no use for: large
-- objects, which no policy binds, and ending the other sessions of one's role.
-- The owner keeps them, so that it can restore a dump in which they are named.
-- (db.Bootstrap has the same statement, and a test compares the two.)
DO $$
DECLARE f regprocedure;
BEGIN
  FOR f IN SELECT oid FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
    AND proname ~ '^(lo_.*|loread|lowrite|pg_terminate_backend|pg_cancel_backend)$' LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO cloudhub_owner', f);
  END LOOP;
END $$;
