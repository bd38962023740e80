package mannco

// route is one call of the service. Rate limits are kept by route, as the
// service does.
type route uint8

const (
	routeLogin route = iota
	routeList
	routeEnd
	routeEndAll
	routeLogout
	routeInfos
	routeBalance
	routeMail
	routeNotifications
	routes
)

var routeTable = [routes]struct{ name, path, doing string }{
	routeLogin:         {"login", "/user/login", "logging in"},
	routeList:          {"list", "/user/ipList", "reading the session list"},
	routeEnd:           {"disconnect", "/user/disconnectSession/", "ending a session"},
	routeEndAll:        {"disconnect_all", "/user/disconnectSession/all", "ending all sessions"},
	routeLogout:        {"logout", "/user/disconnect", "logging out"},
	routeInfos:         {"infos", "/user/infos", "reading the account's facts"},
	routeBalance:       {"balance", "/user/balance", "reading the balance"},
	routeMail:          {"contact_mail", "/user/getContactMail", "reading the contact mail"},
	routeNotifications: {"notifications", "/user/notifications", "reading the notifications"},
}

// String returns the route's name, from a closed set: it is a metric's label.
func (r route) String() string { return routeTable[r].name }

// doing says what a call of the route does, for errors.
func (r route) doing() string { return routeTable[r].doing }
