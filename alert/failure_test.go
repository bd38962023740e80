package alert_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sessionwarden"
	"sessionwarden/alert"
	"sessionwarden/alert/slacktest"
)

func TestABrokenChannelIsTriedHourlyAndKeepsItsMessages(t *testing.T) {
	for name, fault := range map[string]slacktest.Fault{
		"channel_not_found": slacktest.Refuse("channel_not_found"), "is_archived": slacktest.Refuse("is_archived"), "token_revoked": slacktest.Refuse("token_revoked"),
		"webhook 403": slacktest.Webhook(403, "invalid_token"), "webhook 404": slacktest.Webhook(404, "no_service"), "webhook 410": slacktest.Webhook(410, "channel_is_archived"),
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, !strings.HasPrefix(name, "webhook"), func(w *world) {
				w.slack.Always(fault)
				w.commit(named(1, sessionwarden.Critical, "one"))
				w.after(10*time.Hour - time.Minute)
				if n := len(w.slack.Requests()); n != 10 {
					t.Errorf("%d attempts in ten hours, want 10", n)
				}
				if s := w.teller.Status()[0]; !s.Broken || s.Pending != 1 || s.Error == "" {
					t.Errorf("status is %+v", s)
				}
				if n := strings.Count(w.logs.String(), "level=ERROR"); n != 1 {
					t.Errorf("%d errors in the log, want 1:\n%s", n, w.logs)
				}
				w.slack.Always(slacktest.None())
				w.after(time.Hour)
				w.wantTitles("one")
				if s := w.teller.Status()[0]; s.Broken || s.Pending != 0 {
					t.Errorf("status is %+v", s)
				}
			})
		})
	}
}

func TestARefusedFormIsNeverSentAgain(t *testing.T) {
	for _, code := range []string{"invalid_blocks", "msg_too_long", "msg_blocks_too_long"} {
		for _, bot := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %t", code, bot), func(t *testing.T) {
				inWorld(t, bot, func(w *world) {
					w.slack.Fail(slacktest.Refuse(code))
					w.commit(login(1, sessionwarden.Verified))
					messages := w.slack.Messages()
					if len(messages) != 1 || len(messages[0].Raw) != 0 || !messages[0].Posted.Equal(w.began) {
						t.Fatalf("want one plain message at once, have %d", len(messages))
					}
					if !strings.Contains(messages[0].Text, "Ended and verified gone") {
						t.Errorf("the plain message is %q", messages[0].Text)
					}
					if !w.disk.of(1).Plain {
						t.Error("that only plain text works is not on the disk")
					}
				})
			})
		}
	}
	t.Run("refused in plain text too", func(t *testing.T) {
		inWorld(t, false, func(w *world) {
			w.slack.Fail(slacktest.Refuse("invalid_blocks"), slacktest.Refuse("invalid_payload"))
			w.commit(login(91, sessionwarden.Verified), named(92, sessionwarden.Warning, "the next one"))
			w.after(10 * time.Second)
			messages := w.slack.Messages()
			if len(messages) != 2 || !strings.Contains(messages[0].Text, "alert 91") || strings.Contains(messages[0].Text, "Brazil") {
				t.Fatalf("messages are %q", w.titles())
			}
		})
	})
	t.Run("refused in every form", func(t *testing.T) {
		inWorld(t, false, func(w *world) {
			w.slack.Fail(slacktest.Refuse("invalid_blocks"), slacktest.Refuse("invalid_payload"), slacktest.Refuse("no_text"))
			w.commit(login(91, sessionwarden.Verified), named(92, sessionwarden.Warning, "the next one"))
			w.after(30 * time.Minute)
			w.wantTitles("the next one") // one bad message holds up nobody
			w.after(time.Hour)
			w.wantTitles("the next one", "alert 91")
		})
	})
}

// What was refused once and then taken in a plainer form is no mark on the alert
// for good: a refusal of a later state is no step on the way to being set aside.
func TestRefusalsOfOneAlertDoNotAddUp(t *testing.T) {
	long := func(w *world) { // the alert waits for an answer all the while
		w.bot, w.escalation = true, alert.Escalation{After: 5 * time.Hour, Channels: []string{"slack"}}
	}
	inWorldOf(t, long, func(w *world) {
		a := raised(91)
		w.commit(a)
		for i := range 6 {
			w.after(time.Minute)
			if w.slack.Fail(slacktest.Refuse("invalid_blocks")); i%2 == 0 {
				a = next(a, sessionwarden.Done)
			} else {
				a = next(a, sessionwarden.Planned)
			}
			a.Raised = w.began
			w.commit(a)
		}
		w.after(time.Minute)
		a = next(a, sessionwarden.Verified)
		w.commit(a)
		w.after(time.Minute)
		w.wantTitles("verified gone")
		if status := w.teller.Status()[0]; status.Pending != 0 {
			t.Errorf("%d alerts are set aside", status.Pending)
		}
	})
}

func TestBadAnswersAreFailures(t *testing.T) {
	for name, fault := range map[string]slacktest.Fault{
		"a page of somebody else": slacktest.HTML(), "ok without ts": slacktest.NoTS(), "reset": slacktest.Reset(),
		"hang": slacktest.Hang(), "endless": slacktest.Flood(), "500": slacktest.Status(500), "302": slacktest.Status(302),
		"internal_error": slacktest.Refuse("internal_error"), "an unheard-of code": slacktest.Refuse("brand_new_code"),
	} {
		for _, bot := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %t", name, bot), func(t *testing.T) {
				inWorld(t, bot, func(w *world) {
					w.slack.Fail(fault)
					w.commit(named(1, sessionwarden.Critical, "one"))
					w.after(time.Minute)
					w.wantTitles("one")
					if n := len(w.slack.Requests()); n != 2 {
						t.Errorf("%d requests, want 2", n)
					}
				})
			})
		}
	}
}

func TestAMessageThatIsGoneIsSentAgainOnlyWhenItMatters(t *testing.T) {
	inWorld(t, true, func(w *world) {
		a := login(1, sessionwarden.Done)
		w.commit(a)
		w.after(2 * time.Second)
		w.slack.Fail(slacktest.Refuse("message_not_found"))
		a = next(a, sessionwarden.Verified)
		w.commit(a)
		w.after(time.Minute)
		w.wantTitles("not proven yet")
		a = next(a, sessionwarden.Failed)
		a.Correction = a.Revision
		w.commit(a)
		w.after(time.Minute)
		w.wantTitles("not proven yet", "act by hand")
	})
}

func TestAFullDiskSendsNothingTwice(t *testing.T) {
	inWorld(t, true, func(w *world) {
		w.disk.set(true)
		w.commit(named(1, sessionwarden.Critical, "one"))
		w.after(10 * time.Minute)
		w.wantTitles("one")
		if s := w.teller.Status()[0]; !strings.Contains(s.Error, "cannot be recorded") {
			t.Errorf("status is %+v", s)
		}
		w.disk.set(false)
		w.after(time.Minute)
		if w.disk.of(1).Sent != 1 {
			t.Error("the delivery did not come to the disk when that worked again")
		}
	})
}

func TestUrgentAlertsGoOutWithoutADisk(t *testing.T) {
	inWorld(t, false, func(w *world) {
		w.disk.set(true)
		w.slack.Fail(slacktest.Status(500))
		a := named(0, sessionwarden.Critical, "the history cannot be saved")
		a.Kind = sessionwarden.Unsaved
		w.teller.Urgent(a)
		w.teller.Urgent(a) // the same again
		w.after(time.Minute)
		w.wantTitles("cannot be saved")
	})
	t.Run("bounded", func(t *testing.T) {
		inWorld(t, false, func(w *world) {
			w.slack.Always(slacktest.Status(500))
			for i := range 1000 {
				w.teller.Urgent(named(0, sessionwarden.Warning, fmt.Sprint("matter ", i)))
			}
			w.teller.Urgent(named(0, sessionwarden.Critical, "the worst"))
			synctest.Wait()
			if n := w.teller.Status()[0].Pending; n != 64 {
				t.Errorf("%d wait in memory, want 64", n)
			}
			w.slack.Always(slacktest.None())
			w.after(10 * time.Minute)
			if got := w.titles(); len(got) != 2 || !strings.Contains(got[0], "the worst") || !strings.Contains(got[1], "63 alerts") {
				t.Errorf("messages are %q", got)
			}
			if text := slacktest.Text(w.slack.Messages()[0]); !strings.Contains(text, "937 more alerts could neither be saved") {
				t.Errorf("what was given up is not said:\n%s", text)
			}
		})
	})
}

// mistaken is a channel with a bug.
type mistaken struct{}

func (mistaken) Name() string    { return "mistaken" }
func (mistaken) CanUpdate() bool { return false }
func (mistaken) Send(context.Context, alert.Message, string) (string, error) {
	panic("https://hooks.slack.invalid/" + canary)
}

// A channel that fails over what it is answered may have sent the message: what
// follows is marked as a repeat.
func TestAPanicAfterTheMessageArrivedIsARepeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, disk: newDisk(), slack: slacktest.New(), began: time.Now()}
		stumbling := &stumbler{Channel: w.channel(), times: 1}
		w.startWith(alert.Options{Outbox: w.disk, Channels: []alert.Channel{stumbling}})
		w.commit(named(1, sessionwarden.Critical, "one"))
		w.after(time.Minute)
		w.stop()
		titles := w.titles()
		if len(titles) != 2 || strings.Contains(titles[0], "repeat") || !strings.Contains(titles[1], "repeat") {
			t.Errorf("told: %q", titles)
		}
	})
}

// stumbler is a channel that panics after it has sent a message, some times.
type stumbler struct {
	alert.Channel
	times int
}

func (s *stumbler) Send(ctx context.Context, m alert.Message, ref string) (string, error) {
	ref, err := s.Channel.Send(ctx, m, ref)
	if s.times--; s.times >= 0 {
		panic("a surprising answer")
	}
	return ref, err
}

func TestAPanicOfAChannelIsContained(t *testing.T) {
	t.Parallel()
	teller := alert.New(alert.Options{Outbox: newDisk(), Channels: []alert.Channel{mistaken{}}})
	r := teller.Test(context.Background())[0]
	if r.OK || strings.Contains(r.Outcome, canary) {
		t.Errorf("result is %+v", r)
	}
}
