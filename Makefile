# Everything lives in .venv, which is brought up to date when pyproject.toml or requirements/ changes.
# Choose another interpreter with `make PYTHON=/path/to/python3`.

VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
SUPPLY := $(VENV)/supply
COMPILE := $(SUPPLY)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --constraint constraints.txt
PYTEST := $(BIN)/python -m pytest
CODE := bench cli delivery docs domain sources store tests tui
# More than cores: half of the time of a test is waiting, for processes and sockets.
JOBS ?= 6
TESTS ?=
QUICK ?=
CASES ?=
RESULTS ?= bench/results.json
PYTHON ?=

.PHONY: help run demo test quick check docs bench trials format requirements audit clean
.DEFAULT_GOAL := help

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' Makefile

run: $(VENV)/.installed ## install, then open the screen on the default store
	@exec $(BIN)/tocsin

demo: $(VENV)/.installed ## install, then show the screen on made-up events; nothing is kept
	@exec $(BIN)/tocsin demo

test: $(VENV)/.installed-dev ## install, then run every test, or the TESTS that are named
	@exec $(PYTEST) -n $(JOBS) --dist loadgroup $(TESTS)

quick: $(VENV)/.installed-dev ## the tests of domain, store and layout that need no other process, or the TESTS that are named
	@exec $(PYTEST) -n $(JOBS) --dist loadgroup --quick -rfE $(or $(TESTS),tests/domain tests/store tests/test_house.py)

check: $(VENV)/.installed-dev ## formatting, lint, types, layers and tests
	$(BIN)/ruff format --check $(wildcard $(CODE))
	$(BIN)/ruff check $(wildcard $(CODE))
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory test

docs: $(VENV)/.installed-dev ## write what is generated of the manual anew
	@exec $(BIN)/python -m docs.tools

bench: $(VENV)/.installed-dev ## measure speed and size, beside syslog-ng where it is; QUICK=1 in five minutes; CASES names some
	@exec $(BIN)/python -m bench $(if $(QUICK),--quick) --json $(RESULTS) $(CASES)

trials: $(VENV)/.installed-dev ## the long forms of the trials
	@exec $(PYTEST) -m long --timeout 7200 --hypothesis-profile long

format: $(VENV)/.installed-dev ## format the code and mend what the linter can
	$(BIN)/ruff format $(wildcard $(CODE))
	$(BIN)/ruff check --fix $(wildcard $(CODE))

requirements: $(SUPPLY)/.installed ## write requirements/ anew from constraints.txt, with hashes
	$(COMPILE) --extra http --extra geo --output-file requirements/run.txt pyproject.toml
	$(COMPILE) --extra dev --output-file requirements/dev.txt pyproject.toml
	$(COMPILE) --group supply --output-file requirements/supply.txt
	echo hatchling | $(COMPILE) --output-file requirements/build.txt -

audit: $(SUPPLY)/.installed ## look for known faults in what is installed; needs a network
	$(SUPPLY)/bin/pip-audit --strict --disable-pip --require-hashes \
		$(addprefix --requirement ,$(wildcard requirements/*.txt))

clean: ## remove the virtual environment and every cache
	rm -rf $(VENV) .venv-system dist build .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# In two steps: what is needed by its hashes, then Tocsin alone with the build backend of the first.
$(VENV)/.installed: pyproject.toml requirements/run.txt requirements/build.txt Makefile
	@$(make_venv)
	@echo "Installing Tocsin into $(VENV) ..."
	@$(PIP) --require-hashes --requirement requirements/run.txt --requirement requirements/build.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml requirements/dev.txt
	@$(make_venv)
	@echo "Installing Tocsin and its test tools into $(VENV) ..."
	@$(PIP) --require-hashes --requirement requirements/dev.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.installed

$(SUPPLY)/.installed: requirements/supply.txt
	@$(make_venv)
	@$(BIN)/python -m venv $(SUPPLY)
	@$(SUPPLY)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

# A virtual environment that still runs is kept; one whose interpreter went away is made anew.
define make_venv
if $(BIN)/python -c 'import pip' 2>/dev/null; then exit 0; fi; \
found=''; \
for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
    $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
    found=$$python; \
    $$python -c 'import venv, ensurepip' 2>/dev/null || continue; \
    echo "Making $(VENV) with $$($$python --version) ..."; \
    rm -rf $(VENV); \
    exec $$python -m venv $(VENV); \
done; \
if [ -n "$$found" ]; then \
    echo "$$found has no venv module: on Debian or Ubuntu run 'apt install python3-venv', then make again." >&2; \
else \
    echo "Python 3.11 or newer is missing: run 'apt install python3 python3-venv' (Debian)" \
        "or 'brew install python' (macOS), or name one with 'make PYTHON=/path/to/python3'." >&2; \
fi; \
exit 1
endef
