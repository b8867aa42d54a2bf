#!/bin/sh
# Lints and proves the migrations in any CI system; plain POSIX shell.
#
#   sh check.sh [BASE]
#
# BASE is the commit or branch since which changes are judged; without it all migrations are. The environment may say:
#   ELF_REPORTS   the folder for the reports (default: elf-sqlcheck-reports)
#   ELF_VERIFY=0  lint only
# It ends with 1 when something was found, and with 2 or more when nothing could be judged.
set -eu

base=${1:-}
reports=${ELF_REPORTS:-elf-sqlcheck-reports}
mkdir -p "$reports"

if [ -n "$base" ] && ! git merge-base "$base" HEAD >/dev/null 2>&1; then
  if [ "$(git rev-parse --is-shallow-repository 2>/dev/null)" = true ]; then
    git fetch --quiet --unshallow origin '+refs/heads/*:refs/remotes/origin/*' || true
  fi
  if ! git merge-base "$base" HEAD >/dev/null 2>&1; then
    echo "what changed since $base is not known here, so everything is judged: fetch the whole history" >&2
    base=
  fi
fi
set --
[ -z "$base" ] || set -- --since "$base"

# Both are run, so that one pipeline tells all; 2 and more ends at once.
failed=0
elf-sqlcheck lint "$@" --output text:- --output gitlab:"$reports/lint.codequality.json" \
  --output junit:"$reports/lint.junit.xml" --output html:"$reports/lint.html" || failed=$?
[ "$failed" -le 1 ] || exit "$failed"

if [ "${ELF_VERIFY:-1}" != 0 ]; then
  code=0
  elf-sqlcheck verify "$@" --output text:- --output gitlab:"$reports/verify.codequality.json" \
    --output junit:"$reports/verify.junit.xml" --output html:"$reports/verify.html" || code=$?
  [ "$code" -le 1 ] || exit "$code"
  [ "$code" -eq 0 ] || failed=1
fi
exit "$failed"
