#!/bin/sh
# Copy the console's libraries from npm into ksmppd_py/admin/dashboard/vendor, with their versions and licences.
# For another version: change it here, run this, run the console's tests.
set -eu
uplot=1.6.32
preact=11.2.0
htm=3.1.1
target=$(cd "$(dirname "$0")/.." && pwd)/ksmppd_py/admin/dashboard/vendor
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in "uplot@$uplot" "preact@$preact" "htm@$htm"; do
  mkdir "${package%@*}"
  tar -xzf "$(npm pack --silent "$package")" -C "${package%@*}" --strip-components=1
done
# Without a build step: imports by path, and no maps.
copy() { sed -e 's#from"preact"#from"./preact.js"#g' -e '/^\/\/# sourceMappingURL/d' "$1" > "$target/$2"; }
copy uplot/dist/uPlot.iife.min.js uplot.js
copy uplot/dist/uPlot.min.css uplot.css
copy preact/dist/preact.mjs preact.js
copy preact/hooks/dist/hooks.mjs hooks.js
copy htm/dist/htm.module.js htm.js
{
  echo "Libraries of the console, copied from npm by tools/vendor_js.sh."
  for package in "uPlot $uplot" "preact $preact" "htm $htm"; do
    name=$(echo "${package% *}" | tr '[:upper:]' '[:lower:]')
    printf '\n== %s ==\n\n' "$package"
    cat "$name/LICENSE"
  done
} > "$target/LICENSES.txt"
