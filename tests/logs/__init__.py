"""What the process tells whoever runs it."""
