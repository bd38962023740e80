// Package alert tells people: it delivers what waits in the durable outbox,
// makes the words, and speaks to Slack and the other channels.
//
// Start with [Teller]: [New], [Teller.Load] at the start, [Teller.Add] with
// what was committed, [Teller.Run] until the end. Read teller.go first, then
// next.go (what a channel sends next, and when several alerts become one
// bundle), worker.go (one attempt and what comes of it) and compose.go (an
// alert becomes a [Message]). The channels beside Slack are in channel_*.go:
// [Shoutrrr] for known services, [JSONHook] for everything else; channel_fit.go
// brings a message into what each of them takes.
// Beside them stands [Heartbeat], which tells somebody else that the watch goes on;
// dry.go tries channels without disturbing anybody.
//
// An alert is committed by others before it comes here. Each channel has a
// [sessionwarden.Delivery] per alert on disk, so that a start after a crash
// takes the very same way as a quiet day: what was not recorded as sent is
// sent. Words are made at the moment of sending, from the state that the facts
// are in then, and claim no more than that state proves.
//
// The other way round, [SlackSocket] brings what people do in Slack: presses of
// buttons and commands. Read socket.go first (when another connection is
// opened), then socket_line.go (one connection), socket_envelope.go (what comes
// through it) and socket_desk.go (who deals with it). It has no part in telling:
// without it, or while it is down, alerts are sent all the same.
//
// Everything in an alert that came from outside (addresses, user agents, names
// of networks) is hostile text: it is cleaned, cut, and cannot format, link or
// mention in any channel.
package alert
