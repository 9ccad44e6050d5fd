"""`make demo` as its visitors find it: a full board that moves, a press that is acknowledged, tenants kept apart."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.demo.running import POISON, WEB, WORKER, Demo, Visitor, folder, launch, running, wait_until


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder(tmp_path_factory.mktemp("shown"))


@pytest.fixture(scope="module")
def demo(data: Path) -> Iterator[Demo]:
    """One demo for all of them: a demo has many visitors."""
    with running(data, **POISON) as started:
        yield started


def test_a_newcomer_finds_a_full_board_and_a_press_is_acknowledged(demo: Demo) -> None:
    ana = Visitor(demo.address, "ana")
    assert ana.landed.url == f"{demo.address}/t/acme/"
    rows = ana.rows("acme")
    live = [row for row in rows.values() if row["state"] in {"answered", "initiated"}]
    assert 12 <= len(live) <= 19  # 18 at most at once, and one may have come while another's end is not fetched yet
    assert ana.get("/t/acme/").count('<span class="team">, ') >= len(live) // 2  # people in teams, not numbers
    chosen = next(row for row in live if row["state"] == "answered" and row["recording"] == "assumed")

    page = ana.post(f"/t/acme/calls/{chosen['pk']}/pause/", seen=chosen["version"]).text

    assert "Paused: go ahead" in page
    after = ana.rows("acme")[chosen["call"]]
    assert after["recording"] == "paused"
    assert after["asking"] == ""


def test_each_tenant_has_its_own_calls_and_a_viewer_no_buttons(demo: Demo) -> None:
    omar, vic = Visitor(demo.address, "omar"), Visitor(demo.address, "vic")
    globex = omar.rows("globex")
    assert len([row for row in globex.values() if row["state"] == "answered"]) >= 3
    assert not set(globex) & set(vic.rows("acme"))
    assert "/pause/" not in vic.get("/t/acme/")
    assert omar.session.get(f"{demo.address}/t/acme/", timeout=10).status_code == 404


def test_managers_are_told_that_a_sign_in_ends_and_supervisors_are_not(demo: Demo) -> None:
    assert "2 December 2026" in Visitor(demo.address, "mia").get("/t/acme/")
    assert "2 December 2026" not in Visitor(demo.address, "ana").get("/t/acme/")


def test_root_administers_and_no_password_is_wrong(demo: Demo) -> None:
    assert "Acme Support" in Visitor(demo.address, "root").get("/admin/tenants/tenant/")


def test_calls_come_and_end_at_each_tenant_without_a_touch(demo: Demo) -> None:
    visitors = {"acme": Visitor(demo.address, "ana"), "globex": Visitor(demo.address, "omar")}
    before = {tenant: visitor.rows(tenant) for tenant, visitor in visitors.items()}
    moved: set[str] = set()

    def all_moved() -> bool:
        for tenant in visitors.keys() - moved:
            now = visitors[tenant].rows(tenant)
            ended = [call for call, row in now.items() if row["state"] == "disconnected" and call in before[tenant]]
            if ended and set(now) - set(before[tenant]):
                moved.add(tenant)
        return moved == visitors.keys()

    wait_until(all_moved, 250, every=1.0)


def test_both_tenants_hear_of_calls_by_callbacks(demo: Demo) -> None:
    root = Visitor(demo.address, "root")
    listed = root.get("/admin/live/callbacks/")
    pages = [
        re.findall(rf'href="(/admin/live/callbacks/\d+/change/)">{tenant}<', listed)[0]
        for tenant in ("Acme Support", "Globex Care")
    ]

    def heard(page: str) -> bool:
        kinds = set(re.findall(r'<th scope="row">(\w+)</th>', root.get(page).partition("What came last")[2]))
        return {"initiate", "disconnect", "recordingAvailable"} <= kinds

    for page in pages:
        wait_until(lambda page=page: heard(page), 250, every=1.0)  # type: ignore[misc]
        assert "All of it could be used." in root.get(page)


def test_a_second_demo_in_the_same_folder_is_refused(data: Path, demo: Demo) -> None:
    process = launch(data)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "already" in errors
    Visitor(demo.address, "ana")  # and the first goes on


def test_web_and_worker_are_ready_and_back_when_they_die(demo: Demo) -> None:
    def ready() -> bool:
        return requests.get(f"{demo.address}/readyz", timeout=10).status_code == 200

    wait_until(ready)
    for command in (WEB, WORKER):
        former = demo.child(command)
        os.kill(former, signal.SIGKILL)
        wait_until(lambda command=command, former=former: demo.child(command) != former)  # type: ignore[misc]
    wait_until(ready)
    Visitor(demo.address, "ana")
