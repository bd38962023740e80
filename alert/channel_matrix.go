package alert

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/matrix"
)

// matrixRoom is one room of Matrix, written to with an access token. The
// library's own messages have no list of mentions, so that a name in a text makes
// telephones ring, and a new transaction each, so that one sent twice is there
// twice.
type matrixRoom struct{ server, token, room string }

func openMatrix(text string) (service, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	c := &matrix.Config{}
	if err := c.SetURL(u); err != nil || c.Password == "" || c.Host == "" {
		return nil, errors.New("the access token or the server is missing")
	}
	scheme := "https"
	switch {
	case c.User != "":
		return nil, errors.New("it has a user and a password; take an access token, with nothing before its colon")
	case len(c.Rooms) > 1:
		return nil, errTooMany
	case len(c.Rooms) == 0 || len(c.Rooms[0]) < 2:
		return nil, errors.New("the room is missing")
	case c.DisableTLS:
		if err := onlyHere(c.Host); err != nil {
			return nil, err
		}
		scheme = "http"
	}
	return matrixRoom{scheme + "://" + c.Host + "/_matrix/client/v3/", c.Password, c.Rooms[0]}, nil
}

func matrixWire(w way) wire {
	return wire{client: w.client, who: "Matrix", cure: "look whether the access token is still good, and invite its user into the room"}
}

// matrixMessage is an event of plain text that mentions nobody.
type matrixMessage struct {
	Type     string   `json:"msgtype"`
	Body     string   `json:"body"`
	Mentions struct{} `json:"m.mentions"`
}

func (r matrixRoom) send(ctx context.Context, w way, m Message) error {
	md := medium{limit: 24 << 10, size: inBytes, span: func(s Span) string { return untag(s.Text) }} // an event has 64 KiB
	text := md.write(m, light(m.Severity)+untag(loudTitle(m)))
	if m.Plain {
		text = md.write(m, "")
	}
	body, err := json.Marshal(matrixMessage{Type: "m.text", Body: text})
	if err != nil {
		return &SendError{Class: Reject, Reason: "the message could not be written as JSON"}
	}
	room := r.room
	if !strings.HasPrefix(room, "!") {
		if room, err = r.join(ctx, w); err != nil {
			return err
		}
	}
	txn := transaction(m, w.now())
	err = r.put(ctx, w, room, txn, body)
	var e *SendError
	if errors.As(err, &e) && e.Class == Broken && e.Reason == notInRoom && strings.HasPrefix(r.room, "!") {
		// Somebody may have invited us.
		if _, err := r.join(ctx, w); err != nil {
			return err
		}
		return r.put(ctx, w, room, txn, body)
	}
	return err
}

// put sends one event.
func (r matrixRoom) put(ctx context.Context, w way, room, txn string, body []byte) error {
	wire := matrixWire(w)
	a, err := wire.call(ctx, http.MethodPut, r.server+"rooms/"+url.PathEscape(room)+"/send/m.room.message/"+txn, "application/json", body, r.header())
	if err != nil {
		return err
	}
	var said struct {
		Event string `json:"event_id"`
	}
	if e := matrixError(wire, a, w.now()); e != nil {
		return e
	}
	if json.Unmarshal(a.body, &said) != nil || said.Event == "" {
		return wire.odd()
	}
	return nil
}

// join enters the room and returns its id. It does nothing where we are in.
func (r matrixRoom) join(ctx context.Context, w way) (string, error) {
	wire := matrixWire(w)
	a, err := wire.call(ctx, http.MethodPost, r.server+"join/"+url.PathEscape(r.room), "application/json", []byte("{}"), r.header())
	if err != nil {
		return "", err
	}
	if e := matrixError(wire, a, w.now()); e != nil {
		return "", e
	}
	var said struct {
		Room string `json:"room_id"`
	}
	if json.Unmarshal(a.body, &said) != nil || !strings.HasPrefix(said.Room, "!") {
		return "", wire.odd()
	}
	return said.Room, nil
}

func (r matrixRoom) header() http.Header {
	return http.Header{"Authorization": {"Bearer " + r.token}}
}

// transaction names a message, so that a server that has it already does not
// show it once more.
func transaction(m Message, now time.Time) string {
	if m.Record == nil {
		return "sw-" + strconv.FormatInt(now.UnixNano(), 10)
	}
	return "sw-" + m.Record.Key
}

// notInRoom is the reason where we may not write into a room.
const notInRoom = "the user of the access token may not write into the room (M_FORBIDDEN)"

// matrixError sorts an answer that is no success.
func matrixError(w wire, a answer, now time.Time) *SendError {
	if a.status == http.StatusOK {
		return nil
	}
	var said struct {
		Code       string  `json:"errcode"`
		RetryAfter float64 `json:"retry_after_ms"`
	}
	_ = json.Unmarshal(a.body, &said) // where it says nothing, the status does
	if a.status < 300 {
		return w.odd()
	}
	e := w.refusal(a, now)
	switch {
	case e.Class == Limited:
		if wait := seconds(said.RetryAfter / 1000); wait > e.RetryAfter {
			e.RetryAfter = wait
		}
	case said.Code == "M_FORBIDDEN":
		e.Class, e.Reason = Broken, notInRoom
	case slices.Contains([]string{"M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_DEACTIVATED", "M_UNKNOWN", "M_NOT_FOUND", "M_INVALID_PARAM", "M_UNRECOGNIZED"}, said.Code) && e.Class != Retry:
		e.Class, e.Reason = Broken, "Matrix does not know the access token or the room ("+said.Code+")"
	}
	return e
}

func (r matrixRoom) try(ctx context.Context, w way) (string, error) {
	wire := matrixWire(w)
	a, err := wire.get(ctx, r.server+"joined_rooms", r.header())
	if err != nil {
		return "", err
	}
	if e := matrixError(wire, a, w.now()); e != nil {
		return "", e
	}
	var said struct {
		Rooms *[]string `json:"joined_rooms"`
	}
	if json.Unmarshal(a.body, &said) != nil || said.Rooms == nil {
		return "", wire.odd()
	}
	if strings.HasPrefix(r.room, "!") && slices.Contains(*said.Rooms, r.room) {
		return "the access token is good, and its user is in the room", nil
	}
	return "the access token is good; its user joins the room with the first message", nil
}
