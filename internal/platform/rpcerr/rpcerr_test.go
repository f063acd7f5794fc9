package rpcerr

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"gopkg.in/yaml.v3"
)

const root = "../../.."

type entry struct {
	Reason, Code, En string
	PtBR             string `yaml:"pt-BR"`
}

func registry(t testing.TB) []entry {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "api/reasons.yaml"))
	require.NoError(t, err)
	var out []entry
	require.NoError(t, yaml.Unmarshal(raw, &out))
	require.NotEmpty(t, out)
	return out
}

var placeholder = regexp.MustCompile(`\{(\w+)\}`)

func TestEveryReasonSpeaksBothLanguages(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, e := range registry(t) {
		require.Regexp(t, `^[A-Z][A-Z0-9_]{1,62}$`, e.Reason)
		require.False(t, seen[e.Reason], "%s stands twice", e.Reason)
		seen[e.Reason] = true
		for _, text := range []string{e.En, e.PtBR} {
			require.NotEmpty(t, strings.TrimSpace(text), e.Reason)
		}
		require.NotEqual(t, e.En, e.PtBR, e.Reason)
		holes := func(s string) []string { h := placeholder.FindAllString(s, -1); slices.Sort(h); return h }
		require.Equal(t, holes(e.En), holes(e.PtBR), "%s fills other holes in Portuguese", e.Reason)
		require.Equal(t, e.En, english[Reason(e.Reason)], "run `make generate`")
		code, ok := codes[Reason(e.Reason)]
		require.Equal(t, e.Code != "", ok, e.Reason)
		if ok {
			require.Equal(t, e.Code, code.String(), e.Reason)
		}
	}
	require.Len(t, english, len(seen))
}

// Whatever the server answers with has a code: what has none would be INTERNAL
// to a client.
func TestWhatTheServerAnswersWithHasACode(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, dir := range []string{"server", "internal/platform/rpcerr"} {
		eachFile(t, filepath.Join(root, dir), func(name string, file *ast.File) {
			if strings.HasSuffix(name, "reasons.go") {
				return
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && fmt.Sprint(s.X) == "rpcerr" || ok && file.Name.Name == "rpcerr" {
					used[s.Sel.Name] = true
				} else if id, ok := n.(*ast.Ident); ok && file.Name.Name == "rpcerr" {
					used[id.Name] = true
				}
				return true
			})
		})
	}
	names := constants(t)
	n := 0
	for name := range used {
		reason, ok := names[name]
		if !ok {
			continue // ReasonOf, Reason itself, another package's
		}
		n++
		require.Contains(t, codes, reason, "%s is answered and has no code", name)
	}
	require.Greater(t, n, 15)
	// And what has a code is an answer of somebody's.
	for name, reason := range names {
		if _, ok := codes[reason]; ok {
			require.True(t, used[name], "nobody answers with %s", name)
		}
	}
}

// constants are the names in Go of the registry's reasons.
func constants(t testing.TB) map[string]Reason {
	t.Helper()
	out := map[string]Reason{}
	file, err := parser.ParseFile(token.NewFileSet(), "reasons.go", nil, 0)
	require.NoError(t, err)
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == 1 {
			if lit, ok := spec.Values[0].(*ast.BasicLit); ok {
				out[spec.Names[0].Name] = Reason(strings.Trim(lit.Value, `"`))
			}
		}
		return true
	})
	return out
}

func eachFile(t testing.TB, dir string, visit func(name string, file *ast.File)) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err == nil {
			visit(path, file)
		}
		return err
	}))
}

// Only this package makes the errors that clients see.
func TestNobodyElseMakesAConnectError(t *testing.T) {
	t.Parallel()
	eachFile(t, filepath.Join(root, "server"), func(name string, file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "connect" {
					require.False(t, s.Sel.Name == "NewError" || s.Sel.Name == "NewWireError", "%s makes a connect error", name)
				}
			}
			return true
		})
	})
}

func details(t testing.TB, e *connect.Error) map[string]any {
	t.Helper()
	out := map[string]any{}
	for _, d := range e.Details() {
		require.NotContains(t, out, d.Type(), "each detail at most once")
		v, err := d.Value()
		require.NoError(t, err)
		out[d.Type()] = v
	}
	return out
}

func TestAnErrorSaysWhyInOneShape(t *testing.T) {
	t.Parallel()
	e := New(ReasonPermissionDenied, "permission", "org.manage")
	c := ToConnect(fmt.Errorf("somewhere: %w", e), "req_1")
	require.Equal(t, connect.CodePermissionDenied, c.Code())
	require.Contains(t, c.Message(), "the permission org.manage here")
	d := details(t, c)
	info := d["google.rpc.ErrorInfo"].(*errdetails.ErrorInfo)
	require.Equal(t, []string{"PERMISSION_DENIED", "cloudhub", "org.manage"}, []string{info.GetReason(), info.GetDomain(), info.GetMetadata()["permission"]})
	require.Equal(t, "req_1", d["google.rpc.RequestInfo"].(*errdetails.RequestInfo).GetRequestId())

	bad := Invalid(ReasonTimeZoneUnknown, "rule.time_zone", "use another", "zone", "Mars")
	d = details(t, ToConnect(bad, "req_2"))
	require.Equal(t, "rule.time_zone", d["google.rpc.BadRequest"].(*errdetails.BadRequest).GetFieldViolations()[0].GetField())

	slow := New(ReasonRateLimited, "seconds", "3")
	slow.RetryAfter = 3 * time.Second
	c = ToConnect(slow, "req_3")
	require.Equal(t, "3", c.Meta().Get("Retry-After"))
	require.Equal(t, 3*time.Second, details(t, c)["google.rpc.RetryInfo"].(*errdetails.RetryInfo).GetRetryDelay().AsDuration())

	require.Equal(t, ToConnect(NotFound(), "r").Error(), ToConnect(New(ReasonNotFound), "r").Error())
	require.ErrorIs(t, fmt.Errorf("x: %w", NotFound()), NotFound())
	require.NotErrorIs(t, NotFound(), New(ReasonConflict))
}

func TestWhatIsNobodysErrorTellsNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err      error
		reason   Reason
		internal bool
	}{
		"a driver's":           {errors.New("password=hunter2"), ReasonInternal, true},
		"a deadline":           {fmt.Errorf("hunter2: %w", context.DeadlineExceeded), ReasonDeadline, false},
		"a caller who left":    {fmt.Errorf("hunter2: %w", context.Canceled), ReasonCancelled, false},
		"one without a code":   {&Error{Reason: ReasonGone, Cause: errors.New("hunter2")}, ReasonGone, false},
		"one with a cause":     {&Error{Reason: ReasonConflict, Cause: errors.New("hunter2")}, ReasonConflict, false},
		"connect: gone":        {connect.NewError(connect.CodeCanceled, errors.New("hunter2")), ReasonCancelled, false},
		"connect: too late":    {connect.NewError(connect.CodeDeadlineExceeded, errors.New("hunter2")), ReasonDeadline, false},
		"connect: too large":   {connect.NewError(connect.CodeResourceExhausted, errors.New("hunter2")), ReasonTooLarge, false},
		"connect: no envelope": {connect.NewError(connect.CodeInvalidArgument, errors.New("hunter2")), ReasonValidation, false},
		"connect: two":         {connect.NewError(connect.CodeUnimplemented, errors.New("hunter2")), ReasonValidation, false},
		"connect: ours":        {connect.NewError(connect.CodeInternal, errors.New("hunter2")), ReasonInternal, true},
	} {
		e, internal := From(c.err)
		require.Equal(t, c.reason, e.Reason, name)
		require.Equal(t, c.internal, internal, name)
		shown := ToConnect(c.err, "req")
		require.NotContains(t, shown.Error(), "hunter2", name)
		for _, d := range details(t, shown) {
			require.NotContains(t, fmt.Sprint(d), "hunter2", name)
		}
	}
}
