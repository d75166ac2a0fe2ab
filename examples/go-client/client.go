// Package main is a client of the Tidemark protocol, written from the contract and the guide "Build a client in any language" alone, and
// the program that drives it for `tidemark conformance client`.
package main

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Position is a position in a stream.
type Position struct {
	Epoch      string  `json:"epoch"`
	SequenceID integer `json:"sequenceId"`
}

// Reply is the answer to a command: Data, or an error.
type Reply struct {
	Data json.RawMessage
	Err  error
}

// CommandError is an `error` of the server.
type CommandError struct {
	Code         string      `json:"code"`
	Message      string      `json:"message"`
	Retryable    bool        `json:"retryable"`
	RetryAfterMs interface{} `json:"retryAfterMs"`
}

func (e *CommandError) Error() string { return e.Message }

// Options of a client. Zero values mean the defaults.
type Options struct {
	URL         string
	BackoffMin  time.Duration
	BackoffMax  time.Duration
	OpenTimeout time.Duration
	// Token fetches the token for the next connection. Renewable reports whether a later call may return another token.
	Token     func() string
	Renewable bool
	APIKey    string
	// Notice receives the events that the client delivers, and its reports.
	Notice func(kind string, members map[string]interface{})
}

const (
	leastRetry       = 100 * time.Millisecond
	mostRetry        = 300 * time.Second
	silentIntervals  = 3
	stableAfter      = 5 * time.Second
	closeNone        = 1006
	closePolicy      = 1008
	closeNoExtension = 1010
)

type pending struct {
	reply  string
	settle func(Reply)
}

type envelope struct {
	Type string          `json:"type"`
	ID   string          `json:"id,omitempty"`
	Data json.RawMessage `json:"data"`
}

// Client keeps one connection and its subscriptions. One mutex guards all state: messages are handled one at a time.
type Client struct {
	mu            sync.Mutex
	options       Options
	socket        *websocket.Conn
	ready         bool
	stopped       bool
	lastID        int
	pending       map[string]pending
	waiting       []func(error)
	subscriptions map[string]*Subscription
	order         []string
	// received counts the event messages of this connection (CLI-6).
	received   integer
	patience   time.Duration
	announced  int
	retryAfter *time.Duration
	attempt    int
	readyAt    time.Time
}

// NewClient makes a client; Run connects it.
func NewClient(options Options) *Client {
	if options.BackoffMin == 0 {
		options.BackoffMin = 500 * time.Millisecond
	}
	if options.BackoffMax == 0 {
		options.BackoffMax = 20 * time.Second
	}
	if options.OpenTimeout == 0 {
		options.OpenTimeout = 10 * time.Second
	}
	return &Client{options: options, pending: map[string]pending{}, subscriptions: map[string]*Subscription{}}
}

// Run connects, and reconnects as the close codes require, until the client is closed or must give up.
func (c *Client) Run() {
	for {
		code := c.connectOnce()
		c.mu.Lock()
		again := c.ended(code)
		delay := c.delay()
		c.mu.Unlock()
		if !again {
			return
		}
		c.options.Notice("reconnecting", map[string]interface{}{"delayMs": delay.Milliseconds()})
		time.Sleep(delay)
	}
}

// connectOnce serves one connection. It returns its close code.
func (c *Client) connectOnce() int {
	c.mu.Lock()
	if c.stopped {
		c.mu.Unlock()
		return closeNone
	}
	token := ""
	if c.options.Token != nil {
		token = c.options.Token()
	}
	c.mu.Unlock()
	dialer := websocket.Dialer{Subprotocols: []string{"tidemark.v1"}, HandshakeTimeout: c.options.OpenTimeout}
	socket, _, err := dialer.Dial(c.options.URL, http.Header{})
	if err != nil {
		return closeNone
	}
	defer socket.Close()
	c.mu.Lock()
	c.socket, c.received, c.announced, c.patience = socket, 0, 0, c.options.OpenTimeout
	c.readyAt = time.Time{}
	c.authenticate(token)
	c.mu.Unlock()
	socket.SetReadLimit(64 << 20)
	// Only messages extend the deadline; WebSocket pings do not.
	for {
		c.mu.Lock()
		_ = socket.SetReadDeadline(time.Now().Add(c.patience))
		c.mu.Unlock()
		kind, text, err := socket.ReadMessage()
		if err != nil {
			if closed, ok := err.(*websocket.CloseError); ok {
				return closed.Code
			}
			return closeNone
		}
		c.mu.Lock()
		if kind == websocket.TextMessage {
			c.message(text)
		}
		c.mu.Unlock()
	}
}

// authenticate sends the credential first; without one, commands may be sent at once (SEC-2).
func (c *Client) authenticate(token string) {
	credential := map[string]interface{}{}
	if token != "" {
		credential["token"] = token
	} else if c.options.APIKey != "" {
		credential["apiKey"] = c.options.APIKey
	} else {
		c.becomeReady()
		return
	}
	c.send("authenticate", "authenticated", credential, func(reply Reply) {
		refused, isRefused := reply.Err.(*CommandError)
		if reply.Err == nil {
			c.becomeReady()
		} else if isRefused && !refused.Retryable && !c.options.Renewable {
			c.stopped = true
			c.socket.Close()
		} else {
			c.socket.Close()
		}
	})
}

func (c *Client) becomeReady() {
	c.ready = true
	c.readyAt = time.Now()
	for _, id := range append([]string{}, c.order...) {
		if subscription := c.subscriptions[id]; subscription != nil {
			subscription.subscribe()
		}
	}
	waiting := c.waiting
	c.waiting = nil
	for _, send := range waiting {
		send(nil)
	}
}

// ended decides what follows the end of a connection (CLI-2). It returns whether to reconnect.
func (c *Client) ended(code int) bool {
	c.socket, c.ready = nil, false
	if code < 4000 && c.announced != 0 {
		code = c.announced
	}
	refused := code/100 == 40 || code == closePolicy || code == closeNoExtension
	if refused || (code/100 == 41 && !c.options.Renewable) {
		c.stopped = true
	}
	lost := fmt.Errorf("the connection ended (%d) before the reply", code)
	all := c.pending
	c.pending = map[string]pending{}
	for _, each := range all {
		each.settle(Reply{Err: lost})
	}
	for _, id := range append([]string{}, c.order...) {
		if subscription := c.subscriptions[id]; subscription != nil {
			subscription.disconnected(code/100 == 43)
		}
	}
	if c.stopped {
		for _, send := range c.waiting {
			send(lost)
		}
		c.waiting = nil
	}
	return !c.stopped
}

// delay is the wait before the next attempt (CLI-3, CLI-4).
func (c *Client) delay() time.Duration {
	if !c.readyAt.IsZero() && time.Since(c.readyAt) >= stableAfter {
		c.attempt = 0
	}
	asked := c.retryAfter
	c.retryAfter = nil
	bound := c.options.BackoffMin << uint(min(c.attempt, 20))
	if bound > c.options.BackoffMax {
		bound = c.options.BackoffMax
	}
	c.attempt++
	if asked != nil {
		return *asked
	}
	return time.Duration(rand.Float64() * float64(bound))
}

func min(left, right int) int {
	if left < right {
		return left
	}
	return right
}

// retryAfterOf limits the wait that a server asks for. It returns nil if the value is not a number, or negative.
func retryAfterOf(value interface{}) *time.Duration {
	number, ok := value.(float64)
	if !ok || !(number >= 0) {
		return nil
	}
	wait := mostRetry
	if number < float64(mostRetry/time.Millisecond) {
		wait = time.Duration(number) * time.Millisecond
	}
	if wait < leastRetry {
		wait = leastRetry
	}
	return &wait
}

// send writes a command with a new id (CLI-1). The lock must be held.
func (c *Client) send(command, reply string, data interface{}, settle func(Reply)) {
	c.lastID++
	id := fmt.Sprintf("c%d", c.lastID)
	c.pending[id] = pending{reply, settle}
	_ = c.socket.WriteJSON(map[string]interface{}{"type": command, "id": id, "data": data})
}

// Call sends a command of the program, at most once (CLI-8), and passes its reply on.
func (c *Client) Call(command, reply string, data interface{}, settle func(Reply)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		settle(Reply{Err: fmt.Errorf("the client is closed")})
	} else if c.ready {
		c.send(command, reply, data, settle)
	} else {
		c.waiting = append(c.waiting, func(err error) {
			if err != nil {
				settle(Reply{Err: err})
			} else {
				c.send(command, reply, data, settle)
			}
		})
	}
}

// Close ends the client.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	if c.socket != nil {
		message := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
		_ = c.socket.WriteControl(websocket.CloseMessage, message, time.Now().Add(time.Second))
		c.socket.Close()
	}
}

// message handles one text frame. A frame that cannot be parsed is ignored (CLI-10).
func (c *Client) message(text []byte) {
	var frame envelope
	if json.Unmarshal(text, &frame) != nil || frame.Type == "" || !isObject(frame.Data) {
		return
	}
	if frame.ID != "" {
		if found, ok := c.pending[frame.ID]; ok {
			delete(c.pending, frame.ID)
			found.settle(readReply(frame, found.reply))
		}
		return
	}
	c.push(frame)
}

func isObject(data json.RawMessage) bool {
	var members map[string]json.RawMessage
	return json.Unmarshal(data, &members) == nil && members != nil
}

func readReply(frame envelope, expected string) Reply {
	if frame.Type == expected {
		return Reply{Data: frame.Data}
	}
	refused := &CommandError{Code: "internal", Message: "the server sent " + frame.Type + " instead of " + expected}
	if frame.Type == "error" {
		_ = json.Unmarshal(frame.Data, refused)
	}
	return Reply{Err: refused}
}
