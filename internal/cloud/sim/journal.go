package sim

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// Call is one call that a client made, as it is logged: never a signature, a
// secret or a form.
type Call struct {
	Seq  int64     `json:"seq"`
	Time time.Time `json:"time"`
	// Account and Region are empty for calls that were not authenticated.
	Account string `json:"account,omitempty"`
	Region  string `json:"region,omitempty"`
	// Principal is the ARN of who called.
	Principal string   `json:"principal,omitempty"`
	Service   string   `json:"service"`
	Action    string   `json:"action,omitempty"`
	IDs       []string `json:"ids,omitempty"`
	DryRun    bool     `json:"dry_run,omitempty"`
	// Status is 0 when a fault kept the call from being answered at all.
	Status    int    `json:"status,omitempty"`
	Code      string `json:"code,omitempty"` // of the error
	RequestID string `json:"request_id"`
	// Changes says for each machine of an accepted change of power what the
	// answer said, in the order of the ids.
	Changes []Change `json:"changes,omitempty"`
	// Faults are the effects that struck the call.
	Faults []Effect `json:"faults,omitempty"`
}

// Change is a machine's state before a change of power, and as answered.
type Change struct {
	ID     string `json:"id"`
	Before State  `json:"before"`
	After  State  `json:"after"`
}

// entry is a line of the journal: the call, and what it changed.
type entry struct {
	Call
	Effects []effect `json:"effects,omitempty"`
}

const (
	estateFile  = "estate.json"
	journalFile = "calls.jsonl"
)

// journal is the append-only file of calls. The state of the world is the
// estate with all effects of the journal applied, so a call and what it did
// become durable in the same write. There is no fsync: a killed process loses
// nothing, a machine that loses power may lose the last calls.
type journal struct {
	file *os.File
	size int64 // of whole lines
}

// openJournal replays the journal of a folder. A last line without its end is
// what a kill left of a call that was never answered: it is cut off. Anything
// else that does not parse or fit is an error.
func openJournal(dir string, log *slog.Logger, replay func(entry) error) (*journal, error) {
	file, err := os.OpenFile(filepath.Join(dir, journalFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	j := &journal{file: file}
	if err := j.load(log, replay); err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", journalFile, err)
	}
	return j, nil
}

func (j *journal) load(log *slog.Logger, replay func(entry) error) error {
	r := bufio.NewReader(j.file)
	for line := 1; ; line++ {
		text, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			if len(text) > 0 {
				log.Warn("cut off a torn line at the end of the journal", "bytes", len(text))
			}
			return j.rewind()
		}
		if err != nil {
			return err
		}
		var e entry
		if err := json.Unmarshal(text, &e); err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
		if err := replay(e); err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
		j.size += int64(len(text))
	}
}

// rewind removes what is not a whole line.
func (j *journal) rewind() error { return j.file.Truncate(j.size) }

func (j *journal) append(e entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	if _, err := j.file.WriteAt(line, j.size); err != nil {
		return errors.Join(err, j.rewind())
	}
	j.size += int64(len(line))
	return nil
}

func (j *journal) close() error { return j.file.Close() }

func loadEstate(dir string) (Estate, error) {
	return LoadEstate(filepath.Join(dir, estateFile))
}

// saveEstate writes the estate as a whole or not at all.
func saveEstate(dir string, e Estate) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetIndent("", "  ")
	if err := enc.Encode(e); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, estateFile+".*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // fails once it has been renamed
	_, err = tmp.Write(buf.Bytes())
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), filepath.Join(dir, estateFile))
}
