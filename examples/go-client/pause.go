package main

import (
	"encoding/json"
	"time"
)

// pause limits the number of events that wait for a reader (CLI-9). At the limit, the client unsubscribes, and resumes when the reader has
// read everything.
type pause struct {
	subscription *Subscription
	limit        int
	held         bool
	parked       bool
	waiting      []json.RawMessage
}

func newPause(s *Subscription, limit int, held bool) *pause {
	if limit == 0 {
		limit = 10000
	}
	return &pause{subscription: s, limit: limit, held: held}
}

func (p *pause) hand(event json.RawMessage) {
	s := p.subscription
	if !p.held {
		s.client.options.Notice("event", map[string]interface{}{"subscription": s.id, "event": event})
		return
	}
	p.waiting = append(p.waiting, event)
	if len(p.waiting) < p.limit {
		return
	}
	p.parked = true
	s.unsubscribe()
}

func (p *pause) stop() {
	p.waiting = nil
}

// Release starts to read a subscription that was on hold.
func (c *Client) Release(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.subscriptions[id]
	if s == nil {
		return
	}
	s.pause.held = false
	for _, event := range s.pause.waiting {
		s.pause.hand(event)
	}
	s.pause.waiting, s.pause.parked = nil, false
	s.subscribe()
}

// after runs work later, unless the connection has changed by then.
func (c *Client) after(wait time.Duration, work func()) {
	socket := c.socket
	time.AfterFunc(wait, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.socket == socket && c.ready {
			work()
		}
	})
}
