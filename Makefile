# The programs of .venv where it exists; else those on the PATH.
BIN := $(if $(wildcard .venv/bin/python),.venv/bin/)

.PHONY: dev lint test-quick test docs

dev: ## everything that working on audiosim needs, in .venv
	python3 -m venv .venv
	.venv/bin/pip install -q -e '.[dev]'

lint: ## style, types, and which room may know which
	$(BIN)ruff check .
	$(BIN)ruff format --check .
	$(BIN)lint-imports
	$(BIN)mypy

test-quick: ## most tests: no server, no Ray, no browser, no network, nothing slow
	$(BIN)python -m pytest -m "not (server or ray or browser or network or slow)"

test: ## all tests, those that take long included
	$(BIN)python -m pytest --all

docs: ## the API page, in build/docs/index.html
	$(BIN)python -m sphinx -q -W --keep-going docs build/docs
