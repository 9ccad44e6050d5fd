"""Calls: what we know of them, the commands that pause and resume their recording, and the board that shows them."""
