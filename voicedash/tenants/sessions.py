"""Django's sessions in the database, read by a statement that is put together once: every request reads one."""

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from voicedash.tenants import reads

_LIVE = "WHERE django_session.session_key = %s AND django_session.expire_date > %s"


class SessionStore(db.SessionStore):
    """What `SESSION_ENGINE = "voicedash.tenants.sessions"` names."""

    def _get_session_from_db(self) -> Session | None:
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        session = reads.first(Session, _LIVE, self.session_key, now)
        if session is None:
            self._session_key = None  # as Django does: a key that is nobody's is not taken over
        return session
