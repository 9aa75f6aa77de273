"""The side of the customer's HTTP servers, which decide about binds and routes (docs/rules/http.md 1 and 2)."""
