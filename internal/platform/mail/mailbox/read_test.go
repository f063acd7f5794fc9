package mailbox

import (
	"testing"
	"unicode/utf8"
)

// Whatever comes is read to an end, or not at all.
func FuzzRead(f *testing.F) {
	f.Add([]byte("Subject: =?utf-8?q?Ol=C3=A1?=\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=20b\r\n--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPHA+\r\n--b--\r\n"))
	f.Add([]byte("Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n----"))
	f.Add([]byte("no mail"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := Mail{Raw: raw}
		m.read()
		if !utf8.ValidString(m.Text) || !utf8.ValidString(m.HTML) {
			t.Fatal("not UTF-8")
		}
	})
}
