package embedded

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"

	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
)

// temporalLogger passes what Temporal's server says on to slog. The server is
// talkative: below min it is not heard, and while it is being stopped its
// parts complain about one another, which is worth debug only.
type temporalLogger struct {
	to       *slog.Logger
	min      slog.Level
	stopping *atomic.Bool
}

var (
	_ log.Logger     = temporalLogger{}
	_ log.WithLogger = temporalLogger{}
)

// A fatalError is what Temporal's server would have ended the process for.
type fatalError struct{ msg string }

func (e fatalError) Error() string { return "Temporal server: " + e.msg }

func (l temporalLogger) log(level slog.Level, msg string, tags []tag.Tag) {
	if l.stopping.Load() || expected(msg) {
		level = min(level, slog.LevelDebug)
	}
	ctx := context.Background() // the interface carries none
	if level < l.min || !l.to.Enabled(ctx, level) {
		return
	}
	l.to.LogAttrs(ctx, level, msg, attrs(tags)...)
}

// expected are warnings about what we chose: no HTTP API, because nothing of
// ours speaks it.
func expected(msg string) bool {
	return strings.HasPrefix(msg, "HTTP API port has not been set")
}

func attrs(tags []tag.Tag) []slog.Attr {
	list := make([]slog.Attr, len(tags))
	for i, t := range tags {
		list[i] = slog.Any(t.Key(), t.Value())
	}
	return list
}

func (l temporalLogger) Debug(msg string, tags ...tag.Tag)  { l.log(slog.LevelDebug, msg, tags) }
func (l temporalLogger) Info(msg string, tags ...tag.Tag)   { l.log(slog.LevelInfo, msg, tags) }
func (l temporalLogger) Warn(msg string, tags ...tag.Tag)   { l.log(slog.LevelWarn, msg, tags) }
func (l temporalLogger) Error(msg string, tags ...tag.Tag)  { l.log(slog.LevelError, msg, tags) }
func (l temporalLogger) DPanic(msg string, tags ...tag.Tag) { l.log(slog.LevelError, msg, tags) }

// Panic must not return, by the interface's contract.
func (l temporalLogger) Panic(msg string, tags ...tag.Tag) {
	l.log(slog.LevelError, msg, tags)
	panic(msg)
}

// Fatal panics with a fatalError instead of ending the process, so that a start
// that fails can say why. It must not return.
func (l temporalLogger) Fatal(msg string, tags ...tag.Tag) {
	l.log(slog.LevelError, msg, tags)
	for _, t := range tags {
		msg += fmt.Sprintf(" %s=%v", t.Key(), t.Value())
	}
	panic(fatalError{msg: msg})
}

func (l temporalLogger) With(tags ...tag.Tag) log.Logger {
	fields := make([]any, len(tags))
	for i, attr := range attrs(tags) {
		fields[i] = attr
	}
	l.to = l.to.With(fields...)
	return l
}
