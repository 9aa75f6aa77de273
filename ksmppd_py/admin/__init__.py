"""The side of the operator: the admin HTTP server, its commands, and the formats of their results."""
