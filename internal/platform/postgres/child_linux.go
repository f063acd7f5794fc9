package postgres

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// childAttr runs a child in a process group of its own, so that Ctrl-C in the
// terminal reaches CloudHub alone and it decides the order of things, and as
// account when that is not nil. The kernel sends SIGINT, PostgreSQL's fast
// shutdown, when the thread that started the child ends: nothing of ours
// outlives a kill -9. It is per thread, so the starter must be locked to one.
func childAttr(account *account) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGINT}
	if account != nil {
		attr.Credential = &syscall.Credential{Uid: account.uid, Gid: account.gid}
	}
	return attr
}

// folderOf returns the working folder of a process, for root and its own user.
func folderOf(pid int) (string, error) {
	return os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
}

// commandOf returns the arguments of a process, or an error when it is gone.
func commandOf(pid int) ([]string, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimRight(string(raw), "\x00"), "\x00"), nil
}
