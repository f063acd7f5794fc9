package schedule

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db/gen"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/schedule"
	"github.com/cloudhub/cloudhub/server/request"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// maxLines is how many schedules one file may make.
const maxLines = 500

// The columns of an import file. Several values in one cell stand apart by "|".
var columns = []string{
	"name", "start", "stop", "days", "time_zone", "resources", "tags", "name_prefix", "accounts", "regions", "calendars", "catch_up_minutes",
}

// ImportSchedules makes many schedules from a CSV file, all or none.
func (s *Service) ImportSchedules(ctx context.Context, req *v1.ImportSchedulesRequest) (*v1.ImportSchedulesResponse, error) {
	lines, err := readLines(req.GetCsv())
	if err != nil {
		return nil, err
	}
	mark, err := uuid.NewV7() // of the whole import: its lines have ids of their own
	if err != nil {
		return nil, err
	}
	out := &v1.ImportSchedulesResponse{}
	err = s.tenants.InTenant(ctx, rpc.GrantOf(ctx).Org, func(q *gen.Queries) error {
		out.Reset()
		if !req.GetDryRun() {
			earlier, err := request.Once(ctx, q, "ImportSchedules", req.GetRequestId(), req, mark)
			if err != nil {
				return err
			}
			if earlier != nil { // it was made then: say so, and make nothing
				out.Imported = true
				return nil
			}
		}
		return s.importLines(ctx, q, req.GetDryRun(), lines, out)
	})
	if errors.Is(err, errReport) {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// errReport rolls back what was written to find out whether it can be.
var errReport = errors.New("only a report")

func (s *Service) importLines(ctx context.Context, q *gen.Queries, dryRun bool, lines []line, out *v1.ImportSchedulesResponse) error {
	lookup, err := lookUp(ctx, q, lines)
	if err != nil {
		return err
	}
	wrong := false
	err = s.inTimetable(ctx, q, func(now time.Time) error {
		for _, l := range lines {
			report := &v1.ImportedLine{Line: int32(l.number), Name: l.cell("name")}
			out.Lines = append(out.Lines, report)
			want, problems := l.spec(lookup)
			if len(problems) == 0 {
				id, err := uuid.NewV7()
				if err != nil {
					return err
				}
				err = insert(ctx, q, id, want, now)
				var refused *rpcerr.Error
				switch {
				case errors.As(err, &refused):
					problems = append(problems, problem(columnOf(refused), string(refused.Reason), refused.Meta["name"]))
				case err != nil:
					return err
				default:
					if at, _, err := next(ctx, q, want.rule, now); err == nil && at != nil {
						report.NextTime = timestamppb.New(*at)
					}
					if !dryRun {
						report.ScheduleId = id.String()
					}
				}
			}
			report.Problems = problems
			wrong = wrong || len(problems) > 0
		}
		return nil
	})
	if err != nil {
		return err
	}
	if wrong || dryRun {
		for _, l := range out.Lines {
			l.ScheduleId = ""
		}
		return errReport
	}
	out.Imported = true
	return nil
}

// line is one line of the file.
type line struct {
	number int
	cells  map[string]string
}

func (l line) cell(column string) string { return l.cells[column] }

func (l line) list(column string) (out []string) {
	for v := range strings.SplitSeq(l.cells[column], "|") {
		if v = strings.TrimSpace(v); v != "" {
			out = append(out, v)
		}
	}
	return out
}

// readLines reads the file. Errors: VALIDATION.
func readLines(text string) ([]line, error) {
	text = strings.TrimPrefix(text, "\ufeff")
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord, r.TrimLeadingSpace = -1, true
	head, _, _ := strings.Cut(text, "\n")
	if strings.Count(head, ";") > strings.Count(head, ",") {
		r.Comma = ';'
	}
	bad := func(what string) error { return rpcerr.Invalid(rpcerr.ReasonValidation, "csv", what) }
	names, err := r.Read()
	if err != nil {
		return nil, bad("the first line must name the columns")
	}
	seen := map[string]bool{}
	for i, n := range names {
		names[i] = strings.ToLower(strings.TrimSpace(n))
		if !slices.Contains(columns, names[i]) {
			return nil, bad("unknown column " + strconv.Quote(clipped(n)) + "; there are " + strings.Join(columns, ", "))
		}
		if seen[names[i]] {
			return nil, bad("column " + names[i] + " twice")
		}
		seen[names[i]] = true
	}
	for _, needed := range []string{"name", "days"} {
		if !seen[needed] {
			return nil, bad("column " + needed + " is missing")
		}
	}
	var out []line
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			number := 0
			var parse *csv.ParseError
			if errors.As(err, &parse) {
				number = parse.StartLine
			}
			return nil, bad("line " + strconv.Itoa(number) + " is not CSV: quotes must be closed, and doubled inside quotes")
		}
		number, _ := r.FieldPos(0) // panics without a record
		if len(record) > len(names) {
			return nil, bad("line " + strconv.Itoa(number) + " has more cells than there are columns")
		}
		if len(out) == maxLines {
			return nil, bad("at most " + strconv.Itoa(maxLines) + " lines at once")
		}
		l := line{number, map[string]string{}}
		for i, v := range record {
			l.cells[names[i]] = strings.TrimSpace(v)
		}
		out = append(out, l)
	}
	if len(out) == 0 {
		return nil, bad("there is no line after the first")
	}
	return out, nil
}

func clipped(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// lookup finds what lines call by name.
type lookup struct {
	resources map[string][]uuid.UUID // by provider id and by name
	accounts  map[string][]uuid.UUID // by name and by id
	calendars map[string][]string    // by name and by id
	zone      string                 // of the workspace
}

func lookUp(ctx context.Context, q *gen.Queries, lines []line) (lookup, error) {
	grant := rpc.GrantOf(ctx)
	l := lookup{map[string][]uuid.UUID{}, map[string][]uuid.UUID{}, map[string][]string{"br": {schedule.BrazilCalendar}}, grant.TimeZone}
	names := []string{}
	for _, x := range lines {
		names = append(names, x.list("resources")...)
	}
	rows, err := q.ResourcesByName(ctx, gen.ResourcesByNameParams{OrgID: grant.Org, WorkspaceID: grant.Workspace, Names: names})
	if err != nil {
		return l, err
	}
	for _, r := range rows {
		for _, name := range []string{r.ProviderID, r.Name} {
			if !slices.Contains(l.resources[name], r.ID) {
				l.resources[name] = append(l.resources[name], r.ID)
			}
		}
	}
	accounts, err := q.AccountNames(ctx, gen.AccountNamesParams{OrgID: grant.Org, WorkspaceID: grant.Workspace})
	if err != nil {
		return l, err
	}
	for _, a := range accounts {
		l.accounts[a.Name] = append(l.accounts[a.Name], a.ID)
		l.accounts[a.ID.String()] = []uuid.UUID{a.ID}
	}
	calendars, err := q.CalendarNames(ctx, grant.Org)
	if err != nil {
		return l, err
	}
	for _, c := range calendars {
		l.calendars[c.Name] = append(l.calendars[c.Name], c.ID.String())
		l.calendars[c.ID.String()] = []string{c.ID.String()}
	}
	return l, nil
}

func problem(column, reason, value string) *v1.LineProblem {
	return &v1.LineProblem{Column: column, Reason: reason, Value: clipped(value)}
}

// columnOf is the column of the field that was refused.
func columnOf(e *rpcerr.Error) string {
	field := "name"
	if len(e.Fields) > 0 {
		field = e.Fields[0].Path
	}
	switch {
	case strings.HasPrefix(field, "rule.stop"):
		return "stop"
	case strings.HasPrefix(field, "rule.weekdays"):
		return "days"
	case strings.HasPrefix(field, "rule.time_zone"):
		return "time_zone"
	case strings.HasPrefix(field, "rule"):
		return "start"
	case strings.HasPrefix(field, "selector"):
		return "tags"
	case field == "resource_ids":
		return "resources"
	default:
		return field
	}
}

// spec is what a line wants, or everything that is wrong with it.
func (l line) spec(find lookup) (spec, []*v1.LineProblem) {
	var wrong []*v1.LineProblem
	note := func(column, reason, value string) { wrong = append(wrong, problem(column, reason, value)) }
	invalid := string(rpcerr.ReasonValidation)
	m := &v1.CreateScheduleRequest{Name: l.cell("name"), Rule: &v1.ScheduleRule{TimeZone: l.cell("time_zone")}}
	if n := len([]rune(m.GetName())); n == 0 || n > 100 || strings.ContainsFunc(m.GetName(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
		note("name", invalid, m.GetName())
	}
	if m.GetRule().GetTimeZone() == "" {
		m.Rule.TimeZone = find.zone
	}
	for column, to := range map[string]*string{"start": &m.Rule.StartTime, "stop": &m.Rule.StopTime} {
		v := l.cell(column)
		if len(v) == len("7:00") {
			v = "0" + v
		}
		if at, err := time.Parse("15:04", v); v != "" && (err != nil || at.Format("15:04") != v) {
			note(column, invalid, v)
			continue
		}
		*to = v
	}
	if !days(l.list("days"), m.Rule) {
		note("days", invalid, l.cell("days"))
	}
	if v := l.cell("catch_up_minutes"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > int(schedule.MaxCatchUp/time.Minute) {
			note("catch_up_minutes", invalid, v)
		}
		m.CatchUpMinutes = int32(n)
	}
	for _, v := range l.list("calendars") {
		if one(find.calendars[v], note, "calendars", v) {
			m.Rule.CalendarIds = append(m.Rule.CalendarIds, find.calendars[v][0])
		}
	}
	for _, v := range l.list("resources") {
		if one(find.resources[v], note, "resources", v) {
			m.ResourceIds = append(m.ResourceIds, find.resources[v][0].String())
		}
	}
	m.Selector = l.selector(find, note)
	if len(wrong) > 0 {
		return spec{}, wrong
	}
	want, err := specOf(m)
	var refused *rpcerr.Error
	if errors.As(err, &refused) {
		note(columnOf(refused), string(refused.Reason), "")
	} else if err != nil {
		note("name", invalid, "")
	}
	return want, wrong
}

// one notes a name that nothing has, or several have.
func one[T any](found []T, note func(column, reason, value string), column, value string) bool {
	switch len(found) {
	case 0:
		note(column, string(rpcerr.ReasonNotFound), value)
	case 1:
		return true
	default:
		note(column, string(rpcerr.ReasonAmbiguousName), value)
	}
	return false
}

// selector of a line: tags as key=value, or key alone for any value, or * for
// everything.
func (l line) selector(find lookup, note func(column, reason, value string)) *v1.TargetSelector {
	s := &v1.TargetSelector{NamePrefix: l.cell("name_prefix"), Regions: l.list("regions")}
	for _, v := range l.list("tags") {
		if v == "*" {
			s.Everything = true
			continue
		}
		key, value, has := strings.Cut(v, "=")
		i := slices.IndexFunc(s.Tags, func(t *v1.TagMatch) bool { return t.GetKey() == key })
		if i < 0 {
			s.Tags = append(s.Tags, &v1.TagMatch{Key: key})
			i = len(s.Tags) - 1
		}
		if has {
			s.Tags[i].Values = append(s.Tags[i].Values, value)
		}
	}
	for _, v := range l.list("accounts") {
		if one(find.accounts[v], note, "accounts", v) {
			s.CloudAccountIds = append(s.CloudAccountIds, find.accounts[v][0].String())
		}
	}
	if len(s.Tags) == 0 && s.NamePrefix == "" && !s.Everything && len(s.Regions) == 0 && len(s.CloudAccountIds) == 0 {
		return nil
	}
	return s
}

var dayNames = map[string][]v1.Weekday{
	"mon": {1}, "tue": {2}, "wed": {3}, "thu": {4}, "fri": {5}, "sat": {6}, "sun": {7},
	"seg": {1}, "ter": {2}, "qua": {3}, "qui": {4}, "sex": {5}, "sab": {6}, "sáb": {6}, "dom": {7},
	"daily": {1, 2, 3, 4, 5, 6, 7}, "weekdays": {1, 2, 3, 4, 5}, "weekends": {6, 7},
	"diario": {1, 2, 3, 4, 5, 6, 7}, "diário": {1, 2, 3, 4, 5, 6, 7}, "uteis": {1, 2, 3, 4, 5}, "úteis": {1, 2, 3, 4, 5},
}

// days reads names of days in English or Portuguese, or days of the month.
func days(names []string, rule *v1.ScheduleRule) bool {
	for _, n := range names {
		if d, err := strconv.Atoi(n); err == nil {
			if d < 1 || d > 31 {
				return false
			}
			if !slices.Contains(rule.MonthDays, int32(d)) {
				rule.MonthDays = append(rule.MonthDays, int32(d))
			}
			continue
		}
		found, ok := dayNames[strings.ToLower(n)]
		if !ok {
			return false
		}
		for _, d := range found {
			if !slices.Contains(rule.Weekdays, d) {
				rule.Weekdays = append(rule.Weekdays, d)
			}
		}
	}
	return len(names) > 0 && (len(rule.Weekdays) == 0) != (len(rule.MonthDays) == 0)
}
