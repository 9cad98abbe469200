"""Where models come from: beside the description, by addresses, kept for homes; and what is refused."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx_files
import pytest
from conftest import GOLDEN

from audiosim.core.errors import NoWeightsError, UsageError, WeightsError
from audiosim.encoders.described.description import Description, read_description
from audiosim.encoders.described.model_files import FoundModel, ModelFolder
from audiosim.encoders.described.names import descriptions

DESCRIBED = GOLDEN / "described"
REVISION = "0123456789" * 4
Write = Callable[..., Description]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a description of waveform.onnx into a folder; what is given stands in place of `file`."""

    def written(*lines: str, folder: str = "mine", more: str = "") -> Description:
        text = (DESCRIBED / "waveform.toml").read_text("utf-8")
        text = text.replace('file = "waveform.onnx"', "\n".join(['file = "waveform.onnx"', *lines]))
        place = tmp_path / folder / "encoder.toml"
        place.parent.mkdir(exist_ok=True)
        place.write_text(text.replace("[model]", f"{more}\n[model]"), "utf-8")
        return read_description(place)

    return written


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """A folder with the model, which file: addresses name."""
    folder = tmp_path / "server"
    (folder / "resolve" / REVISION).mkdir(parents=True)
    shutil.copy(DESCRIBED / "waveform.onnx", folder)
    shutil.copy(DESCRIBED / "waveform.onnx", folder / "resolve" / REVISION)
    return folder


def weights(tmp_path: Path) -> ModelFolder:
    return ModelFolder(tmp_path / "weights")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def urls(*paths: Path) -> str:
    return f"urls = [{', '.join(repr(path.as_uri()) for path in paths)}]"


def find(folder: ModelFolder, description: Description) -> FoundModel:
    return folder.find_model(description, description.variants[0].audio)


PIN = f'sha256 = "{sha256(DESCRIBED / "waveform.onnx")}"'
WRONG = f'sha256 = "{"0" * 64}"'


def test_a_model_is_found_beside_its_description(write: Write, tmp_path: Path) -> None:
    description = write()
    with pytest.raises(WeightsError, match=r"There is no .*waveform.onnx: the description names no address"):
        find(weights(tmp_path), description)
    shutil.copy(DESCRIBED / "waveform.onnx", description.folder)
    assert find(weights(tmp_path), description).path == description.folder / "waveform.onnx"
    assert not (tmp_path / "weights").exists()


def test_a_model_beside_it_is_held_to_the_digest(write: Write, tmp_path: Path) -> None:
    description = write(WRONG)
    shutil.copy(DESCRIBED / "waveform.onnx", description.folder)
    with pytest.raises(WeightsError, match="is another file than the description's: its SHA-256 is"):
        find(weights(tmp_path), description)
    assert find(weights(tmp_path), write(PIN)).path.parent == description.folder


def test_a_link_to_elsewhere_is_refused(write: Write, server: Path, tmp_path: Path) -> None:
    description = write()
    model = description.folder / "waveform.onnx"
    model.symlink_to(server / "waveform.onnx")
    with pytest.raises(WeightsError, match="is refused: it is a link to a file elsewhere"):
        find(weights(tmp_path), description)
    model.unlink()
    model.symlink_to(description.folder / "nowhere.onnx")
    with pytest.raises(WeightsError, match="is no file"):
        find(weights(tmp_path), description)
    shutil.copy(server / "waveform.onnx", description.folder / "nowhere.onnx")
    assert find(weights(tmp_path), description).path == model  # a link to a file beside it


def test_a_model_is_fetched_once_and_kept_whoever_asks(write: Write, server: Path, tmp_path: Path) -> None:
    folder = weights(tmp_path)
    first = find(folder, write(urls(server / "waveform.onnx"), PIN)).path
    assert first.read_bytes() == (server / "waveform.onnx").read_bytes()
    (server / "waveform.onnx").unlink()
    assert find(folder, write(urls(server / "waveform.onnx"), PIN, folder="other")).path == first
    assert folder.has_model(write(urls(server / "w"), PIN), write().variants[0].audio) is None


def test_addresses_are_tried_in_turn(write: Write, server: Path, tmp_path: Path) -> None:
    (server / "page.html").write_text("please log in")
    description = write(urls(server / "gone", server / "page.html", server / "waveform.onnx"), PIN)
    assert find(weights(tmp_path), description).path.is_file()


def test_a_file_that_can_t_be_had_is_told_with_every_reason_and_the_other_way(
    write: Write, server: Path, tmp_path: Path
) -> None:
    (server / "page.html").write_text("please log in")
    with pytest.raises(WeightsError) as caught:
        find(weights(tmp_path), write(urls(server / "gone", server / "page.html"), PIN))
    assert "gone can't be fetched" in caught.value.what
    assert "No such file" in caught.value.why
    assert "page.html gave another file than expected" in caught.value.why
    assert (
        f"audiosim encoders import waveform.onnx --encoder {tmp_path}/mine/encoder.toml"
        in caught.value.remedy
    )
    assert [path.name for path in tmp_path.glob("weights/fetched/*/*")] == ["fetch.lock"]


def test_a_revision_pins_what_no_digest_does(write: Write, server: Path, tmp_path: Path) -> None:
    """Its digest is kept when it is fetched: damage is found out later."""
    source = server / "resolve" / REVISION / "waveform.onnx"
    description = write(urls(source), f'revision = "{REVISION}"')
    path = find(weights(tmp_path), description).path
    assert find(weights(tmp_path), description).path == path
    path.write_bytes(path.read_bytes() + b"!")
    with pytest.raises(WeightsError, match="another file than the description's") as caught:
        find(weights(tmp_path), description)
    assert "it is fetched again" in caught.value.remedy


def test_a_look_fetches_nothing(write: Write, server: Path, tmp_path: Path) -> None:
    look = ModelFolder(tmp_path / "weights", read_only=True)
    with pytest.raises(NoWeightsError, match="nothing is fetched for a look"):
        find(look, write(urls(server / "waveform.onnx"), PIN))
    assert not (tmp_path / "weights").exists()


def test_nothing_is_fetched_before_the_licence_is_accepted(
    write: Write, server: Path, tmp_path: Path
) -> None:
    more = 'licence_url = "https://x.org/licence"\naccept_licence = true'
    description = write(urls(server / "waveform.onnx"), PIN, more=more)
    folder = weights(tmp_path)
    with pytest.raises(
        WeightsError, match=r"licence was not accepted: MIT. Read it: https://x.org"
    ) as caught:
        find(folder, description)
    assert f"audiosim encoders fetch {description.place} --accept-licence" in caught.value.remedy
    assert not (tmp_path / "weights").exists()
    folder.accept(description)
    assert find(folder, description).path.is_file()
    other = write(urls(server / "w"), f'sha256 = "{"1" * 64}"', more=more.replace('licence"', 'other"'))
    with pytest.raises(WeightsError, match="was not accepted"):  # another licence is another question
        find(folder, other)


def test_a_file_that_was_brought_takes_the_place_of_one_that_is_fetched(
    write: Write, server: Path, tmp_path: Path
) -> None:
    folder = weights(tmp_path)
    description = write(urls(server / "nowhere"), PIN)
    with pytest.raises(WeightsError, match="is no file of tiny-waves: its SHA-256 is") as caught:
        folder.bring(description, DESCRIBED / "patches.onnx")
    assert "waveform.onnx" in caught.value.remedy
    brought = server / "named otherwise.bin"
    (server / "waveform.onnx").rename(brought)
    assert folder.bring(description, brought) == find(folder, description).path
    with pytest.raises(UsageError, match="there is no such file"):
        folder.bring(description, server / "nowhere")
    by_name = write(urls(server / "resolve" / REVISION / "waveform.onnx"), f'revision = "{REVISION}"')
    assert folder.bring(by_name, DESCRIBED / "waveform.onnx") == find(folder, by_name).path


def test_the_digest_is_that_of_the_bytes_and_of_what_changes_numbers(write: Write, tmp_path: Path) -> None:
    description = write()
    model = description.folder / "waveform.onnx"
    shutil.copy(DESCRIBED / "waveform.onnx", model)
    first = find(weights(tmp_path), description).digest(description)
    assert len(first) == 32
    again = write(PIN, more='about = "the same"')
    assert find(weights(tmp_path), again).digest(again) == first
    unit = write(more="")
    text = unit.place.read_text().replace("[audio]", "normalise = true\n[audio]")
    unit.place.write_text(text)
    unit = read_description(unit.place)
    assert find(weights(tmp_path), unit).digest(unit) != first
    model.write_bytes(model.read_bytes() + b"\0\0")
    assert find(weights(tmp_path), description).digest(description) != first


def external(folder: Path) -> Path:
    """A model that keeps its weights in another file."""
    matrix = np.random.default_rng(0).normal(size=(16_000, 16)).astype(np.float32)
    (folder / "w.bin").write_bytes(onnx_files.weights_bytes(matrix))
    (folder / "waveform.onnx").write_bytes(onnx_files.matrix_model(16_000, 16, "w.bin"))
    return folder / "w.bin"


def test_weights_in_other_files_are_part_of_the_model(write: Write, tmp_path: Path) -> None:
    from audiosim.encoders.described.session import Session

    description = write()
    data = external(description.folder)
    found = find(weights(tmp_path), description)
    assert sorted(found.files) == ["w.bin", "waveform.onnx"]
    first = found.digest(description)
    kept = weights(tmp_path).keep(description, found)
    x = np.ones((2, 16_000), np.float32)
    np.testing.assert_array_equal(
        Session(kept / "waveform.onnx").run("embedding", {"audio": x}),
        Session(found.path).run("embedding", {"audio": x}),
    )
    data.write_bytes(data.read_bytes()[:-4] + b"\0\0\0\0")
    assert find(weights(tmp_path), description).digest(description) != first
    data.unlink()
    with pytest.raises(WeightsError, match=r"lacks w\.bin: the model keeps weights in it"):
        find(weights(tmp_path), description)
    data.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WeightsError, match=r"is no file|is refused"):
        find(weights(tmp_path), description)


def test_weights_in_other_files_are_fetched_too(write: Write, server: Path, tmp_path: Path) -> None:
    external(server)
    model, data = (sha256(server / name) for name in ("waveform.onnx", "w.bin"))
    first = [urls(server / "waveform.onnx"), f'sha256 = "{model}"']
    with pytest.raises(WeightsError, match=r"lacks w\.bin"):
        find(weights(tmp_path), write(*first))
    table = ["[[variants.float32.data]]", 'file = "w.bin"', urls(server / "w.bin"), f'sha256 = "{data}"']
    found = find(weights(tmp_path), write(*first, *table))
    assert found.files["w.bin"].path.parent == found.path.parent  # ONNX Runtime looks for it there


def test_what_homes_need_is_kept_and_found_by_its_digest(write: Write, tmp_path: Path) -> None:
    folder, description = weights(tmp_path), write()
    shutil.copy(DESCRIBED / "waveform.onnx", description.folder)
    found = find(folder, description)
    digest = found.digest(description)
    place = folder.keep(description, found)
    shutil.rmtree(description.folder)
    kept = read_description(folder.description("tiny-waves", digest))
    assert kept.folder == place
    assert find(folder, kept).digest(kept) == digest
    assert folder.keep(kept, find(folder, kept)) == place
    assert descriptions(folder.path, "tiny-waves") == [kept.place]


def test_a_look_keeps_nothing(write: Write, tmp_path: Path) -> None:
    description = write()
    shutil.copy(DESCRIBED / "waveform.onnx", description.folder)
    look = ModelFolder(tmp_path / "weights", read_only=True)
    look.keep(description, find(look, description))
    assert not (tmp_path / "weights").exists()
