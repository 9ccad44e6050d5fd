"""The process that `tests.serving.Node` starts: the real `serve --no-worker`, with the times of a press scaled."""

import os
import sys

import django
from django.conf import settings
from django.core.management import call_command


def main(scale: float) -> None:
    """Serves on a free port, which it prints, until it is told to stop, or is killed."""
    os.environ["PORT"] = "0"
    django.setup()
    from voicedash.calls import times  # needs the applications

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    times.scale(scale)
    call_command("serve", "--no-migrate", "--no-worker")  # itself: what hits this process hits the web server


if __name__ == "__main__":
    main(float(sys.argv[1]))
