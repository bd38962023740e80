package alert

import (
	"strings"
	"unicode/utf8"

	"sessionwarden"
)

// Message is an alert in words. All its text is clean: no control or format
// characters, nothing that came from outside in it can be a link or a mention.
// What is special to a channel's own notation is the channel's to escape.
type Message struct {
	Alert    uint64 // the alert's id; 0 for a bundle and where there is none
	Kind     sessionwarden.AlertKind
	Severity sessionwarden.Severity

	Title    string // what happened, one line of at most MaxTitle characters
	Sections []Section
	Buttons  []Button // what can be done about the account by a press; only for channels that have buttons
	Footer   []string // where it comes from: instance, alert id, location data

	Summary string // the message in a line or two, for a notification
	Text    string // the whole message in plain text, at most MaxMessage characters
	More    string // the command that shows what a short medium leaves out

	// Record is what the message rests on, for programs; nil where the words
	// could not be made.
	Record *Record

	// Plain says that the channel refused the rich form: only Text may be
	// sent.
	Plain bool

	gist string // what the notification says beside the title
}

// Limits of a message, in characters. Slack takes 150 in a header, 3000 in a
// section and about 13,000 in all blocks together.
const (
	MaxTitle   = 140
	MaxSection = 2800
	MaxMessage = 10000
)

// Section is one part of a message, under its own heading.
type Section struct {
	Title   string // may be ""
	Lines   []Line
	Buttons []Button // what can be done about it by a press

	rank  rank // how soon a short medium needs it
	facts int  // from which line on it holds particulars, of rank particular; 0: it has none
}

// rank says what a short medium leaves out first: the higher.
type rank uint8

const (
	foremost   rank = iota // what happened and what was done
	advised                // what to do now
	particular             // addresses, places, times
	quieting               // what would make it quiet next time
	origin                 // where the message comes from
)

// Line is one line of a section.
type Line []Span

// Span is a piece of a line.
type Span struct {
	Text  string
	Style Style
}

// Style says how a span is shown.
type Style uint8

// The styles.
const (
	Normal  Style = iota
	Strong        // a label, or a word that must not be missed
	Command       // something to type or to copy
	Link          // an address of the watched service itself; Text is the URL
)

// String returns the line without its styles.
func (l Line) String() string {
	var b strings.Builder
	for _, span := range l {
		b.WriteString(span.Text)
	}
	return b.String()
}

// say makes a line of the program's own words, or of text that went through
// outside or ours.
func say(text string) Line { return Line{{Text: text}} }

// entry makes a line of a label and a value.
func entry(label, value string) Line {
	return Line{{Text: label + ": ", Style: Strong}, {Text: value}}
}

// command makes a line of some words and something to type.
func command(words, typed string) Line {
	return Line{{Text: words}, {Text: typed, Style: Command}}
}

// finish brings a message within its limits and writes its plain form.
func (m Message) finish() Message {
	m.Title = cut(m.Title, MaxTitle)
	left := MaxMessage - utf8.RuneCountInString(m.Title)
	for _, line := range m.Footer {
		left -= utf8.RuneCountInString(line) + 1
	}
	sections := make([]Section, 0, len(m.Sections))
	for _, s := range m.Sections {
		if len(s.Lines) == 0 {
			continue
		}
		kept := fit(s, min(left, MaxSection))
		for _, line := range kept.Lines {
			left -= utf8.RuneCountInString(line.String()) + 1
		}
		left -= utf8.RuneCountInString(kept.Title) + 2
		sections = append(sections, kept)
	}
	m.Sections = sections
	m.Text = m.plain()
	m.Summary = m.Title
	if m.gist != "" {
		m.Summary = cut(m.Title+". "+m.gist, 300)
	}
	return m
}

// shortened stands where lines were left out.
const shortened = "(shortened)"

// fit returns s with at most limit characters in whole lines.
func fit(s Section, limit int) Section {
	limit -= utf8.RuneCountInString(s.Title) + len(shortened) + 2
	lines := make([]Line, 0, len(s.Lines))
	for _, line := range s.Lines {
		size := utf8.RuneCountInString(line.String()) + 1
		if limit -= size; limit < 0 {
			lines = append(lines, say(shortened))
			break
		}
		lines = append(lines, line)
	}
	s.Lines = lines
	return s
}

// plain writes the message as plain text.
func (m Message) plain() string {
	var b strings.Builder
	if m.Severity > sessionwarden.Info {
		b.WriteString(strings.ToUpper(m.Severity.String()) + " ")
	}
	b.WriteString(m.Title)
	for _, s := range m.Sections {
		b.WriteString("\n")
		if s.Title != "" {
			b.WriteString("\n" + s.Title)
		}
		for _, line := range s.Lines {
			b.WriteString("\n" + line.String())
		}
	}
	if len(m.Footer) > 0 {
		b.WriteString("\n\n" + strings.Join(m.Footer, "\n"))
	}
	return b.String()
}

// plainest returns the message that is sent when a channel refuses m in every
// other form: nothing in it came from outside but the alert's number.
func (m Message) plainest() Message {
	text := "sessionwarden has an alert that could not be shown here. Look at it with: sessionwarden findings"
	if m.Alert != 0 {
		text = "sessionwarden has alert " + number(m.Alert) + ", which could not be shown here. Look at it with: sessionwarden findings"
	}
	return Message{
		Alert: m.Alert, Kind: m.Kind, Severity: m.Severity,
		Title: text, Summary: text, Text: text, Plain: true, More: "sessionwarden findings", Record: m.Record.bare(text),
	}
}
