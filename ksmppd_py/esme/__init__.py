"""Neighbour 1: the customers' systems, over SMPP (docs/rules/smpp-session.md)."""
