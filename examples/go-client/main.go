package main

import (
	"bufio"
	"encoding/json"
	"os"
	"sync"
	"time"
)

type line struct {
	Do            string                 `json:"do"`
	Ref           string                 `json:"ref"`
	ID            string                 `json:"id"`
	URL           string                 `json:"url"`
	Stream        string                 `json:"stream"`
	Event         string                 `json:"event"`
	Payload       map[string]interface{} `json:"payload"`
	Buffer        int                    `json:"buffer"`
	Hold          bool                   `json:"hold"`
	Tokens        []string               `json:"tokens"`
	APIKey        string                 `json:"apiKey"`
	OpenTimeoutMs int                    `json:"openTimeoutMs"`
	Backoff       struct {
		MinMs int `json:"minMs"`
		MaxMs int `json:"maxMs"`
	} `json:"backoff"`
}

var output sync.Mutex

func report(kind string, members map[string]interface{}) {
	output.Lock()
	defer output.Unlock()
	notice := map[string]interface{}{"notice": kind}
	for name, value := range members {
		notice[name] = value
	}
	_ = json.NewEncoder(os.Stdout).Encode(notice)
}

func answer(ref string) func(Reply) {
	return func(reply Reply) {
		notice := map[string]interface{}{"ref": ref, "ok": reply.Err == nil, "data": reply.Data}
		if reply.Err != nil {
			refusal := map[string]interface{}{"message": reply.Err.Error()}
			if refused, ok := reply.Err.(*CommandError); ok {
				refusal["code"] = refused.Code
			}
			notice["error"] = refusal
			delete(notice, "data")
		}
		report("result", notice)
	}
}

func connect(command line) *Client {
	tokens := command.Tokens
	options := Options{URL: command.URL, APIKey: command.APIKey, Renewable: len(tokens) > 1, Notice: report}
	options.BackoffMin = time.Duration(command.Backoff.MinMs) * time.Millisecond
	options.BackoffMax = time.Duration(command.Backoff.MaxMs) * time.Millisecond
	options.OpenTimeout = time.Duration(command.OpenTimeoutMs) * time.Millisecond
	if len(tokens) > 0 {
		options.Token = func() string {
			token := tokens[0]
			if len(tokens) > 1 {
				tokens = tokens[1:]
			}
			return token
		}
	}
	client := NewClient(options)
	go client.Run()
	return client
}

func main() {
	supports := []string{"api-key", "backoff", "broadcast", "buffer", "echo", "open-timeout", "reconnecting", "sync", "token"}
	report("ready", map[string]interface{}{"client": "example client in Go", "supports": supports})
	var client *Client
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var command line
		var request map[string]interface{}
		if json.Unmarshal(lines.Bytes(), &command) != nil || json.Unmarshal(lines.Bytes(), &request) != nil {
			continue
		}
		if command.Stream == "" {
			command.Stream = "main"
		}
		switch command.Do {
		case "connect":
			client = connect(command)
		case "subscribe":
			client.Subscribe(command.ID, command.Stream, request, command.Buffer, command.Hold)
		case "unsubscribe":
			client.Unsubscribe(command.ID, answer(command.Ref))
		case "release":
			client.Release(command.ID)
		case "ping":
			client.Call("ping", "pong", map[string]interface{}{}, answer(command.Ref))
		case "sync":
			client.Call("sync", "synced", map[string]interface{}{"stream": command.Stream}, answer(command.Ref))
		case "broadcast":
			data := map[string]interface{}{"event": command.Event, "payload": command.Payload, "stream": command.Stream}
			client.Call("broadcast", "broadcasted", data, answer(command.Ref))
		case "echo":
			answer(command.Ref)(Reply{})
		case "close":
			client.Close()
		}
	}
}
