"""The customer's HTTP endpoints: who may bind, and where a message goes (docs/rules/http.md 1 and 2)."""
