# Three images from one file: `slim` for services that run no model, `predict` with what serves a trained bundle, `models`
# with torch and the other training libraries. Wheels lying in wheelhouse/ are used first, so that a build without a
# package index works too:
#     pip download --no-deps --only-binary=:all: -d wheelhouse -r requirements-models.lock
#     pip download --no-deps --only-binary=:all: -d wheelhouse -r requirements-torch.txt
#     PY_NO_INDEX=1 PY_EXTRA_INDEX_URL= docker compose build

FROM python:3.11-slim-bookworm AS base
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1

FROM base AS venv-slim
ARG PIP_NO_INDEX=""
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore
COPY requirements.lock ./
RUN --mount=type=bind,source=wheelhouse,target=/wheelhouse \
    --mount=type=cache,target=/root/.cache/pip \
    python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-deps --require-hashes --only-binary=:all: --find-links /wheelhouse -r requirements.lock

FROM venv-slim AS venv-predict
COPY requirements-predict.lock ./
RUN --mount=type=bind,source=wheelhouse,target=/wheelhouse \
    --mount=type=cache,target=/root/.cache/pip \
    /opt/venv/bin/pip install --no-deps --require-hashes --only-binary=:all: --find-links /wheelhouse -r requirements-predict.lock

FROM venv-slim AS venv-models
ARG PIP_EXTRA_INDEX_URL=""
COPY requirements-models.lock requirements-torch.txt ./
RUN --mount=type=bind,source=wheelhouse,target=/wheelhouse \
    --mount=type=cache,target=/root/.cache/pip \
    /opt/venv/bin/pip install --no-deps --require-hashes --only-binary=:all: --find-links /wheelhouse -r requirements-models.lock \
    && /opt/venv/bin/pip install --only-binary=:all: --find-links /wheelhouse -r requirements-torch.txt

FROM base AS code
COPY shared /app/shared
COPY services /app/services
COPY trading_system /app/trading_system
COPY --chmod=755 deploy/thetaflow /app/bin/thetaflow
RUN python -m compileall -q /app && install -d -o 10001 -g 10001 /app/data/models

FROM base AS runtime
RUN groupadd --gid 10001 thetaflow \
    && useradd --uid 10001 --gid thetaflow --no-create-home --home-dir /tmp thetaflow \
    && install -d -o thetaflow -g thetaflow /store /audit /alerts
# One thread per numeric library: pools that fight for a container's share of the cores are slower than none.
ENV PATH=/app/bin:/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    HOME=/tmp \
    OMP_NUM_THREADS=1 \
    OPENBLAS_NUM_THREADS=1 \
    MKL_NUM_THREADS=1 \
    NUMEXPR_NUM_THREADS=1 \
    NUMBA_NUM_THREADS=1 \
    MALLOC_ARENA_MAX=2 \
    THETAFLOW_HEALTH_HOST=0.0.0.0 \
    THETAFLOW_HEALTH_PORT=8081 \
    THETAFLOW_INGEST_STORE=/store \
    THETAFLOW_RECORDER_STORE=/store \
    THETAFLOW_EXECUTOR_DIRECTORY=/audit \
    THETAFLOW_ALERTS_DIRECTORY=/alerts
WORKDIR /app
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-m", "shared.observability.probe", "ready", "8081", "--end"]

FROM runtime AS slim
COPY --from=venv-slim /opt/venv /opt/venv
COPY --from=code /app /app
USER thetaflow
CMD ["thetaflow", "--help"]

FROM runtime AS predict
COPY --from=venv-predict /opt/venv /opt/venv
COPY --from=code /app /app
USER thetaflow
CMD ["thetaflow", "--help"]

FROM runtime AS models
COPY --from=venv-models /opt/venv /opt/venv
COPY --from=code /app /app
USER thetaflow
CMD ["thetaflow", "--help"]
