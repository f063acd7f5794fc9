package vault

// CloudCredentialSchema is the version of what a sealed cloud credential looks
// like inside.
const CloudCredentialSchema = 1

// CloudCredential is where a cloud credential lives: on its account, from the
// trial on, so that the draft's ciphertext is the account's.
func CloudCredential(org, workspace, account string, schema int) Context {
	return Context{Org: org, Workspace: workspace, Subject: account, Field: "credential", Schema: schema}
}

// DestinationSecretSchema is the version of what a sealed secret of a destination
// looks like inside.
const DestinationSecretSchema = 1

// DestinationSecret is where a secret of a destination lives: in a row of its own, so
// that one that is replaced stays where it is.
func DestinationSecret(org, workspace, secret, kind string, schema int) Context {
	return Context{Org: org, Workspace: workspace, Subject: secret, Field: kind, Schema: schema}
}
