// Package manncotest is the Mannco.store account service as far as its public
// documentation tells, in memory: a [Service] that logs in, lists and ends
// sessions and tells account facts as the real one does, with each way in
// which editions of the real one differ ([Variant]) and each way in which it
// can fail ([FaultKind]) behind a switch of its own.
//
// A test makes a service, adds an account, lets people sign in, and hands the
// service's transport to whatever it tests:
//
//	service := manncotest.New(manncotest.Options{})
//	err := service.AddAccount(manncotest.Account{Name: "main", APIKey: "test-key-not-a-secret"})
//	thief := service.SignIn("main", manncotest.SessionSpec{Address: "203.0.113.7"})
//	client := &http.Client{Transport: service.Transport()}
//	…
//	service.Disconnects("main")   // the calls that ended something, with ids and times
//	service.Sessions("main")      // the truth: who is in, who was ended, when and how
//
// [Service.Transport] uses no sockets and no goroutines, so it works inside a
// testing/synctest bubble; the service is an [http.Handler] as well, and
// [Service.Serve] serves it on a listener.
//
// A [Scenario] is a story in a TOML file: who is signed in at the start, and
// what happens when. [Service.Play] plays it. docs/scenarios.md describes the
// file; [Scenarios] names the ones that are built in.
//
// Read service.go first, then call.go (the way of one call through the
// service), variant.go, fault.go and scenario.go.
package manncotest
