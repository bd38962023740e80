package channeltest

import (
	"encoding/json"
	"fmt"
	"html"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Addresses are those of the simulated services in shoutrrr's form, on no network, by
// service.
func Addresses() map[string]string {
	return map[string]string{
		"discord":  "discord://" + Token + "@4711",
		"gotify":   "gotify://gotify.invalid/" + gotifyToken,
		"matrix":   "matrix://:" + Token + "@matrix.invalid/?rooms=!room:matrix.invalid",
		"ntfy":     "ntfy://:" + Token + "@ntfy.invalid/alerts",
		"pushover": "pushover://:" + Token + "@user-key",
		"teams":    "teams://?host=" + url.QueryEscape("https://prod-1.westus.logic.azure.com:443/workflows/1/triggers/manual/paths/invoke?api-version=2016-06-01&sig="+Token),
		"telegram": "telegram://4711:" + Token + "@telegram?chats=-100",
	}
}

const gotifyToken = "gtfya." + Token + "-00000000000000000000000000"

func (s *Server) discord(r *http.Request, body []byte) (int, any) {
	if r.URL.Path != "/api/webhooks/4711/"+Token {
		return http.StatusNotFound, object{"message": "Unknown Webhook", "code": 10015}
	}
	if r.Method == http.MethodGet {
		return http.StatusOK, object{"id": "4711", "token": Token}
	}
	var m struct {
		Content  string `json:"content"`
		Mentions *struct {
			Parse *[]string `json:"parse"`
		} `json:"allowed_mentions"`
		Flags int `json:"flags"`
	}
	if json.Unmarshal(body, &m) != nil || strings.TrimSpace(m.Content) == "" || utf8.RuneCountInString(m.Content) > 2000 {
		return http.StatusBadRequest, object{"message": "Invalid Form Body", "code": 50035}
	}
	text := m.Content
	if m.Mentions == nil || m.Mentions.Parse == nil || len(*m.Mentions.Parse) > 0 || m.Flags != 4 {
		text = "(with mentions or previews) " + text
	}
	s.take(Message{Service: "discord", Text: text}, r, body)
	return http.StatusNoContent, nil
}

var telegramTag = regexp.MustCompile(`<(/?)(b|code)>`)

func (s *Server) telegram(r *http.Request, body []byte) (int, any) {
	method, ok := strings.CutPrefix(r.URL.Path, "/bot4711:"+Token+"/")
	no := func(status int, why string) (int, any) {
		return status, object{"ok": false, "error_code": status, "description": why}
	}
	if !ok {
		return no(http.StatusUnauthorized, "Unauthorized")
	}
	if method == "getChat" {
		if r.URL.Query().Get("chat_id") != "-100" {
			return no(http.StatusBadRequest, "Bad Request: chat not found")
		}
		return http.StatusOK, object{"ok": true, "result": object{"id": -100, "type": "group"}}
	}
	var m struct {
		Text    string `json:"text"`
		Chat    string `json:"chat_id"`
		Mode    string `json:"parse_mode"`
		Preview bool   `json:"disable_web_page_preview"`
	}
	if method != "sendMessage" || json.Unmarshal(body, &m) != nil {
		return no(http.StatusNotFound, "Not Found")
	}
	if m.Chat != "-100" {
		return no(http.StatusBadRequest, "Bad Request: chat not found")
	}
	shown := m.Text
	if m.Mode != "" {
		var open []string
		for _, tag := range telegramTag.FindAllStringSubmatch(m.Text, -1) {
			switch {
			case tag[1] == "":
				open = append(open, tag[2])
			case len(open) == 0 || open[len(open)-1] != tag[2]:
				return no(http.StatusBadRequest, "Bad Request: can't parse entities")
			default:
				open = open[:len(open)-1]
			}
		}
		shown = telegramTag.ReplaceAllString(m.Text, "")
		if m.Mode != "HTML" || len(open) > 0 || strings.ContainsAny(shown, "<>") {
			return no(http.StatusBadRequest, "Bad Request: can't parse entities")
		}
		shown = html.UnescapeString(shown)
	}
	if strings.TrimSpace(shown) == "" || utf8.RuneCountInString(shown) > 4096 {
		return no(http.StatusBadRequest, "Bad Request: message is too long")
	}
	if !m.Preview {
		shown = "(with previews) " + shown
	}
	s.take(Message{Service: "telegram", Text: shown}, r, body)
	return http.StatusOK, object{"ok": true, "result": object{"message_id": len(s.messages), "text": shown}}
}

func (s *Server) ntfy(r *http.Request, body []byte) (int, any) {
	no := func(status, code int, why string) (int, any) {
		return status, object{"code": code, "http": status, "error": why}
	}
	if r.URL.Path == "/v1/health" {
		return http.StatusOK, object{"healthy": true}
	}
	if _, password, _ := r.BasicAuth(); password != Token {
		return no(http.StatusForbidden, 40301, "forbidden")
	}
	if r.Method != http.MethodPost || r.URL.Path != "/alerts" {
		return no(http.StatusBadRequest, 40009, "invalid request: topic invalid")
	}
	if len(body) > 4096 || len(body) == 0 {
		return no(http.StatusBadRequest, 40014, "the message would become a file")
	}
	title, err := new(mime.WordDecoder).DecodeHeader(r.Header.Get("Title"))
	if err != nil {
		return no(http.StatusBadRequest, 40000, "invalid title")
	}
	s.take(Message{Service: "ntfy", Title: title, Text: string(body), Priority: r.Header.Get("Priority") + " " + r.Header.Get("Tags")}, r, body)
	return http.StatusOK, object{"id": "sim" + strconv.Itoa(len(s.messages)), "event": "message", "topic": "alerts"}
}

func (s *Server) gotify(r *http.Request, body []byte) (int, any) {
	if r.URL.Path == "/health" {
		return http.StatusOK, object{"health": "green", "database": "green"}
	}
	if r.Header.Get("X-Gotify-Key") != gotifyToken || r.URL.RawQuery != "" {
		return http.StatusUnauthorized, object{"error": "Unauthorized", "errorCode": 401}
	}
	var m struct {
		Message  string `json:"message"`
		Title    string `json:"title"`
		Priority int    `json:"priority"`
		Extras   any    `json:"extras"`
	}
	if json.Unmarshal(body, &m) != nil || m.Message == "" || m.Extras != nil {
		return http.StatusBadRequest, object{"error": "Bad Request", "errorCode": 400}
	}
	s.take(Message{Service: "gotify", Title: m.Title, Text: m.Message, Priority: strconv.Itoa(m.Priority)}, r, body)
	return http.StatusOK, object{"id": len(s.messages)}
}

func (s *Server) pushover(r *http.Request, body []byte) (int, any) {
	form, err := url.ParseQuery(string(body))
	no := func(what string) (int, any) {
		return http.StatusBadRequest, object{what: "invalid", "errors": []string{what + " is invalid"}, "status": 0}
	}
	switch {
	case err != nil:
		return no("message")
	case form.Get("token") != Token:
		return no("token")
	case form.Get("user") != "user-key":
		return no("user")
	case r.URL.Path == "/1/users/validate.json":
		return http.StatusOK, object{"status": 1}
	case form.Get("message") == "" || utf8.RuneCountInString(form.Get("message")) > 1024:
		return no("message")
	case utf8.RuneCountInString(form.Get("title")) > 250 || form.Get("html") != "":
		return no("title")
	case form.Get("priority") == "2":
		return no("retry")
	}
	text := form.Get("message")
	s.take(Message{Service: "pushover", Title: form.Get("title"), Text: text, Priority: form.Get("priority")}, r, []byte(lines(form)))
	return http.StatusOK, object{"status": 1}
}

// lines writes a form one field a line.
func lines(form url.Values) string {
	var b strings.Builder
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range form {
			if !yield(name) {
				return
			}
		}
	}) {
		fmt.Fprintf(&b, "%s=%s\n", name, form.Get(name))
	}
	return b.String()
}

func (s *Server) matrix(r *http.Request, body []byte) (int, any) {
	no := func(status int, code string) (int, any) { return status, object{"errcode": code, "error": "no"} }
	if r.Header.Get("Authorization") != "Bearer "+Token {
		return no(http.StatusUnauthorized, "M_UNKNOWN_TOKEN")
	}
	path := strings.TrimPrefix(r.URL.Path, "/_matrix/client/v3/")
	if path == "joined_rooms" {
		return http.StatusOK, object{"joined_rooms": s.Joined}
	}
	if room, ok := strings.CutPrefix(path, "join/"); ok {
		if room == "#alerts:matrix.invalid" {
			room = "!room:matrix.invalid"
		}
		if !slices.Contains(s.Joined, room) && !slices.Contains(s.Invited, room) {
			return no(http.StatusForbidden, "M_FORBIDDEN")
		}
		s.Joined = append(s.Joined, room)
		return http.StatusOK, object{"room_id": room}
	}
	room, txn, ok := strings.Cut(strings.TrimPrefix(path, "rooms/"), "/send/m.room.message/")
	if !ok || r.Method != http.MethodPut {
		return no(http.StatusNotFound, "M_UNRECOGNIZED")
	}
	if !slices.Contains(s.Joined, room) {
		return no(http.StatusForbidden, "M_FORBIDDEN")
	}
	var m struct {
		Type      string          `json:"msgtype"`
		Body      string          `json:"body"`
		Formatted string          `json:"formatted_body"`
		Mentions  json.RawMessage `json:"m.mentions"`
	}
	if len(body) > 64<<10 || json.Unmarshal(body, &m) != nil || m.Type != "m.text" || m.Body == "" {
		return no(http.StatusBadRequest, "M_BAD_JSON")
	}
	if event, ok := s.txns[txn]; ok {
		return http.StatusOK, object{"event_id": event}
	}
	s.txns[txn] = fmt.Sprintf("$event%d", len(s.messages))
	text := m.Body
	if m.Formatted != "" || string(m.Mentions) != "{}" {
		text = "(with markup or mentions) " + text
	}
	s.take(Message{Service: "matrix", Text: text}, r, body)
	return http.StatusOK, object{"event_id": s.txns[txn]}
}

func (s *Server) teams(r *http.Request, body []byte) (int, any) {
	if r.URL.Query().Get("sig") != Token {
		return http.StatusUnauthorized, object{"error": object{"code": "DirectApiAuthorizationRequired"}}
	}
	var m struct {
		Type        string `json:"type"`
		Attachments []struct {
			Type    string `json:"contentType"`
			Content struct {
				Type string `json:"type"`
				Body []struct {
					Type    string `json:"type"`
					Inlines []struct {
						Type string `json:"type"`
						Text string `json:"text"`
					} `json:"inlines"`
				} `json:"body"`
			} `json:"content"`
		} `json:"attachments"`
	}
	bad := object{"error": object{"code": "InvalidRequestContent"}}
	if len(body) > 28<<10 || json.Unmarshal(body, &m) != nil || m.Type != "message" || len(m.Attachments) != 1 ||
		m.Attachments[0].Type != "application/vnd.microsoft.card.adaptive" || m.Attachments[0].Content.Type != "AdaptiveCard" {
		return http.StatusBadRequest, bad
	}
	var text []string
	for _, block := range m.Attachments[0].Content.Body {
		if block.Type != "RichTextBlock" {
			return http.StatusBadRequest, bad
		}
		for _, run := range block.Inlines {
			if run.Type != "TextRun" || run.Text == "" {
				return http.StatusBadRequest, bad
			}
			text = append(text, run.Text)
		}
	}
	s.take(Message{Service: "teams", Text: strings.Join(text, "\n")}, r, body)
	return http.StatusAccepted, nil
}

func (s *Server) hook(r *http.Request, body []byte) (int, any) {
	if r.URL.Path != "/hook/"+Token {
		return http.StatusNotFound, nil
	}
	var m struct {
		Version int    `json:"version"`
		Title   string `json:"title"`
		Text    string `json:"text"`
		Level   string `json:"severity"`
	}
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || json.Unmarshal(body, &m) != nil || m.Version != 1 || m.Text == "" {
		return http.StatusBadRequest, nil
	}
	s.take(Message{Service: "hook", Title: m.Title, Text: m.Text, Priority: m.Level}, r, body)
	return http.StatusOK, object{"thanks": true}
}
