"""Models travel through files whole: exactly, atomically, and never from a file that is not one."""

from __future__ import annotations

import json
import os
import stat
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from nn import files

SUFFIXES = (".npz", ".safetensors")
every = pytest.mark.parametrize("suffix", SUFFIXES)


def network(**options: Any) -> nn.MLP:
    return nn.MLP([6, 5, 4, 3], hidden=["tanh", "relu"], rng=0, **options)


def assert_same(one: Any, other: Any) -> None:
    assert repr(one) == repr(other)
    pairs = zip(one.named_parameters(), other.named_parameters(), strict=True)
    for (name, p), (other_name, q) in pairs:
        assert (name, p.name) == (other_name, q.name)
        assert p.dtype == q.dtype
        np.testing.assert_array_equal(p.data, q.data)


@every
@pytest.mark.parametrize(
    "model",
    [
        network(),
        network(dtype=np.float32),
        nn.MLP([2, 1], output="sigmoid", rng=0),
        nn.Sequential(
            nn.Linear(3, 4, bias=False, rng=0),
            nn.ReLU(),
            nn.Sequential(nn.Linear(4, 4, dtype=np.float32), nn.Sigmoid(), nn.Identity()),
            nn.Tanh(),
            nn.Linear(4, 2),
            nn.Softmax(),
        ),
    ],
    ids=repr,
)
def test_a_model_is_rebuilt_from_its_file_alone(model: Any, suffix: str, tmp_path: Path) -> None:
    path = nn.save(model, tmp_path / f"model{suffix}")
    loaded = nn.load(path)
    assert_same(loaded, model)
    loaded.parameters()[0].data += 1.0  # arrays of its own, which can be trained


@every
def test_a_model_of_ones_own_is_filled(suffix: str, tmp_path: Path) -> None:
    class Scaled(nn.Module):
        def __init__(self, scale: float) -> None:
            self.scale = nn.Parameter(np.array(scale))
            self.layers = [nn.Linear(2, 2)]

    path = nn.save(Scaled(3.0), str(tmp_path / f"own{suffix}"))
    model = Scaled(1.0)
    assert nn.load(path, model) is model
    assert model.scale.data.shape == ()
    assert model.scale.data == 3
    with pytest.raises(ValueError, match=r"own.* holds a .*Scaled, which cannot be rebuilt; pass"):
        nn.load(path)


def test_the_arrays_are_open_to_numpy_alone(tmp_path: Path) -> None:
    model = network()
    with np.load(nn.save(model, tmp_path / "m.npz"), allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["W1"], model.W1.data)


def test_safetensors_are_those_of_the_package(tmp_path: Path) -> None:
    theirs = pytest.importorskip("safetensors.numpy")
    model = network(dtype=np.float32)
    path = nn.save(model, tmp_path / "m.safetensors")
    state = theirs.load_file(path)
    assert {name: values.tolist() for name, values in state.items()} == {
        name: values.tolist() for name, values in model.state_dict().items()
    }
    theirs.save_file(model.state_dict(), tmp_path / "theirs.safetensors")
    assert_same(nn.load(tmp_path / "theirs.safetensors", network(dtype=np.float32)), model)
    with pytest.raises(ValueError, match="does not say which model its arrays belong to"):
        nn.load(tmp_path / "theirs.safetensors")


def test_only_models_are_saved_and_filled(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"save: expected an nn\.Module, got a dict"):
        nn.save({"W": np.zeros(2)}, tmp_path / "m.npz")
    path = nn.save(network(), tmp_path / "m.npz")
    with pytest.raises(TypeError, match=r"load: expected an nn\.Module to fill, got a dict"):
        nn.load(path, {})


def test_a_dtype_that_safetensors_lack_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"W1 is .*128, which the format lacks; use \.npz"):
        nn.save(nn.MLP([2, 2], dtype=np.longdouble), tmp_path / "m.safetensors")
    model = nn.MLP([2, 2], dtype=np.longdouble)
    assert_same(nn.load(nn.save(model, tmp_path / "m.npz")), model)


# --- written whole or not at all


@every
def test_a_file_without_a_place_is_named_as_it_was_given(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=rf"m\{suffix}: there is no folder .*nowhere$"):
        nn.save(network(), tmp_path / "nowhere" / f"m{suffix}")
    (tmp_path / f"m{suffix}").mkdir()
    with pytest.raises(IsADirectoryError, match=rf"m\{suffix} is a folder, expected the path"):
        nn.save(network(), tmp_path / f"m{suffix}")


@every
def test_a_save_that_fails_leaves_the_old_file(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the last byte but before the file takes its place, or while writing."""
    path = nn.save(network(), tmp_path / f"m{suffix}")
    before = path.read_bytes()
    other = nn.MLP([6, 5, 4, 3], rng=1)
    for fails in ("replace", "fsync"):
        with monkeypatch.context() as patched:
            patched.setattr(files.os, fails, _killed)
            with pytest.raises(KeyboardInterrupt):
                nn.save(other, path)
        assert path.read_bytes() == before
        assert os.listdir(tmp_path) == [path.name]


def _killed(*args: Any) -> None:
    raise KeyboardInterrupt


@every
def test_a_file_is_as_readable_as_any_other(suffix: str, tmp_path: Path) -> None:
    """The permissions are those that the user's umask gives to new files."""
    (tmp_path / "plain").write_text("")
    path = nn.save(network(), tmp_path / f"m{suffix}")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ends in \.npz or \.safetensors, got 'm\.pkl'"):
        nn.save(network(), tmp_path / "m.pkl")
    with pytest.raises(ValueError, match="got 'm'"):
        nn.load(tmp_path / "m")
    assert os.listdir(tmp_path) == []


# --- files that are no models


@every
@pytest.mark.parametrize("cut", [0, 1, 10, 200, -1, -50])
def test_a_truncated_file_is_named_and_changes_nothing(
    suffix: str, cut: int, tmp_path: Path
) -> None:
    path = nn.save(nn.MLP([6, 5, 4, 3], rng=1), tmp_path / f"m{suffix}")
    path.write_bytes(path.read_bytes()[:cut])
    model = network()
    with pytest.raises(ValueError, match=rf"m\{suffix}: found no "):
        nn.load(path, model)
    assert_same(model, network())


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = nn.save(network(), tmp_path / "m.npz")
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("W1.npy").header_offset
    content[start + 150] ^= 4
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"m\.npz: found no autograd-lite model"):
        nn.load(path)


@every
def test_whatever_bytes_are_wrong_the_file_is_named_or_the_model_whole(
    suffix: str, tmp_path: Path
) -> None:
    """Every byte in turn; safetensors has no checksums, so that its arrays may differ."""
    path = nn.save(nn.MLP([2, 2], rng=0), tmp_path / f"m{suffix}")
    whole = path.read_bytes()
    arrays = nn.load(path).state_dict()
    messages = []
    for i in range(len(whole)):
        path.write_bytes(whole[:i] + bytes([whole[i] ^ 0xFF]) + whole[i + 1 :])
        try:
            found = nn.load(path).state_dict()
        except ValueError as error:
            messages.append(str(error))
            continue
        if suffix == ".npz":
            for name, values in arrays.items():
                np.testing.assert_array_equal(found[name], values)
    assert len(messages) > len(whole) / 3
    assert all(message.startswith(f"{path}: ") for message in messages)


@every
@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"\x80\x04K\x01.", b"\xff" * 500])
def test_a_foreign_file_is_named(suffix: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"m{suffix}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"m\{suffix}: found no "):
        nn.load(path)


def test_an_archive_of_other_arrays_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", W1=np.ones(3))
    with pytest.raises(ValueError, match=r"other\.npz: found no autograd-lite model: it has no he"):
        nn.load(tmp_path / "other.npz")


def test_pickles_are_never_read(tmp_path: Path) -> None:
    files.write_archive(tmp_path / "m.npz", {"kind": "autograd-lite model"}, {})
    np.savez(tmp_path / "evil.npz", W1=np.array([print], dtype=object))
    with (
        zipfile.ZipFile(tmp_path / "m.npz", "a") as archive,
        zipfile.ZipFile(tmp_path / "evil.npz") as evil,
    ):
        archive.writestr("W1.npy", evil.read("W1.npy"))
    with pytest.raises(ValueError, match=r"found no autograd-lite model.*allow_pickle"):
        nn.load(tmp_path / "m.npz", network())


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F64", "shape": [3], "data_offsets": [0, 16]},
        {"dtype": "F64", "shape": [-1], "data_offsets": [8, 4]},
        {"dtype": "BF16", "shape": [8], "data_offsets": [0, 16]},
        {"dtype": "F64", "shape": [2], "data_offsets": [0, 900]},
        {"shape": [2]},
        "text",
    ],
)
def test_a_safetensors_header_that_lies_is_refused(entry: Any, tmp_path: Path) -> None:
    text = json.dumps({"W1": entry}).encode()
    content = len(text).to_bytes(8, "little") + text + bytes(16)
    (tmp_path / "m.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match=r"m\.safetensors: found no safetensors file"):
        nn.load(tmp_path / "m.safetensors", network())


@every
@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.MLP([6, 5, 3], rng=0), "W2 has shape \\(5, 4\\), expected \\(5, 3\\)"),
        (nn.MLP([6, 5, 4, 3, 2], rng=0), "W4 is missing; b4 is missing"),
        (nn.MLP([6, 5], rng=0), "W2 is no parameter of this model"),
    ],
)
def test_a_model_of_another_shape_is_refused_and_unchanged(
    suffix: str, model: Any, message: str, tmp_path: Path
) -> None:
    path = nn.save(network(), tmp_path / f"m{suffix}")
    before = model.state_dict()
    with pytest.raises(ValueError, match=rf"m\{suffix}: MLP: .*{message}"):
        nn.load(path, model)
    for name, values in model.state_dict().items():
        np.testing.assert_array_equal(values, before[name])


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"class": "MLP", "sizes": [0]}, "sizes must be at least two"),
        ({"class": "MLP", "evil": 1}, "unexpected keyword argument|missing"),
        ({"class": "subprocess.Popen"}, "holds a subprocess.Popen, which cannot be rebuilt"),
        ({}, "'class'"),
    ],
)
def test_a_header_that_describes_no_model_is_refused(
    model: Any, message: str, tmp_path: Path
) -> None:
    header = {"kind": "autograd-lite model", "model": model}
    files.write_archive(tmp_path / "m.npz", header, {"W1": np.ones(2)})
    with pytest.raises(ValueError, match=rf"m\.npz: .*({message})"):
        nn.load(tmp_path / "m.npz")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.npz"):
        nn.load(tmp_path / "nowhere.npz")
    with pytest.raises(FileNotFoundError, match="no_folder"):
        nn.save(network(), tmp_path / "no_folder" / "m.npz")


# --- PyTorch's layout


def test_the_torch_layout_is_transposed_and_named_by_layer() -> None:
    model = network()
    state = nn.to_torch_layout(model)
    assert {name: values.shape for name, values in state.items()} == {
        "0.weight": (5, 6), "0.bias": (5,), "2.weight": (4, 5),
        "2.bias": (4,), "4.weight": (3, 4), "4.bias": (3,),
    }  # fmt: skip
    np.testing.assert_array_equal(state["2.weight"], model.W2.data.T)
    other = nn.MLP([6, 5, 4, 3], hidden=["tanh", "relu"], rng=1)
    assert_same(nn.from_torch_layout(other, state), model)


def test_a_sequential_keeps_the_indices_of_its_layers() -> None:
    model = nn.Sequential(nn.ReLU(), nn.Linear(3, 2, bias=False, rng=0), np.tanh, nn.Linear(2, 2))
    state = nn.to_torch_layout(model)
    assert list(state) == ["1.weight", "3.weight", "3.bias"]
    renamed = {f"net.{name}": values for name, values in state.items()}
    again = nn.Sequential(nn.Linear(3, 2, bias=False, rng=1), nn.Linear(2, 2))
    nn.from_torch_layout(again, renamed)
    np.testing.assert_array_equal(again.layers[0].W.data, model.layers[1].W.data)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"2.weight": None}, "expected 2.weight, 2.bias, got 2.bias"),
        ({"2.weight": None, "2.bias": None}, "expected 3 linear layers, got 2: 0.weight"),
        ({"2.running_mean": np.ones(4)}, "expected 2.weight, 2.bias, got 2.bias, 2.running_mean"),
        ({"2.weight": np.ones((5, 4))}, r"2.weight has shape \(5, 4\), expected \(4, 5\) for W2"),
    ],
)
def test_a_torch_state_that_does_not_fit_changes_nothing(change: Any, message: str) -> None:
    model = network()
    state = {**nn.to_torch_layout(nn.MLP([6, 5, 4, 3], rng=1)), **change}
    state = {name: values for name, values in state.items() if values is not None}
    with pytest.raises(ValueError, match=message):
        nn.from_torch_layout(model, state)
    assert_same(model, network())


def test_a_torch_state_is_a_dict() -> None:
    with pytest.raises(TypeError, match="expected a state_dict after the model, got a list"):
        nn.from_torch_layout(network(), [1])  # type: ignore[arg-type]


def test_only_stacks_of_linear_layers_have_a_torch_layout() -> None:
    class Other(nn.Module):
        pass

    with pytest.raises(TypeError, match="expected MLP or Sequential, got Other"):
        nn.to_torch_layout(Other())
    with pytest.raises(TypeError, match="layer 0 is a MLP, not Linear"):
        nn.to_torch_layout(nn.Sequential(network()))


def test_torch_computes_the_same_with_the_same_parameters() -> None:
    torch = pytest.importorskip("torch")
    model = network()
    peer = torch.nn.Sequential(
        torch.nn.Linear(6, 5), torch.nn.Tanh(), torch.nn.Linear(5, 4), torch.nn.ReLU(),
        torch.nn.Linear(4, 3), torch.nn.Softmax(dim=1),
    ).double()  # fmt: skip
    peer.load_state_dict({k: torch.tensor(v) for k, v in nn.to_torch_layout(model).items()})
    X = np.random.default_rng(0).normal(size=(7, 6))
    np.testing.assert_allclose(model(X).data, peer(torch.tensor(X)).detach().numpy(), rtol=1e-12)
    with torch.no_grad():
        for p in peer.parameters():
            p *= 2
    nn.from_torch_layout(model, peer.state_dict())
    np.testing.assert_allclose(model(X).data, peer(torch.tensor(X)).detach().numpy(), rtol=1e-12)
