"""Reports: what two sets of arrays must be told apart by, and how the result prints."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest

from autograd_lite.testing.report import GradientMismatch, GradReport, compare_arrays


def gradients() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {"W1": rng.normal(size=(4, 3)), "b1": rng.normal(size=3)}


def changed(name: str, value: np.ndarray) -> GradReport:
    return compare_arrays(gradients() | {name: value}, gradients())


def test_equal_arrays_agree() -> None:
    report = compare_arrays(gradients(), gradients())
    assert report.ok
    assert report.verdict == "ok"
    assert [row.verdict for row in report.rows] == ["agree", "agree"]


def test_a_difference_of_rounding_agrees_and_is_counted_in_ulps() -> None:
    report = changed("b1", gradients()["b1"] * (1 + 2**-50))
    assert report.ok
    assert 0 < report.worst.ulps < 6


def test_one_entry_wrong_by_1e_11_of_the_largest_is_found_with_its_index() -> None:
    W1 = gradients()["W1"]
    W1[2, 1] += 1e-11 * np.abs(W1).max()
    report = changed("W1", W1)
    assert not report.ok
    assert (report.worst.name, report.worst.verdict) == ("W1", "mismatch")
    assert report.worst.index == (2, 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_a_mismatch(bad: float) -> None:
    b1 = gradients()["b1"]
    b1[1] = bad
    assert changed("b1", b1).worst.index == (1,)
    assert not changed("b1", b1).ok


def test_nan_on_both_sides_is_no_agreement() -> None:
    nan = {"w": np.array([1.0, np.nan])}
    report = compare_arrays(nan, nan)
    assert not report.ok
    assert "nan on the hand side, first at (1,)" in str(report)


def test_equal_infinities_agree_and_hide_no_other_difference() -> None:
    inf = np.array([np.inf, 1.0])
    assert compare_arrays({"w": inf}, {"w": inf}).ok
    assert not compare_arrays({"w": inf}, {"w": np.array([np.inf, 2.0])}).ok


def test_another_shape_is_never_broadcast() -> None:
    report = changed("b1", gradients()["b1"][:1])
    assert report.verdict == "shape"
    assert "(1,)" in str(report)
    assert "(3,)" in str(report)


def test_a_missing_name_is_reported_with_its_side() -> None:
    hand = gradients()
    del hand["b1"]
    report = compare_arrays(hand, gradients())
    assert report.worst.verdict == "missing"
    assert "only the engine side has it" in str(report)


def test_float32_is_held_to_its_own_precision() -> None:
    g = gradients()["W1"].astype(np.float32)
    assert compare_arrays({"W": g * np.float32(1 + 1e-6)}, {"W": g}).ok
    assert not compare_arrays({"W": g * np.float32(1 + 1e-3)}, {"W": g}).ok


def test_a_report_prints_one_line_a_row_under_aligned_headings() -> None:
    lines = str(changed("b1", gradients()["b1"] * 2)).splitlines()
    assert lines[0] == "gradients by hand against the engine's: mismatch"
    assert lines[2].split()[:3] == ["parameter", "shape", "norm"]
    assert len({line.index("agree") for line in lines if "agree" in line}) == 1
    assert len(lines) == 6


def test_a_report_is_a_table_in_a_notebook_and_escapes_names() -> None:
    report = compare_arrays({"<W>": np.ones(2)}, {"<W>": np.ones(2)})
    page = report._repr_html_()
    assert "<table>" in page
    assert "&lt;W&gt;" in page
    assert "<W>" not in page


def test_to_dict_survives_json() -> None:
    report = changed("b1", gradients()["b1"] * 2)
    restored = json.loads(json.dumps(report.to_dict()))
    assert restored["verdict"] == "mismatch"
    assert restored["rows"][1]["relative"] == pytest.approx(0.5)


def test_rows_answer_by_key_and_by_attribute_and_survive_copies() -> None:
    row = copy.deepcopy(compare_arrays(gradients(), gradients()).rows[0])
    row = pickle.loads(pickle.dumps(row))
    assert row["shape"] == row.shape == (4, 3)
    with pytest.raises(AttributeError, match="no cell 'nothing'"):
        row.nothing  # noqa: B018


def test_a_report_has_no_truth_value() -> None:
    """`assert check_grads(...)` would pass whatever was found."""
    with pytest.raises(TypeError, match=r"report\.ok"):
        bool(compare_arrays(gradients(), gradients()))


def test_a_mismatch_carries_its_report() -> None:
    report = changed("b1", gradients()["b1"] * 2)
    with pytest.raises(AssertionError, match="b1"):
        raise GradientMismatch(report)
