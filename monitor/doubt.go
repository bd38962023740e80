package monitor

import (
	"context"
	"fmt"
	"net/netip"

	"sessionwarden"
)

// Networks with fewer bits than these have more addresses than one owner ever
// comes from: the customers of a whole provider.
const (
	widest4 = 16
	widest6 = 32
)

// Doubt says why t, or what it becomes with the id of an action (0: none), is
// probably not meant: it would let in far more people than the owner, or somebody
// whom he has had ended. Nil: nothing speaks against it. The errors are those of
// [Monitor.AddTrust], with the way to have it all the same.
func (m *Monitor) Doubt(ctx context.Context, t sessionwarden.Trust, action uint64) error {
	const sure = "; if you mean it all the same: --sure"
	if action != 0 {
		a, err := m.known(ctx, action)
		if err != nil {
			return err
		}
		if a.ByHand && a.State != sessionwarden.Held {
			return &WishError{
				text: fmt.Sprintf("the session of action %d was ended because a person wanted that: who was it?", action),
				cure: "if it was you after all, trust where you are: sessionwarden trust add --account " + a.Account + " --country CODE" + sure,
			}
		}
		if t, err = m.trustIn(t, a); err != nil {
			return err
		}
	}
	switch network := t.Network; {
	case network.IsValid():
		if bits := network.Bits(); network.Addr().Is4() && bits < widest4 || network.Addr().Is6() && bits < widest6 {
			return &WishError{
				text: fmt.Sprintf("%s is as large as a whole provider: no rule would end anybody who comes from there", network),
				cure: "trust less of it, or one address" + sure,
			}
		}
		if m.opts.Locate(network.Addr()).Network == sessionwarden.Hosting {
			return hosting(network)
		}
	case t.ASN != 0 && m.opts.Kind != nil && m.opts.Kind(t.ASN) == sessionwarden.Hosting:
		return &WishError{
			text: fmt.Sprintf("AS%d is a hosting network: whoever rents a machine there for an hour comes from it, a thief as well", t.ASN),
			cure: "trust the one address that is yours: --address IP" + sure,
		}
	}
	return nil
}

// hosting says why an address of a hosting network is trusted by nobody lightly.
func hosting(network netip.Prefix) *WishError {
	return &WishError{
		text: network.String() + " is in a hosting network: it is somebody's machine or the exit of a VPN, which others may come from as well",
		cure: "if the machine is yours alone: --sure",
	}
}
