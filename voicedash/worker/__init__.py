"""The loop that does what is due when no browser is open. Its jobs come with an issue of their own."""
