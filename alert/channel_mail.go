package alert

import (
	"bytes"
	"mime"
	"mime/quotedprintable"
	"strings"
	"time"

	"sessionwarden"
)

// letter is the mail: headers, and plain text that no reader takes for HTML.
func (b mailbox) letter(m Message, now time.Time) []byte {
	var out bytes.Buffer
	header := func(name, value string) { out.WriteString(name + ": " + value + "\r\n") }
	_, domain, _ := strings.Cut(b.from.Address, "@")
	header("From", b.from.String())
	header("To", b.to.String())
	header("Subject", mime.QEncoding.Encode("utf-8", cleanHeader(loudTitle(m))))
	header("Date", now.UTC().Format(time.RFC1123Z))
	if m.Record != nil && !m.Record.Test {
		header("Message-ID", "<sessionwarden."+m.Record.Key+"@"+domain+">")
		if m.Record.Alert != "" { // the revisions of one alert stand together
			header("References", "<sessionwarden.alert."+m.Record.Alert+"@"+domain+">")
		}
	} else {
		header("Message-ID", "<sessionwarden."+now.UTC().Format("20060102T150405.000000000")+"@"+domain+">")
	}
	header("Auto-Submitted", "auto-generated") // no answering machine answers
	if m.Severity == sessionwarden.Critical {
		header("Importance", "high")
		header("X-Priority", "1")
	}
	header("MIME-Version", "1.0")
	header("Content-Type", "text/plain; charset=utf-8")
	header("Content-Transfer-Encoding", "quoted-printable")
	out.WriteString("\r\n")
	body := quotedprintable.NewWriter(&out)
	// Writing into memory does not fail.
	_, _ = body.Write([]byte(strings.ReplaceAll(medium{limit: 48 << 10, size: inBytes}.write(m, ""), "\n", "\r\n") + "\r\n"))
	_ = body.Close()
	return out.Bytes()
}

// cleanHeader makes text fit for a line of a header.
func cleanHeader(text string) string { return sessionwarden.Clean(text, 250) }
