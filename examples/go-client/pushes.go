package main

import (
	"encoding/json"
	"time"
)

// The members of pushes that the client reads. Where zero is a valid value, the member is a pointer, so that nil means that it is missing.
type pushData struct {
	SubscriptionIDs     []string          `json:"subscriptionIds"`
	SubscriptionID      string            `json:"subscriptionId"`
	Stream              string            `json:"stream"`
	Epoch               string            `json:"epoch"`
	SequenceID          *integer          `json:"sequenceId"`
	IsReplay            *bool             `json:"isReplay"`
	Delivered           *integer          `json:"delivered"`
	Positions           []json.RawMessage `json:"positions"`
	Position            *Position         `json:"position"`
	From                *Position         `json:"from"`
	To                  *Position         `json:"to"`
	Reason              string            `json:"reason"`
	Code                integer           `json:"code"`
	RetryAfterMs        interface{}       `json:"retryAfterMs"`
	HeartbeatIntervalMs interface{}       `json:"heartbeatIntervalMs"`
}

// push handles a message that answers no command. Types that it does not know are ignored (ENV-4).
func (c *Client) push(frame envelope) {
	if frame.Type == "event" {
		c.received++
	}
	var data pushData
	if json.Unmarshal(frame.Data, &data) != nil {
		return
	}
	switch frame.Type {
	case "welcome":
		c.welcomed(data)
	case "event":
		c.event(data, frame.Data)
	case "heartbeat":
		c.heartbeat(data)
	case "replay_complete":
		if subscription := c.subscriptions[data.SubscriptionID]; subscription != nil && isPosition(data.Position) {
			subscription.complete(*data.Position)
		}
	case "gap":
		for _, id := range data.SubscriptionIDs {
			if subscription := c.subscriptions[id]; subscription != nil && isPosition(data.From) && isPosition(data.To) {
				subscription.gap(data)
			}
		}
	case "subscription_closed":
		if subscription := c.subscriptions[data.SubscriptionID]; subscription != nil {
			subscription.end(&CommandError{Code: data.Reason, Message: "the server ended the subscription"})
		}
	case "closing":
		if data.Code != 0 {
			c.announced = int(data.Code)
			c.retryAfter = retryAfterOf(data.RetryAfterMs)
		}
	}
}

func isPosition(position *Position) bool {
	return position != nil && position.Epoch != "" && position.SequenceID >= 0
}

// welcomed starts the timer that detects a silent connection (CLI-11).
func (c *Client) welcomed(data pushData) {
	interval, ok := data.HeartbeatIntervalMs.(float64)
	if !ok || interval <= 0 {
		c.patience = 10 * time.Minute
		return
	}
	if interval < 100 {
		interval = 100
	}
	if interval > 600000 {
		interval = 600000
	}
	c.patience = time.Duration(interval*silentIntervals) * time.Millisecond
}

// place returns the position in Stream of an event, or of an item of the positions of a heartbeat.
func (d pushData) place() (at Position, ok bool) {
	if d.SequenceID == nil || *d.SequenceID < 0 || d.Epoch == "" || d.Stream == "" {
		return Position{}, false
	}
	return Position{d.Epoch, *d.SequenceID}, true
}

func (c *Client) event(data pushData, raw json.RawMessage) {
	at, ok := data.place()
	if !ok || data.IsReplay == nil {
		return
	}
	for _, id := range data.SubscriptionIDs {
		if subscription := c.subscriptions[id]; subscription != nil {
			subscription.event(at, raw)
		}
	}
}

// heartbeat compares the count of events (CLI-6), and moves positions (CLI-5).
func (c *Client) heartbeat(data pushData) {
	if data.Delivered == nil || data.Positions == nil || *data.Delivered < 0 {
		return
	}
	if *data.Delivered > c.received {
		for _, subscription := range c.subscriptions {
			subscription.rewind()
		}
		c.socket.Close()
		return
	}
	if *data.Delivered < c.received {
		return
	}
	heads := map[string]Position{}
	for _, each := range data.Positions {
		var head pushData
		if json.Unmarshal(each, &head) != nil {
			continue
		}
		if at, ok := head.place(); ok {
			heads[head.Stream] = at
		}
	}
	for _, subscription := range c.subscriptions {
		head, named := heads[subscription.stream]
		subscription.proved(head, named)
	}
}
