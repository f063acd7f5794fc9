package sim

import (
	"slices"
	"strconv"
	"strings"
)

// matcher decides whether a machine, in one of its phases, is asked for.
type matcher func(*machine, phase) bool

// fields are the filters of DescribeInstances that compare one value.
var fields = map[string]func(*machine, phase) string{
	"instance-id":         func(m *machine, _ phase) string { return m.ID },
	"instance-state-name": func(_ *machine, p phase) string { return string(p.State) },
	"instance-state-code": func(_ *machine, p phase) string { return strconv.Itoa(p.State.code()) },
	"instance-type":       func(m *machine, _ phase) string { return m.Type },
	"availability-zone":   func(m *machine, _ phase) string { return m.Zone },
	"vpc-id":              func(m *machine, _ phase) string { return m.VPC },
	"subnet-id":           func(m *machine, _ phase) string { return m.Subnet },
	"image-id":            func(m *machine, _ phase) string { return m.Image },
	"key-name":            func(m *machine, _ phase) string { return m.KeyName },
	"architecture":        func(m *machine, _ phase) string { return m.Architecture },
	"private-ip-address":  func(m *machine, _ phase) string { return m.PrivateIP },
	"ip-address":          func(_ *machine, p phase) string { return p.PublicIP },
	"root-device-type":    func(m *machine, _ phase) string { return m.rootDevice() },
	"instance-lifecycle":  func(m *machine, _ phase) string { return m.lifecycle() },
	"owner-id":            func(m *machine, _ phase) string { return m.account },
}

// namedFilter is a Filter.N of a request.
type namedFilter struct {
	name   string
	values []string
}

// filters reads Filter.1.Name, Filter.1.Value.1, … Names are what the action
// understands; the values of one filter are alternatives, filters add up.
func (q *request) filters(known func(name string) bool) ([]namedFilter, *apiError) {
	var numbers []int
	for key := range q.form {
		if rest, ok := strings.CutPrefix(key, "Filter."); ok {
			number, _, _ := strings.Cut(rest, ".")
			if n, err := strconv.Atoi(number); err == nil && !slices.Contains(numbers, n) {
				numbers = append(numbers, n)
			}
		}
		if len(numbers) > maxFilters { // and not one more is looked at
			return nil, badRequest("FilterLimitExceeded", "The maximum number of filters specified in one call is %d.", maxFilters)
		}
	}
	slices.Sort(numbers)
	var out []namedFilter
	for _, n := range numbers {
		prefix := "Filter." + strconv.Itoa(n)
		f := namedFilter{q.form.Get(prefix + ".Name"), list(q.form, prefix+".Value")}
		if f.name == "" || len(f.values) == 0 {
			return nil, badRequest("InvalidParameterValue", "The filter '%s' has no name or no value", clip(f.name))
		}
		if !known(f.name) {
			return nil, badRequest("InvalidParameterValue", "The filter '%s' is invalid", clip(f.name))
		}
		out = append(out, f)
	}
	return out, nil
}

// maxFilters is far more than EC2 allows in one call, and little enough to
// collect without care.
const maxFilters = 50

// instanceFilter combines the filters of a request into one.
func (q *request) instanceFilter() (matcher, []namedFilter, *apiError) {
	named, failed := q.filters(func(name string) bool {
		return fields[name] != nil || name == "tag-key" || name == "tag-value" || strings.HasPrefix(name, "tag:")
	})
	if failed != nil {
		return nil, nil, failed
	}
	return func(m *machine, p phase) bool {
		for _, f := range named {
			if !f.accepts(m, p) {
				return false
			}
		}
		return true
	}, named, nil
}

func (f namedFilter) accepts(m *machine, p phase) bool {
	if key, ok := strings.CutPrefix(f.name, "tag:"); ok {
		value, has := m.Tags[key]
		return has && f.matches(value)
	}
	switch f.name {
	case "tag-key", "tag-value":
		for k, v := range m.Tags {
			if f.name == "tag-key" && f.matches(k) || f.name == "tag-value" && f.matches(v) {
				return true
			}
		}
		return false
	}
	return f.matches(fields[f.name](m, p))
}

func (f namedFilter) matches(value string) bool {
	return slices.ContainsFunc(f.values, func(pattern string) bool { return wildcard(pattern, value) })
}

// wildcard matches with EC2's * (any run), ? (any one character) and \ (takes
// the next literally). Greedy with one point to come back to, so linear enough
// for a pattern that a stranger wrote.
func wildcard(pattern, value string) bool {
	var p, v int
	star, from := -1, 0
	for v < len(value) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, v
			p++
		case p+1 < len(pattern) && pattern[p] == '\\' && pattern[p+1] == value[v]:
			p, v = p+2, v+1
		case p < len(pattern) && pattern[p] != '\\' && (pattern[p] == '?' || pattern[p] == value[v]):
			p, v = p+1, v+1
		case star >= 0:
			from++
			p, v = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
