"""Programs beside the daemon: an ESME for the command line, the quickstart's accounts. None needs gevent."""
