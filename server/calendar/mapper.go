package calendar

import (
	"net/url"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/db/gen"
)

// Sources of a calendar. The values are stored.
const (
	sourceDays    = "days"
	sourceFile    = "file"
	sourceAddress = "address"
)

var sources = map[string]v1.CalendarSource{
	sourceDays:    v1.CalendarSource_CALENDAR_SOURCE_DAYS,
	sourceFile:    v1.CalendarSource_CALENDAR_SOURCE_FILE,
	sourceAddress: v1.CalendarSource_CALENDAR_SOURCE_ADDRESS,
}

func toProto(c gen.Calendar, days, schedules int32) *v1.Calendar {
	return &v1.Calendar{
		Id: c.ID.String(), Name: c.Name, Source: sources[c.Source], Address: shown(c.Address), DayCount: days, RefreshTime: moment(c.RefreshedAt),
		LastError: deref(c.LastError), LastErrorDetail: deref(c.LastErrorDetail), NextRefreshTime: moment(c.NextRefreshAt),
		ScheduleCount: schedules, Etag: c.Etag.String(), Notes: c.Notes,
	}
}

// shown is where a calendar is published: scheme and host. What follows may be a
// secret, in the path ("secret address in iCal format") as well as in the query,
// and is given to nobody, not even to whoever wrote it. Not in the audit either.
func shown(address *string) string {
	if address == nil {
		return ""
	}
	u, err := url.Parse(*address)
	if err != nil {
		return ""
	}
	host := (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()
	if u.Path == "" && u.RawQuery == "" {
		return host
	}
	return host + "/…"
}

func moment(t *time.Time) *timestamppb.Timestamp {
	if t == nil {
		return nil
	}
	return timestamppb.New(*t)
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
