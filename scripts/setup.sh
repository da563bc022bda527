#!/usr/bin/env bash
# Prepares a fresh Debian-like machine: Debian packages, Python environment, front ends. Safe to run twice: what is
# there and current is left alone. `setup.sh test` also prepares what only the tests need.
set -euo pipefail
cd "$(dirname "$0")/.."
for_tests=${1:-}

say() { printf '\033[33m▸\033[0m %s\n' "$*"; }
fail() { printf '\033[31m✗ %s\033[0m\n' "$*" >&2; exit 1; }

debian_packages() {
  local missing=()
  [ -e /usr/share/doc/libgomp1 ] || ldconfig -p 2>/dev/null | grep -q libgomp.so.1 || missing+=(libgomp1)
  # Credit reports are set in it; a browser without a Chinese font draws boxes.
  compgen -G '/usr/share/fonts/truetype/wqy/*' >/dev/null || compgen -G '/usr/share/fonts/opentype/noto/*CJK*' >/dev/null || missing+=(fonts-wqy-microhei)
  if [ "$for_tests" = test ]; then
    compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || missing+=(postgresql)
    command -v redis-server >/dev/null || missing+=(redis-server)
    command -v chromium >/dev/null || missing+=(chromium)
    command -v setpriv >/dev/null || missing+=(util-linux)
  fi
  [ ${#missing[@]} -eq 0 ] && return
  [ "$(id -u)" = 0 ] || fail "missing Debian packages: ${missing[*]}. Install them once with: sudo apt-get install ${missing[*]}"
  say "installing Debian packages: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  # The packaged services must not start by themselves: the tests run their own on free ports.
  local policy=/usr/sbin/policy-rc.d made_policy=
  if [ ! -e "$policy" ]; then printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod +x "$policy"; made_policy=1; fi
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  [ -z "$made_policy" ] || rm -f "$policy"
}

python_environment() {
  command -v python3 >/dev/null || fail "Python 3.11 or newer is needed: install python3 and python3-venv"
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "Python 3.11 or newer is needed, this is $(python3 --version)"
  [ -x .venv/bin/python ] || python3 -m venv .venv || fail "could not make .venv: install python3-venv"
  local stamp=.venv/.installed want
  want=$(cat requirements.lock pyproject.toml | sha256sum)
  [ "$(cat $stamp 2>/dev/null)" = "$want" ] && return
  say "installing Python packages"
  # uv does not read pip's settings: hand on the index this machine is set up for.
  local index
  index=$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || true)
  export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-$index}}"
  [ -n "$UV_DEFAULT_INDEX" ] || unset UV_DEFAULT_INDEX
  # Compiled once here, so that no later start has to: a start costs 8 s of processor otherwise.
  if .venv/bin/python -m pip install -q --disable-pip-version-check uv \
    && .venv/bin/uv pip install -q --compile-bytecode --python .venv/bin/python --require-hashes -r requirements.lock; then
    .venv/bin/uv pip install -q --python .venv/bin/python --no-deps -e .
  else
    say "uv could not be used, falling back to pip (slower)"
    .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
    .venv/bin/python -m pip install -q --disable-pip-version-check --no-deps -e .
  fi
  echo "$want" >$stamp
}

# front_end FOLDER OUTPUT NAME NPM-SCRIPT…: install and build when its sources changed.
front_end() {
  local folder=$1 output=$2 name=$3; shift 3
  local stamp="$folder/node_modules/.built" want
  want=$(git ls-files -s -o -c --exclude-standard "$folder" docs/openapi.json 2>/dev/null | sha256sum; find "$folder" docs/openapi.json -path '*/node_modules' -prune -o -path '*/dist' -prune -o -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
  [ -e "$output" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$want" ] && return
  say "building $name"
  ( cd "$folder"
    npm ci --no-audit --no-fund --loglevel=error
    for script in "$@"; do CI=1 npm run --silent "$script" >/tmp/osmanthus-build.$$ 2>&1 || { cat /tmp/osmanthus-build.$$; rm -f /tmp/osmanthus-build.$$; exit 1; }; done
    rm -f /tmp/osmanthus-build.$$ )
  echo "$want" >"$stamp"
}

front_ends() {
  if ! command -v npm >/dev/null || ! node -e 'process.exit(+(process.versions.node.split(".")[0] < 20))'; then
    [ "$for_tests" = test ] && fail "Node.js 20 with npm is needed for the tests"
    say "Node.js 20 with npm is missing: the API will be served; the web pages are only there if they were built before"
    return
  fi
  front_end admin/web admin/web/dist/index.html "the officers' console" build
  front_end miniprogram miniprogram/dist/build/h5/index.html "the citizen client (web and WeChat)" build:h5 build:mp-weixin
}

debian_packages
python_environment
# Machine code for the scoring kernel, kept beside it: made while the pages are built, so that nobody waits for it.
.venv/bin/python -c 'from scoring.engine import warm_up; warm_up()' & kernel=$!
front_ends
wait "$kernel"
