package manncotest

import (
	"net/http"
)

// answer is what a call gets.
type answer struct {
	status int
	header http.Header
	body   []byte
	way    way
	value  string // what the fault that chose the way was given
}

// way is how an answer gets to the caller.
type way uint8

const (
	whole   way = iota // at once
	slow               // one byte at a time
	endless            // the body never ends
	broken             // the connection breaks in the middle of the body
	hangs              // nothing ever comes
	resets             // the connection is reset
)

// success wraps content as the edition does.
func (s *Service) success(content any) answer {
	if s.variants[VariantEdition] == "newer" {
		return reply(http.StatusOK, object{{"err", false}, {"success", true}, {"content", content}})
	}
	return reply(http.StatusOK, object{{"status", "success"}, {"data", content}})
}

// failure says no as the edition does.
func (s *Service) failure(status int, message string) answer {
	return reply(status, s.failureBody(status, message))
}

func (s *Service) failureBody(status int, message string) object {
	if s.variants[VariantEdition] != "newer" {
		word := "error"
		if status == http.StatusUnauthorized || status == http.StatusForbidden {
			word = "forbidden"
		}
		return object{{"status", word}, {"message", message}}
	}
	body := object{{"err", true}, {"success", false}}
	switch s.variants[VariantErrorStyle] {
	case "object":
		return append(body, field{"content", object{{"message", message}}})
	case "message":
		return append(body, field{"message", message})
	}
	return append(body, field{"content", message})
}

func reply(status int, body object) answer {
	return answer{status: status, header: make(http.Header), body: appendJSON(make([]byte, 0, sizeOf(body)), body)}
}

// page is an HTML page, as the CDN in front of the service sends them.
func page(status int, title, text string) answer {
	a := answer{status: status, header: make(http.Header)}
	a.header.Set("Content-Type", "text/html; charset=utf-8")
	a.header.Set("Server", "cdn")
	a.body = []byte("<!DOCTYPE html>\n<html><head><title>" + title + "</title></head>\n<body><h1>" + title + "</h1><p>" + text + "</p></body></html>\n")
	return a
}
