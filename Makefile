# Short names for what is done in scripts/ and by manage.py; all of it also runs without make.
.PHONY: help demo test serve

help:
	@echo "make demo    everything on this machine, with a stand-in for Bandwidth; Ctrl-C stops it"
	@echo "make test    style, types and every test"
	@echo "make serve   the real thing; README.md tells what to set"

demo:
	@scripts/setup && exec .venv/bin/python -m voicedash.demo

test:
	@exec scripts/test

serve:
	@scripts/setup && exec .venv/bin/python manage.py serve
