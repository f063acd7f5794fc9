package db_test

import (
	"bytes"
	"encoding/csv"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares a table with the file of that name in testdata.
func golden(t *testing.T, name string, table [][]string) {
	t.Helper()
	var got bytes.Buffer
	require.NoError(t, csv.NewWriter(&got).WriteAll(table))
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, got.Bytes(), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String(), "%s has changed: review it, then run with -update", path)
}
