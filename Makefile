# make run    a server to play with: demonstration first, then it serves until Ctrl-C
# make check  formatting, types and unit tests, in less than a minute
# make coverage  branches that the unit tests reach: all of the pure packages, 92 % of everything
# make docs   the documentation as a web site, in build/docs
# make bench  measure: benchmarks/ against the floor of this machine
# make guard  a few of them with loose bounds, as CI does
# make test   everything, with a real Kannel, MariaDB and PostgreSQL, in four groups side by side
# make faults all 300 seeds of the fault suite, of which make test runs 54
# make durations  as make test, and stores how long each test took, for its groups: .test_durations
# make fuzz   a million damaged inputs for the parsers
# make soak   a backlog of 2,000,000 stored reports
# make release  sdist and wheel in dist/, checked

PYTHON ?= python3
SMPP_PORT ?= 2345
HTTP_PORT ?= 14010
DEMO_ONLY ?=

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
# npm comes with nodejs in some distributions and beside it in others: asked for only where it is missing.
PACKAGES := mariadb-server postgresql pgbouncer kannel kannel-extras php-cli fail2ban systemd logrotate chromium chromium-driver $(if $(shell which npm 2>/dev/null),,nodejs npm)
RUN_TESTS := $(BIN)/python tools/run_tests.py
PYTEST := $(BIN)/python -m gevent.monkey --module pytest

.DEFAULT_GOAL := help
.PHONY: help venv run check coverage test faults durations fuzz soak clean docs bench bench-compare guard release

help:
	@sed -n 's/^# make/make/p' Makefile

venv: $(INSTALLED)

$(INSTALLED): setup.py
	@tools/make_venv.sh $(VENV) $(PYTHON)
	@touch $@

run: venv
	@$(BIN)/python tools/run_demo.py --smpp-port $(SMPP_PORT) --http-port $(HTTP_PORT) $(if $(DEMO_ONLY),--demo-only)

check: venv
	@tools/check.sh $(BIN)

test: venv
	@tools/apt_packages.sh $(PACKAGES)
	@$(RUN_TESTS) --groups 4 --repeat -m "not soak"

coverage: venv
	@tools/apt_packages.sh mariadb-server postgresql pgbouncer
	@tools/coverage.sh $(BIN)

faults: venv
	@tools/apt_packages.sh mariadb-server postgresql
	@$(RUN_TESTS) --groups 3 --repeat --every-seed tests/faults/test_scenarios.py --splitting-algorithm least_duration

durations: venv
	@tools/apt_packages.sh $(PACKAGES)
	@$(RUN_TESTS) --groups 4 --repeat --store .test_durations -m "not soak"

fuzz: venv
	$(BIN)/python -m tests.fuzz.run

soak: venv
	@tools/apt_packages.sh mariadb-server postgresql
	$(PYTEST) -q -s -m soak

bench: venv
	@tools/apt_packages.sh mariadb-server postgresql
	$(BIN)/python -m benchmarks.run --json bench.json

guard: venv
	$(BIN)/python -m benchmarks.guard

bench-compare:
	$(BIN)/python -m benchmarks.compare $(OLD) $(NEW)

docs: venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	$(BIN)/python tools/render_configuration.py
	$(BIN)/python tools/render_openapi.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "build/docs/index.html"

release: venv
	@tools/release.sh $(BIN)/python

clean:
	rm -rf $(VENV) .run .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
