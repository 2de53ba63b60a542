"""The swimmer: images made of parts, of which the parts are known."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SIZE = 32  # pixels of a side
_TORSO = 12  # pixels
_LIMB = 6
_DIRECTIONS = ((-1, 0), (-1, 1), (0, 1), (1, 1))  # (down, outward): straight up, up, across, down


class Swimmer(NamedTuple):
    """images : (256, 32 * 32) float64, 0 and 1, every combination of the limbs' four positions
    parts : (17, 32 * 32): four positions of each of four limbs, then the torso"""

    images: NDArray[np.float64]
    parts: NDArray[np.float64]


def make_swimmer() -> Swimmer:
    """Return the swimmer data: a torso with four limbs, each in one of four positions (Donoho and Stodden,
    "When does non-negative matrix factorization give a correct decomposition into parts?", NIPS 2003).

    Every image is the sum of five parts that do not overlap. The limbs are determined, the torso is not: as
    it is in every image, any share of it may go to any limb.
    """
    top, centre = (SIZE - _TORSO) // 2, SIZE // 2
    parts = np.zeros((17, SIZE, SIZE))
    parts[16, top : top + _TORSO, centre] = 1
    for limb in range(4):
        side = (-1, 1)[limb % 2]
        row = top if limb < 2 else top + _TORSO - 1
        for position, (down, outward) in enumerate(_DIRECTIONS):
            for step in range(1, _LIMB + 1):
                # A limb that goes straight up or down stands beside the torso, not on it.
                across = centre + side * (step * outward or 1)
                parts[4 * limb + position, row + down * step, across] = 1
    flat = parts.reshape(17, -1)
    positions = np.indices((4, 4, 4, 4)).reshape(4, -1).T  # (256, 4)
    images = sum(flat[4 * limb + positions[:, limb]] for limb in range(4)) + flat[16]
    return Swimmer(np.asarray(images), flat)
