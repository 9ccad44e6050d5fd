"""The file of the keys while voicedash runs: read again when it changes, left alone when it is not as it should be."""

import errno
import os

import pytest

from tests import cast as people
from tests.cast import Cast
from tests.keyring import Keyring, new_key
from voicedash.tenants import keys, sealing
from voicedash.tenants.models import BandwidthAccount

NEW = ("rotate_keys", "--new", "--one-node")


@pytest.fixture
def cast(keyring: Keyring, transactional_db: None) -> Cast:
    return people.assemble()


def secrets() -> list[str]:
    return [sealing.open_secret(account) for account in BandwidthAccount.objects.order_by("pk")]


def secrets_of(account: BandwidthAccount) -> str:
    return sealing.open_secret(BandwidthAccount.objects.get(pk=account.pk))


def test_a_process_that_runs_takes_a_new_key_up_without_a_restart(cast: Cast, keyring: Keyring) -> None:
    before = keys.current()
    assert keyring.manage(*NEW).returncode == 0
    assert keys.current() == before  # nobody told it
    assert secrets() == ["secret-9900001", "secret-9900002"]
    assert keys.current() == tuple(keyring.words)


def test_what_is_sealed_after_a_rotation_never_needs_the_old_key(cast: Cast, keyring: Keyring) -> None:
    keyring.manage(*NEW)
    sealing.seal(cast.acme_account, "entered now, by a process that started before")
    assert keys.fingerprint(sealing.key_of(cast.acme_account)) == keyring.names[0]


@pytest.mark.parametrize("spoilt", ["", "\n", "junk", "ä", "\x00\x01"])
def test_a_file_that_is_spoilt_takes_nothing_from_a_process_that_runs(
    cast: Cast, keyring: Keyring, spoilt: str, caplog: pytest.LogCaptureFixture
) -> None:
    keyring.write(spoilt)
    BandwidthAccount.objects.filter(pk=cast.globex_account.pk).update(sealed_secret="lost")
    with pytest.raises(sealing.Unopenable):
        secrets_of(cast.globex_account)
    assert secrets_of(cast.acme_account) == "secret-9900001"
    assert str(keyring.file) in caplog.text


def test_a_key_in_front_of_junk_is_taken_up_and_the_junk_is_not(cast: Cast, keyring: Keyring) -> None:
    old, new = keyring.words[0], new_key()
    keyring.write(new, old, "trailing-junk")
    sealing.seal(cast.acme_account, "s")
    assert keys.current() == (new, old)
    for arguments in (NEW, ("rotate_keys", "--drop"), ("check",)):
        done = keyring.manage(*arguments)
        assert done.returncode != 0
        assert f"VOICEDASH_KEYS: a key is not 32 url-safe base64-encoded bytes (in {keyring.file})" in done.stderr
        assert "trailing-junk" not in done.stderr
    assert keyring.words == [new, old, "trailing-junk"]


def test_binary_junk_is_a_sentence_too(cast: Cast, keyring: Keyring) -> None:
    keyring.file.write_bytes(b"\xff\xfe" + keyring.file.read_bytes())
    done = keyring.manage("check")
    assert done.returncode != 0
    assert f"{keyring.file} cannot be kept (it is not text)" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_keeps_its_owner_when_root_rotates(cast: Cast, keyring: Keyring) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(keyring.file, 12345, 12346)
    assert keyring.manage(*NEW).returncode == 0
    assert (keyring.file.stat().st_uid, keyring.file.stat().st_gid) == (12345, 12346)


def test_a_draft_that_a_killed_one_left_is_in_nobodys_way(cast: Cast, keyring: Keyring) -> None:
    keyring.file.with_name(".voicedash_keys.new").write_text("half a k")
    assert keyring.manage(*NEW).returncode == 0
    assert len(keyring.words) == 2


def test_a_full_disk_leaves_no_draft_with_keys_in_it(keyring: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = keyring.words
    monkeypatch.setattr("voicedash.tenants.keys.os.fsync", full)
    with pytest.raises(keys.CannotWrite, match="No space left on device"):
        keys.add()
    assert keyring.words == before
    assert not list(keyring.folder.glob(".*.new"))
