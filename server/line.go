package server

import (
	"net/http"
	"time"
)

// How long a request may take to arrive, and a piece of an answer to be taken.
const (
	readWithin  = 30 * time.Second
	writeWithin = time.Minute
)

// line is the connection of one request, which must not be held by who sends
// slowly or does not read. An answer may go on for minutes, so long as each
// piece of it is taken in time, and a stream sends something more often than
// writeWithin: over HTTP/2 the deadline ends an idle stream too.
type line struct {
	http.ResponseWriter
	control     *http.ResponseController
	writeWithin time.Duration
}

// newLine begins both deadlines; zero is the usual one. A request without a body
// has arrived.
func newLine(w http.ResponseWriter, r *http.Request, read, write time.Duration) *line {
	if read == 0 {
		read = readWithin
	}
	if write == 0 {
		write = writeWithin
	}
	l := &line{ResponseWriter: w, control: http.NewResponseController(w), writeWithin: write}
	if r.Body != nil && r.Body != http.NoBody {
		_ = l.control.SetReadDeadline(time.Now().Add(read))
	}
	l.extend()
	return l
}

// arrived ends the deadline of the request, once it has been read to its end:
// while it is answered, reading only tells whether its sender is still there.
func (l *line) arrived() { _ = l.control.SetReadDeadline(time.Time{}) }

func (l *line) extend() { _ = l.control.SetWriteDeadline(time.Now().Add(l.writeWithin)) }

func (l *line) Write(p []byte) (int, error) {
	l.extend()
	return l.ResponseWriter.Write(p)
}

// Flush is what connect asks of a writer that streams.
func (l *line) Flush() { _ = l.FlushError() }

func (l *line) FlushError() error {
	l.extend()
	return l.control.Flush()
}

// Unwrap is for http.ResponseController.
func (l *line) Unwrap() http.ResponseWriter { return l.ResponseWriter }
