package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLoadRefusesBadAndUnknown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ env, want string }{
		{"CLOUDHUB_HTTP=8080", `CLOUDHUB_HTTP: "8080" is not a host:port, for example 0.0.0.0:8080`},
		{"CLOUDHUB_HTPP=x", "CLOUDHUB_HTPP is not a setting; did you mean CLOUDHUB_HTTP?"},
		{"CLOUDHUB_TRIAL_DAYS=many", "CLOUDHUB_TRIAL_DAYS"},
		{"CLOUDHUB_LOG_LEVEL=loud", "debug, info, warn or error"},
		{"CLOUDHUB_TRUSTED_PROXIES=here", "networks"},
		{"CLOUDHUB_EGRESS_ALLOW=10.0.0.1", "networks"},
		{"CLOUDHUB_SMTP_HOST=smtp://mail.example.com:25", "host name or address"},
		{"CLOUDHUB_SMTP_PORT=0", "CLOUDHUB_SMTP_PORT"},
		{"CLOUDHUB_SMTP_TLS=maybe", "starttls, implicit or none"},
		{"CLOUDHUB_MAIL_FROM=nobody", "CLOUDHUB_MAIL_FROM"},
		{"CLOUDHUB_PUBLIC_URL=ftp://x", "CLOUDHUB_PUBLIC_URL"},
	} {
		_, err := Load([]string{c.env})
		require.ErrorContains(t, err, c.want, c.env)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	_, err := Load([]string{"CLOUDHUB_DATABASE_APP_URL=mysql://u:hunter2@db/x"})
	require.ErrorContains(t, err, "CLOUDHUB_DATABASE_APP_URL")
	require.NotContains(t, err.Error(), "hunter2")
}

func TestDefaultsAreOfTheirForm(t *testing.T) {
	t.Parallel()
	for _, s := range Table {
		if s.Default != "" {
			require.NoError(t, s.check(s.Default), s.Name)
		}
		require.NoError(t, s.check(s.Example), s.Name)
	}
	v, err := Load([]string{"PATH=/bin", "CLOUDHUB_TRIAL_DAYS=7"})
	require.NoError(t, err)
	require.Equal(t, 7, v.Int(TrialDays))
	require.ErrorContains(t, v.Need(DatabaseApp, KeysDir), "CLOUDHUB_KEYS_DIR is needed")
}
