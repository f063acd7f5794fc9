package calendar

import (
	"fmt"
	"strings"

	v1 "github.com/cloudhub/cloudhub/api/gen/cloudhub/v1"
	"github.com/cloudhub/cloudhub/internal/calendar"
	"github.com/cloudhub/cloudhub/internal/platform/egress"
	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
	"github.com/cloudhub/cloudhub/internal/schedule"
)

// content is what a calendar is made of, checked. Its source is empty when a
// request gives none.
type content struct {
	source  string
	address string
	days    schedule.Days
	notes   []string
}

// given is a request that may give content.
type given interface {
	GetDays() *v1.CalendarDays
	GetFile() string
	GetAddress() string
}

// contentOf checks and parses. Errors: VALIDATION, CALENDAR_UNREADABLE,
// ADDRESS_REFUSED.
func (s *Service) contentOf(req given) (content, error) {
	switch {
	case req.GetDays() != nil:
		days, err := daysOf(req.GetDays())
		return content{source: sourceDays, days: days, notes: []string{}}, err
	case req.GetFile() != "":
		return s.fileOf(req.GetFile())
	case req.GetAddress() != "":
		address, err := s.addressOf(req.GetAddress())
		return content{source: sourceAddress, address: address, notes: []string{}}, err
	default:
		return content{}, nil
	}
}

// Days written by hand lie in these years.
const (
	firstYear = 1970
	lastYear  = 2199
)

func daysOf(list *v1.CalendarDays) (schedule.Days, error) {
	days := make(schedule.Days, len(list.GetDays()))
	for i, d := range list.GetDays() {
		path := fmt.Sprintf("days.days[%d].date", i)
		day, err := schedule.ParseDay(d.GetDate())
		if err != nil || day.Year < firstYear || day.Year > lastYear {
			return nil, rpcerr.Invalid(rpcerr.ReasonValidation, path, fmt.Sprintf("give a day from %d-01-01 to %d-12-31", firstYear, lastYear))
		}
		if _, twice := days[day]; twice {
			return nil, rpcerr.Invalid(rpcerr.ReasonValidation, path, "each day once")
		}
		days[day] = d.GetName()
	}
	return days, nil
}

// How far the days of a file are read: it is read once, so its repetitions are
// written down for longer than those of an address.
const (
	fileYearsBack  = 1
	fileYearsAhead = 10
)

func (s *Service) fileOf(file string) (content, error) {
	today := schedule.DayOf(s.now().UTC())
	read, err := calendar.ParseICal(strings.NewReader(file), today.Add(-366*fileYearsBack), today.Add(366*fileYearsAhead))
	if err != nil {
		why := calendar.Line(err.Error(), 300)
		return content{}, rpcerr.Invalid(rpcerr.ReasonCalendarUnreadable, "file", why, "why", why)
	}
	return content{source: sourceFile, days: read.Days, notes: read.Notes()}, nil
}

func (s *Service) addressOf(address string) (string, error) {
	address = strings.TrimSpace(address)
	for _, scheme := range []string{"webcal:", "webcals:"} {
		if len(address) > len(scheme) && strings.EqualFold(address[:len(scheme)], scheme) {
			address = "https:" + address[len(scheme):]
			break
		}
	}
	u, err := s.egress.CheckURL(address)
	if why, refused := egress.Refusal(err); refused {
		return "", rpcerr.Invalid(rpcerr.ReasonAddressRefused, "address", why, "why", why)
	}
	if err != nil {
		return "", err
	}
	u.Fragment, u.RawFragment = "", ""
	return u.String(), nil
}
