"""Pictures of a shipped scene, as a folder that libcamera's virtual camera plays: scene_pictures.py SCENE FOLDER."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2

from edge.simulation.scene import shipped_scenes


def main(scene: str, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as name:
        clip = Path(name) / "clip.mp4"
        file = shipped_scenes() / f"{scene}.yaml"
        subprocess.run([sys.executable, "-m", "edge", "scene", "render", str(file), "--out", str(clip)], check=True)
        video = cv2.VideoCapture(str(clip))
        count = 0
        while (read := video.read())[0]:
            cv2.imwrite(str(folder / f"{count}.jpg"), read[1], [cv2.IMWRITE_JPEG_QUALITY, 95])
            count += 1
    print(f"{folder}: {count} pictures")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
