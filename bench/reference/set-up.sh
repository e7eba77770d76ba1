#!/usr/bin/env bash
# Installs the real Confidant 7.0.0 from PyPI, the reference that the benchmark compares with.
#
#   bench/reference/set-up.sh      prints the folder of the virtual environment as its last line
#
# The folder lies in the user's cache and is named after everything that decides its content, so a second call
# costs nothing and a changed requirement makes a new one.
#
# The published 7.0.0 wheel does not start as it is: one sub-package (certificate authorities) and the web pages
# were left out of it. `absent/` holds the least that makes the imports succeed; certificate routes then answer "CA
# not found", and every route measured here is Confidant's own code. 6.6.0 and 6.6.1 are no replacement: they
# HTML-escape stored values.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
confidant=7.0.0

say() { printf '%s\n' "$*" >&2; }

python() {
  local candidate
  for candidate in ${PYTHON:-python3.11 python3.10 python3}; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] not in ((3, 10), (3, 11)))' 2>/dev/null; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  say "Python 3.10 or 3.11 is needed (with venv): Confidant's pinned packages know no newer one. Name it in PYTHON."
  exit 1
}

# xmlsec is compiled against Debian's libraries.
system_packages() {
  local missing=() package
  for package in libxmlsec1-dev libxml2-dev pkg-config; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  say "installing ${missing[*]}"
  local root=()
  [ "$(id -u)" -eq 0 ] || root=(sudo)
  "${root[@]}" apt-get update -q >&2
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}" >&2
}

python=$(python)
content=$( (cd "$here" && find . -type f | LC_ALL=C sort | xargs sha256sum; "$python" -VV) | sha256sum | cut -c1-16)
venv=${XDG_CACHE_HOME:-$HOME/.cache}/keepward/confidant-$confidant-$content

# The mark is written last: a folder without it is a set-up that was interrupted.
if [ ! -e "$venv/complete" ]; then
  system_packages
  say "installing Confidant $confidant into $venv"
  rm -rf "$venv"
  "$python" -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt" >&2
  "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps "confidant==$confidant" >&2
  site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
  # Never over a file of the wheel: only what it lacks.
  cp -R --no-clobber "$here/absent/." "$site/"
  "$venv/bin/python" -c 'import confidant.app' >&2
  touch "$venv/complete"
fi
printf '%s\n' "$venv"
