"""All code that uses sockets and greenlets directly: framed output, queues, owned greenlets."""
