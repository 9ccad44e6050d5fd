"""The tests, in rooms that mirror voicedash/."""
