"""`steps.npz` that a stranger wrote: one float32 array of the expected shape, or a reason.

The header is compared with what is expected before any memory is taken; nothing is unpickled.
"""

from __future__ import annotations

import io
import re
import zipfile

import numpy as np
from numpy.typing import NDArray

from progressgym.core.reading import ArrayFault, read_layout
from progressgym.leaderboard.problems import refuse
from progressgym.leaderboard.unpack import read_zip

MEMBER = "actions.npy"
_ALLOWED = re.compile(re.escape(MEMBER))
_MOST = 4 * 2**20
_FORM = b"\x93NUMPY\x01\x00"


def read_actions(data: bytes, shape: tuple[int, int, int], where: str) -> NDArray[np.float32]:
    """Actions of one cell.

    Args:
        data: the npz file.
        shape: (n, N, K) that this cell must have.
        where: name of the file in problems.

    Raises:
        Refused: not such an array.
    """
    files = read_zip(io.BytesIO(data), _ALLOWED, where, most_total=_MOST)
    if MEMBER not in files:
        raise refuse("actions-missing", where, f"holds no {MEMBER}")
    stream = io.BytesIO(files[MEMBER])
    if not files[MEMBER].startswith(_FORM):
        raise refuse("actions-form", where, "is not in npy format 1.0")
    try:
        layout_shape, fortran, dtype, _ = read_layout(stream)
    except ArrayFault as error:
        raise refuse("actions-form", where, f"has no npy header that can be read: {error}") from None
    if dtype != np.dtype("<f4"):
        raise refuse("actions-dtype", where, f"holds {dtype} numbers; expected little-endian float32")
    if layout_shape != shape or fortran:
        raise refuse("actions-shape", where, f"has shape {layout_shape}, expected (steps, items, options) = {shape}")
    body = stream.read()
    if len(body) != 4 * int(np.prod(shape)):
        raise refuse("actions-size", where, f"holds {len(body)} bytes of numbers for shape {shape}")
    return np.frombuffer(body, dtype="<f4").reshape(shape)


def write_actions(actions: NDArray[np.float32]) -> bytes:
    """`steps.npz` with deflated actions and without time stamps."""
    member, buffer = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array(member, np.ascontiguousarray(actions, dtype="<f4"), version=(1, 0), allow_pickle=False)
    entry = zipfile.ZipInfo(MEMBER, (1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry, member.getvalue(), compresslevel=6)
    return buffer.getvalue()
