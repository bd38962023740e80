package alert

import "strings"

// request is what a request to Slack is about.
type request int

const (
	aMessage request = iota // a new one
	anUpdate                // of one that is there
	aReply                  // in the thread of one that is there
)

// slackError sorts a code with which Slack refused a message by what is done
// about it. An unknown code is tried again: Slack invents new ones.
func slackError(code string, about request) *SendError {
	e := &SendError{Class: Retry, Reason: "Slack refused the message: " + code}
	switch code {
	case "":
		e.Reason = "Slack refused the message without a reason"
	case "invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text", "too_many_attachments",
		"invalid_attachments", "invalid_arguments", "invalid_arg_name", "invalid_array_arg", "invalid_form_data",
		"invalid_payload", "invalid_json", "markdown_text_conflict", "too_many_contact_cards", "block_mismatch":
		e.Class = Reject
	case "ratelimited", "rate_limited", "rollup_error":
		e.Class = Limited
	case "message_limit_exceeded":
		e.Class, e.RetryAfter = Limited, longestRetry // the workspace's own limit: it does not end soon
	case "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "invalid_token", "not_allowed_token_type", "no_team", "team_disabled", "no_service", "no_service_id", "no_active_hooks":
		e.Class, e.Cure = Broken, "make a new token or webhook in Slack and put it where the configuration says"
	case "missing_scope", "no_permission", "ekm_access_denied", "access_denied", "org_login_required", "team_access_not_granted", "app_missing_action_url":
		e.Class, e.Cure = Broken, "give the Slack app the scope chat:write and install it again"
	case "channel_not_found", "user_not_found", "channel_type_not_supported", "invalid_channel":
		e.Class, e.Cure = Broken, "look at the channel's name in the configuration; a private channel has to invite the app first"
	case "not_in_channel":
		e.Class, e.Cure = Broken, "invite the app into the channel: /invite, then its name"
	case "is_archived", "channel_is_archived", "is_inactive":
		e.Class, e.Cure = Broken, "the channel is archived: restore it in Slack, or name another one"
	case "restricted_action", "restricted_action_read_only_channel", "restricted_action_non_threadable_channel", "action_prohibited",
		"posting_to_general_channel_denied", "posting_to_channel_denied", "messages_tab_disabled", "as_user_not_supported":
		e.Class, e.Cure = Broken, "the workspace does not allow the app to post there: ask its administrator, or name another channel"
	case "message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found", "cannot_reply_to_message":
		e.Class = Lost
	case "internal_error", "fatal_error", "service_unavailable", "request_timeout":
		e.Reason = "Slack has trouble: " + code
		e.Unsure = about != anUpdate
	}
	if e.Class == Lost && about == aMessage {
		e.Class = Retry
	}
	if e.Class == Retry && strings.HasPrefix(code, "invalid_block") {
		e.Class = Reject
	}
	return e
}
