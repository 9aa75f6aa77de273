"""The bearerbox's language: its messages, their octets, and the meta_data string. Pure."""
