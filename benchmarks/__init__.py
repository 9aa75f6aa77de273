"""The project's own benchmark: `make bench` runs it, docs/performance.md holds its numbers."""
