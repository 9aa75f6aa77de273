"""The operator's room: the admin HTTP server, its commands and how their facts are written down."""
