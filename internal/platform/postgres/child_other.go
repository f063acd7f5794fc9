//go:build unix && !linux

package postgres

import (
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// childAttr is as on Linux, without the signal at the parent's death, which only
// Linux has: there an orphan is ended by the next start (see endOrphan).
func childAttr(account *account) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if account != nil {
		attr.Credential = &syscall.Credential{Uid: account.uid, Gid: account.gid}
	}
	return attr
}

// folderOf is not to be had here.
func folderOf(int) (string, error) { return "", errors.ErrUnsupported }

// commandOf returns the arguments of a process, or an error when it is gone. A
// path with a space in it comes apart, and is then not recognised as ours.
func commandOf(pid int) ([]string, error) {
	out, err := exec.Command("ps", "-o", "args=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return nil, err
	}
	return strings.Fields(string(out)), nil
}
