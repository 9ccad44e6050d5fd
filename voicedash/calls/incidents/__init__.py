"""What needs a person: opened where something was not put right, and closed when it was (docs/incidents.md)."""
