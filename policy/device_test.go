package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"sessionwarden/policy"
)

const (
	chromeOnWindows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
	chromeOnAndroid = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.6478.71 Mobile Safari/537.36"
	safariOnIPhone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
	safariOnMac     = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15"
	firefoxOnLinux  = "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0"
	edgeOnWindows   = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.2592.61"
)

func TestDevice(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]string{
		"":                         "",
		" \t ":                     "",
		"\x00\x1b":                 "",
		chromeOnWindows:            "Windows, Chrome",
		chromeOnAndroid:            "Android, Chrome",
		safariOnIPhone:             "iOS, Safari",
		safariOnMac:                "macOS, Safari",
		firefoxOnLinux:             "Linux, Firefox",
		edgeOnWindows:              "Windows, Edge",
		"curl/8.5.0":               "curl",
		"python-requests/2.31.0":   "python-requests",
		"Go-http-client/1.1":       "Go-http-client",
		"Trader 4.2 beta":          "Trader beta",
		"Trader v5.0":              "Trader",
		"1.2.3":                    "unknown agent",
		"Mozilla/5.0":              "Mozilla",
		"()":                       "unknown agent",
		"\u202eTrader\x07 <!here>": "Trader <!here>",
	} {
		if got := policy.Device(agent); got != want {
			t.Errorf("%q is %q, want %q", agent, got, want)
		}
	}
}

func TestANewVersionIsNoNewDevice(t *testing.T) {
	t.Parallel()
	for _, agent := range []string{chromeOnWindows, chromeOnAndroid, safariOnIPhone, firefoxOnLinux, edgeOnWindows, "curl/8.5.0", "Trader 4.2"} {
		newer := strings.NewReplacer("126.", "131.", "127.", "132.", "17.5", "18.0", "17_5", "18_0", "8.5", "9.1", "4.2", "5.3").Replace(agent)
		if newer == agent {
			t.Fatalf("%q has no version to replace", agent)
		}
		if a, b := policy.Device(agent), policy.Device(newer); a != b {
			t.Errorf("%q became %q", a, b)
		}
	}
}

// Whoever makes up agents neither fills the memory nor changes what others mean.
func TestMadeUpAgentsChangeNothing(t *testing.T) {
	t.Parallel()
	for i := range 5000 {
		if got := policy.Device(fmt.Sprintf("Trader%c%d", 'a'+i%26, i)); !strings.HasPrefix(got, "Trader") {
			t.Fatalf("agent %d is %q", i, got)
		}
		if got := policy.Device(safariOnIPhone); got != "iOS, Safari" {
			t.Fatalf("after %d agents an iPhone is %q", i, got)
		}
	}
	if kept := policy.RememberedDevices(); kept == 0 || kept > 1024 {
		t.Errorf("%d agents are remembered, want some and 1024 at most", kept)
	}
}

func FuzzDevice(f *testing.F) {
	for _, agent := range []string{
		"", chromeOnWindows, chromeOnAndroid, safariOnIPhone, safariOnMac, firefoxOnLinux, edgeOnWindows, "curl/8.5.0",
		"Mozilla/5.0 (compatible; Bot/1.0; +http://example.com)", "Android", "Android;", "CrOS x86_64 1", "Windows NT", ";;;;(((", "http://", "a/b/c/d",
		"Instagram 1", "\xff\xfe", "\u202e\u0000", strings.Repeat("(Android; x/1 ", 200), strings.Repeat("é", 600), "XiaoMi/MiuiBrowser/9",
	} {
		f.Add(agent)
	}
	f.Fuzz(func(t *testing.T, agent string) {
		device := policy.Device(agent)
		if len(device) > 64 || !utf8.ValidString(device) {
			t.Errorf("%d bytes: %q", len(device), device)
		}
		if device != policy.Device(agent) {
			t.Error("not the same twice")
		}
		for _, r := range device {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
				t.Errorf("control or format character in %q", device)
			}
		}
		if strings.ContainsAny(agent, "abcdefghijklmnopqrstuvwxyz") && len(agent) < 64 && device == "" {
			t.Errorf("%q passes for no agent at all", agent)
		}
	})
}
