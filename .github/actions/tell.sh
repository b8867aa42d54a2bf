#!/usr/bin/env bash
# Keeps the pull request's comment up to date; where all is well, none is begun.
#
# MARKDOWN  the report; FINDINGS  how many it has; NAME  which comment
set -euo pipefail
arguments=("$MARKDOWN" --name "$NAME" --no-summary)
[ "$FINDINGS" -gt 0 ] || arguments+=(--only-update)
elf-sqlcheck github comment "${arguments[@]}"
