#!/bin/sh
# The whole main job on music made on the spot: index it, then ask what sounds alike.
# usage: examples/demo.sh [FOLDER]     (needs audiosim and its Python on the PATH)
# Everything goes below FOLDER, the current one by default: ./sample-music and ./demo-home.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-.}"

python "$here/make_music.py" sample-music

# OpenL3's weights come from GitHub. Where that can't be reached, say so and use MusiCNN, whose
# weights come with a package on PyPI. A home keeps the encoder it began with.
encoder=
if audiosim status --home ./demo-home | grep -q 'no index yet' && ! audiosim weights fetch; then
    echo "OpenL3's weights are out of reach: going on with --encoder musicnn"
    encoder="--encoder musicnn"
fi

# shellcheck disable=SC2086  # no encoder, no argument
audiosim index sample-music --home ./demo-home $encoder

for piece in guitar techno; do
    echo
    echo "Most like sample-music/$piece/$piece-1.wav:"
    audiosim similar "sample-music/$piece/$piece-1.wav" -k 3 --home ./demo-home
done

echo
echo "To search and listen in a browser: audiosim serve --open --home ./demo-home"
