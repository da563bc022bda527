#!/usr/bin/env bash
# Every check and every test; the first that fails ends the run.
set -euo pipefail
cd "$(dirname "$0")/.."
export PYTHONHASHSEED=0

step() { printf '\n\033[33m▸ %s\033[0m\n' "$*"; }

step "formatting and style";   .venv/bin/ruff format --check -q . ; .venv/bin/ruff check -q .
step "types";                  .venv/bin/mypy
step "import rules";           .venv/bin/lint-imports
step "officers' console";      (cd admin/web && npm test --silent)
step "citizen client";         (cd miniprogram && npm test --silent)
step "Python";                 .venv/bin/python -m pytest --numprocesses=2 --dist=loadgroup --durations=15 "$@"
