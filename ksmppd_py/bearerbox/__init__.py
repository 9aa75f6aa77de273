"""Neighbour 2: Kannel's bearerbox, to which we are a smsbox (docs/rules/box-protocol.md)."""
