package vault

// CloudCredentialSchema is the version of what a sealed cloud credential looks
// like inside.
const CloudCredentialSchema = 1

// CloudCredential is where a cloud credential lives: on its account, from the
// trial on, so that the draft's ciphertext is the account's.
func CloudCredential(org, workspace, account string, schema int) Context {
	return Context{Org: org, Workspace: workspace, Subject: account, Field: "credential", Schema: schema}
}
