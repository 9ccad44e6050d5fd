"""Tenants, people, accounts and lines in Django admin: everything for superusers, their tenants for tenant admins.

Admin's change and delete views are one transaction each: its first write takes the tenant's lock,
its last ones tell the log. What a tenant admin sees is decided in one place: `scope`.
"""

from voicedash.tenants.admin import accounts, lines, people, site, tenants

__all__ = ["accounts", "lines", "people", "site", "tenants"]
