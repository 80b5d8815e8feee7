#!/usr/bin/env bash
# Checks that the LaTeX tables of a report compile.
#
#   scripts/check-latex.sh .kdx/reports/digits/tables
#
# Takes the pdflatex of this machine; without one, root gets Debian's texlive installed.
set -euo pipefail

tables="$(cd "${1:?usage: scripts/check-latex.sh FOLDER, with the all.tex of a report}" && pwd)"
[[ -f "$tables/all.tex" ]] || { echo "$tables has no all.tex" >&2; exit 66; }

if ! command -v pdflatex > /dev/null; then
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends lmodern \
    texlive-latex-base texlive-latex-recommended
fi

out="$(mktemp -d)"
trap 'rm -rf "$out"' EXIT
cd "$tables"
if ! pdflatex -halt-on-error -interaction=nonstopmode -output-directory "$out" all.tex > "$out/said" 2>&1; then
  grep -A 5 '^!' "$out/said" >&2
  exit 65
fi
grep -o 'Output written on .*' "$out/said" | sed "s#$out/##"
