# Two images: `docker build --target gateway .` and `docker build --target operator .`. Each holds
# what its own lock file names, and neither pip nor a compiler.
# Pin the base by its digest: --build-arg PYTHON_IMAGE=python:3.11-slim-bookworm@sha256:...
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
# For a build without a package index: PIP_NO_INDEX=1, and PIP_FIND_LINKS a folder of wheels.
ARG PIP_NO_INDEX=
ARG PIP_FIND_LINKS=
ENV PIP_NO_INDEX=${PIP_NO_INDEX} PIP_FIND_LINKS=${PIP_FIND_LINKS}
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY requirements/ requirements/
RUN python3 -m venv /build \
    && /build/bin/pip install --no-deps --require-hashes --only-binary :all: \
        -r requirements/build.txt \
    && /build/bin/pip check

FROM build AS wheel
COPY pyproject.toml README.md LICENSE ./
COPY gateway/ gateway/
COPY man/ man/
COPY operator/ operator/
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels .

FROM build AS gateway-environment
RUN python3 -m venv --without-pip /opt/tintype \
    && /build/bin/pip --python /opt/tintype/bin/python install \
        --no-deps --require-hashes --only-binary :all: -r requirements/gateway.txt
COPY --from=wheel /wheels/ /wheels/
RUN /build/bin/pip --python /opt/tintype/bin/python install --no-deps /wheels/*.whl \
    && /build/bin/pip --python /opt/tintype/bin/python check

FROM build AS operator-environment
RUN python3 -m venv --without-pip /opt/tintype \
    && /build/bin/pip --python /opt/tintype/bin/python install \
        --no-deps --require-hashes --only-binary :all: -r requirements/operator.txt
COPY --from=wheel /wheels/ /wheels/
RUN /build/bin/pip --python /opt/tintype/bin/python install --no-deps /wheels/*.whl \
    && /build/bin/pip --python /opt/tintype/bin/python check

FROM ${PYTHON_IMAGE} AS runtime
RUN if python3 -m pip --version; then python3 -m pip uninstall --yes pip setuptools wheel; fi
ENV PATH=/opt/tintype/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
ENTRYPOINT ["tintype"]

FROM runtime AS operator
COPY --from=operator-environment /opt/tintype/ /opt/tintype/
USER 65532:65532
CMD ["operator"]

FROM runtime AS gateway
RUN install -d -o 65532 -g 65532 /var/lib/tintype
COPY --from=gateway-environment /opt/tintype/ /opt/tintype/
ENV TINTYPE_HOST=0.0.0.0 TINTYPE_ADMIN_HOST=0.0.0.0 TINTYPE_DATA_DIR=/var/lib/tintype
USER 65532:65532
CMD ["gateway"]
