package manncotest

import (
	"fmt"
	"slices"
	"strings"
)

// Variant names one way in which editions of the service differ. Each has a
// closed set of values; the first is how a new service behaves.
type Variant string

// The variants.
const (
	// VariantEdition is the envelope: older has status and data, newer has
	// err, success and content.
	VariantEdition Variant = "edition"
	// VariantErrorStyle says where the newer envelope carries an error's
	// message: in content, in an object in content, or in message.
	VariantErrorStyle Variant = "error_style"
	// VariantLogin says how a login answers: {"jwt": …}, {"token": …}, or the
	// JWT alone as text.
	VariantLogin Variant = "login"
	// VariantCurrent is the type of a row's current.
	VariantCurrent Variant = "current"
	// VariantTimestamp is the type and unit of a row's timestamp.
	VariantTimestamp Variant = "timestamp"
	// VariantExpire is the type and unit of a row's expire.
	VariantExpire Variant = "expire"
	// VariantID is the type of a row's id.
	VariantID Variant = "id"
	// VariantTrailing puts a semicolon and a space behind a row's texts.
	VariantTrailing Variant = "trailing"
	// VariantRowFields leaves fields out of the rows; minimal has neither id
	// nor user nor userAgent nor expire.
	VariantRowFields Variant = "row_fields"
	// VariantPageSize says which name of the page size is honoured.
	VariantPageSize Variant = "page_size"
	// VariantLocation is the form of a row's location: "US: New York", "US",
	// nothing, or free text that names no country.
	VariantLocation Variant = "location"
	// VariantISP leaves the provider empty.
	VariantISP Variant = "isp"
	// VariantAddress is the form of addresses: as they are, IPv4 mapped into
	// IPv6, IPv6 written out in full, or something that is no address.
	VariantAddress Variant = "address"
	// VariantCount says how the number of rows is told: on every page, on the
	// first only, as a string, too high by seven, rising with each page, or
	// not at all.
	VariantCount Variant = "count"
	// VariantExpired says when expired and ended sessions are listed: on
	// request, always, or never.
	VariantExpired Variant = "expired"
	// VariantDisconnect says which of the endpoints under disconnectSession
	// exist; the others answer 404.
	VariantDisconnect Variant = "disconnect_endpoints"
	// VariantMissingSession is the answer when a session that is not there is
	// to be ended: 404, a business error (300), or as if it had been.
	VariantMissingSession Variant = "missing_session"
	// VariantContactMail says whether getContactMail exists.
	VariantContactMail Variant = "contact_mail"
	// VariantNotifications is the edition of the notifications' answer.
	VariantNotifications Variant = "notifications"
	// VariantInfos says how many of the account's facts infos tells: all, the
	// newer edition's few, or next to none.
	VariantInfos Variant = "infos"
	// VariantTwoFactor is the type of 2fa in infos.
	VariantTwoFactor Variant = "two_factor"
)

// VariantInfo is a variant with the values that it can have.
type VariantInfo struct {
	Name   Variant
	Values []string // the first is the default
}

// Variants returns every variant with its values.
func Variants() []VariantInfo {
	times := []string{"string", "number", "ms", "ms_string"}
	return []VariantInfo{
		{VariantEdition, []string{"older", "newer"}},
		{VariantErrorStyle, []string{"content", "object", "message"}},
		{VariantLogin, []string{"jwt", "token", "text"}},
		{VariantCurrent, []string{"bool", "number", "string"}},
		{VariantTimestamp, times},
		{VariantExpire, times},
		{VariantID, []string{"number", "string"}},
		{VariantTrailing, []string{"none", "semicolon"}},
		{VariantRowFields, []string{"all", "no_id", "no_user_agent", "no_expire", "minimal"}},
		{VariantPageSize, []string{"both", "perpage", "perPage"}},
		{VariantLocation, []string{"full", "country", "empty", "free"}},
		{VariantISP, []string{"full", "empty"}},
		{VariantAddress, []string{"plain", "mapped", "expanded", "garbage"}},
		{VariantCount, []string{"every_page", "first_page", "string", "wrong", "changing", "absent"}},
		{VariantExpired, []string{"on_request", "always", "never"}},
		{VariantDisconnect, []string{"present", "only_one", "only_all", "absent"}},
		{VariantMissingSession, []string{"not_found", "business_error", "ok"}},
		{VariantContactMail, []string{"present", "absent"}},
		{VariantNotifications, []string{"older", "newer"}},
		{VariantInfos, []string{"full", "subset", "bare"}},
		{VariantTwoFactor, []string{"string", "bool"}},
	}
}

func defaultVariants() map[Variant]string {
	all := make(map[Variant]string)
	for _, v := range Variants() {
		all[v.Name] = v.Values[0]
	}
	return all
}

// SetVariant switches one variant, for every account and from the next call
// on. An unknown name or value is an error that suggests the nearest one.
func (s *Service) SetVariant(name Variant, value string) error {
	if err := checkVariant(name, value); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.variants[name] = value
	return nil
}

// checkVariant says what is wrong with a variant's name or value.
func checkVariant(name Variant, value string) error {
	all := Variants()
	i := slices.IndexFunc(all, func(v VariantInfo) bool { return v.Name == name })
	if i < 0 {
		names := make([]string, len(all))
		for i, v := range all {
			names[i] = string(v.Name)
		}
		return fmt.Errorf("there is no variant %q%s", cut(string(name), 64), suggest(string(name), names))
	}
	if !slices.Contains(all[i].Values, value) {
		return fmt.Errorf("the variant %s cannot be %q%s; it is one of %s", name, cut(value, 64),
			suggest(value, all[i].Values), strings.Join(all[i].Values, ", "))
	}
	return nil
}
