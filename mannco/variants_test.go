package mannco_test

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sessionwarden"
	"sessionwarden/mannco"
	"sessionwarden/mannco/manncotest"
)

// simulated makes the simulated service, with an owner and a thief signed in,
// and a client of it; both have a clock that starts at noon.
func simulated(t *testing.T) (*manncotest.Service, *mannco.Client, sessionwarden.SessionID) {
	t.Helper()
	begin := time.Now()
	now := func() time.Time { return noon.Add(time.Since(begin)) }
	service := manncotest.New(manncotest.Options{Now: now})
	t.Cleanup(service.Close)
	if err := service.AddAccount(manncotest.Account{Name: "main", APIKey: canaryKey}); err != nil {
		t.Fatal(err)
	}
	service.SignIn("main", manncotest.SessionSpec{Address: "192.0.2.77", Location: "DE: Berlin", ISP: "Example", UserAgent: "Test/1", Age: 48 * time.Hour})
	thief := service.SignIn("main", manncotest.SessionSpec{Address: "203.0.113.66", Location: "US: New York", ISP: "Hosting", UserAgent: "Test/2", Age: time.Hour})
	c, err := mannco.New(mannco.Options{
		Account: "main", BaseURL: "https://api.example", Key: func() (string, error) { return canaryKey, nil },
		Transport: service.Transport(), Timeout: 10 * time.Second, Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return service, c, sessionwarden.SessionID(strconv.FormatInt(thief, 10))
}

func TestEveryVariantOfTheService(t *testing.T) {
	t.Parallel()
	for _, info := range manncotest.Variants() {
		for _, value := range info.Values {
			t.Run(string(info.Name)+"="+value, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { variant(t, info.Name, value) })
			})
		}
	}
}

func variant(t *testing.T, name manncotest.Variant, value string) {
	service, c, thief := simulated(t)
	if err := service.SetVariant(name, value); err != nil {
		t.Fatal(err)
	}
	l := mustList(t, c)
	if len(l.Rows) != 3 {
		t.Fatalf("%d rows: %+v", len(l.Rows), l.Rows)
	}
	noAddr := name == manncotest.VariantAddress && value == "garbage"
	lies := name == manncotest.VariantCount && value == "wrong"
	if !l.Complete && !noAddr && !lies {
		t.Errorf("not complete: %s", l.Why)
	}
	own := 0
	for _, s := range l.Rows {
		if s.Ownership == sessionwarden.Own {
			own++
		}
		if !noAddr && !s.Addr.IsValid() {
			t.Errorf("an address was not understood: %q", s.RawAddr)
		}
		for _, text := range []string{s.ISP, s.UserAgent, s.ServiceLocation} {
			if strings.HasSuffix(text, ";") || strings.HasSuffix(text, " ") {
				t.Errorf("%q has an end that is not its own", text)
			}
		}
		if s.Started.IsZero() {
			t.Errorf("a time was not understood: %q", s.Flaws)
		}
	}
	if own != 1 {
		t.Errorf("%d rows are our own", own)
	}
	if again := mustList(t, c); !again.Unchanged {
		t.Error("nothing has changed, and it was not seen")
	}
	if _, err := c.Infos(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := c.Balance(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := c.Notifications(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := c.ContactMail(t.Context()); err != nil && !sessionwarden.IsFault(err, sessionwarden.FaultNotFound) {
		t.Error(err)
	}
	if _, err := c.Sessions(t.Context(), true); err != nil {
		t.Error(err)
	}
	err := c.Disconnect(t.Context(), thief)
	if err != nil && !(name == manncotest.VariantDisconnect && sessionwarden.IsFault(err, sessionwarden.FaultNotFound)) {
		t.Error(err)
	}
	if err == nil && len(service.Live("main")) != 2 {
		t.Errorf("%d sessions are left", len(service.Live("main")))
	}
	if service.Logins("main") != 1 {
		t.Errorf("%d logins", service.Logins("main"))
	}
}

func TestEveryFaultOfTheService(t *testing.T) {
	t.Parallel()
	for _, info := range manncotest.Faults() {
		t.Run(string(info.Kind), func(t *testing.T) {
			if testing.Short() && info.Kind == manncotest.FaultEndlessBody {
				t.Skip("it is about a size, and takes ten times as long under the race detector")
			}
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { survive(t, info.Kind) })
		})
	}
}

// survive lets a fault come between good polls: whatever it is, each call ends
// in time with a listing or a fault, and afterwards all is well again.
func survive(t *testing.T, kind manncotest.FaultKind) {
	service, c, _ := simulated(t)
	wantComplete(t, mustList(t, c), 3)
	if err := service.SetFault(manncotest.Fault{Kind: kind}); err != nil {
		t.Skipf("the fault needs more: %v", err)
	}
	for range 3 {
		begun := time.Now()
		for _, expired := range []bool{false, true} {
			l, err := c.Sessions(t.Context(), expired)
			if _, ok := err.(*sessionwarden.Fault); err != nil && !ok {
				t.Errorf("an error that is no fault: %v", err)
			}
			if err == nil && !l.Complete && l.Why == "" {
				t.Error("not complete, and no word of why")
			}
		}
		if _, err := c.Infos(t.Context()); err != nil {
			t.Log(err)
		}
		if took := time.Since(begun); took > 3*time.Minute {
			t.Errorf("it took %s", took)
		}
		time.Sleep(30 * time.Second)
	}
	service.ClearFaults()
	time.Sleep(20 * time.Minute)
	if l := mustList(t, c); !l.Complete {
		t.Errorf("not complete after the fault: %s", l.Why)
	}
	if n := service.Logins("main"); n > 10 {
		t.Errorf("%d logins", n)
	}
}
