package alert

import (
	"github.com/slack-go/slack"

	"sessionwarden"
)

// slackBlocks is the rich form of a message. Only elements are used in which
// Slack reads no markup: plain_text without emoji, and rich_text.
func slackBlocks(m Message) []slack.Block {
	blocks := []slack.Block{slack.NewHeaderBlock(plainText(light(m.Severity) + m.Title))}
	for _, s := range m.Sections {
		var spans []slack.RichTextSectionElement
		if s.Title != "" {
			spans = append(spans, richSpan(Span{Text: s.Title, Style: Strong}))
		}
		for _, line := range s.Lines {
			if len(spans) > 0 {
				spans = append(spans, richSpan(Span{Text: "\n"}))
			}
			for _, span := range line {
				if span.Text != "" {
					spans = append(spans, richSpan(span))
				}
			}
		}
		if len(spans) > 0 && len(blocks) < 40 {
			blocks = append(blocks, slack.NewRichTextBlock("", slack.NewRichTextSection(spans...)))
			blocks = append(blocks, slackButtons(s.Buttons)...)
		}
	}
	blocks = append(blocks, slackButtons(m.Buttons)...)
	var foot []slack.MixedElement
	for _, line := range m.Footer {
		if line != "" && len(foot) < 10 {
			foot = append(foot, plainText(line))
		}
	}
	if len(foot) > 0 {
		blocks = append(blocks, slack.NewContextBlock("", foot...))
	}
	return blocks
}

// slackButtons is a row of buttons; none where none has an id. What a button
// carries is its id and nothing else.
func slackButtons(buttons []Button) []slack.Block {
	var row []slack.BlockElement
	for _, b := range buttons {
		if b.Offer.ID == "" {
			continue
		}
		e := slack.NewButtonBlockElement(string(b.Offer.Verb), string(b.Offer.ID), plainText(b.Label))
		if b.Danger {
			e.Style = slack.StyleDanger
		}
		if b.Confirm != "" {
			e.Confirm = slack.NewConfirmationBlockObject(plainText("Are you sure?"), plainText(cut(b.Confirm, 280)), plainText(cut(b.Label, 30)), plainText("No"))
		}
		row = append(row, e)
	}
	if len(row) == 0 {
		return nil
	}
	return []slack.Block{slack.NewActionBlock("", row...)}
}

// plainText is text that Slack shows as it is.
func plainText(text string) *slack.TextBlockObject {
	no := false
	return &slack.TextBlockObject{Type: slack.PlainTextType, Text: text, Emoji: &no}
}

// richSpan is a span that Slack shows as it is, in the given style.
func richSpan(s Span) slack.RichTextSectionElement {
	switch s.Style {
	case Strong:
		return slack.NewRichTextSectionTextElement(s.Text, &slack.RichTextSectionTextStyle{Bold: true})
	case Command:
		return slack.NewRichTextSectionTextElement(s.Text, &slack.RichTextSectionTextStyle{Code: true})
	case Link:
		if s.Text == home {
			return slack.NewRichTextSectionLinkElement(home, home, nil)
		}
	}
	return slack.NewRichTextSectionTextElement(s.Text, nil)
}

// light is the sign of a severity that is seen at one glance.
func light(s sessionwarden.Severity) string {
	switch s {
	case sessionwarden.Critical:
		return "🔴 "
	case sessionwarden.Warning:
		return "🟠 "
	}
	return "🔵 "
}
