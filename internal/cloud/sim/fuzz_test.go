package sim_test

import (
	"encoding/xml"
	"io"
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
