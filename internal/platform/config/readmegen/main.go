// Command readmegen writes the configuration table of README.md from the one
// table in code. `make generate` runs it.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cloudhub/cloudhub/internal/platform/config"
)

const (
	begin = "<!-- configuration: written by make generate -->\n"
	end   = "<!-- end of configuration -->"
)

func main() {
	if err := run("README.md"); err != nil {
		fmt.Fprintln(os.Stderr, "readmegen:", err)
		os.Exit(1)
	}
}

func run(file string) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, ok1 := strings.Cut(string(raw), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		return errors.New("README.md has lost the marks of its configuration table")
	}
	return os.WriteFile(file, []byte(before+begin+config.Markdown()+end+after), 0o644)
}
