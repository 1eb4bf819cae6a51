# The platform's image; it is built with BuildKit. `deploy.md` in docs/ says how it is run.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS packages
# One package is compiled. Debian's own Python has its headers apart.
RUN command -v gcc >/dev/null \
    || { apt-get update -q \
        && apt-get install -q -y --no-install-recommends gcc libc6-dev \
            $([ ! -x /usr/bin/python3 ] || echo python3-dev); }
COPY requirements.txt /tmp/requirements.txt
# An index or certificates of one's own are secrets of the build: no layer keeps them.
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca.pem,target=/run/ca.pem \
    if [ -s /run/ca.pem ]; then export PIP_CERT=/run/ca.pem; fi \
    && python3 -m venv /opt/algoport/.venv \
    && /opt/algoport/.venv/bin/pip install --quiet --no-cache-dir -r /tmp/requirements.txt

FROM ${BASE_IMAGE}
RUN command -v git >/dev/null && [ -e /etc/ssl/certs/ca-certificates.crt ] \
    || { apt-get update -q \
        && apt-get install -q -y --no-install-recommends git ca-certificates \
        && rm -rf /var/lib/apt/lists/*; }
# Volumes take over the owner of the folders that they are mounted on.
RUN groupadd --gid 10001 algoport \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp \
        --shell /usr/sbin/nologin algoport \
    && install -d -o algoport -g algoport /data /data/repositories
COPY --from=packages /opt/algoport/.venv /opt/algoport/.venv
COPY . /opt/algoport
WORKDIR /opt/algoport
# Nothing can be written there later.
RUN .venv/bin/python -m compileall -q -j 0 algorithms dataportal orgs platform scm algoport.py
ENV PATH=/opt/algoport/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ALGOPORT_DATA=/data \
    ALGOPORT_HOST=0.0.0.0
USER 10001:10001
EXPOSE 8080
CMD ["python", "manage.py", "up"]
