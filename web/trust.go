package web

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"time"

	"sessionwarden"
	"sessionwarden/internal/owner"
)

// Truster keeps the trusts with an end. Its errors may have the methods that
// those of a [Desk] may have.
type Truster interface {
	// Trusts returns those of an account ("": of all), also those that ended
	// lately.
	Trusts(account string) []sessionwarden.Trust
	// AddTrust writes down t and returns it as it is then. With the id of an
	// action (0: none) it is of where that action's session was.
	AddTrust(ctx context.Context, t sessionwarden.Trust, action uint64) (sessionwarden.Trust, error)
	// Doubt says why what AddTrust would write down is probably not meant; nil:
	// nothing speaks against it.
	Doubt(ctx context.Context, t sessionwarden.Trust, action uint64) error
	// RemoveTrust ends one before its time.
	RemoveTrust(ctx context.Context, id uint64) (sessionwarden.Trust, error)
}

// TrustRow is one trust with an end.
type TrustRow struct {
	ID      string    `json:"id"`
	Account string    `json:"account"`
	Country string    `json:"country,omitempty"` // exactly one of country, asn and network is there
	ASN     uint32    `json:"asn,omitempty"`
	Network string    `json:"network,omitempty"`
	Until   time.Time `json:"until"`
	Note    string    `json:"note,omitempty"`
	By      string    `json:"by,omitempty"` // which user added it
	Created time.Time `json:"created,omitzero"`
	Removed time.Time `json:"removed,omitzero"`
	State   string    `json:"state"` // holds, expired or removed
}

// What returns what is trusted, as a person writes it.
func (r TrustRow) What() string {
	switch {
	case r.Network != "":
		return r.Network
	case r.ASN != 0:
		return "AS" + strconv.FormatUint(uint64(r.ASN), 10)
	}
	return r.Country
}

// NewTrustRow returns the row of a trust as it is at now.
func NewTrustRow(t sessionwarden.Trust, now time.Time) TrustRow {
	row := TrustRow{
		ID: number(t.ID), Account: text(t.Account), Country: text(string(t.Country)), ASN: t.ASN,
		Until: second(t.Until), Note: text(t.Note), By: text(t.By), Created: second(t.Created), Removed: second(t.Removed), State: t.State(now),
	}
	if t.Network.IsValid() {
		row.Network = t.Network.String()
	}
	return row
}

// TrustOrder is the body of POST trust-add: an account and what to trust, or an
// action of whose session the address is trusted, or the country or ASN that is
// named beside it.
type TrustOrder struct {
	Account string `json:"account,omitempty"`
	Country string `json:"country,omitempty"`
	ASN     string `json:"asn,omitempty"`
	Network string `json:"network,omitempty"`
	Address string `json:"address,omitempty"`
	Action  string `json:"action,omitempty"`
	Until   string `json:"until"`
	Note    string `json:"note,omitempty"`
	Sure    bool   `json:"sure,omitempty"` // also what is probably not meant
}

// read checks the order and returns what it says.
func (o TrustOrder) read(now time.Time) (t sessionwarden.Trust, action uint64, err error) {
	const cure = `write, for instance, {"account": "main", "country": "JP", "until": "2026-12-20T23:59:59Z"}`
	if o.Action != "" {
		if action, err = parseID(o.Action); err != nil {
			return t, 0, err
		}
	}
	if action == 0 || o.Country+o.ASN+o.Network+o.Address != "" {
		if t, err = sessionwarden.NewTrust(o.Country, o.ASN, o.Network, o.Address); err != nil {
			return t, 0, badRequest(err.Error(), cure)
		}
	}
	if t.Until, err = sessionwarden.ParseUntil(o.Until, now.UTC()); err != nil {
		return t, 0, badRequest(err.Error(), cure)
	}
	if t.Account = o.Account; t.Account == "" && action == 0 {
		return t, 0, badRequest("no account is named", cure)
	}
	if len(o.Note) > sessionwarden.MaxTrustNote {
		return t, 0, badRequest("the note is too long", "at most "+strconv.Itoa(sessionwarden.MaxTrustNote)+" bytes")
	}
	t.Note = sessionwarden.Clean(o.Note, sessionwarden.MaxTrustNote)
	return t, action, nil
}

func (a *api) trusts(w http.ResponseWriter, _ *http.Request, p params) error {
	if err := a.configured(p["account"]); err != nil {
		return err
	}
	rows := []TrustRow{}
	for _, t := range a.Trust.Trusts(p["account"]) {
		rows = append(rows, NewTrustRow(t, a.Now()))
	}
	writeJSON(w, http.StatusOK, rows)
	return nil
}

func (a *api) trustAdd(w http.ResponseWriter, r *http.Request, _ params) error {
	var order TrustOrder
	if err := readBody(w, r, &order, "account, country, asn, network, address, action, until, note and sure"); err != nil {
		return err
	}
	t, action, err := order.read(a.Now())
	if err != nil {
		return err
	}
	if err := a.configured(t.Account); err != nil {
		return err
	}
	if !order.Sure {
		if err := a.Trust.Doubt(r.Context(), t, action); err != nil {
			return err
		}
	}
	t.By = sessionwarden.Asker(r.Context())
	if t, err = a.Trust.AddTrust(r.Context(), t, action); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, NewTrustRow(t, a.Now()))
	return nil
}

func (a *api) trustRemove(w http.ResponseWriter, r *http.Request, _ params) error {
	id, err := readAnswer(w, r)
	if err != nil {
		return err
	}
	t, err := a.Trust.RemoveTrust(r.Context(), id)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, NewTrustRow(t, a.Now()))
	return nil
}

// askerKey is where a request's context keeps who is at the other end.
type askerKey struct{}

// withAsker notes who asks over a connection.
func withAsker(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, askerKey{}, conn)
}

// AskerHeader is where a request that comes from this very process names who asks.
// It counts for nothing on a socket.
const AskerHeader = "X-Sessionwarden-Asker"

// asker names the user who makes a request: the one at the other end of the
// socket; where the request comes from this very process the one whom it names, or
// our own. "" where that cannot be known.
func asker(r *http.Request) string {
	conn, _ := r.Context().Value(askerKey{}).(net.Conn)
	if limited, ok := conn.(*limitedConn); ok {
		conn = limited.Conn
	}
	switch conn := conn.(type) {
	case *pipeConn:
		if by := r.Header.Get(AskerHeader); by != "" {
			return by
		}
		return owner.User(os.Geteuid())
	case *net.UnixConn:
		if uid, ok := peerUser(conn); ok {
			return owner.User(uid)
		}
	}
	return ""
}

// Trusts returns the trusts of an account ("": of all).
func (c *Client) Trusts(ctx context.Context, account string) ([]TrustRow, error) {
	var rows []TrustRow
	err := c.callWith(ctx, http.MethodGet, "trusts", Query{Account: account}.values(), nil, &rows)
	return rows, err
}

// AddTrust adds a trust.
func (c *Client) AddTrust(ctx context.Context, order TrustOrder) (TrustRow, error) {
	var row TrustRow
	err := c.call(ctx, http.MethodPost, "trust-add", order, &row)
	return row, err
}

// RemoveTrust ends a trust before its time.
func (c *Client) RemoveTrust(ctx context.Context, id uint64) (TrustRow, error) {
	var row TrustRow
	err := c.call(ctx, http.MethodPost, "trust-remove", answerOrder{ID: number(id)}, &row)
	return row, err
}

// Trust returns the trust that r is the row of, its times in whole seconds.
func (r TrustRow) Trust() sessionwarden.Trust {
	t := sessionwarden.Trust{
		Account: r.Account, Country: sessionwarden.Country(r.Country), ASN: r.ASN, Until: r.Until, Note: r.Note, By: r.By,
		Created: r.Created, Removed: r.Removed,
	}
	t.ID, _ = strconv.ParseUint(r.ID, 10, 64)
	if network, err := netip.ParsePrefix(r.Network); err == nil {
		t.Network = network
	}
	return t
}
