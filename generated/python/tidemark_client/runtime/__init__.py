"""The hand-written part of the client. It knows the shape of the protocol, not the names of its events."""
