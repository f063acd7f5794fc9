// Command gen writes top.bin anew from a list with one password a line.
package main

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cloudhub/cloudhub/server/auth/leaked"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "use: go run ./server/auth/leaked/gen LIST")
		os.Exit(2)
	}
	if err := write(os.Args[1], "server/auth/leaked/top.bin"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(list, to string) error {
	f, err := os.Open(list)
	if err != nil {
		return err
	}
	defer f.Close()
	var entries []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if p := strings.TrimSpace(lines.Text()); utf8.RuneCountInString(p) >= leaked.MinLength {
			entries = append(entries, leaked.Entry(p))
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	slices.Sort(entries)
	entries = slices.Compact(entries)
	fmt.Println(len(entries), "passwords")
	return os.WriteFile(to, []byte(strings.Join(entries, "")), 0o644)
}
