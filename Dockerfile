# One image for web server and worker. Build: docker build -t voicedash .
# scripts/container-check reads this file and runs it in a bare Debian tree, where no container engine is.
FROM python:3.13-slim-trixie

# No .pyc at build, nothing held back in logs, and data in one place that is a volume.
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    VOICEDASH_DATA=/data \
    VOICEDASH_STATIC=/srv/static \
    VOICEDASH_ENV_FILE= \
    HOST=0.0.0.0 \
    PORT=8000

# `manage.py backup` calls pg_dump, which must not be older than the server: the same major as in compose.yaml.
RUN apt-get update \
    && apt-get install -y --no-install-recommends postgresql-client-17 \
    && rm -rf /var/lib/apt/lists/*

RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin voicedash \
    && install -d -o voicedash -g voicedash -m 0700 /data

WORKDIR /srv/voicedash
COPY requirements.lock .
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock

COPY manage.py .
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
# A list, so that what is told to end is process 1: it ends web server and worker within ten seconds, mostly at once.
STOPSIGNAL SIGTERM
# Needs VOICEDASH_URL, and FORWARDED_ALLOW_IPS with the address of the proxy in front.
# Both in one container; apart they are `serve --no-worker` and `worker`, as in compose.yaml.
CMD ["python", "manage.py", "serve"]
