"""Tenants: their people and roles, their Bandwidth accounts and sealed secrets, their board's version and lock."""
