# Poles: `make serve` serves the demonstration, `make test` proves it. Nothing here needs root but `make deps`.
PATH ?= /usr/local/bin:/usr/bin:/bin
export PATH
PORT ?= 5000
VENV := .venv
BIN := $(VENV)/bin
SCRATCH := build/check
CONFIG := pygeoapi-config.yml
COMPILE := $(BIN)/uv pip compile pyproject.toml --group build --universal --python-version 3.12 \
	--generate-hashes --no-emit-index-url --no-header --quiet
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
PYTEST := $(BIN)/python -m pytest
POSTGIS := /usr/share/postgresql/*/extension/postgis.control

.PHONY: setup dev serve check test lock deps bench fidelity clients fuzz conformance openapi format clean
.DEFAULT_GOAL := setup

setup: $(VENV)/.runtime  ## the environment to serve

dev: $(VENV)/.dev  ## the environment to work

$(BIN)/python:
	@python=$$(sh .ci/find-python) && echo "making $(VENV) with $$python" && "$$python" -m venv $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(BIN)/python
	@echo "installing from requirements.lock"
	@$(INSTALL) --require-hashes -r requirements.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@echo "installing from requirements-dev.lock"
	@$(INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@

serve: setup  ## the demonstration, on PORT
	@$(BIN)/poles serve --config $(CONFIG) --port $(PORT)

check: dev  ## format, lint, types, imports, catalogue, configuration, OpenAPI
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@mkdir -p $(SCRATCH)
	POLES_STATE=$(SCRATCH)/state $(BIN)/poles check --config $(CONFIG)
	POLES_STATE=$(SCRATCH)/state $(BIN)/poles config --config $(CONFIG) > $(SCRATCH)/config.yml
	$(BIN)/pygeoapi config validate -c $(SCRATCH)/config.yml
	POLES_STATE=$(SCRATCH)/state $(BIN)/python -m web.openapi --check

test: check  ## check, and all tests
	$(PYTEST) --numprocesses auto --dist loadfile

format: dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

openapi: dev  ## the generated document under openapi/
	$(BIN)/python -m web.openapi

lock: dev  ## the locks again, from pyproject.toml
	$(COMPILE) --upgrade --output-file requirements.lock
	$(COMPILE) --upgrade --group dev --constraints requirements.lock --output-file requirements-dev.lock
	@! grep -nE '://|--(extra-)?index|--find-links|--trusted-host' requirements.lock requirements-dev.lock

deps:  ## system packages, as root: the only command that changes the machine; with CLIENTS=1 also QGIS and Node (1.2 GB)
	@wanted=""; \
	command -v chromium >/dev/null || command -v google-chrome >/dev/null || wanted="$$wanted chromium"; \
	ls $(POSTGIS) >/dev/null 2>&1 || wanted="$$wanted postgresql postgresql-postgis"; \
	command -v gdal_translate >/dev/null || wanted="$$wanted gdal-bin"; \
	if [ -n "$(CLIENTS)" ]; then wanted="$$wanted qgis python3-qgis xvfb nodejs npm"; fi; \
	if [ -n "$$wanted" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update --quiet && \
		DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends $$wanted; \
	fi
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
		echo "chromium is missing: the pages are not tested in a browser; run make deps as root, or install it"
	@command -v gdal_translate >/dev/null || \
		echo "gdal-bin is missing: GDAL does not read our coverages in a test; run make deps as root, or install it"
	@ls $(POSTGIS) >/dev/null 2>&1 || \
		echo "PostgreSQL with PostGIS is missing: that store is not tested; run make deps as root, or install it"

bench: dev  ## beside stock pygeoapi and tipg, on this machine; writes docs/benchmarks.md
	$(BIN)/python benchmarks/beside_stock.py
	$(BIN)/python benchmarks/beside_features.py
	$(BIN)/python benchmarks/beside_features.py --export

fidelity: dev  ## known values of real files, through every API and format; writes docs/fidelity.md
	$(BIN)/python benchmarks/fidelity.py

conformance: dev  ## what each method of the OGC suites asks; writes docs/conformance.md; CITE_JARS=FOLDER runs the jars too
	$(BIN)/python benchmarks/conformance.py

clients: dev  ## clients that users have, each at a task whose number is known; writes docs/clients.md
	$(BIN)/python -m benchmarks.clients

fuzz: dev  ## the server asked at random by its OpenAPI documents; writes docs/fuzz.md; exit 1 where anything is found
	$(BIN)/python -m benchmarks.fuzz

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
