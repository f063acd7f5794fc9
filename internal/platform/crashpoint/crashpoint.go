// Package crashpoint names the boundaries of a change of power, and of a reading
// from outside, at which any process may die: one list that the code and the tests share.
//
// The code says Reached at each of them. In the ordinary build that is an empty
// function. In a build with the tag crashpoints it stops there when a test has
// armed the point for what the code is about, so that the test can kill or
// freeze whatever process it wants while the boundary is exactly where it is
// (internal/e2e: crash_test.go, late_test.go, crash_soak_test.go, reader_test.go).
//
// It must not change what the code does, and nothing may be held at a point that
// others need: a point stands behind a commit, or before a statement.
package crashpoint

// Point is a boundary. What it is reached for (its subject) is a request, a
// workspace, an operation or a machine, as the list says.
type Point string

// The points, in the order in which an operation comes to them.
const (
	// Committed: the server has committed an order, or a schedule, and has not
	// answered yet. Subject: the request's id.
	Committed Point = "committed"
	// Expanded: the dispatcher has committed the operations of a workspace's
	// minute. Subject: the workspace.
	Expanded Point = "expanded"
	// Leased: an operation's agenda row is leased, and Temporal knows nothing
	// yet. Subject, as for all that follow unless they say otherwise: the operation.
	Leased Point = "leased"
	// Started: Temporal has started the workflow, and the row does not say so yet.
	Started Point = "started"
	// Taken: the operation and its machines are this run's own.
	Taken Point = "taken"
	// Deciding: the machines have been looked at and should be acted on; the last
	// check comes next.
	Deciding Point = "deciding"
	// Intended: the check has passed and the attempt stands on the targets; the
	// call comes next.
	Intended Point = "intended"
	// Signed: the call is signed and has come below the SDK. Subject: a machine.
	Signed Point = "signed"
	// Sending: the call has its connection, and its body has not left. Subject: a
	// machine.
	Sending Point = "sending"
	// Accepted: the provider has done it, and has not answered yet; reached in the
	// simulator. Subject: a machine.
	Accepted Point = "accepted"
	// Answered: the provider's answer has come, and is not recorded yet.
	Answered Point = "answered"
	// Noted: the acceptance is recorded.
	Noted Point = "noted"
	// Seen: the wanted state has been seen, and is not recorded yet.
	Seen Point = "seen"
	// Recorded: the ends of a batch's targets are recorded.
	Recorded Point = "recorded"
	// Gone: the operation's end is recorded and its agenda row is gone, and
	// Temporal does not know yet.
	Gone Point = "gone"
)

// The points of readings from outside.
const (
	// Looking: a reading of a selector has begun; the provider is asked next.
	// Subject: the operation.
	Looking Point = "looking"
	// Found: what a selector matches in one region is written on the operation, and
	// the reading has not ended. Subject: the operation.
	Found Point = "found"
	// Fetched: a calendar's address has answered, and nothing of it is recorded yet.
	// Subject: the calendar.
	Fetched Point = "fetched"
)

// OfPower lists the points of an operation in order.
var OfPower = []Point{Committed, Expanded, Leased, Started, Taken, Deciding, Intended, Signed, Sending, Accepted, Answered, Noted, Seen, Recorded, Gone}

// OfReadings lists those of readings.
var OfReadings = []Point{Looking, Found, Fetched}
