"""Neighbour 2: Kannel's bearerbox, to which we are a smsbox (spec/box-protocol.md)."""
