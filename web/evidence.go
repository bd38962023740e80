package web

import (
	"context"
	"net/http"
	"time"
)

// Evidence is a file of evidence that was just made and issued: what it says is
// clean, and the page is a document of its own.
type Evidence struct {
	Incident string    `json:"incident"`
	Account  string    `json:"account"`
	Made     time.Time `json:"made"`
	Head     string    `json:"head"`    // of the chain over its records
	Records  int       `json:"records"` // how many they are
	Page     string    `json:"page"`    // the file itself, HTML
}

// incidentOrder is the body of POST evidence and POST acknowledge.
type incidentOrder struct {
	Incident string `json:"incident"`
}

func readIncident(w http.ResponseWriter, r *http.Request) (uint64, error) {
	var order incidentOrder
	if err := readBody(w, r, &order, "incident"); err != nil {
		return 0, err
	}
	return parseID(order.Incident)
}

func (a *api) evidence(w http.ResponseWriter, r *http.Request, _ params) error {
	id, err := readIncident(w, r)
	if err != nil {
		return err
	}
	e, err := a.Evidence(r.Context(), id)
	if err != nil {
		return err
	}
	e.Made, e.Account, e.Head = second(e.Made), text(e.Account), text(e.Head)
	writeJSON(w, http.StatusOK, e)
	return nil
}

// Evidence has a file of evidence made of an incident, and issued.
func (c *Client) Evidence(ctx context.Context, incident string) (Evidence, error) {
	var e Evidence
	err := c.call(ctx, http.MethodPost, "evidence", incidentOrder{Incident: incident}, &e)
	return e, err
}
