package manncotest

import (
	"net/http"
	"strings"
)

// Route names an endpoint of the service, whatever is in its path.
type Route string

// The routes.
const (
	RouteLogin         Route = "login"              // POST /user/login
	RouteDisconnect    Route = "disconnect"         // GET /user/disconnect: the caller's own session
	RouteDisconnectAll Route = "disconnect_all"     // GET /user/disconnectSession/all
	RouteDisconnectOne Route = "disconnect_session" // GET /user/disconnectSession/{id}
	RouteInfos         Route = "infos"              // GET /user/infos
	RouteBalance       Route = "balance"            // GET /user/balance
	RouteList          Route = "ip_list"            // GET /user/ipList
	RouteContactMail   Route = "contact_mail"       // GET /user/getContactMail
	RouteNotifications Route = "notifications"      // GET /user/notifications
	RouteUnknown       Route = "unknown"            // anything else: 404
)

// Routes returns the names of the routes that exist.
func Routes() []Route {
	return []Route{
		RouteLogin, RouteDisconnect, RouteDisconnectAll, RouteDisconnectOne, RouteInfos, RouteBalance,
		RouteList, RouteContactMail, RouteNotifications,
	}
}

// route says which endpoint a request is for, and the id in its path.
func route(method, path string) (Route, string) {
	if method == http.MethodPost && path == "/user/login" {
		return RouteLogin, ""
	}
	if method != http.MethodGet {
		return RouteUnknown, ""
	}
	switch path {
	case "/user/disconnect":
		return RouteDisconnect, ""
	case "/user/disconnectSession/all":
		return RouteDisconnectAll, ""
	case "/user/infos":
		return RouteInfos, ""
	case "/user/balance":
		return RouteBalance, ""
	case "/user/ipList":
		return RouteList, ""
	case "/user/getContactMail":
		return RouteContactMail, ""
	case "/user/notifications":
		return RouteNotifications, ""
	}
	if id, ok := strings.CutPrefix(path, "/user/disconnectSession/"); ok && id != "" && !strings.Contains(id, "/") {
		return RouteDisconnectOne, id
	}
	return RouteUnknown, ""
}
