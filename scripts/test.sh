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
step "Python: pages, console, command line, demo city and fuzz beside everything else"
# Two processes for two processors: one builds and serves the demo city once, for everything that needs it. Nothing
# that signs a report comes after its browser: both want the thread's event loop.
served=$(mktemp)
trap 'rm -f "$served"' EXIT
.venv/bin/python -m pytest tests/admin tests/browser tests/city tests/command_line tests/demo_city tests/fuzz --durations=5 "$@" >"$served" 2>&1 &
with_city=$!
rest=0; .venv/bin/python -m pytest tests --ignore=tests/admin --ignore=tests/browser --ignore=tests/city --ignore=tests/command_line --ignore=tests/demo_city --ignore=tests/fuzz --durations=5 "$@" || rest=$?
city=0; wait "$with_city" || city=$?
cat "$served"
exit $((rest + city))
