package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/cloudhub/cloudhub/db"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/platform/config"
	"github.com/cloudhub/cloudhub/internal/platform/loopback"
)

// adminCall is one `cloudhub admin …`.
type adminCall struct {
	verb, email string
	dataDir     string
}

const adminUse = "use: cloudhub admin grant EMAIL | revoke EMAIL | list, with --data-dir DIR for a running cloudhub dev"

func parseAdmin(e env, args []string) (adminCall, error) {
	c := adminCall{}
	fs := flag.NewFlagSet("admin", flag.ContinueOnError)
	fs.SetOutput(e.stderr)
	fs.StringVar(&c.dataDir, "data-dir", "", "folder of a running cloudhub dev")
	var words []string
	for { // flags may stand before, between and after the words
		if err := fs.Parse(args); err != nil {
			return c, usageError{err}
		}
		if fs.NArg() == 0 {
			break
		}
		words, args = append(words, fs.Arg(0)), fs.Args()[1:]
	}
	switch {
	case len(words) == 1 && words[0] == "list":
	case len(words) == 2 && (words[0] == "grant" || words[0] == "revoke"):
		c.email = words[1]
	default:
		return c, usageError{errors.New(adminUse)}
	}
	c.verb = words[0]
	return c, nil
}

// runAdmin says who may open the operators' page. It writes as the owner: no
// role of a running server can make anybody a platform admin.
func runAdmin(ctx context.Context, e env, args []string) error {
	c, err := parseAdmin(e, args)
	if err != nil {
		return err
	}
	address, err := ownerURL(e.config, c.dataDir)
	if err != nil {
		return err
	}
	pool, err := db.Connect(ctx, db.Options{URL: address, MaxConns: 1, AppName: "cloudhub admin"})
	if err != nil {
		if c.dataDir != "" {
			return fmt.Errorf("%w; is cloudhub dev running on %s?", err, c.dataDir)
		}
		return err
	}
	defer pool.Close()
	owner := db.NewOwner(pool)
	if c.verb == "list" {
		return listAdmins(ctx, e, owner)
	}
	return changeAdmin(ctx, e, owner, c)
}

// ownerURL is the owner's address: of a running dev's folder, or the setting.
func ownerURL(v config.Values, dataDir string) (string, error) {
	if dataDir == "" {
		if err := v.Need(config.DatabaseOwner); err != nil {
			return "", usageError{fmt.Errorf("%w; or name the folder of a running cloudhub dev with --data-dir", err)}
		}
		return v.Get(config.DatabaseOwner), nil
	}
	return devURL(dataDir, db.RoleOwner)
}

// devURL is the address of a cloudhub dev's database, as one of its roles.
func devURL(dataDir, role string) (string, error) {
	missing := func(err error) error {
		return fmt.Errorf("%s is not the folder of a running cloudhub dev: %w", dataDir, err)
	}
	raw, err := os.ReadFile(filepath.Join(dataDir, "postgres", "port"))
	if err != nil {
		return "", missing(err)
	}
	port, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		return "", missing(err)
	}
	password, err := os.ReadFile(filepath.Join(dataDir, databasePassword))
	if err != nil {
		return "", missing(err)
	}
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(role, strings.TrimSpace(string(password))),
		Host: loopback.HostPort(port), Path: "/" + devDatabase, RawQuery: "sslmode=disable",
	}
	return u.String(), nil
}

func listAdmins(ctx context.Context, e env, owner *db.Owner) error {
	list, err := owner.Read().ListPlatformAdmins(ctx)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		fmt.Fprintln(e.stdout, "Nobody may open the operators' page: cloudhub admin grant EMAIL")
	}
	for _, a := range list {
		note := ""
		if a.Suspended {
			note = "  suspended: may not sign in"
		}
		fmt.Fprintf(e.stdout, "%-40s %-30s since %s%s\n", a.Email, a.Name, a.GrantedAt.UTC().Format(time.RFC3339), note)
	}
	return nil
}

func changeAdmin(ctx context.Context, e env, owner *db.Owner, c adminCall) error {
	grant := c.verb == "grant"
	said := ""
	err := owner.Tx(ctx, func(q *gen.Queries) error {
		u, err := q.UserToGrant(ctx, strings.ToLower(strings.TrimSpace(c.email)))
		if db.IsNoRows(err) {
			return fmt.Errorf("nobody has registered as %s", c.email)
		}
		if err != nil {
			return err
		}
		change, did := q.RevokePlatformAdmin, "may no longer open the operators' page"
		if grant {
			change, did = q.GrantPlatformAdmin, "may open the operators' page, /admin/agenda"
		}
		n, err := change(ctx, u.ID)
		if err != nil {
			return err
		}
		said = fmt.Sprintf("%s (%s) %s", u.Email, u.Name, did)
		if n == 0 {
			said += "; it was so already"
			return nil
		}
		return auditGrant(ctx, q, u.ID, grant)
	})
	if err == nil {
		fmt.Fprintln(e.stdout, said)
	}
	return err
}

// auditGrant records the change among the installation's own, with the account
// of the machine that made it: no session stands behind it.
func auditGrant(ctx context.Context, q *gen.Queries, subject uuid.UUID, granted bool) error {
	by := "unknown"
	if u, err := user.Current(); err == nil {
		by = u.Username
	}
	before, err := json.Marshal(map[string]any{"platform_admin": !granted})
	if err != nil {
		return err
	}
	after, err := json.Marshal(map[string]any{"platform_admin": granted, "system_account": by})
	if err != nil {
		return err
	}
	action := "platform_admin.revoke"
	if granted {
		action = "platform_admin.grant"
	}
	return q.InsertAudit(ctx, gen.InsertAuditParams{
		OrgID: uuid.Nil, ID: uuid.Must(uuid.NewV7()), ActorKind: "operator", Action: action, SubjectKind: "user", SubjectID: subject.String(), Before: before, After: after,
	})
}
