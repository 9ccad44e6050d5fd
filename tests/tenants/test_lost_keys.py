"""A missing or wrong key: pages live, the accounts it hits are named, and nothing else breaks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests import cast as people
from tests import statics
from tests.cast import Cast
from tests.forked import Forked
from tests.keyring import Keyring, new_key
from tests.serving import ROOT, Node
from tests.tenants.conftest import told
from tests.tenants.test_admin_accounts import LIST, form, page_of
from voicedash.bandwidth.fake import Fake
from voicedash.calls.models import Call
from voicedash.tenants import accounts, sealing
from voicedash.tenants.models import BandwidthAccount, User
from voicedash.tenants.provisioning import provision

NAMED = "Nothing can be paused or resumed where the account's secret cannot be opened: 9900001 (Acme Support)."


@pytest.fixture
def cast(keyring: Keyring, transactional_db: None) -> Cast:
    """Acme's secret was sealed with a key that is lost; that of its second account, and Globex's, with the one here."""
    made = people.assemble()
    keyring.settings.SEALING_KEYS_FILE = None
    keyring.settings.SEALING_KEYS = [new_key()]
    keyring.write(*keyring.settings.SEALING_KEYS)
    for account in (made.globex_account, people.account(made.acme, "9900003")):
        sealing.seal(account, f"secret-{account.account_id}")
        account.save(update_fields=["sealed_secret"])
    return made


def other(cast: Cast) -> BandwidthAccount:
    return BandwidthAccount.objects.get(account_id="9900003")


def test_on_a_real_server_pages_live_and_only_presses_on_that_account_fail(
    cast: Cast, bandwidth: Fake, live_call: Callable[..., tuple[Call, Any]], node: Callable[..., Node]
) -> None:
    people.known_to(bandwidth, other(cast))
    hit, _ = live_call(cast.acme_account)
    well, _ = live_call(other(cast))
    theirs, _ = live_call(cast.globex_account)
    served = node()
    ana, mia, omar, root = (served.browser_of(user) for user in (cast.ana, cast.mia, cast.omar, cast.root))
    pages = [(ana, "/t/acme/"), (mia, "/t/acme/"), (omar, "/t/globex/"), (root, "/admin/"), (root, LIST)]
    for who, page in [*pages, (root, page_of(cast.acme_account)), (ana, f"/t/acme/calls/{hit.pk}/")]:
        assert who.get(page).status_code == 200, page

    for verb in ("pause", "resume"):
        answer = ana.post(f"/t/acme/calls/{hit.pk}/{verb}/")
        assert answer.status_code == 200
        assert 'data-outcome="credentials"' in answer.text
        assert "voicedash cannot open this account" in answer.text
        assert 'data-recording="assumed"' in answer.text
        assert 'data-outcome="acknowledged"' in ana.post(f"/t/acme/calls/{well.pk}/{verb}/").text
        assert (
            'data-outcome="acknowledged"'
            in omar.post(f"/t/globex/calls/{theirs.pk}/{verb}/", data={"anyway": "1"}).text
        )
    assert "9900001" not in "".join(request.path for request in bandwidth.requests)
    fetched = ana.post("/t/acme/fetch/")
    assert fetched.status_code == 200


def test_the_manager_s_board_names_it_and_other_boards_do_not(cast: Cast, browser: Callable[[User], Client]) -> None:
    shown = NAMED.replace("'", "&#x27;")
    page = browser(cast.mia).get("/t/acme/").content.decode()
    assert shown in page and "Whoever runs voicedash must bring the missing sealing key back" in page
    for user in (cast.ana, cast.vic):
        assert "cannot be opened" not in browser(user).get("/t/acme/").content.decode()
    assert "cannot be opened" not in browser(cast.omar).get("/t/globex/").content.decode()


def test_only_managers_pay_for_it_and_only_once(
    cast: Cast, browser: Callable[[User], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    BandwidthAccount.objects.filter(pk=cast.acme_account.pk).delete()  # one that is lost is tried at each look
    tried: list[str] = []
    decrypted = sealing._decrypted

    def counted(known: tuple[str, ...], sealed: str) -> tuple[str, bytes] | None:
        tried.append(sealed)
        return decrypted(known, sealed)

    monkeypatch.setattr(sealing, "_decrypted", counted)
    sealing._opens.cache_clear()
    browser(cast.ana).get("/t/acme/")
    assert tried == []
    mia = browser(cast.mia)
    for _ in range(3):
        mia.get("/t/acme/")
    assert len(tried) == 1
    with CaptureQueriesContext(connection) as queries:
        assert accounts.sealed_for(cast.mia.memberships.get(tenant=cast.acme)) is None
    assert len(queries) == 2  # the membership and the accounts


def test_admin_names_it_on_every_page_in_the_list_and_on_its_own(cast: Cast, root: Client) -> None:
    for address in ("/admin/", "/admin/tenants/tenant/", LIST):
        assert NAMED.replace("'", "&#x27;") in root.get(address).content.decode()
    page = root.get(LIST).content.decode()
    assert page.count('<td class="field-secret_state">cannot be opened</td>') == 1
    assert page.count('<td class="field-secret_state">set</td>') == 2
    page = root.get(page_of(cast.acme_account)).content.decode()
    assert "Cannot be opened: no key in VOICEDASH_KEYS fits. Enter it again, or bring the key back." in page


def test_admin_can_save_it_and_enter_a_new_secret(cast: Cast, bandwidth: Fake, root: Client) -> None:
    page = root.post(page_of(cast.acme_account), form(cast, name="Main"), follow=True).content.decode()
    assert "Secret cannot be opened." in page  # the check that follows saving
    cast.acme_account.refresh_from_db()
    assert cast.acme_account.name == "Main"

    entered = form(cast, name="Main", secret="secret-9900001")
    page = root.post(page_of(cast.acme_account), entered, follow=True).content.decode()
    assert "Works. Bandwidth accepts these credentials for this account." in page
    cast.acme_account.refresh_from_db()
    assert sealing.open_secret(cast.acme_account) == "secret-9900001"
    assert ">cannot be opened<" not in root.get(LIST).content.decode()


def test_provisioning_seals_it_anew_and_leaves_the_others(cast: Cast) -> None:
    text = """
[[tenant]]
slug = "acme"
name = "Acme Support"
time_zone = "America/New_York"
[[tenant.account]]
account_id = "9900001"
auth = "oauth2"
client_id = "CLI-9900001"
secret = "secret-9900001"
records = "all"
[[tenant.account]]
account_id = "9900003"
auth = "oauth2"
client_id = "CLI-9900003"
secret = "secret-9900003"
records = "all"
"""
    assert provision(text) == ["acme: account 9900001 changed: secret"]
    assert told(cast.acme) == [("account.changed", None, {"id": cast.acme_account.pk, "fields": ["secret"]})]
    assert provision(text) == []
    assert accounts.sealed(BandwidthAccount.objects.all()) is None


def test_every_command_says_so_at_its_start_and_refuses_nothing(cast: Cast, keyring: Keyring) -> None:
    done = keyring.manage("check")
    assert done.returncode == 0
    assert NAMED in done.stderr
    assert "Bring the missing key of VOICEDASH_KEYS back, or enter the secret again" in done.stderr
    BandwidthAccount.objects.filter(pk=cast.acme_account.pk).delete()
    assert "no issues" in keyring.manage("check").stdout


def test_the_server_says_so_at_its_start_and_serves(cast: Cast, keyring: Keyring) -> None:
    environment = keyring.environment(PORT="0", VOICEDASH_STATIC=str(statics.collected()))
    process = Forked(["manage.py", "serve", "--no-worker"], cwd=ROOT, env=environment)
    said = ""
    for line in process.stdout:
        said += line
        if "voicedash: http" in line:
            break
    process.kill()
    process.communicate()
    assert "voicedash: http" in said
    assert NAMED in said


def test_a_database_that_is_not_there_is_neither_asked_nor_made(keyring: Keyring, tmp_path: Path) -> None:
    done = keyring.manage("check", DATABASE_URL=f"sqlite:///{tmp_path / 'none.sqlite3'}")
    assert done.returncode == 0 and "no issues" in done.stdout
    assert not (tmp_path / "none.sqlite3").exists()


def test_a_key_that_is_brought_back_mends_it_without_a_restart(cast: Cast, keyring: Keyring) -> None:
    here, lost = keyring.words[0], new_key()
    keyring.settings.SEALING_KEYS = [lost]
    sealing.seal(cast.acme_account, "s")
    keyring.settings.SEALING_KEYS_FILE = keyring.file
    keyring.settings.SEALING_KEYS = [here]
    assert accounts.secret_state(cast.acme_account) == "cannot be opened"
    keyring.write(here, lost)
    assert accounts.secret_state(cast.acme_account) == "set"
