#!/usr/bin/env bash
# Fetches freely licensed game music from Debian's packages, to try and evaluate searching on.
# usage: fetch_sets.sh DIR [games|wesnoth|music]...   (needs apt-get and dpkg; installs nothing)
# DIR/games/ then holds one folder a game, DIR/wesnoth/ one soundtrack by ten artists, named in its tags (both:
# about 1 GB to download), DIR/music/ one folder a soundtrack: 75 tracks, 8.5 hours (200 MB). Without names: all.
set -euo pipefail
dir=${1:?usage: fetch_sets.sh DIR [games|wesnoth|music]...}
shift
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fetch() {  # PACKAGE SET LEAST: its music, no file of less than so many KB, into a folder of that name, or of its own
    apt-get download -qq "$1"
    dpkg -x "$1"_*.deb content
    find content -type f \( -iname '*.ogg' -o -iname '*.opus' -o -iname '*.mp3' \) -size "+${3}k" \
        -not -path '*/hyperrogue/sounds/*' -not -name menu.opus -print0 | while IFS= read -r -d '' file; do
        folder=$(basename "$(dirname "$file")")
        case $2/$folder in
            wesnoth/*) target=$dir/wesnoth ;;
            music/*_soundtrack) target=$dir/music/warzone-${folder%_soundtrack} ;;
            music/*) target=$dir/music/${1%-music*} ;;
            *) target=$dir/$2/$1 ;;
        esac
        mkdir -p "$target"
        cp -n "$file" "$target/"
        cp "content/usr/share/doc/$1/copyright" "$target/" || true
    done
    rm -rf content "$1"_*.deb
}

for set in "${@:-games wesnoth music}"; do
    for each in $set; do
        case $each in
            games) packages="ardentryst flare-game freedink-data hedgewars-data lincity-ng-data marsshooter-data
                supertux-data unknown-horizons warmux-data" least=350 ;;
            wesnoth) packages=wesnoth-1.16-music least=350 ;;
            music) packages="warzone2100-music singularity-music planetblupi-music-ogg asc-music hyperrogue-music"
                least=0 ;;
            *) echo "no such set: $each" >&2; exit 2 ;;
        esac
        for package in $packages; do fetch "$package" "$each" $least; done
    done
done
