"""The side of Kannel's bearerbox, to which this server is a smsbox (docs/rules/box-protocol.md)."""
