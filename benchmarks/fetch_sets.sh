#!/usr/bin/env bash
# Fetches freely licensed game music from Debian's packages, to evaluate searching on.
# usage: fetch_sets.sh DIR      (about 1 GB to download; needs apt-get and dpkg; installs nothing)
# DIR/games/ then holds one folder a game, DIR/wesnoth/ one soundtrack by ten artists, named in its tags.
set -euo pipefail
dir=${1:?usage: fetch_sets.sh DIR}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in wesnoth-1.16-music ardentryst flare-game freedink-data hedgewars-data lincity-ng-data \
    marsshooter-data supertux-data unknown-horizons warmux-data; do
    apt-get download -qq "$package"
    dpkg -x "$package"_*.deb content
    target=$dir/games/$package
    if [ "$package" = wesnoth-1.16-music ]; then target=$dir/wesnoth; fi
    mkdir -p "$target"
    find content -type f \( -iname '*.ogg' -o -iname '*.opus' -o -iname '*.mp3' \) -size +350k \
        -exec cp -n {} "$target/" \;
    cp "content/usr/share/doc/$package/copyright" "$target/" || true
    rm -rf content "$package"_*.deb
done
