package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"time"

	"sessionwarden/config"
	"sessionwarden/internal/owner"
	"sessionwarden/mannco"
	"sessionwarden/monitor"
)

// watched makes the clients of the configured accounts. An account in dry run
// gets nothing that could end a session.
//
// The ways there are new ones, as certificates may have changed; those before
// are closed by whoever has put the new ones in use.
func (a *app) watched(cfg *config.Config) (list []monitor.Watched, _ ways, err error) {
	transports := make(ways)
	defer func() {
		if err != nil {
			transports.close()
		}
	}()
	for _, account := range cfg.Accounts {
		transport := transports[account.CAFile]
		if transport == nil {
			made, err := a.outside.services(account.CAFile)
			if err != nil {
				return nil, nil, fmt.Errorf("account %s: %w", account.Name, err)
			}
			transport = made
			transports[account.CAFile] = made
		}
		client, err := newClient(a.cfg.DataDir, account, transport, a.bulk, a.log, a.metrics, a.outside.now)
		if err != nil {
			return nil, nil, err
		}
		w := monitor.Watched{Account: account.Account, Lister: client, Ender: client, Facts: client}
		if account.DryRun {
			w.Lister, w.Ender, w.Facts = onlyLists{client}, nil, onlyFacts{client}
		}
		list = append(list, w)
	}
	return list, transports, nil
}

// ways are the connection pools to the services, by their CA file.
type ways map[string]http.RoundTripper

// close lets the connections go that nobody uses; the others follow when their
// answer is there.
func (w ways) close() {
	for _, way := range w {
		if pool, ok := way.(interface{ CloseIdleConnections() }); ok {
			pool.CloseIdleConnections()
		}
	}
}

// onlyLists and onlyFacts are what a dry run has of a client.
type (
	onlyLists struct{ monitor.Lister }
	onlyFacts struct{ monitor.FactReader }
)

// newClient makes the client of one account. Its token is kept in a file of
// its own, so that no backup of the database holds it; without a data
// directory it is kept in memory only.
func newClient(dataDir string, account config.Account, transport http.RoundTripper, bulk chan struct{}, log *slog.Logger, metrics *mannco.Metrics, now func() time.Time) (*mannco.Client, error) {
	file := ""
	if dataDir != "" {
		tokens := filepath.Join(dataDir, "tokens")
		if err := owner.MkdirAll(tokens, 0o700); err != nil {
			return nil, fmt.Errorf("making the directory for tokens: %w", err)
		}
		file = filepath.Join(tokens, account.Name+".json")
	}
	client, err := mannco.New(mannco.Options{
		Account: account.Name, BaseURL: account.BaseURL, Key: account.Key.Read, Timeout: account.Timeout,
		TokenFile: file,
		Transport: transport, Bulk: bulk, Logger: log, Metrics: metrics, UserAgent: "sessionwarden/" + version, Now: now,
	})
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", account.Name, err)
	}
	return client, nil
}
