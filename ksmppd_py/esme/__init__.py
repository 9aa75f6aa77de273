"""Neighbour 1: the customers' systems, over SMPP (spec/smpp-session.md)."""
