# One image for the web server (and later the worker). Build: docker build -t voicedash .
FROM python:3.13-slim

# No .pyc at build, nothing held back in logs, and data in one place that is a volume.
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    VOICEDASH_DATA=/data \
    VOICEDASH_STATIC=/srv/static \
    VOICEDASH_ENV_FILE= \
    HOST=0.0.0.0 \
    PORT=8000

RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin voicedash \
    && install -d -o voicedash -g voicedash -m 0700 /data

WORKDIR /srv/voicedash
COPY requirements.lock .
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock

COPY manage.py ./
COPY voicedash voicedash
COPY templates templates
COPY static static

# Settings want secrets to start. These live for one command: the folder is gone before the layer is kept.
RUN build=$(mktemp -d) \
    && VOICEDASH_DATA="$build" python manage.py collectstatic --no-input --verbosity 0 \
    && rm -r "$build"

USER voicedash
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=2)"]
# Needs VOICEDASH_URL, and FORWARDED_ALLOW_IPS with the address of the proxy in front.
CMD ["python", "manage.py", "serve"]
