"""The process that `tests.serving.Node` starts: the real `serve`, with the times of a press scaled."""

import os
import socket
import sys

import django
from django.conf import settings
from django.core.management import call_command


def main(scale: float) -> None:
    """Serves on a free port until it is told to stop, or is killed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        os.environ["PORT"] = str(probe.getsockname()[1])
    django.setup()
    from voicedash.calls import times  # needs the applications

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    times.scale(scale)
    call_command("serve", "--no-migrate")


if __name__ == "__main__":
    main(float(sys.argv[1]))
