PYTHON ?= python3
PORT ?= 8080
ADMIN_PORT ?= 9090

VENV := .venv
BIN := $(VENV)/bin
DOCS_VENV := build/docs
SOURCES := bench gateway operator tests tools

# Tests start hundreds of programs: many containers forbid the bytecode that spares compiling anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: $(VENV)/gateway.stamp ## Serve the starter catalog against simulated providers
	@$(BIN)/tintype gateway --simulate --demo --port $(PORT) --admin-port $(ADMIN_PORT)

.PHONY: test
test: $(VENV)/dev.stamp ## Run every test that this machine can run (WORKERS at once)
	$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 8 --dist loadfile --no-loadscope-reorder

# Tests wait for other programs about half of their time.
WORKERS ?= $(shell expr $$(nproc 2>/dev/null || echo 2) + 2)

.PHONY: test-node
test-node: $(VENV)/dev.stamp ## Install the chart on a real node: needs root, containerd, buildah
	$(BIN)/python -m pytest -m node tests/node tests/enforcer

.PHONY: test-real-server
test-real-server: $(VENV)/dev.stamp ## Ask a real sd-server through the gateway: needs cmake and g++
	$(BIN)/python -m pytest -m real_server tests/real_servers

.PHONY: check
check: $(VENV)/dev.stamp ## Check format, style, types and imports
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

.PHONY: fmt
fmt: $(VENV)/dev.stamp ## Format the code, and mend what can be mended
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

.PHONY: bench
bench: $(VENV)/dev.stamp ## Measure Tintype beside two relays and no gateway (QUICK=1: two minutes; LITELLM=1)
	$(BIN)/python -m bench $(if $(QUICK),--quick) $(if $(LITELLM),--litellm) --json bench-results.json

.PHONY: bench-ledger
bench-ledger: $(VENV)/dev.stamp ## Measure the ledger on each engine (ROWS=10000000: with so long a history)
	$(BIN)/python -m $(if $(ROWS),bench.ledger_scale --rows $(ROWS),bench.ledger)

.PHONY: bench-webhooks
bench-webhooks: $(VENV)/dev.stamp ## Measure webhooks to a receiver that fails half of the time, on each engine
	$(BIN)/python -m bench.webhooks

.PHONY: bench-jobs
bench-jobs: $(VENV)/dev.stamp ## Measure the ledger's jobs, and the polls of a long queue, on each engine
	$(BIN)/python -m bench.jobs
	$(BIN)/python -m bench.job_polls

.PHONY: bench-operator
bench-operator: $(VENV)/dev.stamp ## Measure the operator (SIZES="1000 5000")
	@$(MAKE) --no-print-directory VENV=build/operator build/operator/operator.stamp
	$(BIN)/python -m bench.operator --python build/operator/bin/python --objects $(SIZES)

SIZES ?= 1000

.PHONY: crds
crds: $(VENV)/dev.stamp ## Write crds/ anew from the models
	$(BIN)/tintype crds write crds

.PHONY: man
man: $(VENV)/dev.stamp ## Write man/tintype.1 anew from the help of the commands
	$(BIN)/python -m tools.man_page man/tintype.1

.PHONY: guardrail-openapi
guardrail-openapi: $(VENV)/dev.stamp ## Write docs/guardrail-openapi.json anew from the protocol's models
	$(BIN)/python -m tintype_gateway.guardrails.openapi > docs/guardrail-openapi.json

.PHONY: chart-readme
chart-readme: $(VENV)/dev.stamp ## Write the chart's README anew from its values
	$(BIN)/python -m tools.chart_readme

.PHONY: bench-scrape
bench-scrape: $(VENV)/dev.stamp ## Measure a scrape of a gateway with a thousand models
	$(BIN)/python -m bench.scrape

.PHONY: bench-catalog
bench-catalog: $(VENV)/dev.stamp ## Measure a gateway that loads 1,000 and 5,000 models
	$(BIN)/python -m bench.catalog_load

.PHONY: bench-uploads
bench-uploads: $(VENV)/dev.stamp ## Measure the memory of 100 uploads of 50 MB at once
	$(BIN)/python -m bench.uploads

.PHONY: bench-guardrails
bench-guardrails: $(VENV)/dev.stamp ## Measure what a policy service adds to a request
	$(BIN)/python -m bench.guardrails

.PHONY: soak
soak: $(VENV)/dev.stamp ## Half an hour of steady load, and what it takes (MINUTES, RATE)
	rm -rf build/soak
	$(BIN)/python -m bench.soak --minutes $(MINUTES) --rate $(RATE) -o build/soak

MINUTES := 30
RATE := 20

.PHONY: dashboard-images
dashboard-images: $(VENV)/dev.stamp ## Draw docs/images/dashboard-*.svg anew from a run (needs prometheus)
	$(BIN)/python -m tools.dashboard_images docs/images

.PHONY: reference
reference: $(VENV)/dev.stamp ## Write docs/reference anew from the code
	$(BIN)/python -m tools.reference

.PHONY: docs
docs: $(DOCS_VENV)/docs.stamp ## Build the documentation's site into site/
	$(MKDOCS) build

.PHONY: docs-serve
docs-serve: $(DOCS_VENV)/docs.stamp ## Serve the documentation, and build anew what you change (DOCS_PORT)
	$(MKDOCS) serve --dev-addr 127.0.0.1:$(DOCS_PORT)

DOCS_PORT := 8000

# Without it MkDocs Material prints a notice about its successor into each build.
MKDOCS = NO_MKDOCS_2_WARNING=true $(DOCS_VENV)/bin/mkdocs

.PHONY: sbom
sbom: $(VENV)/dev.stamp ## Write dist/sbom-*.json: what each image's Python packages are
	$(BIN)/python -m tools.release.sbom $(DIST)

.PHONY: dist
dist: $(VENV)/dev.stamp ## Write the wheel, the sdist, the chart and SBOMs to dist/ (REGISTRY, SOURCE)
	$(BIN)/python -m tools.release.dist $(DIST) --registry "$(REGISTRY)" --source "$(SOURCE)"

.PHONY: version
version: $(VENV)/dev.stamp ## Name the next release everywhere (VERSION=x.y.z)
	$(BIN)/python -m tools.release.version "$(VERSION)"

DIST := dist

.PHONY: audit
audit: ## Look for known vulnerabilities in what is locked (needs pip-audit, and the Internet)
	pip-audit --disable-pip --require-hashes -r requirements/gateway.txt
	pip-audit --disable-pip --require-hashes -r requirements/operator.txt

.PHONY: chaos
chaos: $(VENV)/dev.stamp ## Kill gateways and databases under load for ten minutes (CHAOS_SECONDS, SEED)
	TINTYPE_CHAOS_SECONDS=$(CHAOS_SECONDS) TINTYPE_CHAOS_SEED=$(SEED) \
		$(BIN)/python -m pytest -s tests/chaos

CHAOS_SECONDS := 600
SEED := 318

.PHONY: lock
lock: ## Lock the dependencies anew (needs uv)
	uv pip compile $(LOCK) --group build -o requirements/build.txt
	uv pip compile pyproject.toml $(LOCK) --extra gateway -c requirements/build.txt \
		-o requirements/gateway.txt
	uv pip compile pyproject.toml $(LOCK) --extra operator -c requirements/gateway.txt \
		-o requirements/operator.txt
	uv pip compile pyproject.toml $(LOCK) --extra gateway --extra operator --group dev \
		-c requirements/build.txt -c requirements/gateway.txt -c requirements/operator.txt \
		-o requirements/dev.txt
	uv pip compile $(LOCK) --group docs -c requirements/dev.txt -o requirements/docs.txt
	@$(MAKE) --no-print-directory $(VENV)/dev.stamp
	$(BIN)/python -m tintype_testing.locks

LOCK := --quiet --no-strip-extras --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header

# One environment serves both: what the tests need holds what the gateway needs.
$(VENV)/%.stamp: requirements/%.txt requirements/build.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 is needed")'
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/build.txt -r $<
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/pip check --disable-pip-version-check
	@touch $@

# The site needs nothing of Tintype, and no environment of Tintype needs what builds the site.
$(DOCS_VENV)/docs.stamp: requirements/docs.txt
	$(PYTHON) -m venv --clear $(DOCS_VENV)
	$(DOCS_VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@$(DOCS_VENV)/bin/pip check --disable-pip-version-check
	@touch $@
