#!/usr/bin/env bash
# Packs every package of the solution into artifacts/packages (or the folder given).
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-artifacts/packages}
rm -rf "$out"
for project in src/*/*.csproj; do
  dotnet pack "$project" -c Release -o "$out" --nologo -v quiet
done
ls "$out"/*.nupkg
