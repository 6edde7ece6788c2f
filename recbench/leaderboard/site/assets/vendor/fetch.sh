#!/bin/sh
# Fetches the released files that lie beside this script, with their licences; needs npm.
# A new version: change it here, run this with UPDATE=1, look at the site, and run tests/leaderboard/site.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

carry() { # package, version, file, licence, name of the licence here
  npm pack --silent --pack-destination "$work" "$1@$2" >/dev/null
  tar -xzf "$work"/*.tgz -C "$work"
  cp "$work/package/$3" .
  cp "$work/package/$4" "$5"
  rm -rf "$work"/*
}

carry datatables.net 3.1.5 js/dataTables.min.js License.txt LICENSE-datatables
carry d3 7.9.2 dist/d3.min.js LICENSE LICENSE-d3
carry @observablehq/plot 0.6.17 dist/plot.umd.min.js LICENSE LICENSE-plot

if [ "${UPDATE:-}" ]; then
  sha256sum ./*.js >SHA256SUMS
fi
sha256sum --check SHA256SUMS
