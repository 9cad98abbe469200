"""Encoders by name: what is listed is true, nothing is loaded, and plug-ins hurt only themselves."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Cli
from fake_encoder import FakeEncoder

from audiosim.core.errors import NoWeightsError, UsageError, WeightsError
from audiosim.encoders import expected_spec, load_encoder, load_encoder_for
from audiosim.encoders.bundle import packed
from audiosim.encoders.openl3 import CONTENT_TYPES, EMBEDDING_SIZES, INPUT_REPRS
from audiosim.encoders.panns import VARIANTS
from audiosim.encoders.registry import DEFAULT, FOR_WORDS, built_in, find, plug_ins, resolve
from audiosim.encoders.request import EncoderRequest, option_values

PLUG_IN = """
from fake_encoder import FakeEncoder
from audiosim.encoders.registry import EncoderCard, EncoderEntry, EncoderOption

class Entry(EncoderEntry):
    loud = EncoderOption("loud", (False, True))
    card = EncoderCard("fake", "band energies", (16,), 1.0, 1.0, "MIT", 0, options=(loud,))

    def load(self, request, *, precision, batch_size, read_only, quick):
        return FakeEncoder(hop=request.hop or 1.0)

    def spec(self, request):
        return FakeEncoder(hop=request.hop or 1.0).spec

    def fetch(self, request): ...
    def weights(self): return ()
    def check(self): return iter(())
    def pack(self, spec): return {"fake": b"none"}

ENTRY = Entry()
"""
Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs a plug-in: a module of some source, and its entry point."""
    monkeypatch.syspath_prepend(str(tmp_path / "site"))

    def installed(name: str, source: str, attribute: str = "ENTRY") -> None:
        module = f"audiosim_plug_in_{name}"
        information = tmp_path / "site" / f"{module}-1.2.dist-info"
        information.mkdir(parents=True)
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.2\n")
        (information / "entry_points.txt").write_text(f"[audiosim.encoders]\n{name} = {module}:{attribute}\n")
        (tmp_path / "site" / f"{module}.py").write_text(source)
        monkeypatch.delitem(sys.modules, module, raising=False)

    return installed


def test_every_file_of_entries_is_a_built_in_encoder_and_the_default_comes_first() -> None:
    files = Path(__file__).parents[2] / "audiosim" / "encoders" / "entries"
    names = {file.stem.replace("_", "-") for file in files.glob("[!_]*.py")}
    assert set(built_in()) == names
    assert next(iter(built_in())) == DEFAULT == resolve(None).card.name


def test_a_card_says_what_the_spec_does() -> None:
    for name, entry in built_in().items():
        card, spec = entry.card, entry.spec(EncoderRequest(name, digest="00" * 16))
        assert (card.name, card.dimensions[0], spec.weights) == (spec.name, spec.dimension, "00" * 16)
        assert [card.window, card.hop] == pytest.approx([spec.window, spec.hop])
        values = dict(spec.options)
        assert option_values(card, EncoderRequest()) == {
            option.name: values.get(option.name, option.choices[0]) for option in card.options
        }


def test_openl3_s_choices_are_its_network_s() -> None:
    choices = {option.name: option.choices for option in built_in()["openl3"].card.options}
    assert choices == {
        "content_type": CONTENT_TYPES,
        "input_repr": INPUT_REPRS,
        "embedding_size": EMBEDDING_SIZES,
        "center": (True, False),
    }


def test_panns_s_choices_are_its_networks() -> None:
    assert [option.choices for option in built_in()["panns"].card.options] == [VARIANTS]


@pytest.mark.parametrize("name", built_in())
def test_a_look_is_told_that_weights_are_not_here(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By an error that `index --dry-run` knows, and goes on without."""
    monkeypatch.setenv("AUDIOSIM_WEIGHTS", str(tmp_path / "weights"))
    with pytest.raises(NoWeightsError, match="nothing is fetched for a look"):
        load_encoder(EncoderRequest(name), read_only=True)
    assert not (tmp_path / "weights").exists()


def test_listing_encoders_loads_none_of_them(tmp_path: Path) -> None:
    """Nor numpy: every start of the command line goes through it."""
    heavy = "{'tensorflow', 'onnxruntime', 'numpy', 'h5py', 'pooch'}"
    program = (
        "import sys\n"
        "from audiosim.encoders.registry import built_in, resolve\n"
        "assert [entry.card for entry in built_in().values()] and resolve('MusiCNN')\n"
        f"assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)\n"
        "for entry in built_in().values():\n"
        "    entry.weights()\n"
        "assert not {'tensorflow', 'onnxruntime'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)


def test_plug_ins_are_looked_for_only_where_encoders_are_listed_or_a_name_is_not_known(
    cli: Cli, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes some milliseconds: the metadata of every package that is installed is read."""
    looks: list[str] = []

    def look(group: str) -> tuple[()]:
        looks.append(group)
        return ()

    monkeypatch.setattr("importlib.metadata.entry_points", look)
    monkeypatch.syspath_prepend("/nowhere")  # what is known of another path does not count
    for words in (["--help"], ["index", "--help"], ["status"], ["list"], ["similar", "x"]):
        cli(*words)
    cli("index", music, "--encoder", "musicnn", "--dry-run")
    assert not looks
    cli("encoders")
    assert cli("index", music, "--encoder", "vggish").code == 2
    assert set(looks) == {"audiosim.encoders"}


def test_an_encoder_is_found_whatever_the_case_of_its_name() -> None:
    assert find("MusiCNN") is resolve("musicnn") is built_in()["musicnn"]
    assert find("vggish") is None
    with pytest.raises(UsageError, match=f"Choose one of: {', '.join(built_in())}"):
        resolve("vggish")


def test_a_plug_in_is_found_by_its_name_and_imported_only_then(install: Install) -> None:
    install("fake", PLUG_IN)
    assert list(plug_ins()) == ["fake"]
    assert "audiosim_plug_in_fake" not in sys.modules
    encoder = load_encoder(EncoderRequest("Fake", hop=2.0, loud=True))
    assert encoder.spec == FakeEncoder(hop=2.0).spec == expected_spec(EncoderRequest("fake", hop=2.0))
    assert load_encoder_for(encoder.spec).spec == encoder.spec
    assert packed(encoder.spec) == {"fake": b"none"}
    with pytest.raises(UsageError, match="`center` does not go with `encoder` fake"):
        load_encoder(EncoderRequest("fake", center=False))


@pytest.mark.parametrize(
    ("source", "attribute", "why"),
    [
        ("raise RuntimeError('no such driver')", "ENTRY", "RuntimeError: no such driver"),
        ("", "ENTRY", "AttributeError"),
        ("ENTRY = 1", "ENTRY", "is no EncoderEntry"),
        (PLUG_IN, "ENTRY", "it calls itself fake"),
    ],
)
def test_a_broken_plug_in_hurts_only_those_who_ask_for_it(
    install: Install, source: str, attribute: str, why: str
) -> None:
    install("broken", source, attribute)
    assert "broken" in plug_ins()
    assert find("openl3") is not None
    with pytest.raises(UsageError, match=r"Choose one of: openl3, .*, broken"):
        resolve("vggish")
    with pytest.raises(WeightsError, match=f"The encoder broken can't be loaded: .*{why}") as caught:
        resolve("broken")
    assert "install audiosim_plug_in_broken again" in caught.value.remedy


def test_a_plug_in_does_not_take_the_name_of_a_built_in_encoder(install: Install) -> None:
    install("openl3", PLUG_IN)
    assert plug_ins() == {}
    assert resolve("openl3") is built_in()["openl3"]


def test_an_encoder_that_takes_no_file_says_so(tmp_path: Path) -> None:
    for act in (
        lambda: resolve("musicnn").import_file(tmp_path),
        lambda: resolve("musicnn").weights_digest(tmp_path, read_only=True),
    ):
        with pytest.raises(UsageError, match="musicnn takes no file of weights"):
            act()


def test_an_encoder_of_nobody_can_t_be_packed() -> None:
    with pytest.raises(UsageError, match="fake can't work on a cluster"):
        packed(FakeEncoder().spec)


def test_no_other_file_names_an_encoder_in_its_code() -> None:
    """What one encoder needs is in its own files: no `if name == "openl3"` elsewhere."""
    package = Path(__file__).parents[2] / "audiosim"
    own = {file for name in built_in() for file in package.glob(f"encoders/**/{name.replace('-', '_')}*.py")}
    naming = [
        f"{file.relative_to(package).as_posix()}: {node.value}"
        for file in package.rglob("*.py")
        if file not in own
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Constant) and node.value in set(built_in())
    ]
    assert sorted(naming) == [f"encoders/registry.py: {name}" for name in sorted((DEFAULT, FOR_WORDS))]
