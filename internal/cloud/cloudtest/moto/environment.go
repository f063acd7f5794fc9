package moto

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// requirements pins moto and everything below it: the output of pip freeze.
//
//go:embed requirements.txt
var requirements []byte

// venvVariable names a folder to use instead of the one in the user's cache.
const venvVariable = "CLOUDHUB_MOTO_VENV"

// stamp is the file in a finished environment that says which requirements it
// was made from.
const stamp = ".requirements"

// environment returns the Python of a virtual environment with the pinned moto,
// making it if need be. It is made beside its place and then renamed, under a
// lock, so that test binaries may run at once and be killed at any moment.
func environment(ctx context.Context) (python string, err error) {
	dir := os.Getenv(venvVariable)
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("no cache folder (set %s): %w", venvVariable, err)
		}
		dir = filepath.Join(cache, "cloudhub", "moto-5.2.5")
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(dir + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()

	sum := sha256.Sum256(requirements)
	wanted := hex.EncodeToString(sum[:])
	python = filepath.Join(dir, "bin", "python")
	if have, err := os.ReadFile(filepath.Join(dir, stamp)); err == nil && string(have) == wanted {
		return python, nil
	}
	draft := dir + ".draft"
	if err := errors.Join(os.RemoveAll(draft), os.RemoveAll(dir)); err != nil {
		return "", err
	}
	if err := install(ctx, draft); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(draft, stamp), []byte(wanted), 0o644); err != nil {
		return "", err
	}
	return python, os.Rename(draft, dir)
}

// install makes an environment. Nothing is resolved and nothing is built: the
// file names every package, and all of them come as wheels.
func install(ctx context.Context, dir string) error {
	if _, err := exec.LookPath("python3"); err != nil {
		return errors.New("python3 is not installed; on Debian: apt-get install python3 python3-venv")
	}
	if out, err := exec.CommandContext(ctx, "python3", "-m", "venv", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("python3 cannot make a virtual environment (%w); on Debian: apt-get install python3-venv\n%s", err, out)
	}
	pip := exec.CommandContext(ctx, filepath.Join(dir, "bin", "python"), "-m", "pip", "install",
		"--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--requirement", "/dev/stdin")
	pip.Stdin = bytes.NewReader(requirements)
	if out, err := pip.CombinedOutput(); err != nil {
		return fmt.Errorf("pip could not install moto (%w)\n%s", err, out)
	}
	return nil
}

// lock waits for the file's lock. The kernel drops it when the holder dies.
func lock(name string) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", name, err), f.Close())
	}
	return func() { _ = f.Close() }, nil
}
