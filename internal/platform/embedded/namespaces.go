package embedded

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	persistencespb "go.temporal.io/server/api/persistence/v1"
	"go.temporal.io/server/common"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence"
	"go.temporal.io/server/common/persistence/serialization"
	persistencesql "go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/common/resolver"
	"go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Namespace is one of Temporal's namespaces. Retention is how long a finished
// run is kept.
type Namespace struct {
	Name      string
	Retention time.Duration
}

// DefaultNamespaces: what a person or a timetable asked for can be read up on
// for a week; background kinds are many and dull.
func DefaultNamespaces() []Namespace {
	return []Namespace{
		{Name: "cloudhub", Retention: 7 * 24 * time.Hour},
		{Name: "cloudhub-background", Retention: 24 * time.Hour},
	}
}

// SearchAttributes are registered in every namespace, all of type Keyword. In
// SQL a custom attribute is a namespace's name for one of ten columns Keyword01
// to Keyword10.
func SearchAttributes() []string {
	return []string{"CloudHubOrg", "CloudHubWorkspace", "CloudHubKind", "CloudHubOrigin"}
}

// ensureNamespaces makes the namespaces, and corrects retention and search
// attributes of those that exist, in the database and before the server starts:
// through its API the server would take seconds to notice, because every
// service keeps a cache.
func ensureNamespaces(ctx context.Context, store config.SQL, namespaces []Namespace) error {
	fresh := make([]*sqlite.NamespaceConfig, 0, len(namespaces))
	for _, ns := range namespaces {
		detail := &persistencespb.NamespaceDetail{
			Info: &persistencespb.NamespaceInfo{
				Id:    primitives.NewUUID().String(),
				State: enumspb.NAMESPACE_STATE_REGISTERED,
				Name:  ns.Name,
			},
			Config: &persistencespb.NamespaceConfig{
				HistoryArchivalState:    enumspb.ARCHIVAL_STATE_DISABLED,
				VisibilityArchivalState: enumspb.ARCHIVAL_STATE_DISABLED,
			},
			ReplicationConfig: &persistencespb.NamespaceReplicationConfig{
				ActiveClusterName: clusterName,
				Clusters:          []string{clusterName},
			},
			FailoverVersion:             common.EmptyVersion,
			FailoverNotificationVersion: -1,
		}
		if err := configureNamespace(detail, ns); err != nil {
			return err
		}
		fresh = append(fresh, &sqlite.NamespaceConfig{Detail: detail})
	}
	// In spite of its package it works with any SQL store; it leaves alone
	// what exists.
	if err := sqlite.CreateNamespaces(&store, fresh...); err != nil {
		return err
	}
	db, err := persistencesql.NewSQLDB(sqlplugin.DbKindMain, &store, resolver.NewNoopResolver(), log.NewNoopLogger(), metrics.NoopMetricsHandler)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, ns := range namespaces {
		if err := correctNamespace(ctx, db, ns); err != nil {
			return fmt.Errorf("namespace %s: %w", ns.Name, err)
		}
	}
	return nil
}

// configureNamespace sets what we decide and keeps the rest, such as attributes
// that an operator added.
func configureNamespace(detail *persistencespb.NamespaceDetail, ns Namespace) error {
	detail.Config.Retention = durationpb.New(ns.Retention)
	aliases := maps.Clone(detail.Config.CustomSearchAttributeAliases)
	if aliases == nil {
		aliases = map[string]string{}
	}
	taken := slices.Collect(maps.Values(aliases))
	for _, name := range SearchAttributes() {
		if slices.Contains(taken, name) {
			continue
		}
		field, err := freeKeyword(aliases)
		if err != nil {
			return fmt.Errorf("namespace %s: search attribute %s: %w", ns.Name, name, err)
		}
		aliases[field] = name
	}
	detail.Config.CustomSearchAttributeAliases = aliases
	return nil
}

func freeKeyword(aliases map[string]string) (string, error) {
	for i := 1; i <= 10; i++ {
		field := fmt.Sprintf("Keyword%02d", i)
		if _, used := aliases[field]; !used {
			return field, nil
		}
	}
	return "", fmt.Errorf("all ten Keyword columns are in use")
}

// correctNamespace writes a namespace that is not as it should be, the way
// Temporal's own store does: under the lock and the number of the metadata row.
func correctNamespace(ctx context.Context, db sqlplugin.DB, ns Namespace) error {
	rows, err := db.SelectFromNamespace(ctx, sqlplugin.NamespaceFilter{Name: &ns.Name})
	if err != nil {
		return err
	}
	if len(rows) != 1 {
		return fmt.Errorf("%d rows, not one", len(rows))
	}
	row, coder := rows[0], serialization.NewSerializer()
	detail, err := coder.NamespaceDetailFromBlob(persistence.NewDataBlob(row.Data, row.DataEncoding))
	if err != nil {
		return err
	}
	before := proto.Clone(detail)
	if err := configureNamespace(detail, ns); err != nil {
		return err
	}
	if proto.Equal(before, detail) {
		return nil
	}
	detail.ConfigVersion++
	blob, err := coder.NamespaceDetailToBlob(detail)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	metadata, err := tx.LockNamespaceMetadata(ctx)
	if err != nil {
		return err
	}
	row.Data, row.DataEncoding = blob.GetData(), blob.GetEncodingType().String()
	row.NotificationVersion = metadata.NotificationVersion
	if _, err := tx.UpdateNamespace(ctx, &row); err != nil {
		return err
	}
	if _, err := tx.UpdateNamespaceMetadata(ctx, metadata); err != nil {
		return err
	}
	return tx.Commit()
}
