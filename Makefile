# The two commands: `make run` and `make test`. Everything else is a part of them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

.PHONY: help setup setup-test run test lint clean-demo lock openapi

help: ## what can be done here
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

setup: ## install what running needs, build the pages
	@scripts/setup.sh

setup-test: ## install what testing needs as well
	@scripts/setup.sh test

run: setup ## make the demo city on the embedded default and serve it (PORT=8000)
	@.venv/bin/osmanthus demo run

test: setup-test ## run every check and every test
	@scripts/test.sh

lint: ## formatting, types, import rules
	@.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy && .venv/bin/lint-imports

clean-demo: ## forget the demo city and start over at the next `make run`
	@rm -rf var && echo "demo city removed"

lock: ## compile requirements.lock anew from pyproject.toml
	@.venv/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --all-extras pyproject.toml -o requirements.lock

openapi: ## write docs/openapi.json anew
	@.venv/bin/osmanthus server openapi docs/openapi.json
