"""The bearerbox's protocol: its messages, their octets, and the meta_data string. Pure."""
