# What people and CI run. Everything installs into .venv, made on the first call.
VENV := .venv
BIN := $(VENV)/bin

.PHONY: check
check: ## lint, types, floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
