#!/usr/bin/env python
"""Django's command line, with the one settings file."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voicedash.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:  # a setting to mend is a sentence, not a traceback
        print(error, file=sys.stderr)
        sys.exit(2)  # as of a wrong argument; `verify_log` says by a 1 that it found a fault


if __name__ == "__main__":
    main()
