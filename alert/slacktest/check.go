package slacktest

import (
	"encoding/json"
	"unicode/utf8"
)

// Slack's limits, in characters.
const (
	maxBlocks    = 50
	maxHeader    = 150
	maxSection   = 3000
	maxField     = 2000
	maxBlockID   = 255
	maxElements  = 10 // of a context block
	maxAllBlocks = 13_200
	maxText      = 40_000
)

// check reports what Slack would refuse the message for; "" for nothing.
func (m *Message) check() string {
	if m.Text == "" && len(m.Raw) == 0 {
		return "no_text"
	}
	if utf8.RuneCountInString(m.Text) > maxText {
		return "msg_too_long"
	}
	if len(m.Raw) == 0 || string(m.Raw) == "null" {
		m.Raw = nil
		return ""
	}
	var blocks []map[string]any
	if json.Unmarshal(m.Raw, &blocks) != nil {
		return "invalid_blocks_format"
	}
	if len(blocks) > maxBlocks {
		return "invalid_blocks"
	}
	total := 0
	ids := make(map[string]bool)
	for _, b := range blocks {
		if !block(b) {
			return "invalid_blocks"
		}
		if id, _ := b["block_id"].(string); id != "" {
			if ids[id] || len(id) > maxBlockID {
				return "invalid_blocks"
			}
			ids[id] = true
		}
		total += characters(b)
	}
	if total > maxAllBlocks {
		return "msg_blocks_too_long"
	}
	if m.Blocks.UnmarshalJSON(m.Raw) != nil {
		return "invalid_blocks"
	}
	return ""
}

// block reports whether Slack would take one block.
func block(b map[string]any) bool {
	switch b["type"] {
	case "header":
		return text(b["text"], maxHeader, "plain_text")
	case "section":
		if accessory, ok := b["accessory"].(map[string]any); b["accessory"] != nil && (!ok || accessory["type"] != "image" && !interactive(accessory)) {
			return false
		}
		fields, _ := b["fields"].([]any)
		for _, f := range fields {
			if !text(f, maxField, "plain_text", "mrkdwn") {
				return false
			}
		}
		if b["text"] == nil {
			return len(fields) > 0 && len(fields) <= 10
		}
		return text(b["text"], maxSection, "plain_text", "mrkdwn") && len(fields) <= 10
	case "context":
		elements, _ := b["elements"].([]any)
		for _, e := range elements {
			if !text(e, maxSection, "plain_text", "mrkdwn") {
				return false
			}
		}
		return len(elements) > 0 && len(elements) <= maxElements
	case "rich_text":
		elements, _ := b["elements"].([]any)
		for _, e := range elements {
			if !rich(e) {
				return false
			}
		}
		return len(elements) > 0
	case "divider":
		return true
	case "actions":
		elements, _ := b["elements"].([]any)
		return actions(elements)
	}
	return false
}

// text reports whether v is a text object of one of types that is not empty
// and not too long.
func text(v any, limit int, types ...string) bool {
	object, ok := v.(map[string]any)
	if !ok {
		return false
	}
	words, _ := object["text"].(string)
	if words == "" || utf8.RuneCountInString(words) > limit {
		return false
	}
	for _, t := range types {
		if object["type"] == t {
			return t != "mrkdwn" || object["emoji"] == nil
		}
	}
	return false
}

// rich reports whether Slack would take one part of a rich text.
func rich(v any) bool {
	part, ok := v.(map[string]any)
	if !ok {
		return false
	}
	elements, _ := part["elements"].([]any)
	switch part["type"] {
	case "rich_text_list":
		for _, e := range elements {
			if !rich(e) {
				return false
			}
		}
	case "rich_text_section", "rich_text_preformatted", "rich_text_quote":
		for _, e := range elements {
			span, ok := e.(map[string]any)
			if !ok {
				return false
			}
			words, _ := span["text"].(string)
			if span["type"] == "text" && words == "" {
				return false
			}
		}
	default:
		return false
	}
	return len(elements) > 0
}

// characters counts the text in a block.
func characters(v any) int {
	n := 0
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			if words, ok := inner.(string); ok && (key == "text" || key == "url") {
				n += utf8.RuneCountInString(words)
				continue
			}
			n += characters(inner)
		}
	case []any:
		for _, inner := range v {
			n += characters(inner)
		}
	}
	return n
}
