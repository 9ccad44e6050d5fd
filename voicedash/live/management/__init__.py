"""The commands of `manage.py` that serve."""
