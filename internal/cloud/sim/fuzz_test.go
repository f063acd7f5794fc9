package sim_test

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cloudhub/cloudhub/internal/cloud/sim"
)

// FuzzRequest sends any header and any form, unsigned and signed: the answer is
// XML and never the provider's own failure.
func FuzzRequest(f *testing.F) {
	const credential = "AWS4-HMAC-SHA256 Credential=AKIASIMULATEDSMALL22/20261124/sa-east-1/ec2/aws4_request, "
	for _, seed := range []struct{ authorization, body string }{
		{credential + "SignedHeaders=host;x-amz-date, Signature=00", "Action=DescribeInstances&Version=2016-11-15"},
		{credential + "SignedHeaders=, Signature=", "Action=StopInstances&Version=2016-11-15&InstanceId.1=" + sim.SmallRunning},
		{"AWS4-HMAC-SHA256 Credential=////", "Action=StartInstances&Version=2016-11-15&InstanceId.1=i-1&InstanceId.x=2&DryRun=true"},
		{"", "Action=GetCallerIdentity&Version=2011-06-15"},
		{"AWS4-HMAC-SHA256 ,,=,", "Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=tag%3Aa&Filter.1.Value.1=%2A%5C%3F&MaxResults=5&NextToken=YSBi"},
		{"AWS4-HMAC-SHA256", "Action=DescribeInstanceStatus&Version=2016-11-15&Filter.-1.Name=&Filter.99999999999999999999.Name=x"},
		{"x", "Action=DescribeTags&Version=2016-11-15&Filter.1.Name=key&Filter.1.Value.1=%00%FF"},
		{"x", "Action=DescribeRegions&Version=2016-11-15&AllRegions=true&RegionName.1=sa-east-1&%zz;&="},
	} {
		f.Add(seed.authorization, seed.body)
	}
	s, err := sim.New(sim.Options{Estate: sim.SmallEstate()})
	require.NoError(f, err)
	handler, me := s.Handler(), caller{key: sim.SmallKey, region: region}
	f.Fuzz(func(t *testing.T, authorization, body string) {
		unsigned := httptest.NewRequest(http.MethodPost, "http://sim/", strings.NewReader(body))
		unsigned.Header.Set("Authorization", authorization)
		unsigned.Header.Set("X-Amz-Date", "20261124T170000Z")
		for _, r := range []*http.Request{unsigned, me.sign("http://sim", "ec2", body), me.sign("http://sim", "sts", body)} {
			rec := httptest.NewRecorder()
			handler.ServeHTTP(rec, r)
			require.Less(t, rec.Code, 500, rec.Body.String())
			wellFormed(t, rec.Body)
		}
	})
}

func wellFormed(t *testing.T, r io.Reader) {
	t.Helper()
	dec := xml.NewDecoder(r)
	for {
		if _, err := dec.Token(); err != nil {
			require.ErrorIs(t, err, io.EOF)
			return
		}
	}
}

// FuzzEstate loads any file: it is refused, or it makes a world.
func FuzzEstate(f *testing.F) {
	f.Add(`{"accounts":[{"id":"111122223333","keys":[{"access_key_id":"AKIASIMULATEDSMALL22","secret_access_key":"x"}],"instances":[{"region":"sa-east-1"}]}]}`)
	f.Add(`{"seed":3,"behaviour":{"start":{"min":"1s","max":"2s"},"throttle":-1},"accounts":[{"id":"111122223333","regions":["x-y-1"],"instances":[{"region":"x-y-1","zone":"z","auto_public_ip":true,"tags":{"aws:autoscaling:groupName":"g"}}]}]}`)
	f.Add(`{"behaviour":{"start":{"min":"-1s"}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(t.TempDir(), "estate.json")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		e, err := sim.LoadEstate(file)
		if err != nil {
			return
		}
		s, err := sim.New(sim.Options{Estate: e})
		if err != nil {
			return
		}
		for _, m := range s.Machines("", "") {
			require.NoError(t, s.SetState(m.ID, sim.Stopped))
		}
		require.NoError(t, s.Close())
	})
}

// FuzzJournal opens a folder with any journal: it is refused, or what it says has
// happened and stays so when the folder is opened again.
func FuzzJournal(f *testing.F) {
	const call = `{"seq":1,"time":"2026-11-24T17:00:00Z","service":"ec2","action":"StopInstances","request_id":"r"`
	for _, s := range []string{
		"", "\n", "{}\n", call + "}\n", call + "}", call + `,"effects":[{"id":"` + sim.SmallRunning + `","gone":true}]}` + "\n",
		call + `,"effects":[{"id":"i-nobody","gone":true}]}` + "\n", call + `,"effects":[{}]}` + "\n", call + `,"effects":[{"id":"` + sim.SmallRunning + `"}]}` + "\n" + call[:20],
		call + `,"seq":-9223372036854775808}` + "\n", call + `,"ids":[` + strings.Repeat(`"i-1",`, 300) + `""]}` + "\n", "null\n[]\n", "{\"seq\":1e99}\n", strings.Repeat("[", 20_000) + "\n", "\xff\xfe\x00\n",
		`{"time":"0000-01-01T00:00:00Z","effects":null,"changes":[{"id":"x","before":"y"}],"faults":["?"]}` + "\n",
	} {
		f.Add(s)
	}
	open := func(t *testing.T, dir string) (*sim.Sim, error) {
		return sim.New(sim.Options{Dir: dir, Estate: sim.SmallEstate()})
	}
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		first, err := open(t, dir) // writes the estate
		require.NoError(t, err)
		require.NoError(t, first.Close())
		require.NoError(t, os.WriteFile(filepath.Join(dir, "calls.jsonl"), []byte(text), 0o600))
		s, err := open(t, dir)
		if err != nil {
			require.Contains(t, err.Error(), "calls.jsonl")
			return
		}
		machines, calls := len(s.Machines("", "")), s.Calls(math.MinInt64)
		rec := httptest.NewRecorder()
		s.Handler().ServeHTTP(rec, caller{key: sim.SmallKey, region: region}.sign("http://sim", "ec2", "Action=DescribeInstances&Version=2016-11-15"))
		require.Less(t, rec.Code, 500, rec.Body.String())
		wellFormed(t, rec.Body)
		require.NoError(t, s.Close())
		again, err := open(t, dir)
		require.NoError(t, err, "what was readable stays so")
		require.Len(t, again.Machines("", ""), machines)
		require.Len(t, again.Calls(math.MinInt64), len(calls)+1)
		require.NoError(t, again.Close())
	})
}

// A form of nine thousand filters is refused at its fifty-first.
func TestManyFiltersCostLittle(t *testing.T) {
	t.Parallel()
	s, err := sim.New(sim.Options{Estate: sim.SmallEstate()})
	require.NoError(t, err)
	var body strings.Builder
	body.WriteString("Action=DescribeInstances&Version=2016-11-15")
	for i := range 9_000 {
		fmt.Fprintf(&body, "&Filter.%d.x=", i)
	}
	rec := httptest.NewRecorder()
	s.Handler().ServeHTTP(rec, caller{key: sim.SmallKey, region: region}.sign("http://sim", "ec2", body.String()))
	require.Equal(t, http.StatusBadRequest, rec.Code)
	require.Contains(t, rec.Body.String(), "FilterLimitExceeded")
}
