"""What a description must be beyond its schema: which fields go with which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from audiosim.encoders.described.schema import Fault
from audiosim.encoders.described.toml_lines import Place

SAMPLES = {"samples"}
SPECTROGRAM = {"frames", "bands"}


def further_faults(document: Mapping[str, Any]) -> Iterator[Fault]:
    """Find what is wrong in a document that its schema has nothing against.

    Yields
    ------
    Fault
        Each fault.
    """
    yield from _axes(document["model"]["axes"], "mel" in document)
    if "mel" in document:
        yield from _mel(document["mel"], document["audio"])
    if "window" not in document["audio"] and "patch" not in document.get("mel", {}):
        instead = ", or patch in [mel]" if "mel" in document else ""
        yield Fault(("audio", "window"), f"is missing{instead}")
    for name, variant in document["variants"].items():
        yield from _variant(variant, ("variants", name), document)
    if "text" in document:
        yield from _pin(document["text"]["tokenizer"], ("text", "tokenizer"))


def _axes(axes: list[str], mel: bool) -> Iterator[Fault]:
    place: Place = ("model", "axes")
    needed = SPECTROGRAM if mel else SAMPLES
    if len(set(axes)) < len(axes):
        yield Fault(place, "names one twice")
    for name in sorted(needed - set(axes)):
        yield Fault(place, f"lacks {name}: {'there is' if mel else 'without'} a table [mel]")
    for name in sorted(set(axes) & (SPECTROGRAM | SAMPLES) - needed):
        yield Fault(place, f"has {name}: {'there is' if mel else 'without'} a table [mel]")


def _mel(mel: Mapping[str, Any], audio: Mapping[str, Any]) -> Iterator[Fault]:
    if mel.get("frame", mel["n_fft"]) > mel["n_fft"]:
        yield Fault(("mel", "frame"), "is longer than n_fft")
    if mel.get("fmax", audio["sample_rate"] / 2) > audio["sample_rate"] / 2:
        yield Fault(("mel", "fmax"), "is above half the sample rate")
    if mel.get("fmin", 0) >= mel.get("fmax", audio["sample_rate"] / 2):
        yield Fault(("mel", "fmin"), "is not below fmax")
    if "patch_hop" in mel and "patch" not in mel:
        yield Fault(("mel", "patch_hop"), "needs patch")


def patch_faults(document: Mapping[str, Any]) -> Iterator[Fault]:
    """Find what does not go with patches, in a document that may be against its schema in other ways.

    Yields
    ------
    Fault
        Each fault.
    """
    mel, audio = document.get("mel"), document.get("audio")
    if not isinstance(mel, dict) or not isinstance(audio, dict) or "patch" not in mel:
        return
    for name in {"window", "hop"} & set(audio):
        yield Fault(("audio", name), "does not go with patch in [mel], which says it in frames")
    if "frames" in mel:
        yield Fault(("mel", "frames"), "does not go with patch: a window has so many frames")
    if mel.get("padding", "reflect") == "reflect":
        yield Fault(("mel", "padding"), 'must be "zeros" or "none" with patch: frames are those of the track')
    if audio.get("tail") in ("repeat", "tile"):
        yield Fault(("audio", "tail"), 'must be "drop" or "zeros" with patch in [mel]')


def _variant(variant: Mapping[str, Any], place: Place, document: Mapping[str, Any]) -> Iterator[Fault]:
    yield from _files(variant, place)
    if "text" in variant:
        yield from _files(variant["text"], (*place, "text"))
    if ("text" in variant) != ("text" in document):
        what = "needs a table [text]" if "text" in variant else "is missing: there is a table [text]"
        yield Fault((*place, "text"), what)
    test = variant.get("self_test")
    if test and len(test["vector"]) != document["dimension"]:
        yield Fault(
            (*place, "self_test", "vector"),
            f"has {len(test['vector'])} numbers, not {document['dimension']} as dimension says",
        )


def _files(table: Mapping[str, Any], place: Place) -> Iterator[Fault]:
    yield from _pin(table, place)
    names = [table["file"]]
    for number, file in enumerate(table.get("data", ())):
        yield from _pin(file, (*place, "data", number))
        if file["file"] in names:
            yield Fault((*place, "data", number, "file"), "is named twice")
        names.append(file["file"])


def _pin(file: Mapping[str, Any], place: Place) -> Iterator[Fault]:
    """What is fetched is pinned by one thing; only what is fetched has a revision."""
    urls, revision = file.get("urls", ()), file.get("revision")
    if urls and ("sha256" in file) == (revision is not None):
        yield Fault((*place, "urls"), "needs either sha256 or revision: what is fetched must be known")
    if revision is None:
        return
    if not urls:
        yield Fault((*place, "revision"), "needs urls: a file beside the description has none")
    for number, url in enumerate(urls):
        if f"/resolve/{revision}/" not in url:
            yield Fault((*place, "urls", number), f"lacks /resolve/{revision}/, as revision says")
        elif url.startswith("http:"):
            yield Fault((*place, "urls", number), "must be https:// where a revision alone says what it is")
