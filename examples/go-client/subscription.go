package main

import "encoding/json"

// Subscription is one subscription. It continues over any number of connections.
type Subscription struct {
	client  *Client
	id      string
	stream  string
	request map[string]interface{}
	// position is the position to resume from. If it is nil, the client cannot resume, and needs a new warm replay (CLI-5).
	position *Position
	// proven is the newest position that a heartbeat with the right count has confirmed (CLI-6).
	proven *Position
	// picture is the position at which the latest warm replay began. It is nil after that replay is complete.
	picture *Position
	// epoch is the epoch of the last delivered events; handed contains their numbers since the last confirmed position (CLI-7).
	epoch     string
	announced string
	handed    map[integer]bool
	floor     integer
	replay    string
	live      bool
	active    bool
	// asked reports whether a subscribe is unanswered, or an unsubscribe is unanswered or is repeated later.
	asked     bool
	isResume  bool
	lost      bool
	ended     bool
	confirmed bool
	attempts  int
	// unwanted contains the unsubscribes of the program that wait for an answer.
	unwanted []func(Reply)
	pause    *pause
}

// Subscribe begins a subscription.
func (c *Client) Subscribe(id, stream string, request map[string]interface{}, limit int, held bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	mode, after := "warm", (*Position)(nil)
	if replay, ok := request["replay"].(map[string]interface{}); ok {
		mode, _ = replay["mode"].(string)
		if at, ok := replay["after"].(map[string]interface{}); ok {
			number, _ := at["sequenceId"].(float64)
			epoch, _ := at["epoch"].(string)
			after = &Position{epoch, integer(number)}
		}
	}
	s := &Subscription{client: c, id: id, stream: stream, request: request, replay: mode, handed: map[integer]bool{}}
	s.pause = newPause(s, limit, held)
	if after != nil {
		s.position, s.proven, s.epoch, s.floor, s.replay = after, after, after.Epoch, after.SequenceID, "warm"
	}
	c.subscriptions[id] = s
	c.order = append(c.order, id)
	if c.ready {
		s.subscribe()
	}
}

// subscribe sends the command for the present connection.
func (s *Subscription) subscribe() {
	if s.asked || s.active || s.ended || s.pause.parked || !s.client.ready {
		return
	}
	s.asked, s.isResume = true, s.position != nil
	data := map[string]interface{}{"subscriptionId": s.id, "stream": s.stream, "events": s.request["events"]}
	if filter, ok := s.request["filter"]; ok {
		data["filter"] = filter
	}
	data["replay"] = map[string]interface{}{"mode": s.replay}
	if s.position != nil {
		data["replay"] = map[string]interface{}{"mode": "resume", "after": s.position}
	}
	s.client.send("subscribe", "subscribed", data, func(reply Reply) {
		s.asked = false
		// The server may have ended the subscription before its reply; it may have a successor with the same id.
		if s.ended {
			return
		}
		if refused, ok := reply.Err.(*CommandError); ok {
			s.refused(refused)
		} else if reply.Err == nil {
			s.subscribed(reply.Data)
		}
	})
}

// refused repeats a subscribe after a retryable error, and ends the subscription after any other (CLI-4).
func (s *Subscription) refused(refused *CommandError) {
	if !refused.Retryable {
		s.end(refused)
	} else if s.unwanted != nil {
		s.finish()
	} else {
		s.again(refused, s.subscribe)
	}
}

func (s *Subscription) again(refused *CommandError, work func()) {
	wait := retryAfterOf(refused.RetryAfterMs)
	if wait == nil {
		floor := s.client.options.BackoffMin << uint(min(s.attempts, 6))
		wait = &floor
	}
	s.attempts++
	s.client.after(*wait, work)
}

func (s *Subscription) subscribed(raw json.RawMessage) {
	var data struct {
		Position *Position `json:"position"`
		Recovery struct {
			Attempted bool `json:"attempted"`
			Recovered bool `json:"recovered"`
		} `json:"recovery"`
	}
	if json.Unmarshal(raw, &data) != nil || !isPosition(data.Position) {
		s.end(&CommandError{Code: "protocol_violation", Message: "subscribed without a position"})
		return
	}
	s.active, s.attempts = true, 0
	if !s.confirmed {
		s.confirmed = true
		s.client.options.Notice("subscribed", map[string]interface{}{"subscription": s.id})
	}
	at := *data.Position
	recovered := s.isResume && data.Recovery.Recovered && at.Epoch == s.epoch
	// The previous connection ended during a warm replay. Events that were published since that replay began may be missing from the new
	// replay, which has only the current state. Therefore a gap is reported (CLI-13).
	cutOff := !s.isResume && s.picture != nil && (s.picture.Epoch != at.Epoch || s.picture.SequenceID < at.SequenceID)
	unreported := s.lost || cutOff || (s.isResume && !data.Recovery.Attempted)
	s.lost = false
	if unreported {
		from := s.position
		if cutOff {
			from = s.picture
		}
		s.report("state_invalidated", from, &at)
	}
	s.picture = nil
	s.live = false
	if !recovered {
		// The program rebuilds its state, so it needs events again that have already been delivered.
		if s.isResume || unreported || at.Epoch != s.epoch {
			s.reset(at.Epoch)
		}
		s.position, s.proven = nil, nil
		if s.replay == "none" && !s.isResume {
			s.position, s.proven, s.live = &at, &at, true
		} else {
			s.picture = &at
		}
	}
	if s.unwanted != nil {
		s.unsubscribe()
	}
}

func (s *Subscription) reset(epoch string) {
	s.epoch, s.announced, s.floor, s.handed = epoch, "", 0, map[integer]bool{}
}

// disconnected marks the subscription as ended at the server. After a close with 43xx the position is no longer valid (CLI-2).
func (s *Subscription) disconnected(isVoid bool) {
	s.active, s.asked = false, false
	if isVoid && s.epoch != "" {
		s.position, s.proven, s.lost = nil, nil, true
	}
	if s.unwanted != nil {
		s.finish()
	}
}

// event delivers an event to the program, only once (CLI-7).
func (s *Subscription) event(at Position, raw json.RawMessage) {
	if !s.active || s.ended || s.unwanted != nil || s.pause.parked {
		return
	}
	if at.Epoch != s.epoch {
		if at.Epoch != s.announced {
			s.report("epoch_changed", s.position, &at)
		}
		s.reset(at.Epoch)
		s.live = true
	}
	if s.live || s.isResume {
		s.move(at)
	}
	if at.SequenceID <= s.floor || s.handed[at.SequenceID] {
		return
	}
	s.handed[at.SequenceID] = true
	s.pause.hand(raw)
}

func (s *Subscription) move(to Position) {
	if s.position == nil || s.position.Epoch != to.Epoch || s.position.SequenceID < to.SequenceID {
		s.position = &to
	}
}

func (s *Subscription) complete(at Position) {
	if s.active && !s.ended {
		s.live = true
		s.picture = nil
		s.move(at)
	}
}

// gap reports a loss to the program. A source loss does not change the position (GAP-2).
func (s *Subscription) gap(data pushData) {
	if !s.active || s.ended {
		return
	}
	if data.Reason != "source_overflow" {
		if data.To.Epoch != s.epoch {
			s.announced = data.To.Epoch
		} else if s.live && s.position != nil && s.position.SequenceID >= data.From.SequenceID {
			s.move(*data.To)
		}
	}
	s.report(data.Reason, data.From, data.To)
}

func (s *Subscription) report(reason string, from, to *Position) {
	members := map[string]interface{}{"subscription": s.id, "stream": s.stream, "reason": reason, "from": from, "to": to}
	s.client.options.Notice("gap", members)
}

// proved is called for a heartbeat with the right count.
func (s *Subscription) proved(head Position, named bool) {
	if !s.active {
		return
	}
	if named && s.live && head.Epoch == s.epoch {
		s.move(head)
	}
	if (s.live || s.isResume) && s.position != nil {
		at := *s.position
		s.proven = &at
		for number := range s.handed {
			if number <= at.SequenceID {
				delete(s.handed, number)
			}
		}
		if at.SequenceID > s.floor {
			s.floor = at.SequenceID
		}
	}
}

// rewind goes back to the last confirmed position, because an event was lost (CLI-6).
func (s *Subscription) rewind() {
	if s.proven == nil {
		s.position, s.lost = nil, s.epoch != ""
		return
	}
	at := *s.proven
	s.position = &at
}

// Unsubscribe ends a subscription. No more of its events are delivered to the program (CLI-8).
func (c *Client) Unsubscribe(id string, settle func(Reply)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.subscriptions[id]
	if s == nil {
		settle(Reply{Data: []byte("{}")})
		return
	}
	s.unwanted = append(s.unwanted, settle)
	s.pause.stop()
	if s.active {
		s.unsubscribe()
	} else if !s.asked {
		s.finish()
	}
}

// unsubscribe ends the subscription on the server, because the program does not want it any more or because its reader is too slow. The
// program may unsubscribe while the command for a slow reader is unanswered; then that command is the last one.
func (s *Subscription) unsubscribe() {
	// A subscription that ended before a repeated unsubscribe may have a successor with the same id.
	if s.ended {
		return
	}
	s.active, s.asked = false, true
	s.client.send("unsubscribe", "unsubscribed", map[string]interface{}{"subscriptionId": s.id}, func(reply Reply) {
		refused, isRefused := reply.Err.(*CommandError)
		if isRefused && refused.Retryable {
			s.again(refused, s.unsubscribe)
			return
		}
		if reply.Err != nil && !isRefused {
			// The connection has ended; disconnected is called as well.
			return
		}
		// After any other error, the server does not have the subscription.
		s.asked = false
		if s.unwanted != nil {
			s.finish()
		} else {
			s.subscribe()
		}
	})
}

// finish removes a subscription that the program does not want any more, and answers the program.
func (s *Subscription) finish() {
	s.remove()
	waiting := s.unwanted
	s.unwanted = nil
	for _, settle := range waiting {
		settle(Reply{Data: []byte("{}")})
	}
}

// end is called when the server ended or refused the subscription.
func (s *Subscription) end(refused *CommandError) {
	s.remove()
	s.client.options.Notice("ended", map[string]interface{}{"subscription": s.id, "error": refused})
	s.finish()
}

func (s *Subscription) remove() {
	s.ended, s.active = true, false
	delete(s.client.subscriptions, s.id)
}
