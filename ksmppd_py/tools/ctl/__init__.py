"""ksmppctl: accounts, routes, credit and the running server from the command line, over the management API."""
