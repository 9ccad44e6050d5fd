"""A worker's sign of life: by the database's clock, one row a process, under no tenant's lock."""

from datetime import timedelta
from uuid import uuid4

from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from voicedash.tenants import workers
from voicedash.tenants.board import database_time
from voicedash.tenants.models import Worker


def test_the_newest_of_all_counts(cast):
    assert workers.newest() is None
    first, second = uuid4(), uuid4()
    before = database_time()
    workers.beat(first, "one")
    workers.beat(second, "two")
    Worker.objects.filter(pk=second).update(seen_at=Now() - timedelta(seconds=20))
    newest = workers.newest("snapshot")
    assert newest is not None
    assert before <= newest <= database_time()
    Worker.objects.filter(pk=first).delete()
    left = workers.newest()
    assert left is not None and left < before


def test_a_beat_moves_one_row_and_leaves_the_start(cast):
    one = uuid4()
    workers.beat(one, "one")
    started = Worker.objects.get().started_at
    Worker.objects.update(seen_at=Now() - timedelta(seconds=20))
    workers.beat(one, "one")
    row = Worker.objects.get()
    assert row.started_at == started
    assert row.seen_at >= started


def test_a_beat_takes_no_tenants_lock(cast, django_assert_max_num_queries):
    one = uuid4()
    workers.beat(one, "one")
    with django_assert_max_num_queries(1) as asked:
        workers.beat(one, "one")
    assert isinstance(asked, CaptureQueriesContext)
    assert "tenants_board" not in asked.captured_queries[0]["sql"]


def test_the_dead_are_forgotten_after_a_day(cast):
    dead, silent = uuid4(), uuid4()
    workers.beat(dead, "dead")
    workers.beat(silent, "silent")
    Worker.objects.filter(pk=dead).update(seen_at=Now() - timedelta(hours=25))
    Worker.objects.filter(pk=silent).update(seen_at=Now() - timedelta(hours=23))
    workers.beat(uuid4(), "new")
    assert sorted(Worker.objects.values_list("name", flat=True)) == ["new", "silent"]
    # One that was only suspended comes back by itself.
    workers.beat(dead, "dead")
    assert Worker.objects.count() == 3
