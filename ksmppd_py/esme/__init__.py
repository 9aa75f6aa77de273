"""The side of the ESMEs: their connections, binds, requests and deliver_sm, over SMPP (docs/rules/smpp-session.md)."""
