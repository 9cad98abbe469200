"""Files of torch.save, read without torch, and without running what hostile ones ask for."""

from __future__ import annotations

import contextlib
import os
import pickle
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch_files as torch
from conftest import GOLDEN
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosim.core.errors import WeightsError
from audiosim.encoders.torch_file import read_tensors

STATE = {
    "conv.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "conv.bias": np.array([0.5, -1.5], np.float32),
    "half": np.array([1.5, 2.5], np.float16),
    "double": np.array([[1e300]]),
    "empty": np.zeros((0, 3), np.float32),
    "counter": np.array(1000),
}
ONE = np.arange(6, dtype=np.float32)


def write(folder: Path, saved: bytes, numbers: dict[str, Any] | None = None) -> Path:
    path = folder / "file.pth"
    path.write_bytes(torch.legacy(saved, numbers or {}))
    return path


def refused(path: Path, reason: str) -> None:
    with pytest.raises(WeightsError, match=reason) as caught:
        read_tensors(path)
    assert str(path) in str(caught.value)


def check(tensors: dict[str, Any], expected: dict[str, Any]) -> None:
    assert tensors.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(tensors[name], array)
        assert tensors[name].dtype == array.dtype
        assert tensors[name].shape == array.shape


@pytest.mark.parametrize("form", ["legacy", "zip little", "zip big"])
def test_both_formats_give_the_tensors_by_name(tmp_path: Path, form: str) -> None:
    path = tmp_path / "model.pth"
    saved, numbers = torch.model(STATE)
    if form == "legacy":
        path.write_bytes(torch.legacy(saved, numbers))
    else:
        torch.write_zip(path, saved, numbers, order=form.split()[1])
    check(read_tensors(path), STATE)


@pytest.mark.parametrize("name", ["torch_legacy.pth", "torch_zip.pth"])
def test_files_that_torch_itself_wrote_are_read(name: str) -> None:
    """By torch 2.14.1: {"iteration", "model", "sampler" with NumPy arrays}, its storages on "cuda:0"."""
    tensors = read_tensors(GOLDEN / name)
    base = np.arange(24, dtype=np.float32).reshape(4, 6)
    known = {
        "half": np.ones(3, np.float16),
        "double": np.ones(2),
        "t": base.T,
        "tail": base[2:],
        "scalar": np.array(5),
        "empty": np.empty((0, 3), np.float32),
        "bool": np.array([True, False]),
        "u8": np.array([1, 2], np.uint8),
        "1.running_var": np.ones(3, np.float32),
        "1.num_batches_tracked": np.array(0),
    }
    check({name: tensors[name] for name in known}, known)
    assert tensors["0.weight"].shape == (3, 2, 3, 3)
    assert 0.01 < np.abs(tensors["0.weight"]).max() < 1


@pytest.mark.parametrize("key", [None, "model", "state_dict"])
def test_a_state_may_lie_in_a_checkpoint(tmp_path: Path, key: str | None) -> None:
    state = torch.ordered({"a": torch.whole("1", ONE)})
    saved = state if key is None else torch.dictionary({"iteration": torch.integer(7), key: state})
    check(read_tensors(write(tmp_path, saved, {"1": ONE})), {"a": ONE})


def test_numbers_lie_in_the_order_of_the_keys_listed(tmp_path: Path) -> None:
    arrays = {"10": ONE, "9": ONE + 100, "2": ONE - 50}
    saved = torch.ordered({f"t{key}": torch.whole(key, array) for key, array in arrays.items()})
    path = tmp_path / "a.pth"
    for keys in (["10", "2", "9"], ["9", "10", "2"]):
        path.write_bytes(torch.legacy(saved, arrays, keys))
        check(read_tensors(path), {f"t{key}": array for key, array in arrays.items()})


def test_tensors_that_share_a_storage_are_views_of_it(tmp_path: Path) -> None:
    numbers = torch.storage("1", 6)
    saved = torch.ordered(
        {
            "turned": torch.tensor(numbers, (3, 2), (1, 3)),
            "tail": torch.tensor(numbers, (2,), (1,), offset=4),
            "one": torch.tensor(numbers, (), (), offset=5),
        }
    )
    expected = {"turned": ONE.reshape(2, 3).T, "tail": ONE[4:], "one": ONE[5]}
    check(read_tensors(write(tmp_path, saved, {"1": ONE})), expected)


def test_parameters_count_as_tensors(tmp_path: Path) -> None:
    hooks = torch.name("collections", "OrderedDict") + b")R"
    made = torch.sequence(torch.whole("1", ONE), b"\x88", hooks)
    saved = torch.ordered({"p": torch.name("torch._utils", "_rebuild_parameter") + made + b"R"})
    check(read_tensors(write(tmp_path, saved, {"1": ONE})), {"p": ONE})


def test_numpy_arrays_beside_the_network_are_passed_over(tmp_path: Path) -> None:
    """A training's checkpoint, as PANNs' authors save it, has the state of its sampler too."""
    kept = {"indexes": [np.arange(300), np.arange(5)], "scalar": np.float64(0.5), "queue": [1, 2]}
    sampler = pickle.dumps(kept, protocol=2)[2:-1]
    assert b"_reconstruct" in sampler
    for core in (b"numpy.core", b"numpy._core"):  # of NumPy 1, and of NumPy 2
        pickled = sampler.replace(b"numpy._core", b"numpy.core").replace(b"numpy.core", core)
        saved = b"}(" + torch.text("sampler") + pickled + torch.text("model")
        saved += torch.ordered({"a": torch.whole("1", ONE)}) + b"u"
        check(read_tensors(write(tmp_path, saved, {"1": ONE})), {"a": ONE})


class Evil:
    """Runs a command when Python's own unpickler reads it."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> Any:
        return os.system, (f"touch '{self.place}'",)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_file_that_would_run_a_command_runs_none(tmp_path: Path, protocol: int, zipped: bool) -> None:
    place = tmp_path / "was here"
    evil = pickle.dumps({"model": {"a": Evil(place)}}, protocol=protocol)
    path = tmp_path / "evil.pth"
    if zipped:
        torch.write_zip(path, evil[2:-1], {})
    else:
        path.write_bytes(torch.legacy(torch.NONE, {}).replace(b"\x80\x02N.", evil))
    refused(path, "not allowed" if protocol == 2 else "not allowed|protocol")
    assert not place.exists()
    if protocol == 2:
        refused(path, r"posix\.system, which is not allowed: nothing was run")


@pytest.mark.parametrize(
    "instructions",
    [
        torch.name("builtins", "eval") + torch.sequence(torch.text("1")) + b"R",
        torch.name("torch", "load") + torch.sequence(torch.text("x")) + b"R",
        torch.name("torch._utils", "_rebuild_tensor") + b")R",
        torch.name("collections", "OrderedDict.fromkeys") + b")R",
        torch.name("torch\n_utils", "x"),
        torch.name("x" * 300, "y"),
        b"c" + b"x" * 50,
        b"ios\nsystem\n(X\x01\x00\x00\x00xtR",  # INST
        torch.name("collections", "OrderedDict") + b")\x81",  # NEWOBJ
        b"\x82\x01",  # EXT1
        torch.text("os") + torch.text("system") + b"\x93",  # STACK_GLOBAL
        torch.name("torch", "FloatStorage") + b")R",
        torch.text("OrderedDict") + b")R",
        torch.name("collections", "OrderedDict") + torch.sequence(torch.integer(1)) + b"R",
        torch.name("collections", "OrderedDict") + torch.sequence(torch.listed(torch.integer(1))) + b"R",
    ],
)
def test_whatever_else_a_file_names_or_asks_for_is_refused(tmp_path: Path, instructions: bytes) -> None:
    refused(write(tmp_path, instructions), "is not a readable torch file")


def test_numpy_names_make_nothing(tmp_path: Path) -> None:
    made = torch.name("numpy.core.multiarray", "_reconstruct") + torch.sequence(torch.text("x")) + b"R"
    refused(write(tmp_path, torch.dictionary({"model": torch.dictionary({"a": made})})), "no dictionary of")


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [
        ((7,), (1,), 0),
        ((2,), (6,), 0),
        ((6,), (1,), 1),
        ((2, 3), (3, 1), 4),
        ((2,), (-1,), 3),
        ((2,), (1,), -1),
        ((-1,), (1,), 0),
        ((-2, -3), (1, 1), 0),
        ((1 << 40,), (0,), 0),  # one number, many times over
        ((1 << 62, 0), (1, 1), 0),
        ((1 << 31, 1 << 31, 1 << 31), (0, 0, 0), 0),
        ((2,), (1 << 63,), 0),
        ((2, 2), (1,), 0),
        ((1,) * 40, (1,) * 40, 0),
        ((1,), (1,), 1 << 100),
    ],
)
def test_a_tensor_beyond_its_numbers_is_refused(
    tmp_path: Path, shape: tuple[int, ...], strides: tuple[int, ...], offset: int
) -> None:
    saved = torch.ordered({"a": torch.tensor(torch.storage("1", 6), shape, strides, offset)})
    refused(write(tmp_path, saved, {"1": ONE}), "a tensor")


@pytest.mark.parametrize("count", [-1, 5, 7, 1 << 50, (1 << 63) - 1])
def test_a_count_of_numbers_that_lies_is_refused_before_memory_is_taken(tmp_path: Path, count: int) -> None:
    saved = torch.ordered({"a": torch.whole("1", ONE)})
    path = tmp_path / "lies.pth"
    whole = torch.legacy(saved, {"1": ONE})
    path.write_bytes(whole[:-32] + struct.pack("<q", count) + whole[-24:])
    refused(path, "where 6 are announced")
    announced = torch.ordered({"a": torch.tensor(torch.storage("1", count), (1,), (1,))})
    refused(write(tmp_path, announced, {"1": ONE}), "readable torch file")


@pytest.mark.parametrize("opcode", [b"X\xff\xff\xff\xff", b"\x8a\xff", b"G", b"J", b"r\x00", b"h\x07", b"j"])
def test_instructions_that_want_more_than_there_is_are_refused(tmp_path: Path, opcode: bytes) -> None:
    path = tmp_path / "short.pth"
    path.write_bytes(torch.PROTOCOL + torch.NONE + opcode)
    tracemalloc.start()
    refused(path, "readable torch file")
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    "instructions",
    [b"t", b"u", b"R", b"Q", b"b", b"s", b"a", b"e", b"q\x00", b"\x87", b"(u", b"N(u", b"NQ", b"](NNu", b""],
)
def test_a_pickle_that_does_not_add_up_is_refused(tmp_path: Path, instructions: bytes) -> None:
    refused(write(tmp_path, instructions), "readable torch file")


def test_structures_within_themselves_end(tmp_path: Path) -> None:
    loop = b"}q\x00(" + torch.text("model") + b"h\x00u"
    refused(write(tmp_path, loop), "no dictionary of tensors")
    nested = b"]q\x00(" + b"h\x00" * 10 + b"e" + b"]q\x01(" + b"h\x01" * 10 + b"e\x86"
    refused(write(tmp_path, nested), "no dictionary of tensors")


def test_many_layers_of_one_thing_take_no_time(tmp_path: Path) -> None:
    """2^200 leaves, if one went through them all; as a key, hashing would."""
    layers = b")" + b"q\x00h\x00\x86" * 200
    refused(write(tmp_path, layers), "no dictionary of tensors")
    refused(write(tmp_path, b"}" + layers + b"Ns"), "neither text nor a number")
    refused(write(tmp_path, b"(" * 100_000), "readable torch file")
    refused(write(tmp_path, b"(" * 1_000 + b"t" * 1_000), "no dictionary of tensors")


def test_endless_instructions_end(tmp_path: Path) -> None:
    refused(write(tmp_path, b"N" * 1_100_000), "more than 1,000,000 pickle instructions")


def test_one_storage_described_in_two_ways_is_refused(tmp_path: Path) -> None:
    for other in (torch.storage("1", 12), torch.storage("1", 6, "HalfStorage")):
        pair = {"a": torch.whole("1", ONE), "b": torch.tensor(other, (1,), (1,))}
        refused(write(tmp_path, torch.ordered(pair), {"1": ONE}), "in two ways")


@pytest.mark.parametrize("kind", ["BFloat16Storage", "ComplexFloatStorage", "UntypedStorage", "nn"])
def test_numbers_of_other_kinds_are_refused(tmp_path: Path, kind: str) -> None:
    saved = torch.ordered({"a": torch.tensor(torch.storage("1", 6, kind), (1,), (1,))})
    refused(write(tmp_path, saved, {"1": ONE}), f"names torch.{kind}, which is not allowed")


def test_storages_that_are_views_are_refused(tmp_path: Path) -> None:
    view = torch.sequence(torch.text("2"), torch.integer(0), torch.integer(6))
    saved = torch.ordered({"a": torch.whole("1", ONE, view=view)})
    refused(write(tmp_path, saved, {"1": ONE}), "in a way that torch does not")


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    state = {"a": ONE, "b": ONE + 1}
    saved, numbers = torch.model(state)
    torch.write_zip(tmp_path / "zip.pth", saved, numbers)
    for whole in (torch.legacy(saved, numbers), (tmp_path / "zip.pth").read_bytes()):
        path = tmp_path / "cut.pth"
        for length in range(0, len(whole), 7):
            path.write_bytes(whole[:length])
            refused(path, "readable torch file")


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 3000), st.integers(0, 255), st.booleans())
def test_a_changed_byte_gives_tensors_or_a_weights_error(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int, zipped: bool
) -> None:
    folder = tmp_path_factory.mktemp("changed")
    path = folder / "file.pth"
    saved, numbers = torch.model({"a": ONE, "b": STATE["conv.weight"]})
    torch.write_zip(path, saved, numbers)
    data = bytearray(path.read_bytes() if zipped else torch.legacy(saved, numbers))
    data[place % len(data)] = value
    path.write_bytes(data)
    with contextlib.suppress(WeightsError):
        assert all(isinstance(array, np.ndarray) for array in read_tensors(path).values())


def test_a_compressed_archive_is_refused_unread(tmp_path: Path) -> None:
    """1 GB of zeros in 1 MB."""
    path = tmp_path / "bomb.pth"
    zeros = np.zeros(1 << 20, np.uint8).tobytes()
    saved = torch.ordered({"a": torch.tensor(torch.storage("0", 1 << 22), (1,), (1,))})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", torch.PROTOCOL + saved + torch.STOP, zipfile.ZIP_STORED)
        with archive.open("x/data/0", "w") as member:
            for _ in range(16):
                member.write(zeros)
    refused(path, "longer than it is itself")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", torch.PROTOCOL + saved + torch.STOP)
    refused(path, "compressed")


@pytest.mark.parametrize("key", ["../../etc/passwd", "/etc/passwd", "..", "1/../0", ""])
def test_names_in_an_archive_lead_nowhere(tmp_path: Path, key: str) -> None:
    path = tmp_path / "names.pth"
    torch.write_zip(path, torch.ordered({"a": torch.whole(key, ONE)}), {"0": ONE})
    refused(path, "no item named")


@pytest.mark.parametrize("names", [[], ["a/data.pkl", "b/data.pkl"], ["data.pkl"], ["a/b/data.pkl"]])
def test_an_archive_of_another_kind_is_refused(tmp_path: Path, names: list[str]) -> None:
    path = tmp_path / "other.pth"
    with zipfile.ZipFile(path, "w") as archive:
        for name in [*names, "other"]:
            archive.writestr(name, b"")
    refused(path, "no data.pkl where torch puts it")


def test_numbers_of_another_length_in_an_archive_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "length.pth"
    for array in (ONE[:5], np.append(ONE, ONE)):
        torch.write_zip(path, torch.ordered({"a": torch.whole("0", ONE)}), {"0": array})
        refused(path, "cut short, or too many")
    torch.write_zip(path, torch.ordered({"a": torch.whole("0", ONE)}), {"0": ONE}, order="middle")
    refused(path, "byteorder")


@pytest.mark.parametrize(
    "content", [b"", b"text", b"\x80\x02", b"\x80\x04\x95", b"PK\x03\x04", b"\x89HDF\r\n"]
)
def test_what_is_no_torch_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.pth"
    path.write_bytes(content)
    refused(path, "readable torch file")


def test_a_folder_and_nothing_can_not_be_read(tmp_path: Path) -> None:
    refused(tmp_path, "can't be read")
    refused(tmp_path / "nowhere.pth", "can't be read")


def test_memory_stays_near_the_files_size(tmp_path: Path) -> None:
    state = {str(index): np.full(250_000, index, np.float32) for index in range(20)}
    torch.write_legacy(tmp_path / "large.pth", state)
    tracemalloc.start()
    tensors = read_tensors(tmp_path / "large.pth")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(tensors) == 20
    assert peak < 1.2 * 20_000_000
