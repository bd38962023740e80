package alert_test

import (
	"errors"
	"strings"
	"testing"

	"sessionwarden/alert"
	"sessionwarden/alert/channeltest"
)

func TestAddressesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	const key = channeltest.Token
	for address, want := range map[string]string{
		"":                                       "no such service",
		key:                                      "no such service",
		"slack://" + key:                         "no such service",
		"generic://x/" + key:                     "no such service",
		"discord://":                             "missing",
		"discord://4711":                         "missing",
		"discord://" + key + "@x":                "is a number",
		"discord://" + key + "@4711/raw":         "nothing stands behind",
		"discord://" + key + "@4711?json=yes":    "option that is not used here; there are thread_id",
		"discord://a%2Fb@4711":                   "letters, digits",
		"discord://" + key + "@4711?thread_id=x": "thread_id is a number",
		"discord://" + key + "@4711?thread_id=1&thread_id=2":       "there twice",
		"telegram://" + key + "@telegram?chats=1":                  "missing or wrong",
		"telegram://1:" + key + "@telegram":                        "missing or wrong",
		"telegram://dummy@dummy.com":                               "missing or wrong",
		"telegram://1:" + key + "@telegram?chats=1,2":              "a channel for each",
		"telegram://1:" + key + "@telegram?chats=1:x":              "number of a topic",
		"telegram://1:" + key + "@telegram?chats=1&parsemode=HTML": "not used here",
		"telegram://1:" + key + "@telegram?chats=#x":               "written as %23",
		"ntfy://":                                                "missing",
		"ntfy:///" + key:                                         "the server is missing",
		"ntfy://ntfy.invalid":                                    "topic is missing",
		"ntfy://ntfy.invalid/a/b":                                "64 letters",
		"ntfy://dummy@dummy.com":                                 "64 letters",
		"ntfy://x/" + key + "?scheme=http":                       "turns TLS off",
		"ntfy://x/" + key + "?disabletls=yes":                    "turns TLS off",
		"ntfy://x/" + key + "?scheme=ftp":                        "https or http",
		"ntfy://x/" + key + "?delay=3d":                          "not used here",
		"ntfy://x/" + key + "?cache=maybe":                       "wrong value",
		"gotify://x":                                             "token begins with",
		"gotify://x/short":                                       "token begins with",
		"gotify:///gtfya." + key + "-00000000000000000000000000": "server is missing",
		"gotify://x/gtfya." + key + "-00000000000000000000000000?disabletls=yes": "turns TLS off",
		"gotify://x/gtfya." + key + "-00000000000000000000000000?extras={}":      "not used here",
		"matrix://x/?rooms=!a:x":                             "missing",
		"matrix://user:" + key + "@x/?rooms=!a:x":            "user and a password",
		"matrix://:" + key + "@x":                            "room is missing",
		"matrix://:" + key + "@x/?rooms=!a:x,!b:x":           "a channel for each",
		"matrix://:" + key + "@x/?rooms=!a:x&disableTLS=yes": "turns TLS off",
		"matrix://:" + key + "@dummy.com/?rooms=!a:x":        "room is missing",
		"pushover://:" + key + "@":                           "missing",
		"pushover://user":                                    "missing",
		"pushover://:" + key + "@user?priority=2":            "not used here",
		"pushover://:" + key + "@user?encryptionkey=" + key:  "64 hexadecimal",
		"pushover://:" + key + "@user?devices=a%26b":         "up to 25",
		"teams://": "missing",
		"teams://?host=https://evil.invalid/" + key:                                                "not the address of a workflow",
		"teams://?host=http://prod.logic.azure.com/workflows/" + key:                               "not the address of a workflow",
		"teams://?host=https://u:" + key + "@prod.logic.azure.com/workflows/":                      "not the address of a workflow",
		"smtp://u:" + key + "@mail.invalid":                                                        "from or to is missing",
		"smtp://u:" + key + "@mail.invalid:587/?from=a@x.invalid":                                  "from or to is missing",
		"smtp://u:" + key + "@mail.invalid:587/?from=x&to=b@x.invalid":                             "from is not the address",
		"smtp://u:" + key + "@mail.invalid:587/?from=a@x.invalid&to=b":                             "to is not the address",
		"smtp://u:" + key + "@mail.invalid:587/?from=a@x.invalid&to=b@x.invalid,c@x.invalid":       "a channel for each",
		"smtp://u:" + key + "@mail.invalid:587/?from=a@x.invalid&to=b%0d%0aRCPT@x.invalid":         "to is not the address",
		"smtp://u:" + key + "@mail.invalid:587/?from=a@x.invalid&to=b@x.invalid&encryption=none":   "turns TLS off",
		"smtp://u:" + key + "@mail.invalid:587/?from=a@x.invalid&to=b@x.invalid&usestarttls=no":    "turns TLS off",
		"smtp://u:" + key + "@mail.invalid:587/?from=a@x.invalid&to=b@x.invalid&skiptlsverify=yes": "not used here",
		"smtp://u:" + key + "@mail.invalid:587/?from=a@x.invalid&to=b@x.invalid&usehtml=yes":       "not used here",
		"smtp://u:" + key + "@mail.invalid:587/?from=a@x.invalid&to=b@x.invalid&clienthost=a%0db":  "name of a host",
		"smtp://u:" + key + "@mail.invalid:99999/?from=a@x.invalid&to=b@x.invalid":                 "the port",
		"smtp://u:" + key + "@/?from=a@x.invalid&to=b@x.invalid":                                   "server is missing",
		"ntfy://%zz/" + key:          "not a URL",
		"ntfy://x/" + key + "?a=%zz": "behind the ?",
	} {
		kind, err := alert.CheckAddress(address)
		var e *alert.SendError
		if !errors.As(err, &e) || e.Class != alert.Broken || e.Cure == "" || kind != "" {
			t.Errorf("%q: %q, %v", address, kind, err)
			continue
		}
		if !strings.Contains(e.Reason, want) {
			t.Errorf("%q: %q, want %q", address, e.Reason, want)
		}
		safe(t, e)
		s := channeltest.New()
		if e := sendErr(t, at(t, address, s)); e == nil || e.Class != alert.Broken || s.Requests() > 0 {
			t.Errorf("%q: sending says %v after %d requests", address, e, s.Requests())
		}
	}
}

func TestAddressesInEveryForm(t *testing.T) {
	t.Parallel()
	const key = channeltest.Token
	for address, want := range map[string]string{
		"discord://" + key + "@4711/?thread_id=12":                                                                                 "discord",
		"telegram://1:" + key + "@telegram?channels=@name":                                                                         "telegram",
		"telegram://1:" + key + "@telegram?chats=-100:5&notification=no":                                                           "telegram",
		"ntfy://ntfy.sh/alerts":                                                                                                    "ntfy",
		"ntfy://user:" + key + "@ntfy.invalid:8443/a_b-C?cache=no&firebase=no":                                                     "ntfy",
		"ntfy://127.0.0.1:8080/alerts?scheme=http":                                                                                 "ntfy",
		"ntfy://[::1]:8080/alerts?disableTLS=Yes":                                                                                  "ntfy",
		"gotify://gotify.invalid:8443/sub/path/A23456789012345":                                                                    "gotify",
		"gotify://localhost/A23456789012345?disabletls=yes":                                                                        "gotify",
		"matrix://:" + key + "@matrix.invalid:8448/?room=%23alerts:matrix.invalid":                                                 "matrix",
		"pushover://shoutrrr:" + key + "@user/?devices=phone,tablet":                                                               "pushover",
		"pushover://:" + key + "@user?key=" + strings.Repeat("0f", 32):                                                             "pushover",
		"smtp://u:" + key + "@mail.invalid:465/?fromAddress=a@x.invalid&toAddresses=b@x.invalid&auth=Login&encryption=ImplicitTLS": "smtp",
		"smtp://127.0.0.1:25/?from=a@x.invalid&to=b+tag@x.invalid&encryption=none":                                                 "smtp",
		channeltest.Addresses()["teams"]:                                                                                           "teams",
	} {
		if kind, err := alert.CheckAddress(address); err != nil || kind != want {
			t.Errorf("%q: %q, %v", address, kind, err)
		}
	}
	// Half of the message is enough for Pushover's own form of encryption.
	s := channeltest.New()
	if e := sendErr(t, at(t, "pushover://:"+key+"@user-key?key="+strings.Repeat("0f", 32), s)); e != nil {
		t.Fatal(e)
	}
	if m := s.Messages()[0]; strings.Contains(m.Text+m.Title, "Brazil") || !strings.Contains(m.Wire, "encrypted=1") {
		t.Errorf("it is not encrypted: %+v", m)
	}
}

// A secret that was changed is taken with the next message.
func TestAChangedAddressIsTakenAtOnce(t *testing.T) {
	t.Parallel()
	s := channeltest.New()
	address, unreadable := "ntfy://:old@ntfy.invalid/alerts", false
	c, err := alert.NewShoutrrr(alert.ShoutrrrOptions{Name: "phone", Transport: s.Transport(), URL: func() (string, error) {
		if unreadable {
			return "", errors.New("open " + channeltest.Token)
		}
		return address, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Name() != "phone" || c.CanUpdate() {
		t.Errorf("%q, %t", c.Name(), c.CanUpdate())
	}
	if e := sendErr(t, c); e == nil || e.Class != alert.Broken {
		t.Errorf("a token that is none: %v", e)
	}
	address = channeltest.Addresses()["ntfy"]
	if e := sendErr(t, c); e != nil {
		t.Errorf("the new token: %v", e)
	}
	unreadable = true
	if e := sendErr(t, c); e == nil || e.Class != alert.Broken || !strings.Contains(e.Cure, "url_file") {
		t.Errorf("a file that is gone: %v", e)
	}
	if _, err := alert.NewShoutrrr(alert.ShoutrrrOptions{URL: func() (string, error) { return "", nil }}); err == nil {
		t.Error("a channel without a name")
	}
	if _, err := alert.NewShoutrrr(alert.ShoutrrrOptions{Name: "phone"}); err == nil {
		t.Error("a channel without an address")
	}
}

func FuzzChannelAddress(f *testing.F) {
	for _, address := range channeltest.Addresses() {
		f.Add(address)
	}
	for _, address := range []string{"telegram://dummy@dummy.com", "matrix://dummy@dummy.com", "smtp://u:p@h:25/?from=a@x&to=b@x", "ntfy://%00@x/y?;", "pushover://?key=", "gotify://@/", "teams://?host=%zz", "discord://@:0"} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, address string) {
		kind, err := alert.CheckAddress(address)
		if (err == nil) != (kind != "") {
			t.Errorf("%q, %v", kind, err)
		}
		if err != nil {
			safe(t, err)
			return
		}
		if kind == "smtp" {
			return // it would dial
		}
		s := channeltest.New()
		c := at(t, address, s)
		_, err = c.Send(t.Context(), alert.Message{Alert: 1, Title: "x", Summary: "x", Text: "x"}, "")
		if err != nil {
			check(t, err)
		} else if len(s.Messages()) != 1 {
			t.Errorf("%q: a success without a message", address)
		}
	})
}
