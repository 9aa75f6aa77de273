"""The only socket and greenlet plumbing: framed output, desks, owned greenlets."""
