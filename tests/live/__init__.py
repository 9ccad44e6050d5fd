"""Serving: lanes, ports and the command, by what a client on the wire sees."""
