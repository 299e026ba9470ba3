"""Head pose from landmarks."""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.liveness.evidence import HeadPose
from edge.vision.boxes import centre
from edge.vision.landmarks import Mesh

# Landmarks that expressions move least, on the canonical face of MediaPipe (geometry_pipeline_metadata_landmarks.pbtxt,
# Apache-2.0): x to the person's left, y up, z out of the face, about centimetres.
_MIDDLE: Final = {
    4: (0.0, -0.463170, 7.586580),
    6: (0.0, 2.473255, 5.788627),
    10: (0.0, 8.261778, 4.481535),
    168: (0.0, 3.271027, 5.236015),
}
# On the person's left; the right one of each pair is its mirror image.
_PAIRS: Final = {
    (263, 33): (4.445859, 2.663991, 3.173422),
    (284, 54): (6.279331, 6.615427, 1.425850),
    (297, 67): (3.523964, 8.005976, 3.729163),
    (346, 117): (5.258659, 0.945811, 2.974312),
    (348, 119): (3.300681, 0.861641, 3.872784),
    (356, 127): (7.743095, 2.364999, -2.005167),
    (358, 129): (1.785794, -0.978284, 4.850470),
    (362, 133): (1.856432, 2.585245, 3.757904),
    (372, 143): (6.407571, 2.236021, 1.560843),
}
LANDMARKS: Final = (*_MIDDLE, *(index for pair in _PAIRS for index in pair))
CANONICAL: Final[NDArray[np.float64]] = np.array(
    [*_MIDDLE.values(), *(side for x, y, z in _PAIRS.values() for side in ((x, y, z), (-x, y, z)))], np.float64
)

FOCAL_LENGTH: Final = 1.0
"""Assumed, in units of the frame's longer side: a horizontal field of view of 53°. Half or one and a half times as
much changes yaw and pitch by less than 4° in 95 of 100 portraits."""

_SELECTED: Final = np.array(LANDMARKS)


def head_pose(mesh: Mesh, longer_side: int) -> HeadPose | None:
    """Pose against the line of sight, so that a face at the frame's edge that looks into the lens is at zero.

    longer_side: of the frame, pixels; the assumed focal length comes from it. None where no pose explains the
    landmarks.
    """
    points = mesh.points[_SELECTED, :2].astype(np.float64)
    # With the principal point at the face, the camera looks straight at it.
    points -= centre(mesh.extent)
    focal = FOCAL_LENGTH * longer_side
    camera = np.array([[focal, 0.0, 0.0], [0.0, focal, 0.0], [0.0, 0.0, 1.0]])
    try:
        found, rotation, _ = cv2.solvePnP(CANONICAL, points, camera, None, flags=cv2.SOLVEPNP_SQPNP)
    except cv2.error:
        return None
    if not found or not np.isfinite(rotation).all():
        return None
    return pose_of_rotation(cv2.Rodrigues(rotation)[0].astype(np.float64, copy=False))


def pose_of_rotation(rotation: NDArray[np.float64]) -> HeadPose:
    """(3, 3) from the face's axes to the camera's (x right, y down, z away) → yaw, then pitch, then roll.

    Yaw and pitch are where the nose points; positive roll tips the head towards the person's left shoulder.
    """
    # Rows of the rotation with y up and z towards the viewer; columns are the face's left, up and ahead.
    (left_x, _, ahead_x), (left_y, _, ahead_y), (left_z, _, ahead_z) = rotation.tolist()
    left_y, left_z, ahead_y, ahead_z = -left_y, -left_z, -ahead_y, -ahead_z
    yaw = math.atan2(ahead_x, ahead_z)
    pitch = math.asin(min(max(ahead_y, -1.0), 1.0))
    # Without roll the person's left is level: (cos yaw, 0, -sin yaw); up stands on it and on where the nose points.
    level_x, level_z = math.cos(yaw), -math.sin(yaw)
    up_x, up_y, up_z = ahead_y * level_z, ahead_z * level_x - ahead_x * level_z, -ahead_y * level_x
    along = left_x * level_x + left_z * level_z
    above = left_x * up_x + left_y * up_y + left_z * up_z
    return HeadPose(yaw=math.degrees(yaw), pitch=math.degrees(pitch), roll=math.degrees(math.atan2(-above, along)))
