"""A new sealing key is put in front, every secret sealed anew, and the old key goes only when nothing needs it."""

import random
import signal
import threading
from collections import Counter
from typing import Any

import pytest
from django.db import connection

from tests import cast as people
from tests.cast import Cast
from tests.forked import Forked
from tests.keyring import Keyring, new_key
from tests.serving import ROOT
from tests.tenants.conftest import told
from voicedash.tenants import board, keys, rotation, sealing
from voicedash.tenants.models import BandwidthAccount

pytestmark = pytest.mark.usefixtures("keyring")  # before the cast, whose secrets are sealed with its key

NEW = ("rotate_keys", "--new", "--one-node")


@pytest.fixture
def cast(keyring: Keyring, transactional_db: None) -> Cast:
    return people.assemble()


def secrets() -> list[str]:
    return [sealing.open_secret(account) for account in BandwidthAccount.objects.order_by("pk")]


def sealed_with() -> set[str]:
    """The fingerprints of the keys that the secrets need."""
    return {keys.fingerprint(sealing.key_of(account)) for account in BandwidthAccount.objects.all()}


def test_a_rotation_on_one_machine(cast: Cast, keyring: Keyring) -> None:
    (old,) = keyring.names
    done = keyring.manage_afresh(*NEW)
    assert done.returncode == 0, done.stderr
    new = keyring.names[0]
    assert keyring.names == [new, old] and new != old
    assert keyring.file.stat().st_mode & 0o777 == 0o600
    assert "acme 9900001: sealed anew\nglobex 9900002: sealed anew\n" in done.stdout
    assert sealed_with() == {new}
    assert secrets() == ["secret-9900001", "secret-9900002"]

    done = keyring.manage("rotate_keys", "--check")
    assert done.returncode == 0
    assert f"{new} (first, seals): opens 2 accounts" in done.stdout
    assert f"{old}: not needed" in done.stdout
    assert "The first key alone opens everything." in done.stdout

    done = keyring.manage("rotate_keys", "--drop")
    assert done.returncode == 0
    assert keyring.names == [new]
    assert old in done.stdout and "before-*.sqlite3" in done.stdout
    assert keyring.file.stat().st_mode & 0o777 == 0o600
    assert keyring.manage("rotate_keys", "--check").returncode == 0
    assert not [path.name for path in keyring.folder.iterdir() if path.name.endswith(".new")]


def test_each_is_told_in_the_log_by_the_key_s_name_only(cast: Cast, keyring: Keyring) -> None:
    keyring.command(*NEW)
    entry = ("account.resealed", None, {"id": cast.acme_account.pk, "key": keyring.names[0]})
    assert told(cast.acme) == [entry]
    version = cast.acme.board.version
    again = keyring.command("rotate_keys")
    assert "0 accounts sealed anew" in again.stdout and "2 were already" in again.stdout
    assert told(cast.acme) == [entry]
    cast.acme.board.refresh_from_db()
    assert cast.acme.board.version == version + 1


def test_no_key_and_no_secret_is_printed(cast: Cast, keyring: Keyring) -> None:
    said = ""
    for arguments in (NEW, ("rotate_keys",), ("rotate_keys", "--check"), ("rotate_keys", "--drop")):
        done = keyring.manage(*arguments)
        said += done.stdout + done.stderr
        for hidden in [*keyring.words, *keyring.settings.SEALING_KEYS, "secret-99", "gAAAA"]:
            assert hidden not in said


def test_the_old_key_stays_while_an_account_needs_it(cast: Cast, keyring: Keyring) -> None:
    old = keyring.words[0]
    keyring.write(new_key(), old)
    for command in ("--check", "--drop"):
        done = keyring.command("rotate_keys", command)
        assert done.returncode == 1
        assert "acme 9900001" in done.stdout + done.stderr and "globex 9900002" in done.stdout + done.stderr
    assert keyring.words[1:] == [old]
    assert keyring.command("rotate_keys").returncode == 0
    assert keyring.command("rotate_keys", "--drop").returncode == 0
    assert len(keyring.words) == 1
    assert secrets() == ["secret-9900001", "secret-9900002"]


def test_an_account_that_no_key_opens_is_named_and_the_rest_goes_on(cast: Cast, keyring: Keyring) -> None:
    BandwidthAccount.objects.filter(pk=cast.acme_account.pk).update(sealed_secret="lost", name="Main")
    done = keyring.command(*NEW)
    assert done.returncode == 1
    assert "acme 9900001 (Main): no key in VOICEDASH_KEYS opens the secret" in done.stderr
    assert "globex 9900002: sealed anew" in done.stdout
    cast.acme_account.refresh_from_db()
    assert cast.acme_account.sealed_secret == "lost"
    check = keyring.command("rotate_keys", "--check")
    assert check.returncode == 1
    assert "acme 9900001 (Main): CANNOT BE OPENED" in check.stdout
    # No key in the file would open it: keeping the old one does not help it.
    assert keyring.command("rotate_keys", "--drop").returncode == 0
    assert secrets_of(cast.globex_account) == "secret-9900002"


def secrets_of(account: BandwidthAccount) -> str:
    return sealing.open_secret(BandwidthAccount.objects.get(pk=account.pk))


def test_a_secret_that_was_sealed_for_another_row_is_not_sealed_anew_for_this_one(cast: Cast, keyring: Keyring) -> None:
    BandwidthAccount.objects.filter(pk=cast.globex_account.pk).update(sealed_secret=cast.acme_account.sealed_secret)
    done = keyring.command(*NEW)
    assert "globex 9900002: the secret was sealed for another row" in done.stderr
    with pytest.raises(sealing.Unopenable, match="another row"):
        secrets_of(cast.globex_account)


def test_an_account_without_a_secret_is_left_out(cast: Cast, keyring: Keyring) -> None:
    BandwidthAccount.objects.filter(pk=cast.acme_account.pk).update(sealed_secret="")
    done = keyring.command(*NEW)
    assert done.returncode == 0 and "1 without a secret" in done.stdout
    done = keyring.command("rotate_keys", "--check")
    assert done.returncode == 0 and "no secret is set: acme 9900001" in done.stdout


def test_keys_that_somebody_else_keeps_are_not_written(cast: Cast, keyring: Keyring) -> None:
    given = keyring.words[0]
    theirs = keyring.folder / "theirs"
    theirs.write_text(given)
    for variables in ({"VOICEDASH_KEYS": given}, {"VOICEDASH_KEYS_FILE": str(theirs)}):
        for command in (NEW, ("rotate_keys", "--drop")):
            done = keyring.manage(*command, **variables)
            assert done.returncode == 1
            assert "which voicedash does not write" in done.stderr
    assert theirs.read_text() == given


def test_a_rotation_by_the_environment_on_several_machines(cast: Cast, keyring: Keyring) -> None:
    old, new = keyring.words[0], new_key()
    keyring.file.unlink()
    assert keyring.manage("rotate_keys", "--check", VOICEDASH_KEYS=f"{old},{new}").returncode == 0
    both = {"VOICEDASH_KEYS": f"{new},{old}"}
    assert keyring.manage("rotate_keys", "--check", **both).returncode == 1
    assert keyring.manage("rotate_keys", **both).returncode == 0
    assert keyring.manage("rotate_keys", "--check", **both).returncode == 0
    assert "opens 2 accounts" in keyring.manage("rotate_keys", "--check", VOICEDASH_KEYS=new).stdout
    assert not keyring.file.exists()


def test_on_postgresql_other_machines_are_thought_of_first(cast: Cast, keyring: Keyring) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite is on one machine")
    before = keyring.words
    done = keyring.command("rotate_keys", "--new")
    assert done.returncode == 1 and "--one-node" in done.stderr
    assert keyring.words == before


def test_a_secret_entered_between_reading_and_writing_stays(
    cast: Cast, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring.write(new_key(), *keyring.words)
    real = sealing.reseal
    seen = Counter[int]()

    def entered_meanwhile(account: BandwidthAccount) -> bool:
        done = real(account)
        seen[account.pk] += 1
        if account.pk == cast.acme_account.pk and seen[account.pk] == 1:  # before the lock is taken
            other = BandwidthAccount.objects.get(pk=account.pk)
            sealing.seal(other, "entered by an admin")
            other.save(update_fields=["sealed_secret"])
        return done

    monkeypatch.setattr(sealing, "reseal", entered_meanwhile)
    result = rotation.reseal_all(lambda line: None)
    assert [account.account_id for account in result.done] == ["9900002"]
    assert secrets_of(cast.acme_account) == "entered by an admin"
    assert told(cast.acme) == []


def test_an_admin_and_two_rotations_at_once_lose_nothing(cast: Cast, keyring: Keyring, threads: Any) -> None:
    for number in range(10, 22):
        people.account(cast.acme, f"99000{number}")
    stop = threading.Event()
    entered: dict[int, str] = {}

    def admin() -> None:
        pks = list(BandwidthAccount.objects.filter(tenant=cast.acme).values_list("pk", flat=True))
        while not stop.wait(0.02):
            pk = random.choice(pks)
            with board.writing(cast.acme.pk):
                account = BandwidthAccount.objects.get(pk=pk)
                sealing.seal(account, f"entered {len(entered)} {random.random()}")
                account.save(update_fields=["sealed_secret"])
                secret = sealing.open_secret(account)
            entered[pk] = secret

    admins = threads.submit(admin)
    try:
        rotations = [threads.submit(keyring.manage, *NEW) for _ in range(2)]
        done = [rotation.result() for rotation in rotations]
    finally:
        stop.set()
    admins.result()
    assert [(one.returncode, one.stderr) for one in done] == [(0, ""), (0, "")]
    assert len(keyring.words) == 3
    assert keyring.command("rotate_keys").returncode == 0
    assert keyring.command("rotate_keys", "--drop").returncode == 0
    assert sealed_with() == set(keyring.names)
    assert entered
    for account in BandwidthAccount.objects.all():
        assert sealing.open_secret(account) == entered.get(account.pk, f"secret-{account.account_id}")
    # What the admin had just sealed with the new key needed no rotation.
    assert {verb for verb, _, _ in told(cast.acme)} <= {"account.resealed"}
    assert {verb for verb, _, _ in told(cast.globex)} == {"account.resealed"}


def test_killed_in_the_middle_it_is_simply_run_again(cast: Cast, keyring: Keyring) -> None:
    for number in range(10, 60):
        people.account(cast.acme, f"99000{number}")
    process = Forked(["manage.py", *NEW], cwd=ROOT, env=keyring.environment())
    for line in process.stdout:
        if "sealed anew" in line:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert len(keyring.words) == 2
    assert len(sealed_with()) == 2, "it was over before it was killed"
    refused = keyring.command("rotate_keys", "--drop")
    assert refused.returncode == 1 and "is needed by" in refused.stderr
    assert keyring.command("rotate_keys").returncode == 0
    assert keyring.command("rotate_keys", "--drop").returncode == 0
    assert sealed_with() == set(keyring.names)
    assert len(told(cast.acme)) == 51  # each once
