"""Matrix products, cut so that BLAS multiplies the pieces without packing them first, where it can.

OpenBLAS has kernels with AVX-512 that need no packing for products of up to a million multiply-adds. They come near
the processor's peak where a product twice that size loses a fifth, but not in every shape: with a transposed right
side they are up to three times slower from 12 rows on, unless no more than 8 rows and 128 columns meet at once. The
figures are theirs, of OpenBLAS 0.3. Other kernels pack every product and take up to twice as long for one that is
cut: with those of AVX2 a training step is up to a fifth faster whole (`tests/benchmarks/products.py`).
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_info

FloatArray: TypeAlias = NDArray[np.floating[Any]]  # Any: float32 or float64

WITHOUT_PACKING = frozenset({"SkylakeX", "Cooperlake", "SapphireRapids"})
"""The kernels of OpenBLAS that need none for small products, by the names it gives them."""

SMALL_PRODUCT = 1_000_000
"""Multiply-adds up to which BLAS multiplies without packing: 100 GFLOPS against 80."""

FEW_ROWS = 8
NARROW = 128
"""Columns of a transposed right side up to which a few rows at a time are multiplied without packing."""

LARGE_RIGHT = 1 << 13
"""Numbers of a transposed right side from which any number of rows is best cut; below it packing pays in the end:
(512, 64) times (64, 64) takes 47 us whole and 55 cut, (512, 128) times (128, 65) 96 whole and 90 cut."""

MANY_ROWS = 64
"""Rows up to which a product with a smaller right side is cut as well."""

LARGE_WIDE = 1 << 15
"""As `LARGE_RIGHT`, where columns are cut as well: (128, 128) times (384, 128) takes 146 us whole and 134 cut,
(128, 64) times (192, 64) 39 whole and 42 cut."""

MOST_ROWS_WIDE = 256
"""Rows up to which that pays: (256, 128) times (512, 128) takes 366 us whole and 351 cut, with 768 rows they are
even."""

SPARE = 4
"""Small products into which one may be cut by columns: (161, 32) times (32, 512) takes 67 us whole and 52 cut."""

DOT = np.ndarray.dot
"""`np.dot` without its look for other libraries' arrays, which takes 0.15 us."""


@cache
def cuts_pay() -> bool:
    """Whether the BLAS library of this process runs one of the kernels `WITHOUT_PACKING`."""
    return any(library.get("architecture") in WITHOUT_PACKING for library in threadpool_info())


def pieces(rows: int, inner: int, outer: int) -> tuple[int, ...]:
    """How to cut the rows of a product with a transposed right side, (rows, inner) times (outer, inner)^T.

    Returns:
        (pieces, rows of a piece), for `np.matmul`; or (rows,), for `DOT`, where no cut helps.
    """
    if (
        cuts_pay()
        and rows > FEW_ROWS
        and rows % FEW_ROWS == 0
        and outer <= NARROW
        and FEW_ROWS * inner * outer <= SMALL_PRODUCT
    ):
        return rows // FEW_ROWS, FEW_ROWS
    return (rows,)


def times_transposed(left: FloatArray, right: FloatArray) -> FloatArray:
    """(N, I) times (O, I)^T -> (N, O)."""
    out = np.empty((len(left), len(right)), dtype=left.dtype)
    times_transposed_into(out, left, right)
    return out


def times_transposed_into(out: FloatArray, left: FloatArray, right: FloatArray) -> None:
    """Write (N, I) times (O, I)^T to `out`, (N, O), which is contiguous."""
    columns = _columns(left, right)
    if not columns:
        DOT(left, right.T, out)
        return
    inner, wide = left.shape[1], len(right) // columns
    parts = out.reshape(-1, FEW_ROWS, columns, wide).transpose(0, 2, 1, 3)  # (N/8, columns, 8, O/columns)
    blocks = right.reshape(columns, wide, inner).transpose(0, 2, 1)  # (columns, I, O/columns)
    np.matmul(left.reshape(-1, 1, FEW_ROWS, inner), blocks, out=parts)


def _columns(left: FloatArray, right: FloatArray) -> int:
    """Into how many blocks of columns a product is to be cut, and its rows into eights; 0 for neither."""
    if not cuts_pay():
        return 0
    rows, (outer, inner) = len(left), right.shape
    columns: int = -(-outer // NARROW)
    if columns == 1:
        pays = rows <= MANY_ROWS or right.size >= LARGE_RIGHT
    else:
        pays = rows <= MANY_ROWS or (right.size >= LARGE_WIDE and rows <= MOST_ROWS_WIDE)
    even = outer % columns == 0 and len(pieces(rows, inner, outer // columns)) > 1
    return columns if pays and even else 0


def times_into(out: FloatArray, left: FloatArray, right: FloatArray) -> None:
    """Write (M, K) @ (K, N) to `out`, (M, N) and contiguous, by columns if that makes small products of it."""
    inner, columns = right.shape
    products = left.size * columns
    several = SMALL_PRODUCT < products <= SPARE * SMALL_PRODUCT and columns % NARROW == 0
    if several and cuts_pay() and len(left) > 1 and inner > 1:  # a vector needs no packing as it is
        blocks = right.reshape(inner, -1, NARROW).transpose(1, 0, 2)  # (N / 128, K, 128)
        np.matmul(left, blocks, out=out.reshape(len(out), -1, NARROW).transpose(1, 0, 2))
    else:
        np.dot(left, right, out=out)
