// Package leaked knows long passwords that were in public leaks.
//
// top.bin is made by `go run ./server/auth/leaked/gen LIST`, from the million
// most common passwords of the "10 million passwords" collection (Mark Burnett;
// kept by OWASP SecLists under CC BY-SA 3.0, list 10_million_password_list_top_1M):
// those of at least [MinLength] characters, which is what registration asks for
// anyway. Only the first eight bytes of each SHA-256 are kept, sorted, so that
// nothing offensive stands here and the search is exact for all purposes: a good
// password meets one of the ten thousand by chance once in 10¹⁵.
package leaked

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the list
	"sort"
	"strings"
)

// MinLength in characters of the passwords that the list has.
const MinLength = 15

// Size in bytes of one entry.
const Size = 8

//go:embed top.bin
var top string

// Entry is what the list keeps of a password: of its letters' case and of
// spaces nothing, so that "Pass Word" and "password" are one.
func Entry(password string) string {
	plain := strings.Join(strings.Fields(strings.ToLower(password)), "")
	sum := sha256.Sum256([]byte(plain))
	return string(sum[:Size])
}

// Has says whether a password is on the list.
func Has(password string) bool {
	want, n := Entry(password), len(top)/Size
	i := sort.Search(n, func(i int) bool { return bytes.Compare([]byte(top[i*Size:(i+1)*Size]), []byte(want)) >= 0 })
	return i < n && top[i*Size:(i+1)*Size] == want
}
