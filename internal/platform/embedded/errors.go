package embedded

import "fmt"

// A SchemaError says that a database of Temporal's cannot be used as it is.
type SchemaError struct {
	Database string
	Reason   string
}

func (e *SchemaError) Error() string {
	return fmt.Sprintf("Temporal's database %s %s", e.Database, e.Reason)
}

// A ServerInUseError says that another live Temporal server has these
// databases. Two would take shards from each other without end.
type ServerInUseError struct{ Database string }

func (e *ServerInUseError) Error() string {
	return fmt.Sprintf("another Temporal server runs on database %s: stop it, or choose another Database", e.Database)
}
