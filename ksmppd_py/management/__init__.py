"""Accounts, routes, credit and their audit: rules and changes, behind the API, the command and the console."""
