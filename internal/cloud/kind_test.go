package cloud

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheRegistryOfKinds(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, k := range Kinds {
		require.False(t, seen[k.Name], "twice: %s", k.Name)
		seen[k.Name] = true
		require.True(t, strings.HasPrefix(k.Name, string(k.Provider)+"."), "%s is of %s", k.Name, k.Provider)
		got, ok := KindNamed(k.Name)
		require.True(t, ok)
		require.Equal(t, k.Name, got.Name)
		require.Equal(t, k.Switchable, Switchable(k.Name))
	}
	require.False(t, Switchable("aws.s3.bucket"), "what is not known is not switched")
	require.Zero(t, PowerRateOf("aws.s3.bucket", PowerOn))
	require.Equal(t, PowerRate{1000, 2}, PowerRateOf(KindEC2Instance, PowerOn))
}

func TestWhatASelectorCanFind(t *testing.T) {
	t.Parallel()
	nameless := Kind{Switchable: true, Has: SelectorParts{Tags: true}}
	require.True(t, nameless.SelectableBy(SelectorParts{Tags: true}))
	require.True(t, nameless.SelectableBy(SelectorParts{}), "everything")
	require.False(t, nameless.SelectableBy(SelectorParts{Name: true}))
	require.False(t, nameless.SelectableBy(SelectorParts{Tags: true, Name: true}))
	require.False(t, Kind{Has: SelectorParts{Tags: true, Name: true}}.SelectableBy(SelectorParts{Tags: true}), "it cannot be switched")
}

// Nothing but the adapter, the registry and the mapping to the contract knows a
// kind by name: whoever adds one adds an adapter and a line of the registry, and
// whoever names one elsewhere is told here.
func TestWhereAKindIsNamed(t *testing.T) {
	t.Parallel()
	const root = "../.."
	allowed := []string{
		"internal/cloud/kind.go",     // the registry
		"internal/cloud/aws/",        // the adapter
		"server/inventory/mapper.go", // to the contract's enum and details
		"db/dbtest/tenant.go",        // rows for tests of the database, which knows no cloud
		"internal/bench/scale/",      // rows in bulk, written past the product
	}
	var found []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator)))
		if d.IsDir() {
			if slices.Contains([]string{"node_modules", ".git", "data", "bin", ".cache"}, d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		ext := filepath.Ext(name)
		if ext != ".sql" && ext != ".go" || strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "api/gen/") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.Contains(string(text), "KindEC2Instance") || strings.Contains(string(text), KindEC2Instance) {
			found = append(found, name)
		}
		return nil
	})
	require.NoError(t, err)
	in := func(name, place string) bool {
		return name == place || strings.HasSuffix(place, "/") && strings.HasPrefix(name, place)
	}
	for _, name := range found {
		require.True(t, slices.ContainsFunc(allowed, func(place string) bool { return in(name, place) }), "%s names a kind: ask the registry", name)
	}
	for _, place := range allowed {
		require.True(t, slices.ContainsFunc(found, func(name string) bool { return in(name, place) }), "%s does not name one any more: take it off the list", place)
	}
}
