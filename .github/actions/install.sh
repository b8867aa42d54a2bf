#!/usr/bin/env bash
# Installs elf-sqlcheck into an environment of its own, and its commands into the PATH of the steps that follow.
#
# VERSION  empty: the commit of the action; `none`: what is on PATH already; else a release, as 1.2.3
# EXTRA    what pip is to install besides: db, embedded, all
set -euo pipefail

if [ "$VERSION" = none ]; then
  if ! command -v elf-sqlcheck >/dev/null; then
    echo '::error title=elf-sqlcheck::version is none, and no elf-sqlcheck is on PATH: install it in a step before'
    exit 2
  fi
  exit 0
fi

if [ -z "$VERSION" ]; then
  # Nothing but what this commit was tested with: other files of a dependency have another hash.
  source=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
  locked=$source/.ci/locked/$EXTRA.txt
  [ -f "$locked" ] || locked=$source/.ci/locked/all.txt
  wanted=(--no-deps --no-build-isolation "$source")
elif [[ $VERSION =~ ^[0-9][0-9A-Za-z.+!-]*$ ]]; then
  wanted=("elf-sqlcheck[$EXTRA]==$VERSION")
else
  echo '::error title=elf-sqlcheck::version is neither empty, nor none, nor a release such as 1.2.3'
  exit 2
fi

home=${RUNNER_TEMP:?}/elf-sqlcheck
[ -x "$home/bin/python" ] || "${PYTHON:-python3}" -m venv "$home"
pip() { "$home/bin/python" -m pip --quiet --disable-pip-version-check "$@"; }
if [ -z "$VERSION" ]; then
  pip install --require-hashes --requirement "$locked"
  pip install --require-hashes --requirement "$source/.ci/locked/build.txt"
fi
pip install "${wanted[@]}"

# Not the environment's own folder, whose `python` would hide that of the project.
mkdir -p "$home/commands"
ln -sf "$home/bin/elf-sqlcheck" "$home/bin/elf-migrate" "$home/commands/"
echo "$home/commands" >> "$GITHUB_PATH"
