package geo

// listKind is what a list is of.
type listKind uint8

const (
	torExits listKind = iota
	vpnNetworks
)

// String returns the name of the setting: it is also a metric's label and the
// name of a file.
func (k listKind) String() string {
	if k == vpnNetworks {
		return "vpn_networks"
	}
	return "tor_exits"
}

// words says what the list is of.
func (k listKind) words() string {
	if k == vpnNetworks {
		return "VPN networks"
	}
	return "Tor exits"
}

// rule is the rule that asks about what the list names.
func (k listKind) rule() string {
	if k == vpnNetworks {
		return "vpn_network"
	}
	return "tor_network"
}
