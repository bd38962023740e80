package manncotest

import (
	"slices"
	"strconv"
	"time"
)

// infos answers GET /user/infos.
func (s *Service) infos(c *call) answer {
	f := c.account.facts
	all := object{
		{"steamId", c.account.steamID},
		{"balance", f.Balance},
		{"skrill", f.PayoutMail},
		{"tradeurl", f.TradeURL},
		{"since", s.when(f.Since, s.variants[VariantTimestamp])},
		{"image", f.Image},
		{"2fa", s.truth(f.TwoFactor)},
		{"name", f.Name},
		{"lastactivity", s.when(c.account.active, s.variants[VariantTimestamp])},
		{"discordtag", f.DiscordTag},
		{"discord", f.Discord},
		{"shorturl", f.ShortURL},
		{"message", f.Messages},
		{"notification", f.Alerts},
	}
	told := map[string][]string{
		"subset": {"steamId", "balance", "tradeurl", "image", "2fa", "name"},
		"bare":   {"steamId", "image", "name"},
	}
	if names, some := told[s.variants[VariantInfos]]; some {
		all = slices.DeleteFunc(all, func(one field) bool { return !slices.Contains(names, one.name) })
	}
	return s.success(object{{"informations", all}})
}

// truth writes the two-factor flag.
func (s *Service) truth(on bool) any {
	if s.variants[VariantTwoFactor] == "bool" {
		return on
	}
	return strconv.FormatBool(on)
}

// when writes a time as the variant says.
func (s *Service) when(t time.Time, style string) any {
	switch style {
	case "number":
		return t.Unix()
	case "ms":
		return t.UnixMilli()
	case "ms_string":
		return strconv.FormatInt(t.UnixMilli(), 10)
	}
	return strconv.FormatInt(t.Unix(), 10)
}

// notifications answers GET /user/notifications.
func (s *Service) notifications(c *call) answer {
	f := c.account.facts
	if s.variants[VariantNotifications] != "newer" {
		limit, err := strconv.Atoi(c.query.Get("limit"))
		if err != nil || limit < 1 {
			limit = 20
		}
		limit = min(limit, 100)
		return s.success(object{{"count", min(f.Alerts, limit)}, {"paymentReviews", min(f.PaymentReviews, limit)}})
	}
	var content object
	for _, kind := range []struct {
		list, count string
		n           int
	}{
		{"alerts", "alertCount", f.Alerts}, {"paymentReviews", "paymentReviewsCount", f.PaymentReviews},
		{"messages", "messagesCount", f.Messages}, {"offers", "offersCount", f.Offers}, {"trades", "tradesCount", f.Trades},
	} {
		items := make([]any, min(max(kind.n, 0), 100))
		for i := range items {
			items[i] = object{{"id", i + 1}}
		}
		content = append(content, field{kind.list, items}, field{kind.count, kind.n})
	}
	return s.success(content)
}
