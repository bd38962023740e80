package slacktest

import "unicode/utf8"

// Slack's limits of what can be pressed, in characters.
const (
	maxActions      = 25
	maxActionID     = 255
	maxLabel        = 75
	maxValue        = 2000
	maxURL          = 3000
	maxConfirmTitle = 100
	maxConfirmText  = 300
	maxConfirmLabel = 30
)

// actions reports whether Slack would take the elements of an actions block.
func actions(elements []any) bool {
	if len(elements) == 0 || len(elements) > maxActions {
		return false
	}
	ids := make(map[string]bool)
	for _, e := range elements {
		object, ok := e.(map[string]any)
		if !ok || !interactive(object) {
			return false
		}
		id, _ := object["action_id"].(string)
		if id != "" && ids[id] {
			return false
		}
		ids[id] = true
	}
	return true
}

// interactive reports whether Slack would take one element that can be pressed
// or chosen from. Only buttons are looked at closely: the program has no others.
func interactive(e map[string]any) bool {
	if !optional(e["action_id"], maxActionID) {
		return false
	}
	switch e["type"] {
	case "button":
		return button(e)
	case "static_select", "multi_static_select", "users_select", "conversations_select", "channels_select", "external_select",
		"overflow", "datepicker", "timepicker", "datetimepicker", "checkboxes", "radio_buttons":
		return true
	}
	return false
}

// button reports whether Slack would take a button.
func button(b map[string]any) bool {
	if !text(b["text"], maxLabel, "plain_text") || !optional(b["value"], maxValue) || !optional(b["url"], maxURL) || !optional(b["accessibility_label"], maxLabel) || !style(b["style"]) {
		return false
	}
	if b["confirm"] == nil {
		return true
	}
	confirm, ok := b["confirm"].(map[string]any)
	return ok && style(confirm["style"]) &&
		text(confirm["title"], maxConfirmTitle, "plain_text") &&
		text(confirm["text"], maxConfirmText, "plain_text", "mrkdwn") &&
		text(confirm["confirm"], maxConfirmLabel, "plain_text") &&
		text(confirm["deny"], maxConfirmLabel, "plain_text")
}

// optional reports whether v is absent, or a text that is not empty and not too
// long.
func optional(v any, limit int) bool {
	if v == nil {
		return true
	}
	words, ok := v.(string)
	return ok && words != "" && utf8.RuneCountInString(words) <= limit
}

// style reports whether v is a style of a button; none is one, too.
func style(v any) bool { return v == nil || v == "primary" || v == "danger" }
