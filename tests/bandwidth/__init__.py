"""Bandwidth: the client against the stand-in, and the stand-in against plain HTTP."""
