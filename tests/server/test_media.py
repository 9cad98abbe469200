"""A track's sound, in ranges; what browsers don't play; covers and outlines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from audio_files import encode
from conftest import SAMPLE_RATE, tone
from libraries import Library, track
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, ID3
from mutagen.wave import WAVE
from server_help import client, id_of, library, original, problem, serve
from starlette.testclient import TestClient

from audiosim.audio.cover import kind_of, read_cover
from audiosim.audio.playable import make_playable, media_type
from audiosim.core.errors import AudioError

API = "/api/v1"
PNG = b"\x89PNG\r\n\x1a\n" + b"picture"
JPEG = b"\xff\xd8\xff\xe0" + b"picture"


@pytest.fixture
def url(library: Library) -> str:
    return f"{API}/tracks/{id_of(track(library, 0))}/audio"


def test_a_file_is_given_whole(library: Library, client: TestClient, url: str) -> None:
    answer = client.get(url)
    assert answer.status_code == 200
    assert answer.content == track(library, 0).read_bytes()
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers["accept-ranges"] == "bytes"
    head = client.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(answer.content))


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("0-9", 0, 9), ("100-", 100, None), ("-50", -50, None), ("5-999999999", 5, None), ("0-0", 0, 0)],
)
def test_ranges_are_given_as_they_are_asked_for(
    library: Library, client: TestClient, url: str, asked: str, first: int, last: int | None
) -> None:
    data = track(library, 0).read_bytes()
    answer = client.get(url, headers={"range": f"bytes={asked}"})
    assert answer.status_code == 206
    expected = data[first:] if last is None else data[first : last + 1]
    assert answer.content == expected
    start = first % len(data)
    assert answer.headers["content-range"] == f"bytes {start}-{start + len(expected) - 1}/{len(data)}"
    assert answer.headers["content-length"] == str(len(expected))


def test_what_is_no_range_is_all_of_it_and_what_is_not_there_is_refused(
    library: Library, client: TestClient, url: str
) -> None:
    size = track(library, 0).stat().st_size
    for odd in ("bytes=", "bytes=-", "lines=1-2", "bytes=1-2,4-5", "bytes=a-b"):
        assert client.get(url, headers={"range": odd}).status_code == 200
    for absent in (f"bytes={size}-", "bytes=9-5", "bytes=-0"):
        answer = client.get(url, headers={"range": absent})
        problem(answer, 416)
        assert answer.headers["content-range"] == f"bytes */{size}"


def test_a_range_of_another_file_than_before_is_all_of_the_new_one(
    library: Library, client: TestClient, url: str
) -> None:
    before = client.get(url, headers={"range": "bytes=0-9"})
    again = {"range": "bytes=10-19", "if-range": before.headers["etag"]}
    assert client.get(url, headers=again).status_code == 206
    soundfile.write(track(library, 0), tone(2, 300), SAMPLE_RATE)
    assert client.get(url, headers=again).status_code == 200


@pytest.mark.parametrize(
    ("name", "codec", "kind"),
    [
        (b"a.mp3", "mp3", "audio/mpeg"),
        (b"a.MP3", "mp3", "audio/mpeg"),
        (b"a.m4a", "aac", "audio/mp4"),
        (b"a.m4a", "alac", None),
        (b"a.ogg", "opus", "audio/ogg"),
        (b"a.wav", "dts", None),
        (b"a.wav", "pcm_s24le", "audio/wav"),
        (b"a.wma", "wmav2", None),
        (b"a.mp3", "", None),
        (b"a", "mp3", None),
    ],
)
def test_what_browsers_play_goes_by_name_and_codec(name: bytes, codec: str, kind: str | None) -> None:
    assert media_type(name, codec) == kind


def test_what_browsers_do_not_play_is_made_a_flac(library: Library, client: TestClient) -> None:
    path = track(library, 0).with_name("lossless.m4a")
    encode(path, tone(3, 333, rate=44_100)[:, None], 44_100, "alac", "ipod")
    library.index()
    client.app._app.state.services.library.refresh()  # type: ignore[attr-defined]
    one = client.get(f"{API}/tracks/{id_of(path)}").json()
    assert (one["codec"], one["plays_as"]) == ("alac", "audio/flac")
    answer = client.get(f"{API}/tracks/{id_of(path)}/audio")
    assert answer.headers["content-type"] == "audio/flac"
    part = client.get(f"{API}/tracks/{id_of(path)}/audio", headers={"range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, answer.content[100:200])
    made = path.with_name("made.flac")
    made.write_bytes(answer.content)
    samples, rate = soundfile.read(made)
    assert (rate, samples.shape) == (44_100, (132_300,))
    np.testing.assert_allclose(samples, tone(3, 333, rate=44_100), atol=2e-4)


def test_what_can_not_be_decoded_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.wma").write_text("no music")
    with pytest.raises(AudioError, match="not readable"):
        make_playable(bytes(tmp_path / "a.wma"), bytes(tmp_path / "a.flac"))
    assert not (tmp_path / "a.flac").exists()


def test_the_outline_shows_where_it_is_loud(library: Library, client: TestClient, tmp_path: Path) -> None:
    path = track(library, 0).with_name("steps.wav")
    noise = np.sign(np.sin(np.arange(4 * SAMPLE_RATE) / 20))
    soundfile.write(path, np.repeat([0.0, 0.5, 0.25, 1.0], SAMPLE_RATE) * noise, SAMPLE_RATE)
    library.index()
    client.app._app.state.services.library.refresh()  # type: ignore[attr-defined]
    for _ in range(2):  # the second is kept
        found = client.get(f"{API}/tracks/{id_of(path)}/peaks", params={"count": 4}).json()
        assert found["peaks"] == pytest.approx([0, 0.5, 0.25, 1], abs=0.01)
    assert found["duration"] == 4
    assert (
        len(client.get(f"{API}/tracks/{id_of(path)}/peaks", params={"count": 4000}).json()["peaks"]) == 4000
    )


def test_covers_are_read_from_the_kinds_of_tags(tmp_path: Path) -> None:
    flac = tmp_path / "a.flac"
    soundfile.write(flac, tone(1, 200), SAMPLE_RATE)
    file: Any = FLAC(flac)  # type: ignore[no-untyped-call]
    for kind, data in ((4, PNG), (3, JPEG)):
        picture: Any = Picture()  # type: ignore[no-untyped-call]
        picture.type, picture.data = kind, data
        file.add_picture(picture)
    file.save()
    found = read_cover(bytes(flac))
    assert found is not None
    assert (found.kind, found.data) == ("image/jpeg", JPEG)
    mp3 = tmp_path / "a.mp3"
    soundfile.write(mp3, tone(1, 200, rate=44_100), 44_100)
    tags: Any = ID3()  # type: ignore[no-untyped-call]
    tags.add(picture_frame(3, b"<script>"))
    tags.add(picture_frame(0, PNG))
    tags.save(mp3)
    found = read_cover(bytes(mp3))
    assert found is not None
    assert (found.kind, found.data) == ("image/png", PNG)
    assert read_cover(bytes(tmp_path / "none.mp3")) is None
    assert kind_of(b"<svg onload=alert(1)>") is None


def test_a_cover_is_given_by_its_first_bytes_whatever_the_tag_claims(
    library: Library, client: TestClient
) -> None:
    path = track(library, 0)
    url = f"{API}/tracks/{id_of(path)}/cover"
    problem(client.get(url), 404)
    wave: Any = WAVE(path)  # type: ignore[no-untyped-call]
    wave.add_tags()
    wave.tags.add(picture_frame(3, PNG))
    wave.save()
    answer = client.get(url)
    assert (answer.headers["content-type"], answer.content) == ("image/png", PNG)


def picture_frame(kind: int, data: bytes) -> Any:
    return APIC(mime="text/html", type=kind, desc=str(kind), data=data)  # type: ignore[no-untyped-call]
