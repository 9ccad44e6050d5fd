"""What the process tells whoever runs it: one line an event, with the request it belongs to and without a secret."""
