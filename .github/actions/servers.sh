#!/usr/bin/env bash
# Installs the servers of PG (as 15,17) that a Debian or Ubuntu runner lacks, from the archive of the Postgres project.
# https://wiki.postgresql.org/wiki/Apt
set -euo pipefail
missing=()
IFS=, read -ra majors <<< "$PG"
for major in "${majors[@]}"; do
  major=${major// /}
  if ! [[ $major =~ ^[0-9]{2}$ ]]; then
    echo '::error title=elf-sqlcheck::pg does not name majors of Postgres, as 15,17'
    exit 2
  fi
  # The newest comes along as a wheel.
  [ "$major" = 18 ] || [ -x "/usr/lib/postgresql/$major/bin/initdb" ] || missing+=("postgresql-$major")
done
[ "${#missing[@]}" -gt 0 ] || exit 0
if ! command -v apt-get >/dev/null || ! command -v sudo >/dev/null; then
  echo "::notice title=elf-sqlcheck::${missing[*]} cannot be installed here"
  exit 0
fi
sudo apt-get install --yes --quiet postgresql-common ca-certificates
sudo /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y
sudo apt-get install --yes --quiet "${missing[@]}"
