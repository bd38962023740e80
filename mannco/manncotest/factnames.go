package manncotest

import (
	"fmt"
	"time"
)

// FactNames returns the facts that a scenario can name, in the order of Facts.
func FactNames() []string {
	return []string{
		"name", "balance", "payout_mail", "trade_url", "two_factor", "contact_mail", "discord", "discord_tag",
		"since", "alerts", "payment_reviews", "messages", "offers", "trades",
	}
}

// set gives the fact of that name a value. Texts are strings, numbers are
// int64 and at least zero, two_factor is a bool and since is a date.
func (f *Facts) set(name string, value any) error {
	texts := map[string]*string{
		"name": &f.Name, "payout_mail": &f.PayoutMail, "trade_url": &f.TradeURL, "contact_mail": &f.ContactMail,
		"discord": &f.Discord, "discord_tag": &f.DiscordTag,
	}
	numbers := map[string]*int{
		"alerts": &f.Alerts, "payment_reviews": &f.PaymentReviews, "messages": &f.Messages, "offers": &f.Offers, "trades": &f.Trades,
	}
	if to, ok := texts[name]; ok {
		text, ok := value.(string)
		if !ok {
			return fmt.Errorf("the fact %s is a text in quotes", name)
		}
		*to = text
		return nil
	}
	if to, ok := numbers[name]; ok {
		n, ok := value.(int64)
		if !ok || n < 0 || n > 1_000_000 {
			return fmt.Errorf("the fact %s is a number from 0 to 1000000", name)
		}
		*to = int(n)
		return nil
	}
	switch name {
	case "balance":
		n, ok := value.(int64)
		if !ok {
			return fmt.Errorf("the fact balance is a number of cents")
		}
		f.Balance = n
		return nil
	case "two_factor":
		on, ok := value.(bool)
		if !ok {
			return fmt.Errorf("the fact two_factor is true or false")
		}
		f.TwoFactor = on
		return nil
	case "since":
		text, _ := value.(string)
		day, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return fmt.Errorf(`the fact since is a date in quotes, such as "2021-03-14"`)
		}
		f.Since = day
		return nil
	}
	return fmt.Errorf("there is no fact %q%s", cut(name, 64), suggest(name, FactNames()))
}
