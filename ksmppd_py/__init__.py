"""ksmppd-py: an SMPP 3.4 server in front of Kannel's bearerbox. Imports nothing, so that patching can come first."""

__version__ = "0.2.0"
