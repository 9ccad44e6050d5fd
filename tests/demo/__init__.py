"""The demo, tried as a newcomer tries it: by starting it."""
