"""The hand-written part of the client. It has the rules of the protocol, but not the names of events."""
