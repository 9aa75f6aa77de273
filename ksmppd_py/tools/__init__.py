"""Programs beside the daemon: an ESME, ksmppctl, copying of databases, the quickstart's accounts."""
