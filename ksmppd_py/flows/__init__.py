"""The flow of each kind of message, as straight-line code over the ports of model/ports.py. Imports no gevent."""
