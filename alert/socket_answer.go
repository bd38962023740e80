package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/slack-go/slack"

	"sessionwarden"
)

const (
	// maxAnswerOut is how large an acknowledgement may be: Slack drops those of
	// 20 KiB and more without a word.
	maxAnswerOut = 18 << 10
	// maxAnswerText is how many bytes of an answer are sent, and maxAnswerLines
	// how many lines.
	maxAnswerText, maxAnswerLines = 2900, 60
)

// reply is an answer that one person alone sees.
type reply struct {
	Type    string       `json:"response_type"`
	Replace bool         `json:"replace_original"`
	Text    string       `json:"text"`
	Blocks  slack.Blocks `json:"blocks"`
}

// answerPayload is text in the form of an answer, in which nothing can format,
// link or mention.
func answerPayload(text string) any {
	text = answerText(text)
	return reply{Type: slack.ResponseTypeEphemeral, Text: slackText(sessionwarden.Shorten(text, 200)), Blocks: slack.Blocks{BlockSet: []slack.Block{
		slack.NewRichTextBlock("", slack.NewRichTextSection(slack.NewRichTextSectionTextElement(text, nil))),
	}}}
}

// answerText cleans an answer line by line, and cuts it where it gets too long.
func answerText(text string) string {
	var b strings.Builder
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		line = sessionwarden.Clean(line, sessionwarden.MaxText)
		if i > 0 {
			b.WriteByte('\n')
		}
		if i >= maxAnswerLines || b.Len()+len(line) > maxAnswerText {
			b.WriteString("… (more than fits here: ask for less, or use the command on the machine)")
			break
		}
		b.WriteString(line)
	}
	return b.String()
}

// answerLate sends an answer to where Slack takes late ones. The address is a
// secret, and only Slack's own is used.
func (s *SlackSocket) answerLate(ctx context.Context, address string, payload any) {
	to := s.mayAnswer(address)
	if to == nil {
		s.log.Warn("an answer to somebody in Slack came too late, and there is no address for it")
		return
	}
	body, err := json.Marshal(payload)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, slackTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader(body))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/json")
	got, err := exchange(s.client, req)
	if err == nil && got.status != http.StatusOK {
		err = &SendError{Class: Retry, Reason: "Slack did not take it"}
	}
	if err != nil {
		s.log.Warn("a late answer to somebody in Slack was not delivered", "err", asSendError(err))
	}
}
