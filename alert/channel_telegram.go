package alert

import (
	"context"
	"encoding/json"
	"errors"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/telegram"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"
)

// telegramChat is one chat that a bot of Telegram writes to.
type telegramChat struct{ address, token, chat string }

func openTelegram(text string) (service, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	c := &telegram.Config{Notification: true}
	if err := c.SetURL(u); err != nil || len(c.Chats) == 0 || !telegram.IsTokenValid(c.Token) {
		return nil, errors.New("the token of the bot or the chat is missing or wrong")
	}
	chat := strings.TrimSpace(c.Chats[0])
	switch {
	case len(c.Chats) > 1:
		return nil, errTooMany
	case chat == "":
		return nil, errors.New("the chat is missing")
	}
	if _, thread, ok := strings.Cut(chat, ":"); ok {
		if _, err := strconv.Atoi(thread); err != nil {
			return nil, errors.New("what stands behind the chat's colon is the number of a topic")
		}
	}
	return telegramChat{text, c.Token, chat}, nil
}

func telegramWire(w way) wire {
	return wire{client: w.client, who: "Telegram", cure: "look at the token (@BotFather shows it) and whether the bot is still in the chat"}
}

func (c telegramChat) send(ctx context.Context, w way, m Message) error {
	wire := telegramWire(w)
	d := &door{ctx: ctx, wire: wire, judge: func(a answer) *SendError { return telegramError(wire, a, w.now()) }}
	// The library counts bytes. Those of the title and its tags are Telegram's
	// matter only, so they are reckoned with here.
	title := light(m.Severity) + untag(m.Title)
	params := types.Params{"parsemode": "HTML", "title": title, "preview": "No"}
	md := medium{limit: 4096 - len(html.EscapeString(title)) - len("<b></b>\n\n"), size: inBytes, span: telegramSpan}
	if m.Plain {
		params["parsemode"], params["title"] = "None", ""
		md.limit, md.span = 4096, func(s Span) string { return untag(s.Text) }
	}
	text := md.write(m, "")
	if m.Plain {
		return d.through(&telegram.Service{}, c.address, text, params)
	}
	return d.through(&telegram.Service{}, c.address, "\n"+text, params)
}

// telegramSpan writes a span as Telegram's HTML, of which <, > and & mean
// something. Tags, commands and numbers would become links without any markup.
func telegramSpan(s Span) string {
	switch {
	case s.Style == Link && s.Text == home:
		return home
	case s.Style == Command && s.Text != "":
		return "<code>" + html.EscapeString(s.Text) + "</code>"
	case s.Style == Strong && s.Text != "":
		return "<b>" + html.EscapeString(untag(s.Text)) + "</b>"
	}
	return html.EscapeString(untag(s.Text))
}

// telegramAnswer is what every method of the bots' API answers.
type telegramAnswer struct {
	OK     bool `json:"ok"`
	Result struct {
		MessageID int64 `json:"message_id"`
		ID        int64 `json:"id"`
	} `json:"result"`
	Description string `json:"description"`
	Parameters  struct {
		Moved      int64   `json:"migrate_to_chat_id"`
		RetryAfter float64 `json:"retry_after"`
	} `json:"parameters"`
}

// telegramError sorts an answer: success is ok and the number of a message.
func telegramError(w wire, a answer, now time.Time) *SendError {
	var said telegramAnswer
	understood := json.Unmarshal(a.body, &said) == nil
	if a.status < 300 {
		if a.status != http.StatusOK || !understood || !said.OK || said.Result.MessageID == 0 {
			return w.odd()
		}
		return nil
	}
	e := w.refusal(a, now)
	if wait := seconds(said.Parameters.RetryAfter); e.Class == Limited && wait > e.RetryAfter {
		e.RetryAfter = wait
	}
	if a.status != http.StatusBadRequest || !understood {
		return e
	}
	if said.Parameters.Moved != 0 {
		return &SendError{Class: Broken, Reason: "the group became a supergroup, which has another number", Cure: "write chats=" + strconv.FormatInt(said.Parameters.Moved, 10) + " into the address"}
	}
	lower := strings.ToLower(said.Description)
	for _, about := range []string{"chat not found", "chat_id", "peer_id", "supergroup", "rights", "chat_write_forbidden", "thread not found", "topic", "user not found", "bot was"} {
		if strings.Contains(lower, about) {
			return &SendError{Class: Broken, Reason: "Telegram does not let the bot write into this chat (HTTP 400)", Cure: "write to the bot first, or add it to the group, and look at the chat's number in the address"}
		}
	}
	return e
}

func (c telegramChat) try(ctx context.Context, w way) (string, error) {
	wire := telegramWire(w)
	chat, _, _ := strings.Cut(c.chat, ":")
	a, err := wire.get(ctx, "https://api.telegram.org/bot"+c.token+"/getChat?chat_id="+url.QueryEscape(chat), nil)
	if err != nil {
		return "", err
	}
	var said telegramAnswer
	if a.status != http.StatusOK {
		return "", telegramError(wire, a, w.now())
	}
	if json.Unmarshal(a.body, &said) != nil || !said.OK || said.Result.ID == 0 {
		return "", wire.odd()
	}
	return "the bot sees the chat", nil
}
