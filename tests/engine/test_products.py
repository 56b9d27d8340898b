"""Cut products are the products: for any sizes, and where each way of cutting begins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import products
from engine.products import pieces, times_into, times_transposed, times_transposed_into


@pytest.fixture(autouse=True)
def with_kernels_that_need_no_packing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cuts are tried out whatever processor this is; a test can take them away again."""
    monkeypatch.setattr(products, "cuts_pay", lambda: True)


def matrices(*shapes: tuple[int, int]) -> list[np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    rng = np.random.default_rng(sum(map(sum, shapes)))
    return [rng.standard_normal(shape) for shape in shapes]


@given(
    st.integers(0, 90),
    st.integers(1, 200),
    st.integers(1, 140) | st.sampled_from([192, 256, 300, 384]),
    st.sampled_from([np.float32, np.float64]),
    st.booleans(),
)
def test_with_a_transposed_right_side(
    rows: int, inner: int, outer: int, dtype: type[np.floating], across: bool
) -> None:
    left, right = (matrix.astype(dtype) for matrix in matrices((rows, inner), (outer, inner)))
    left = np.asfortranarray(left) if across else left
    expected = np.einsum("ni,oi->no", left, right)
    near = 1e-12 if dtype is np.float64 else 1e-3
    assert np.allclose(times_transposed(left, right), expected, atol=near)
    out = np.empty((rows, outer), dtype)
    times_transposed_into(out, left, right)
    assert np.allclose(out, expected, atol=near)


@pytest.mark.parametrize(
    ("rows", "inner", "outer", "cut"),
    [
        (32, 256, 64, (4, 8)),
        (16, 384, 128, (2, 8)),
        (8, 64, 64, (8,)),  # few enough as they are
        (20, 64, 64, (20,)),  # not in eights
        (32, 64, 192, (32,)),  # too wide
        (32, 1000, 128, (32,)),  # pieces would be packed all the same
    ],
)
def test_rows_are_cut_where_the_pieces_need_no_packing(
    rows: int, inner: int, outer: int, cut: tuple[int, ...]
) -> None:
    assert pieces(rows, inner, outer) == cut


@pytest.mark.parametrize(
    ("rows", "inner", "outer", "blocks"),
    [
        (32, 64, 64, (4, 1, 8, 64)),
        (32, 64, 192, (4, 2, 8, 96)),
        (128, 128, 512, (16, 4, 8, 128)),
        (32, 64, 131, None),  # no two blocks of one width
        (30, 64, 192, None),  # not in eights
        (128, 64, 64, None),
        (128, 64, 192, None),
        (264, 128, 512, None),
    ],
)
def test_columns_are_cut_as_well_where_the_right_side_is_wide(
    monkeypatch: pytest.MonkeyPatch, rows: int, inner: int, outer: int, blocks: tuple[int, ...] | None
) -> None:
    calls: list[tuple[int, ...] | None] = []
    monkeypatch.setattr(np, "matmul", lambda left, right, out: calls.append(out.shape))
    left, right = matrices((rows, inner), (outer, inner))
    times_transposed(left, right)
    assert (calls or [None]) == [blocks]


@pytest.mark.parametrize("rows", [1, 161])
@pytest.mark.parametrize("inner", [1, 32, 300])  # with 161 rows: one small product, several, and too many
@pytest.mark.parametrize("columns", [128, 384, 500, 512])
def test_by_columns(rows: int, inner: int, columns: int) -> None:
    left, right = matrices((inner, rows), (inner, columns))
    expected = np.einsum("ki,kj->ij", left, right)
    out = np.empty((rows, columns))
    times_into(out, left.T, right)
    assert np.allclose(out, expected, atol=1e-12)


@pytest.mark.parametrize(("rows", "inner", "cut"), [(161, 32, True), (161, 8, False), (1, 4000, False)])
def test_columns_are_cut_where_that_makes_small_products(
    monkeypatch: pytest.MonkeyPatch, rows: int, inner: int, cut: bool
) -> None:
    calls = []
    monkeypatch.setattr(np, "matmul", lambda left, right, out: calls.append(right.shape))
    left, right = matrices((rows, inner), (inner, 512))
    times_into(np.empty((rows, 512)), left, right)
    assert bool(calls) is cut


def test_nothing_is_cut_where_every_product_is_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "cuts_pay", lambda: False)
    monkeypatch.setattr(np, "matmul", lambda *operands, out=None: pytest.fail(f"{operands[0].shape} was cut"))
    left, right, tall = matrices((32, 64), (192, 64), (32, 161))
    assert np.array_equal(times_transposed(left, right), np.dot(left, right.T))
    wide = matrices((32, 512))[0]
    out = np.empty((161, 512))
    times_into(out, tall.T, wide)
    assert np.array_equal(out, np.dot(tall.T, wide))
    assert pieces(32, 256, 64) == (32,)


@pytest.mark.parametrize(
    ("libraries", "pays"),
    [
        ([{"user_api": "openmp"}, {"user_api": "blas", "architecture": "SkylakeX"}], True),
        ([{"user_api": "blas", "architecture": "Haswell"}], False),
        ([{"user_api": "blas"}], False),  # MKL and Accelerate give no name
        ([], False),
    ],
)
def test_cuts_pay_by_the_kernels_blas_runs(
    monkeypatch: pytest.MonkeyPatch, libraries: list[dict[str, str]], pays: bool
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(products, "threadpool_info", lambda: libraries)
    products.cuts_pay.cache_clear()
    try:
        assert products.cuts_pay() is pays
    finally:
        products.cuts_pay.cache_clear()
