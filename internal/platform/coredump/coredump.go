// Package coredump keeps what is in this process's memory out of files: a core
// of a server has tokens in it, one of a worker cloud credentials.
package coredump

import (
	"fmt"
	"syscall"
)

// Forbid makes the kernel write no core of this process, whatever its limits,
// its core pattern and its way to die, and on Linux keeps other processes of the
// same user from reading its memory (ptrace, /proc/<pid>/mem); root still can.
// Children inherit the limit alone: the mark is the program's own.
func Forbid() error {
	// The hard limit too: nobody sets it back. A core that is piped to a program
	// passes by the limit, which is what the mark is for.
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return fmt.Errorf("limit cores to nothing: %w", err)
	}
	return undumpable()
}
