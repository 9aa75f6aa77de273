"""The corridor: each message's way, as straight-line code over the ports of model/ports.py. Imports no gevent."""
