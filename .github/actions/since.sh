# Sourced. `changed_since` prints the commit since which changes are judged, or nothing when all is to be judged.
#
# SINCE      empty: the base of the pull request; `all`: no commit; else a ref
# BASE_SHA   the newest commit of the base, empty when the event has none
# GIT_TOKEN  lets Git fetch what a shallow clone lacks, when the checkout has kept no credentials

# Git takes settings from the environment, so the token is in no command line.
fetched() {
  git fetch --quiet --no-tags "$1" origin "${@:2}" 2>/dev/null && return
  [ -n "${GIT_TOKEN:-}" ] || return 1
  GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="http.${GITHUB_SERVER_URL:-https://github.com}/.extraheader" \
    GIT_CONFIG_VALUE_0="AUTHORIZATION: basic $(printf 'x-access-token:%s' "$GIT_TOKEN" | base64 | tr -d '\n')" \
    git fetch --quiet --no-tags "$1" origin "${@:2}" 2>/dev/null
}

known() { git merge-base "$1" HEAD >/dev/null 2>&1; }

changed_since() {
  local since=${SINCE:-} head parents
  [ "$since" != all ] && [ -n "$since${BASE_SHA:-}" ] || return 0
  head=$(git rev-parse --verify --quiet HEAD) || true
  if [ -z "$head" ]; then
    since=${since:-$BASE_SHA}
  elif [ -z "$since" ]; then
    # A pull request is checked out as the merge of both branches: its first parent is what the base was then.
    parents=$(git cat-file commit HEAD | sed -n '/^$/q; s/^parent //p')
    if [ "$head" = "${GITHUB_SHA:-}" ] && [ "$(wc -w <<< "$parents")" -eq 2 ]; then
      since=${parents%%$'\n'*}
      known "$since" || fetched --depth=2 "$head" || true
    else
      since=$BASE_SHA
    fi
  fi
  if ! known "$since" && [ "$(git rev-parse --is-shallow-repository 2>/dev/null)" = true ]; then
    fetched --unshallow "$head" '+refs/heads/*:refs/remotes/origin/*' || true
  fi
  if known "$since"; then
    echo "$since"
  else
    echo "::notice title=elf-sqlcheck::what changed since $since is not known here, so everything is judged:" \
      'let actions/checkout fetch the history (fetch-depth: 0)' >&2
  fi
}
