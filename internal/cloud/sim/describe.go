package sim

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	minPage, maxPage = 5, 1000
)

// result is what an action comes to.
type result struct {
	body    document
	changes []Change
	effects []effect
}

func (s *Sim) describeRegions(q *request) (result, *apiError) {
	named, failed := q.filters(func(name string) bool {
		return name == "region-name" || name == "opt-in-status" || name == "endpoint"
	})
	if failed != nil {
		return result{}, failed
	}
	asked := list(q.form, "RegionName")
	for _, name := range asked {
		if !slices.ContainsFunc(regions, func(r region) bool { return r.name == name }) {
			return result{}, badRequest("InvalidParameterValue", "Invalid region name '%s'", clip(name))
		}
	}
	doc := &regionsDocument{}
	for _, r := range regions {
		it := regionItem{r.name, "ec2." + r.name + ".amazonaws.com", "opt-in-not-required"}
		enabled := slices.Contains(q.who.account.Regions, r.name)
		switch {
		case !enabled:
			it.OptInStatus = "not-opted-in"
		case r.optIn:
			it.OptInStatus = "opted-in"
		}
		values := map[string]string{"region-name": it.Name, "opt-in-status": it.OptInStatus, "endpoint": it.Endpoint}
		if !enabled && q.form.Get("AllRegions") != "true" ||
			len(asked) > 0 && !slices.Contains(asked, r.name) ||
			slices.ContainsFunc(named, func(f namedFilter) bool { return !f.matches(values[f.name]) }) {
			continue
		}
		doc.Regions = append(doc.Regions, it)
	}
	return result{body: doc}, nil
}

func (s *Sim) describeInstances(q *request) (result, *apiError) {
	match, named, failed := q.instanceFilter()
	if failed != nil {
		return result{}, failed
	}
	found, next, failed := s.page(q, match, named)
	if failed != nil {
		return result{}, failed
	}
	doc := &instancesDocument{NextToken: next}
	for _, f := range found {
		doc.Reservations = append(doc.Reservations, reservationItem{
			ID: "r-" + f.ID[2:], Owner: f.account, Instances: []instanceItem{f.item(f.phase)},
		})
	}
	return result{body: doc}, nil
}

func (s *Sim) describeInstanceStatus(q *request) (result, *apiError) {
	match, named, failed := q.instanceFilter()
	if failed != nil {
		return result{}, failed
	}
	all := q.form.Get("IncludeAllInstances") == "true"
	found, next, failed := s.page(q, func(m *machine, p phase) bool {
		return (all || p.State == Running) && match(m, p)
	}, named)
	if failed != nil {
		return result{}, failed
	}
	doc := &statusDocument{NextToken: next}
	for _, f := range found {
		doc.Statuses = append(doc.Statuses, f.statusItem(f.phase, q.now))
	}
	return result{body: doc}, nil
}

// describeTags answers in one page: tags of instances only.
func (s *Sim) describeTags(q *request) (result, *apiError) {
	named, failed := q.filters(func(name string) bool {
		return name == "resource-id" || name == "resource-type" || name == "key" || name == "value"
	})
	if failed != nil {
		return result{}, failed
	}
	doc := &tagsDocument{}
	for m := range s.world.in(q.place(), "") {
		if _, ok := m.at(q.now); !ok {
			continue
		}
		for _, t := range tagItems(m.Tags) {
			values := map[string]string{"resource-id": m.ID, "resource-type": "instance", "key": t.Key, "value": t.Value}
			if !slices.ContainsFunc(named, func(f namedFilter) bool { return !f.matches(values[f.name]) }) {
				doc.Tags = append(doc.Tags, resourceTagItem{m.ID, "instance", t})
			}
		}
	}
	return result{body: doc}, nil
}

// seen is a machine as a read shows it.
type seen struct {
	*machine
	phase phase
}

// look is the machine as this read shows it: now, or as a lagging read had it.
func (q *request) look(m *machine) (phase, bool) {
	t := q.now
	if f, ok := q.touches(FaultLag, m.ID); ok {
		t = t.Add(-time.Duration(f.Delay))
	}
	return m.at(t)
}

// page selects the machines of a Describe: those named, or the next page of
// all that match, in the order of their ids.
func (s *Sim) page(q *request, match matcher, named []namedFilter) ([]seen, string, *apiError) {
	size, paged, failed := q.pageSize()
	switch {
	case failed != nil:
		return nil, "", failed
	case paged && len(q.ids) > 0:
		return nil, "", badRequest("InvalidParameterCombination", "The parameter instancesSet cannot be used with the parameter maxResults")
	case len(q.ids) > 0:
		found, failed := s.byID(q)
		return slices.DeleteFunc(found, func(f seen) bool { return !match(f.machine, f.phase) }), "", failed
	}
	query := q.digest(named)
	after, failed := q.pageStart(query)
	if failed != nil {
		return nil, "", failed
	}
	var out []seen
	for m := range s.world.in(q.place(), after) {
		p, ok := q.look(m)
		if !ok || !match(m, p) {
			continue
		}
		if len(out) == size {
			return out, token(out[size-1].ID, query), nil
		}
		out = append(out, seen{m, p})
	}
	return out, "", nil
}

// byID finds the machines of InstanceId.N, or says which do not exist.
func (s *Sim) byID(q *request) ([]seen, *apiError) {
	for _, id := range q.ids {
		if !instanceID.MatchString(id) {
			return nil, errMalformedID(clip(id))
		}
	}
	var out []seen
	var unknown []string
	for _, id := range q.ids {
		m, _, ok := s.world.find(q.place(), id, q.now)
		if ok {
			// A read that lags may not know a machine that exists by now.
			var p phase
			if p, ok = q.look(m); ok {
				out = append(out, seen{m, p})
			}
		}
		if !ok {
			unknown = append(unknown, id)
		}
	}
	if unknown != nil {
		return nil, errUnknownIDs(unknown)
	}
	return out, nil
}

func (q *request) pageSize() (size int, paged bool, failed *apiError) {
	text := q.form.Get("MaxResults")
	if text == "" {
		// Nothing asked for: everything in one answer, as EC2 still does.
		return -1, false, nil
	}
	n, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return 0, false, invalidValue(clip(text), "maxResults")
	case n < minPage:
		return 0, false, badRequest("InvalidParameterValue", "Value ( %d ) for parameter maxResults is invalid. Expecting a value greater than %d.", n, minPage)
	case n > maxPage:
		return 0, false, badRequest("InvalidParameterValue", "Value ( %d ) for parameter maxResults is invalid. Expecting a value less than %d.", n, maxPage)
	}
	return n, true, nil
}

// digest ties a page token to the query that it continues.
func (q *request) digest(named []namedFilter) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %v %q", q.action, q.place(), named))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

func token(last, query string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(query + " " + last))
}

// pageStart is the id after which the page begins.
func (q *request) pageStart(query string) (string, *apiError) {
	text := q.form.Get("NextToken")
	if text == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	of, last, _ := strings.Cut(string(raw), " ")
	if err != nil || of != query || !instanceID.MatchString(last) {
		return "", badRequest("InvalidParameterValue", "Unable to parse pagination token")
	}
	return last, nil
}
