#!/usr/bin/env bash
# Runs `elf-sqlcheck lint` or `elf-sqlcheck verify` ($1) and keeps its reports; findings do not end it, so that they
# can be told first. It ends with the command's exit code when that is 2 or more: then nothing was judged.
#
# PATHS, ARGUMENTS  one a line; DIR, FAIL_ON, PG  empty for the defaults; and what since.sh reads
set -euo pipefail
# shellcheck source=.github/actions/since.sh
source "$(dirname "${BASH_SOURCE[0]}")/since.sh"

reports=$(mktemp -d "${RUNNER_TEMP:?}/elf-sqlcheck-$1.XXXXXX")
arguments=("$1")
for format in json:json sarif:sarif markdown:md html:html; do
  arguments+=(--output "${format%:*}:$reports/report.${format#*:}")
done
arguments+=(--output github:-)

since=$(changed_since)
# What is run from here on may load rules of the repository.
unset GIT_TOKEN
[ -z "$since" ] || arguments+=(--since "$since")
[ -z "${DIR:-}" ] || arguments+=(--dir "$DIR")
[ -z "${FAIL_ON:-}" ] || arguments+=(--fail-on "$FAIL_ON")
[ -z "${PG:-}" ] || arguments+=(--pg "$PG")
while IFS= read -r line; do [ -z "$line" ] || arguments+=("$line"); done <<< "${ARGUMENTS:-}"
arguments+=(--)
while IFS= read -r line; do [ -z "$line" ] || arguments+=("$line"); done <<< "${PATHS:-}"

code=0
elf-sqlcheck "${arguments[@]}" || code=$?
[ "$code" -le 1 ] || exit "$code"

elf-sqlcheck github outputs "$reports/report.json"
{
  echo "code=$code"
  for format in json sarif md html; do echo "$format=$reports/report.$format"; done
} >> "$GITHUB_OUTPUT"
