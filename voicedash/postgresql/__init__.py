"""The way to PostgreSQL: Django's, but for connections that died in the pool."""
