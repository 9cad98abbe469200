"""Real encoded audio files, made on the spot from seeded signals."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import mutagen
import mutagen.apev2
import mutagen.asf
import mutagen.flac
import mutagen.id3
import mutagen.mp4
import numpy as np
import soundfile

from audiosim.core.types import Float32, Float64

# Untyped, as far as mypy --strict is concerned.
id3: Any = mutagen.id3
flac: Any = mutagen.flac
apev2: Any = mutagen.apev2

WRITE_SECONDS = 10  # libsndfile crashes on long Vorbis written in one call
OPUS_RATE = 48_000  # Hz, the only rate Opus files here are written at
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}  # channels, as FFmpeg calls them


@dataclass(frozen=True)
class Form:
    """A way of encoding audio.

    ``container`` and ``codec`` are libsndfile's format and subtype, or FFmpeg's where ``ffmpeg``.
    ``error`` is the largest share of the signal's RMS that may be lost (0 means bit-exact up to
    the sample format), ``slack`` how many samples the length may differ.
    """

    suffix: str
    container: str
    codec: str
    ffmpeg: bool = False
    rate: int = 44_100
    error: float = 1e-4
    slack: int = 0


FORMS: dict[str, Form] = {
    "wav16": Form(".wav", "WAV", "PCM_16", error=1e-3),
    "wav24": Form(".wav", "WAV", "PCM_24"),
    "wav-float": Form(".wav", "WAV", "FLOAT", error=0.0),
    "aiff": Form(".aiff", "AIFF", "PCM_16", error=1e-3),
    "flac": Form(".flac", "FLAC", "PCM_16", error=1e-3),
    "vorbis": Form(".ogg", "OGG", "VORBIS", error=0.15),
    "opus": Form(".opus", "OGG", "OPUS", rate=OPUS_RATE, error=0.15, slack=960),
    "mp3": Form(".mp3", "MP3", "MPEG_LAYER_III", error=0.15, slack=2304),
    "aac": Form(".m4a", "ipod", "aac", ffmpeg=True, error=0.15, slack=2048),
    "alac": Form(".m4a", "ipod", "alac", ffmpeg=True),
    "wma": Form(".wma", "asf", "wmav2", ffmpeg=True, error=0.2, slack=4096),
}


def music(seconds: float, rate: int = 44_100, *, channels: int = 1, seed: int = 0) -> Float32:
    """Something like music: fading chords over a little noise, float32 (n, channels)."""
    return _music(seconds, rate, channels, seed).copy()


@lru_cache(maxsize=32)  # many tests begin with the same
def _music(seconds: float, rate: int, channels: int, seed: int) -> Float32:
    rng = np.random.default_rng(seed)
    count = round(seconds * rate)
    time = np.arange(count) / rate
    signal = 0.003 * rng.standard_normal((count, channels))
    for _ in range(12):
        frequency = rng.uniform(80, 0.2 * min(rate, 20_000))
        fade = np.exp(-((time - rng.uniform(0, max(seconds, 0.1))) ** 2) * 4)
        partial = rng.uniform(0.02, 0.1) * fade * np.sin(2 * np.pi * frequency * time)
        signal += partial[:, None] * rng.uniform(0.5, 1.0, channels)
    return np.asarray(np.clip(signal, -0.95, 0.95), np.float32)


def make(folder: Path, name: str, *, seconds: float = 2.0, channels: int = 2, seed: int = 0) -> Path:
    """A file of one of FORMS in `folder`, named after the form."""
    form = FORMS[name]
    path = folder / f"{name}-{seed}{form.suffix}"
    write(path, music(seconds, form.rate, channels=channels, seed=seed), form)
    return path


def write(path: Path, samples: Float32, form: Form, *, rate: int | None = None) -> Path:
    """Encodes samples (n, channels) as `form`."""
    if form.ffmpeg:
        encode(path, samples, rate or form.rate, form.codec, form.container)
    else:
        write_sound(path, samples, rate or form.rate, form.container, form.codec)
    return path


def write_sound(
    path: Path, samples: Float32, rate: int, container: str = "WAV", codec: str = "PCM_16"
) -> Path:
    """Samples (n,) or (n, channels) through libsndfile, in blocks."""
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    with soundfile.SoundFile(
        bytes(path), "w", samplerate=rate, channels=channels, format=container, subtype=codec
    ) as file:
        for start in range(0, len(samples), WRITE_SECONDS * rate):
            file.write(samples[start : start + WRITE_SECONDS * rate])
    return path


def encode(
    path: Path,
    samples: Float32,
    rate: int,
    codec: str,
    container: str,
    options: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
) -> Path:
    """Samples (n, channels) through FFmpeg; channels as in LAYOUTS."""
    layout = LAYOUTS[samples.shape[1]]
    with av.open(str(path), "w", format=container, options=options or {}) as file:
        stream: Any = file.add_stream(codec, rate=rate)
        stream.layout = layout
        file.metadata.update(metadata or {})
        if codec == "wmav2":
            stream.bit_rate = 128_000  # it has no default that works
        converter = av.AudioResampler(format=stream.format, layout=layout, rate=rate)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples).reshape(1, -1), format="flt", layout=layout
        )
        frame.sample_rate = rate
        fifo = av.AudioFifo()
        for converted in converter.resample(frame):
            fifo.write(converted)
        size = stream.codec_context.frame_size or 1024
        while (part := fifo.read(size, partial=True)) is not None:
            for packet in stream.encode(part):
                file.mux(packet)
        for packet in stream.encode(None):
            file.mux(packet)
    return path


def write_silent_video(path: Path, *, frames: int = 10) -> Path:
    """An MP4 with moving pictures and no sound."""
    with av.open(str(path), "w", format="mp4") as file:
        stream: Any = file.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for number in range(frames):
            picture = np.full((64, 64, 3), number * 20, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                file.mux(packet)
        for packet in stream.encode(None):
            file.mux(packet)
    return path


ID3_FRAMES = {
    "title": id3.TIT2,
    "artist": id3.TPE1,
    "album": id3.TALB,
    "album_artist": id3.TPE2,
    "genre": id3.TCON,
    "year": id3.TDRC,
    "track": id3.TRCK,
}
MP4_ATOMS = {
    "title": "\xa9nam",
    "artist": "\xa9ART",
    "album": "\xa9alb",
    "album_artist": "aART",
    "genre": "\xa9gen",
    "year": "\xa9day",
    "track": "trkn",
}
ASF_NAMES = {
    "title": "Title",
    "artist": "Author",
    "album": "WM/AlbumTitle",
    "album_artist": "WM/AlbumArtist",
    "genre": "WM/Genre",
    "year": "WM/Year",
    "track": "WM/TrackNumber",
}
COMMENT_NAMES = {
    "title": "title",
    "artist": "artist",
    "album": "album",
    "album_artist": "albumartist",
    "genre": "genre",
    "year": "date",
    "track": "tracknumber",
}


def write_tags(path: Path, **values: str) -> None:
    """Writes tags (title, artist, album, album_artist, genre, year, track) in the format's own way."""
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    tags: Any = file.tags
    for name, value in values.items():
        if isinstance(tags, id3.ID3):
            tags.setall(ID3_FRAMES[name].__name__, [ID3_FRAMES[name](encoding=3, text=[value])])
        elif isinstance(tags, mutagen.mp4.MP4Tags):
            number, _, total = value.partition("/")
            tags[MP4_ATOMS[name]] = [(int(number), int(total or 0))] if name == "track" else [value]
        elif isinstance(tags, mutagen.asf.ASFTags):
            tags[ASF_NAMES[name]] = [value]
        else:
            tags[COMMENT_NAMES[name]] = [value]
    file.save()


def aligned_error(decoded: Float32, source: Float32, search: int = 4096) -> float:
    """What a codec lost, as a share of the source's RMS, at the best delay of up to `search` samples."""
    size = 1 << (len(decoded) + len(source)).bit_length()  # a Fourier transform of other lengths is slow
    products = np.fft.irfft(
        np.fft.rfft(decoded.astype(np.float64), size) * np.conj(np.fft.rfft(source.astype(np.float64), size)),
        size,
    )
    lags = np.r_[np.arange(search + 1), np.arange(-search, 0)]
    lag = int(lags[np.argmax(products[lags])])
    late, early = decoded[max(0, lag) :], source[max(0, -lag) :]
    count = min(len(late), len(early))
    difference = (late[:count] - early[:count]).astype(np.float64)
    return rms(difference) / rms(early[:count].astype(np.float64))


def rms(signal: Float64) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(np.square(signal))))
