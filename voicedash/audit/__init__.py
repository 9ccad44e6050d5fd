"""The log: append-only, hash-chained entries of what was asked, what came of it, and what admins changed."""
