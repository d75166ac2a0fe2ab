"""The hand-written part of the client. It implements the rules of the protocol, and does not contain the names of
events."""
