package postgres

import (
	"bytes"
	"os"
	"strings"
	"sync"
)

const (
	logLimit  = 8 << 20 // bytes in the current file; one older file is kept
	tailLines = 6
)

// logFile is PostgreSQL's log: a file that is turned over once, so that it never
// takes more than twice logLimit, and the last lines in memory, to say why it
// did not start.
type logFile struct {
	mu    sync.Mutex
	path  string
	limit int64
	file  *os.File
	size  int64
	part  []byte // a line not yet ended
	tail  []string
}

func openLogFile(path string, limit int64) (*logFile, error) {
	l := &logFile{path: path, limit: limit}
	return l, l.open()
}

func (l *logFile) open() error {
	file, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	l.file, l.size = file, info.Size()
	return nil
}

// Write never fails: PostgreSQL must not stand still because its log cannot be
// written (a full disk has more urgent victims).
func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remember(p)
	if l.file != nil && l.size+int64(len(p)) > l.limit {
		l.file.Close()
		l.file = nil
		if err := os.Rename(l.path, l.path+".1"); err == nil {
			_ = l.open()
		}
	}
	if l.file != nil {
		n, _ := l.file.Write(p)
		l.size += int64(n)
	}
	return len(p), nil
}

func (l *logFile) remember(p []byte) {
	l.part = append(l.part, p...)
	for {
		line, rest, ended := bytes.Cut(l.part, []byte("\n"))
		if !ended {
			break
		}
		if s := strings.TrimSpace(string(line)); s != "" {
			l.tail = append(l.tail, s)
		}
		l.part = rest
	}
	if extra := len(l.tail) - tailLines; extra > 0 {
		l.tail = append(l.tail[:0], l.tail[extra:]...)
	}
	if len(l.part) > 4096 {
		l.part = nil
	}
}

// forget drops the remembered lines, before a new start.
func (l *logFile) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tail, l.part = nil, nil
}

// last returns the remembered lines, oldest first.
func (l *logFile) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.tail
	if s := strings.TrimSpace(string(l.part)); s != "" {
		lines = append(lines[:len(lines):len(lines)], s)
	}
	return strings.Join(lines, " / ")
}

// says reports whether the text is in the remembered lines.
func (l *logFile) says(text string) bool { return strings.Contains(l.last(), text) }

func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}
