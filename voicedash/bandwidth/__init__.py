"""Bandwidth's Voice API in plain Python: the client, its credentials and errors, and a stand-in for the service."""
