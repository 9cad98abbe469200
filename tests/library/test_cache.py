from __future__ import annotations

import io
import json
import resource
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from audiosim.core.errors import HomeError
from audiosim.core.types import AudioInfo, EncoderSpec, FrameEmbeddings, Framing
from audiosim.core.version import DECODING
from audiosim.library.cache import FIRST_DECODING, Cache

SPEC = EncoderSpec("test", 1, (("size", 4),), "00" * 16, 8000, "soxr_hq", 1.0, 4, Framing(8000, 8000))
INFO = AudioInfo("ab" * 16, 2.5, 44_100, 2, "flac", 1000, 1)


def frames(count: int = 3, dimension: int = 4, seed: int = 0) -> FrameEmbeddings:
    rng = np.random.default_rng(seed)
    level = rng.uniform(-90, 0, count).astype(np.float16)
    level[0] = -np.inf
    embedding = rng.normal(size=(count, dimension)).astype(np.float32)
    return FrameEmbeddings(embedding, np.arange(count, dtype=np.float64) * 0.1, level)


def contents(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as data:
        return dict(data)


def rewrite(path: Path, **changes: object) -> None:
    """The same cache file with some arrays exchanged; None leaves one out."""
    arrays = {key: value for key, value in {**contents(path), **changes}.items() if value is not None}
    with path.open("wb") as file:
        np.savez(file, **arrays)


def change_meta(path: Path, **changes: object) -> None:
    meta = json.loads(str(contents(path)["meta"]))
    rewrite(path, meta=np.array(json.dumps({**meta, **changes})))


def test_what_was_written_is_read_as_float16(tmp_path: Path) -> None:
    cache, written = Cache(tmp_path, SPEC), frames()
    cache.write(INFO, written, "float32")
    track = cache.read(INFO.digest)
    assert track is not None
    assert track.duration == 2.5
    assert track.frames.embedding.dtype == np.float16
    np.testing.assert_array_equal(track.frames.embedding, written.embedding.astype(np.float16))
    assert track.frames.timestamps.dtype == np.float64
    np.testing.assert_array_equal(track.frames.timestamps, written.timestamps)
    np.testing.assert_array_equal(track.frames.level, written.level)


@settings(deadline=None, max_examples=50)
@given(
    hnp.arrays(
        np.float16,
        st.tuples(st.integers(1, 20), st.just(4)),
        elements=st.floats(allow_nan=True, allow_infinity=True, width=16),
    ),
    st.floats(0, 1e9),
)
def test_any_frames_come_back_bit_for_bit(embedding: npt.NDArray[np.float16], duration: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cache = Cache(Path(folder), SPEC)
        level = embedding[:, 0].copy()
        cache.write(
            replace(INFO, duration=duration),
            FrameEmbeddings(embedding, np.arange(len(embedding)) / 3, level),
            "float32",
        )
        track = cache.read(INFO.digest)
    assert track is not None
    assert track.duration == duration
    assert track.frames.embedding.tobytes() == embedding.tobytes()
    assert track.frames.level.tobytes() == level.tobytes()


def test_a_cache_file_lies_under_its_fingerprint_and_the_start_of_its_digest(tmp_path: Path) -> None:
    Cache(tmp_path, SPEC).write(INFO, frames(), "float32")
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert path == tmp_path / SPEC.fingerprint / "ab" / f"{INFO.digest}.npz"


def test_a_cache_file_has_openl3s_keys_and_no_pickle(tmp_path: Path) -> None:
    cache = Cache(tmp_path, SPEC)
    cache.write(INFO, frames(), "float32")
    data = contents(cache.path(INFO.digest))  # allow_pickle=False
    assert set(data) == {"embedding", "timestamps", "level", "meta"}
    assert data["embedding"].dtype == np.float16
    assert data["timestamps"].dtype == np.float64
    assert all(array.dtype.kind in "fU" for array in data.values())


def test_the_meta_data_tells_where_the_numbers_come_from(tmp_path: Path) -> None:
    cache = Cache(tmp_path, SPEC)
    cache.write(INFO, frames(), "float32")
    meta = json.loads(str(contents(cache.path(INFO.digest))["meta"]))
    assert meta["digest"] == INFO.digest
    assert meta["fingerprint"] == SPEC.fingerprint
    assert meta["encoder"]["name"] == "test"
    assert (meta["duration"], meta["sample_rate"], meta["channels"]) == (2.5, 44_100, 2)


def test_a_missing_track_is_none(tmp_path: Path) -> None:
    assert Cache(tmp_path, SPEC).read("cd" * 16) is None


def test_another_encoder_does_not_see_the_track(tmp_path: Path) -> None:
    Cache(tmp_path, SPEC).write(INFO, frames(), "float32")
    assert Cache(tmp_path, replace(SPEC, hop=0.5)).read(INFO.digest) is None


def test_a_file_of_another_fingerprint_in_its_place_is_none(tmp_path: Path) -> None:
    ours, other = Cache(tmp_path, SPEC), Cache(tmp_path, replace(SPEC, version=2))
    other.write(INFO, frames(), "float32")
    ours.path(INFO.digest).parent.mkdir(parents=True)
    other.path(INFO.digest).rename(ours.path(INFO.digest))
    assert ours.read(INFO.digest) is None


def test_a_file_of_another_digest_in_its_place_is_none(tmp_path: Path) -> None:
    cache = Cache(tmp_path, SPEC)
    cache.write(INFO, frames(), "float32")
    cache.path(INFO.digest).rename(cache.path("ab" + "cd" * 15))
    assert cache.read("ab" + "cd" * 15) is None


def test_every_truncation_is_none(tmp_path: Path) -> None:
    cache = Cache(tmp_path, SPEC)
    cache.write(INFO, frames(), "float32")
    path = cache.path(INFO.digest)
    data = path.read_bytes()
    for length in range(0, len(data), 7):
        path.write_bytes(data[:length])
        assert cache.read(INFO.digest) is None, length


@pytest.mark.slow
@pytest.mark.parametrize("flip", [0x01, 0x08, 0xFF])
def test_a_damaged_byte_is_none_or_changes_no_number(tmp_path: Path, flip: int) -> None:
    cache, written = Cache(tmp_path, SPEC), frames()
    cache.write(INFO, written, "float32")
    path = cache.path(INFO.digest)
    data = path.read_bytes()
    raised: dict[str, int] = {}
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= flip
        path.write_bytes(damaged)
        try:
            track = cache.read(INFO.digest)
        except Exception as error:
            raised[f"{type(error).__name__}: {error}"] = position
            continue
        if track is not None:
            assert track.duration == 2.5
            assert track.frames.embedding.tobytes() == written.embedding.astype(np.float16).tobytes()
            assert track.frames.timestamps.tobytes() == written.timestamps.tobytes()
            assert track.frames.level.tobytes() == written.level.tobytes()
    assert raised == {}


@pytest.mark.parametrize(
    "content", [b"", b"no zip file", b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"\x80\x04K\x00."]
)
def test_a_file_that_is_no_archive_is_none(tmp_path: Path, content: bytes) -> None:
    cache = Cache(tmp_path, SPEC)
    cache.write(INFO, frames(), "float32")
    cache.path(INFO.digest).write_bytes(content)
    assert cache.read(INFO.digest) is None


def test_a_bare_array_in_the_place_of_an_archive_is_none(tmp_path: Path) -> None:
    cache = Cache(tmp_path, SPEC)
    cache.write(INFO, frames(), "float32")
    with cache.path(INFO.digest).open("wb") as file:
        np.save(file, np.zeros((3, 4), np.float16))
    assert cache.read(INFO.digest) is None


def test_a_folder_in_its_place_is_none(tmp_path: Path) -> None:
    cache = Cache(tmp_path, SPEC)
    cache.path(INFO.digest).mkdir(parents=True)
    assert cache.read(INFO.digest) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"embedding": None},
        {"timestamps": None},
        {"level": None},
        {"meta": None},
        {"meta": np.array("no JSON")},
        {"meta": np.array("[1]")},
        {"embedding": np.zeros((3, 5), np.float16)},
        {"embedding": np.zeros((2, 4), np.float16)},
        {"embedding": np.zeros((3, 4), np.float32)},
        {"level": np.zeros(2, np.float16)},
        {
            "embedding": np.zeros((0, 4), np.float16),
            "timestamps": np.zeros(0),
            "level": np.zeros(0, np.float16),
        },
        {"timestamps": np.array(0.0)},
    ],
)
def test_arrays_that_do_not_fit_are_none(tmp_path: Path, changes: dict[str, object]) -> None:
    cache = Cache(tmp_path, SPEC)
    cache.write(INFO, frames(), "float32")
    rewrite(cache.path(INFO.digest), **changes)
    assert cache.read(INFO.digest) is None


@pytest.mark.parametrize(
    "changes",
    [{"format": 2}, {"fingerprint": "00"}, {"digest": "00"}, {"duration": None}, {"duration": "2.5"}],
)
def test_meta_data_that_does_not_fit_is_none(tmp_path: Path, changes: dict[str, object]) -> None:
    cache = Cache(tmp_path, SPEC)
    cache.write(INFO, frames(), "float32")
    assert cache.read(INFO.digest) is not None
    change_meta(cache.path(INFO.digest), **changes)
    assert cache.read(INFO.digest) is None


def test_a_pickle_in_an_archive_is_never_loaded(tmp_path: Path) -> None:
    cache = Cache(tmp_path, SPEC)
    cache.write(INFO, frames(), "float32")
    trap = tmp_path / "sprung"

    class Trap:
        def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
            return (Path.touch, (trap,))

    poison = io.BytesIO()
    np.save(poison, np.array([Trap()], object), allow_pickle=True)
    path = cache.path(INFO.digest)
    arrays = contents(path)
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, array)
            archive.writestr(f"{name}.npy", poison.getvalue() if name == "embedding" else buffer.getvalue())
    assert cache.read(INFO.digest) is None
    assert not trap.exists()


def test_a_second_write_replaces_the_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path, SPEC)
    cache.write(INFO, frames(3, seed=1), "float32")
    cache.write(INFO, frames(5, seed=2), "float32")
    track = cache.read(INFO.digest)
    assert track is not None
    assert len(track.frames) == 5
    assert len(list(cache.path(INFO.digest).parent.iterdir())) == 1


# Python 3.10 says so when a zip file that failed is collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    cache = Cache(tmp_path, SPEC)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(HomeError, match="Can't write to the cache folder"):
            cache.write(INFO, frames(5000), "float32")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert cache.read(INFO.digest) is None


# Python 3.10 says so when a zip file that failed is collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_write_that_fails_leaves_the_former_file(tmp_path: Path) -> None:
    cache = Cache(tmp_path, SPEC)
    cache.write(INFO, frames(3), "float32")
    before = cache.path(INFO.digest).read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(HomeError):
            cache.write(INFO, frames(5000), "float32")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert cache.path(INFO.digest).read_bytes() == before
    assert len(list(cache.path(INFO.digest).parent.iterdir())) == 1


def test_a_cache_folder_that_is_a_file_is_explained(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.touch()
    with pytest.raises(HomeError, match="`cache`"):
        Cache(place, SPEC).write(INFO, frames(), "float32")


def test_a_cache_says_by_which_decoding_it_was_made(tmp_path: Path) -> None:
    cache = Cache(tmp_path, SPEC)
    cache.write(INFO, frames(), "float32")
    track = cache.read(INFO.digest)
    assert track is not None
    assert (track.decoding, track.channels) == (DECODING, INFO.channels)


def test_a_cache_that_does_not_say_so_was_made_by_the_first_decoding(tmp_path: Path) -> None:
    cache = Cache(tmp_path, SPEC)
    cache.write(INFO, frames(), "float32")
    path = cache.path(INFO.digest)
    meta = json.loads(str(contents(path)["meta"]))
    del meta["decoding"]
    rewrite(path, meta=np.array(json.dumps(meta)))
    track = cache.read(INFO.digest)
    assert track is not None
    assert track.decoding == FIRST_DECODING < DECODING
