"""The access log: one line for each message that an ESME submitted or was sent, with its result."""
