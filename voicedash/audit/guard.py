"""What makes the database itself refuse to change the log: triggers, for both engines.

Migration 0002 puts them on. Once released these texts stand: a change of them, and on SQLite also a change of
a table (Django makes it anew, and its triggers go with the old one), needs a migration that puts them on again.
"""

from django.db.backends.base.base import BaseDatabaseWrapper

TABLES = ("audit_entry", "audit_head")
_ADDS_ONLY = "the log is only ever added to"
# Each trigger with its table, what it stands before, and the condition under which it refuses.
_SQLITE = {
    "audit_entry_no_update": ("audit_entry", "UPDATE", ""),
    "audit_entry_no_delete": ("audit_entry", "DELETE", ""),
    # REPLACE takes rows away without asking the trigger above.
    "audit_entry_no_replace": (
        "audit_entry",
        "INSERT",
        "EXISTS (SELECT 1 FROM audit_entry WHERE id = NEW.id)"
        " OR EXISTS (SELECT 1 FROM audit_entry WHERE chain = NEW.chain AND seq = NEW.seq)",
    ),
    "audit_head_forward": (
        "audit_head",
        "UPDATE",
        "NEW.chain IS NOT OLD.chain OR NEW.rowid IS NOT OLD.rowid OR NEW.seq IS NOT OLD.seq + 1",
    ),
    "audit_head_no_delete": ("audit_head", "DELETE", ""),
    "audit_head_no_replace": (
        "audit_head",
        "INSERT",
        "EXISTS (SELECT 1 FROM audit_head WHERE chain = NEW.chain OR rowid = NEW.rowid)",
    ),
}
_POSTGRESQL = {
    # DELETE first: that is how PostgreSQL tells it, and `missing` compares.
    "audit_entry_no_change": ("audit_entry", "DELETE OR UPDATE", "ROW", ""),
    "audit_entry_no_truncate": ("audit_entry", "TRUNCATE", "STATEMENT", ""),
    "audit_head_forward": (
        "audit_head",
        "UPDATE",
        "ROW",
        "NEW.chain IS DISTINCT FROM OLD.chain OR NEW.seq IS DISTINCT FROM OLD.seq + 1",
    ),
    "audit_head_no_delete": ("audit_head", "DELETE", "ROW", ""),
    "audit_head_no_truncate": ("audit_head", "TRUNCATE", "STATEMENT", ""),
}


def put_on(vendor: str) -> list[str]:
    """The statements, without parameters, that make the triggers."""
    if vendor == "sqlite":
        return [
            f"CREATE TRIGGER {name} BEFORE {verb} ON {table} {f'WHEN {condition}' if condition else ''} "
            f"BEGIN SELECT RAISE(ABORT, '{_ADDS_ONLY}: this {verb} of {table} is refused'); END"
            for name, (table, verb, condition) in _SQLITE.items()
        ]
    function = (
        "CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"RAISE EXCEPTION '{_ADDS_ONLY}: this % of % is refused', TG_OP, TG_TABLE_NAME "
        "USING ERRCODE = 'restrict_violation'; END $$"
    )
    triggers = [
        f"CREATE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH {each} "
        f"{f'WHEN ({condition})' if condition else ''} EXECUTE FUNCTION audit_refuse()"
        for name, (table, verb, each, condition) in _POSTGRESQL.items()
    ]
    return [function, *triggers, *always(vendor)]


def always(vendor: str) -> list[str]:
    """PostgreSQL's statements that make the triggers work whatever `session_replication_role` says."""
    if vendor == "sqlite":
        return []
    return [f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}" for name, (table, *_) in _POSTGRESQL.items()]


def take_off(vendor: str) -> list[str]:
    """The statements that undo `put_on`."""
    if vendor == "sqlite":
        return [f"DROP TRIGGER IF EXISTS {name}" for name in _SQLITE]
    return [f"DROP TRIGGER IF EXISTS {name} ON {table}" for name, (table, *_) in _POSTGRESQL.items()] + [
        "DROP FUNCTION IF EXISTS audit_refuse()"
    ]


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """The names of triggers that are gone, off or not as `put_on` makes them: what should be refused may not be."""
    there = _in_sqlite(connection) if connection.vendor == "sqlite" else _in_postgresql(connection)
    made = dict(zip(_SQLITE, put_on("sqlite"), strict=True)) if connection.vendor == "sqlite" else _as_made()
    return sorted(name for name, text in made.items() if there.get(name) != text)


def _in_sqlite(connection: BaseDatabaseWrapper) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        return dict(cursor.fetchall())


def _in_postgresql(connection: BaseDatabaseWrapper) -> dict[str, str]:
    """The triggers that always work and that call a function with our text."""
    sql = (
        "SELECT tgname, replace(pg_get_triggerdef(pg_trigger.oid), quote_ident(nspname) || '.', '') FROM pg_trigger "
        "JOIN pg_class ON pg_class.oid = tgrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace "
        "JOIN pg_proc ON pg_proc.oid = tgfoid JOIN pg_language ON pg_language.oid = prolang "
        "WHERE tgrelid IN ('audit_entry'::regclass, 'audit_head'::regclass) "
        "AND tgenabled = 'A' AND lanname = 'plpgsql' AND proconfig IS NULL AND prosrc = %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [put_on("postgresql")[0].split("$$")[1]])
        return {name: _plain(text) for name, text in cursor.fetchall()}


def _as_made() -> dict[str, str]:
    triggers = put_on("postgresql")[1 : 1 + len(_POSTGRESQL)]
    return {name: _plain(text) for name, text in zip(_POSTGRESQL, triggers, strict=True)}


def _plain(text: str) -> str:
    """A trigger without what PostgreSQL writes in its own way: spaces, brackets, casts, capitals."""
    for its_own in ("(", ")", "::text"):
        text = text.replace(its_own, "")
    return " ".join(text.lower().split())
