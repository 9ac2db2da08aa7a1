# What people and CI run. Everything is set up on the first call: in .venv, and nowhere else.
BIN := .venv/bin
ARGS ?=
SIZE ?= 1000
MOMENTS ?= 200
export PYTHONPATH := tests
unexport PYTHONDONTWRITEBYTECODE  # tests start the program thousands of times; it would be compiled each time

.PHONY: help demo test floor check bench chaos faults lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/ready ## back up, restore and verify a sample database, and show it
	@$(BIN)/python tools/demo.py $(ARGS)

test: .venv/ready ## all tests, against the oldest and the newest real servers that can be had (ARGS=… go to pytest)
	@$(BIN)/python tools/provide_servers.py
	@$(BIN)/pytest -n 2 --dist worksteal -q $(ARGS)

floor: .venv/ready ## the tests with the oldest versions of what users may install
	@tools/floor $(ARGS)

check: .venv/ready ## every lint: format, rules, types, floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/ready ## time each side against the stock tools (SIZE=1000 megabytes; ARGS=--help)
	@PYTHONPATH=tests:tools $(BIN)/python -m bench --size $(SIZE) $(ARGS)

chaos: .venv/ready ## end restores at random moments on every engine (MOMENTS=200 on each); all hostile names; drills on every version
	@VYA_CHAOS=$(MOMENTS) $(BIN)/pytest -n 3 -q --timeout 0 tests/chaos \
	  tests/integration/engines/mysql/test_takeover_killed.py \
	  tests/integration/engines/mysql/test_takeover_crashed.py tests/integration/engines/postgresql/test_takeover.py \
	  tests/integration/engines/postgresql/test_takeover_killed.py \
	  tests/integration/jobs/test_ended_sessions.py \
	  tests/integration/jobs/test_hostile_names.py tests/integration/jobs/test_drill_samples.py \
  tests/integration/jobs/test_drill.py::test_the_database_of_everything_is_proven_table_by_table_and_object_by_object \
  $(ARGS)

faults: .venv/ready ## every fault on every engine; artifacts cut and changed at each byte (docs/faults.md)
	@$(BIN)/python tools/provide_servers.py
	@VYA_FAULTS=1 $(BIN)/pytest -n 4 -q --timeout 0 tests/faults $(ARGS)

lock: ## find the newest versions and write requirements-dev.lock anew
	@tools/setup --renew

clean: ## remove what these commands made here
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/ready: pyproject.toml requirements-dev.lock tools/setup
	@tools/setup
