package sim_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

// control makes a call to the control API and decodes its JSON.
func (b *bundle) control(method, path, token, body string, into any) int {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, strings.NewReader(body))
	require.NoError(b.t, err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(r)
	require.NoError(b.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(b.t, err)
	if into != nil {
		require.NoError(b.t, json.Unmarshal(text, into), "%s", text)
	}
	return res.StatusCode
}

func TestControlCalls(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.call("StopInstances", "InstanceId.1="+sim.SmallRunning, "InstanceId.2="+sim.SmallStopped)
	b.call("StartInstances", "InstanceId.1="+unknownID)
	var got struct{ Calls []sim.Call }
	require.Equal(t, http.StatusOK, b.control("GET", "/_sim/calls", "", "", &got))
	require.Len(t, got.Calls, 2)
	first := got.Calls[0]
	require.Equal(t, sim.SmallAccount, first.Account)
	require.Equal(t, region, first.Region)
	require.Equal(t, "StopInstances", first.Action)
	require.Equal(t, []string{sim.SmallRunning, sim.SmallStopped}, first.IDs)
	require.Equal(t, []sim.Change{
		{ID: sim.SmallRunning, Before: sim.Running, After: sim.Stopping},
		{ID: sim.SmallStopped, Before: sim.Stopped, After: sim.Stopped},
	}, first.Changes)
	require.Equal(t, epoch, first.Time)
	require.Equal(t, "InvalidInstanceID.NotFound", got.Calls[1].Code)
	require.Equal(t, 400, got.Calls[1].Status)

	require.Equal(t, http.StatusOK, b.control("GET", "/_sim/calls?after=1", "", "", &got))
	require.Len(t, got.Calls, 1)
	require.Equal(t, http.StatusBadRequest, b.control("GET", "/_sim/calls?after=x", "", "", nil))
}

func TestControlInstances(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var m sim.Machine
	require.Equal(t, http.StatusOK, b.control("POST", "/_sim/instances", "", `{"id":"`+sim.SmallRunning+`","state":"stopped"}`, &m))
	require.Equal(t, sim.Stopped, m.State)
	require.Equal(t, "stopped", b.state(sim.SmallRunning))

	m = sim.Machine{}
	require.Equal(t, http.StatusCreated, b.control("POST", "/_sim/instances", "",
		`{"account":"`+sim.SmallAccount+`","name":"late","region":"us-east-2","tags":{"time":"dados"}}`, &m))
	require.Equal(t, sim.Running, m.State)
	require.Equal(t, epoch, m.Launched)
	var list struct{ Instances []sim.Machine }
	require.Equal(t, http.StatusOK, b.control("GET", "/_sim/instances?region=us-east-2", "", "", &list))
	require.Equal(t, []sim.Machine{m}, list.Instances)

	for name, body := range map[string]string{
		"unknown machine":     `{"id":"` + unknownID + `","state":"stopped"}`,
		"unknown state":       `{"id":"` + sim.SmallSpot + `","state":"sleeping"}`,
		"unknown account":     `{"account":"999999999999","region":"sa-east-1"}`,
		"region not enabled":  `{"account":"` + sim.SmallAccount + `","region":"eu-west-1"}`,
		"machine there twice": `{"account":"` + sim.SmallAccount + `","region":"sa-east-1","id":"` + sim.SmallSpot + `"}`,
		"misspelt field":      `{"id":"` + sim.SmallSpot + `","stat":"stopped"}`,
		"no JSON":             `{`,
	} {
		require.Equal(t, http.StatusBadRequest, b.control("POST", "/_sim/instances", "", body, nil), name)
	}
	require.Len(t, b.sim.Calls(0), 1) // the read above: control is no client
}

// Every state can be set, and a transition that was set stays.
func TestSetState(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, state := range []sim.State{
		sim.Stopping, sim.Stopped, sim.Pending, sim.Running, sim.ShuttingDown, sim.Terminated,
	} {
		require.NoError(t, b.sim.SetState(sim.SmallRunning, state))
		b.clock.Advance(1e9)
		require.Equal(t, string(state), b.state(sim.SmallRunning))
	}
}

func TestControlFaults(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var made struct{ ID string }
	require.Equal(t, http.StatusCreated, b.control("POST", "/_sim/faults", "",
		`{"action":"DescribeRegions","effect":"error","code":"Unavailable","status":503,"times":3,"delay":"1.5s"}`, &made))
	require.Equal(t, "Unavailable", b.call("DescribeRegions").Code)
	var list struct{ Faults []sim.Fault }
	require.Equal(t, http.StatusOK, b.control("GET", "/_sim/faults", "", "", &list))
	require.Len(t, list.Faults, 1)
	require.Equal(t, 2, list.Faults[0].Times)
	require.Equal(t, http.StatusNotFound, b.control("DELETE", "/_sim/faults/77", "", "", nil))
	require.Equal(t, http.StatusNoContent, b.control("DELETE", "/_sim/faults/"+made.ID, "", "", nil))
	require.Equal(t, http.StatusOK, b.call("DescribeRegions").Status)

	b.fault(sim.Fault{Effect: sim.FaultError})
	require.Equal(t, http.StatusNoContent, b.control("DELETE", "/_sim/faults", "", "", nil))
	require.Equal(t, http.StatusOK, b.call("DescribeRegions").Status)
	require.Equal(t, http.StatusBadRequest, b.control("POST", "/_sim/faults", "", `{"effect":"explode"}`, nil))
	require.Equal(t, http.StatusBadRequest, b.control("POST", "/_sim/faults", "", `{"effect":"lag","delay":"-1s"}`, nil))
}

// Whoever reaches the port must not thereby rule over the estate.
func TestControlIsGuarded(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *sim.Options) { o.ControlToken = "letmein" })
	require.Equal(t, http.StatusOK, b.control("GET", "/_sim/healthz", "", "", nil))
	for _, path := range []string{"/_sim/calls", "/_sim/faults", "/_sim/instances"} {
		require.Equal(t, http.StatusUnauthorized, b.control("GET", path, "", "", nil))
		require.Equal(t, http.StatusUnauthorized, b.control("GET", path, "wrong", "", nil))
		require.Equal(t, http.StatusOK, b.control("GET", path, "letmein", "", nil))
	}
	require.Equal(t, http.StatusUnauthorized, b.control("DELETE", "/_sim/faults", "", "", nil))
	require.Equal(t, http.StatusNotFound, b.control("GET", "/_sim/secrets", "letmein", "", nil))

	// A form that a page in a browser could post without asking.
	res, err := http.Post(setup(t).url+"/_sim/faults", "text/plain", strings.NewReader(`{"effect":"hang"}`))
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusUnsupportedMediaType, res.StatusCode)
}
