package web

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"sessionwarden"
)

// Bounds of a request's body.
const (
	maxBody   = 64 << 10
	maxIDs    = 1000 // sessions in one request
	maxPath   = 4096
	jsonMedia = "application/json"
)

// disconnectOrder is the body of POST disconnect: some sessions, or all.
type disconnectOrder struct {
	Account string                    `json:"account"`
	IDs     []sessionwarden.SessionID `json:"ids,omitempty"`
	All     bool                      `json:"all,omitempty"`
}

// answerOrder is the body of POST approve and POST deny.
type answerOrder struct {
	ID string `json:"id"`
}

// backupOrder is the body of POST backup, and of its answer.
type backupOrder struct {
	Path string `json:"path"`
}

func (a *api) disconnect(w http.ResponseWriter, r *http.Request, _ params) error {
	var order disconnectOrder
	if err := readBody(w, r, &order, "account, ids and all"); err != nil {
		return err
	}
	if err := order.check(); err != nil {
		return err
	}
	var (
		actions []sessionwarden.Action
		err     error
	)
	if order.All {
		actions, err = a.Desk.DisconnectAll(r.Context(), order.Account)
	} else {
		actions, err = a.Desk.Disconnect(r.Context(), order.Account, order.IDs)
	}
	rows := newActionRows(actions)
	if err != nil {
		e := *explain(err)
		e.Actions = rows
		return &e
	}
	writeJSON(w, http.StatusOK, rows)
	return nil
}

// check refuses what cannot be meant, and leaves each id once.
func (o *disconnectOrder) check() error {
	if o.Account == "" {
		return badRequest("no account is named", `say which: {"account": "main", "ids": ["12345"]}`)
	}
	if o.All == (len(o.IDs) > 0) {
		return badRequest("either ids or all must be given", `name sessions in ids, or write "all": true`)
	}
	if len(o.IDs) > maxIDs {
		return badRequest("too many ids", "at most "+strconv.Itoa(maxIDs)+" at once")
	}
	seen := make(map[sessionwarden.SessionID]bool, len(o.IDs))
	for _, id := range o.IDs {
		if id == "" || len(id) > sessionwarden.MaxText {
			return badRequest(quote(string(id))+" is no session id", "take ids from the table of live sessions")
		}
		seen[id] = true
	}
	o.IDs = slices.DeleteFunc(o.IDs, func(id sessionwarden.SessionID) bool {
		first := seen[id]
		delete(seen, id)
		return !first
	})
	return nil
}

func (a *api) approve(w http.ResponseWriter, r *http.Request, _ params) error {
	id, err := readAnswer(w, r)
	if err != nil {
		return err
	}
	action, err := a.Answers.Approve(r.Context(), id)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, NewActionRow(action))
	return nil
}

func (a *api) deny(w http.ResponseWriter, r *http.Request, _ params) error {
	id, err := readAnswer(w, r)
	if err != nil {
		return err
	}
	action, err := a.Answers.Deny(r.Context(), id)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, NewActionRow(action))
	return nil
}

func readAnswer(w http.ResponseWriter, r *http.Request) (uint64, error) {
	var order answerOrder
	if err := readBody(w, r, &order, "id"); err != nil {
		return 0, err
	}
	return parseID(order.ID)
}

func (a *api) backup(w http.ResponseWriter, r *http.Request, _ params) error {
	var order backupOrder
	if err := readBody(w, r, &order, "path"); err != nil {
		return err
	}
	if !filepath.IsAbs(order.Path) || len(order.Path) > maxPath || strings.ContainsRune(order.Path, 0) {
		return badRequest("the path of the backup is not absolute", "write the whole path, from the root on")
	}
	path := filepath.Clean(order.Path)
	if err := a.Backup(r.Context(), path); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, backupOrder{Path: path})
	return nil
}

func (a *api) resume(w http.ResponseWriter, r *http.Request, _ params) error {
	if err := readNothing(w, r); err != nil {
		return err
	}
	o, held, err := a.Answers.Resume(r.Context())
	if err != nil {
		return err
	}
	answer := Resumed{Actions: newActionRows(held)}
	if o != (sessionwarden.Observing{}) {
		answer.Resumed, answer.Observing = true, &sessionwarden.Observing{Since: second(o.Since), Why: text(o.Why)}
	}
	writeJSON(w, http.StatusOK, answer)
	return nil
}

func (a *api) check(w http.ResponseWriter, r *http.Request, _ params) error {
	if err := readNothing(w, r); err != nil {
		return err
	}
	c, err := a.Check(r.Context())
	if err != nil {
		return err
	}
	c.Path, c.Faults = text(c.Path), cleaned(c.Faults)
	writeJSON(w, http.StatusOK, c)
	return nil
}

// readNothing reads the body of an order that has nothing to say.
func readNothing(w http.ResponseWriter, r *http.Request) error {
	if r.ContentLength == 0 {
		return nil
	}
	return readBody(w, r, &struct{}{}, "none")
}

func (a *api) testAlerts(w http.ResponseWriter, r *http.Request, _ params) error {
	if err := readNothing(w, r); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, tidyTests(a.TestAlerts(r.Context())))
	return nil
}

// readBody reads one JSON object into order, strictly. fields names what it
// may hold, for the error.
func readBody(w http.ResponseWriter, r *http.Request, order any, fields string) error {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != jsonMedia {
		return &Error{
			Message: "the body is not said to be JSON",
			Cure:    "send the header Content-Type: " + jsonMedia,
			Status:  http.StatusUnsupportedMediaType,
		}
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	dec.DisallowUnknownFields()
	err := dec.Decode(order)
	if err == nil {
		if _, more := dec.Token(); !errors.Is(more, io.EOF) {
			err = errors.Join(errors.New("there is more after the object"), more)
		}
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return &Error{
			Message: "the body is too large",
			Cure:    "at most " + strconv.Itoa(maxBody) + " bytes",
			Status:  http.StatusRequestEntityTooLarge,
		}
	}
	if err != nil {
		return badRequest("the body is not what is wanted: "+sessionwarden.Clean(err.Error(), 2*maxSaid), "send one JSON object; its fields: "+fields)
	}
	return nil
}
