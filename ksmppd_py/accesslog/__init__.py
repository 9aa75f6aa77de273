"""The access log: one line for each message that an ESME submitted or was sent, and how that ended."""
