package slacktest

import (
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"sessionwarden"
)

// Width is how many columns [Text] fills at most, but for words that are
// longer by themselves.
const Width = 76

// Text writes a message as a person would read it, for a terminal. No control
// character is in it but line feeds.
func Text(m Message) string {
	var p page
	if len(m.Blocks.BlockSet) == 0 {
		for _, line := range strings.Split(unescape(m.Text), "\n") {
			p.line(line)
		}
		return p.String()
	}
	for i, b := range m.Blocks.BlockSet {
		if i > 0 {
			p.line("")
		}
		p.block(b)
	}
	return p.String()
}

// page is a text that grows line by line.
type page struct {
	b strings.Builder
}

// String returns the page.
func (p *page) String() string { return p.b.String() }

// line writes one line, wrapped.
func (p *page) line(text string) {
	for _, line := range wrap(clean(text), Width) {
		p.b.WriteString(line)
		p.b.WriteByte('\n')
	}
}

// block writes one block.
func (p *page) block(b slack.Block) {
	switch b := b.(type) {
	case *slack.HeaderBlock:
		if b.Text != nil {
			title := clean(b.Text.Text)
			p.line(title)
			p.line(strings.Repeat("─", min(utf8.RuneCountInString(title), Width)))
		}
	case *slack.SectionBlock:
		if b.Text != nil {
			p.paragraph(b.Text.Text)
		}
		for _, f := range b.Fields {
			p.paragraph(f.Text)
		}
	case *slack.ContextBlock:
		for _, e := range b.ContextElements.Elements {
			if text, ok := e.(*slack.TextBlockObject); ok {
				p.paragraph(text.Text)
			}
		}
	case *slack.RichTextBlock:
		for _, e := range b.Elements {
			p.rich(e, "")
		}
	case *slack.ActionBlock:
		p.buttons(Buttons(Message{Blocks: slack.Blocks{BlockSet: []slack.Block{b}}}))
	case *slack.DividerBlock:
		p.line(strings.Repeat("─", Width))
	}
}

// buttons writes a row of buttons. None is broken where it fits on a line.
func (p *page) buttons(list []Button) {
	const gap = "  "
	row, used := "", 0
	for _, b := range list {
		label := "[" + clean(b.Label) + "]"
		n := columns(label)
		switch {
		case row != "" && used+len(gap)+n <= Width:
			row += gap + label
			used += len(gap) + n
		default:
			p.raw(row)
			row, used = label, n
		}
	}
	p.raw(row)
}

// raw writes a line that is clean and fits; "" writes none.
func (p *page) raw(line string) {
	if columns(line) > Width {
		p.line(line)
	} else if line != "" {
		p.b.WriteString(line + "\n")
	}
}

// paragraph writes text that may have several lines.
func (p *page) paragraph(text string) {
	for _, line := range strings.Split(text, "\n") {
		p.line(line)
	}
}

// rich writes one part of a rich text.
func (p *page) rich(e slack.RichTextElement, mark string) {
	switch e := e.(type) {
	case *slack.RichTextSection:
		p.paragraph(mark + spans(e.Elements))
	case *slack.RichTextQuote:
		p.paragraph("> " + spans(e.Elements))
	case *slack.RichTextPreformatted:
		p.paragraph("  " + spans(e.Elements))
	case *slack.RichTextList:
		for _, item := range e.Elements {
			p.rich(item, "• ")
		}
	}
}

// spans joins the pieces of a section.
func spans(elements []slack.RichTextSectionElement) string {
	var b strings.Builder
	for _, e := range elements {
		switch e := e.(type) {
		case *slack.RichTextSectionTextElement:
			b.WriteString(e.Text)
		case *slack.RichTextSectionLinkElement:
			if e.Text != "" && e.Text != e.URL {
				b.WriteString(e.Text + " ")
			}
			b.WriteString(e.URL)
		case *slack.RichTextSectionEmojiElement:
			b.WriteString(":" + e.Name + ":")
		}
	}
	return b.String()
}

// unescape undoes Slack's escaping of plain text.
func unescape(text string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(text)
}

// clean makes one line harmless for a terminal.
func clean(text string) string { return sessionwarden.Clean(text, 16<<10) }

// wrap breaks a line at spaces. Lines that go on are indented.
func wrap(text string, width int) []string {
	const indent = "    "
	var lines []string
	line, used := "", 0
	for _, word := range strings.Split(text, " ") {
		n := columns(word)
		switch {
		case line == "":
			line, used = word, n
		case used+1+n <= width:
			line += " " + word
			used += 1 + n
		default:
			lines = append(lines, line)
			line, used = indent+word, len(indent)+n
		}
	}
	return append(lines, line)
}

// columns is how wide text is on a terminal, roughly: pictures and East Asian
// characters take two columns.
func columns(text string) int {
	n := 0
	for _, r := range text {
		switch {
		case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3,
			r >= 0xf900 && r <= 0xfaff, r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60, r >= 0x1f300 && r <= 0x1faff:
			n += 2
		default:
			n++
		}
	}
	return n
}
