"""Serving: the lanes in which requests are answered, and (with its own issue) the stream of changes to open boards."""
