"""The offline artist: a prompt becomes a scene, a scene becomes pixels, an edit changes either.

    scene_of(prompt) -> Scene -> render(scene, size) -> encode(image, scene, ...) -> bytes
                          ^                                                            |
                          '--------- edit(instruction, image, scene, ...) <- scene_in(bytes)

It stands in for the image model when there is no key and is the double of the tests. Nothing here
knows a network, a clock or a disk (but for the vendored fonts), and nothing is random: the same
scene at the same size is the same pixels.
"""

from __future__ import annotations

from .colour import contrast
from .edits import edit
from .encode import Background, OutputFormat, encode, scene_in
from .parse import range_note, scene_of
from .render import cutout, focal_box, preview, render, tiny
from .restaging import Edited
from .scene import MOTIFS, Light, MotifName, Overlay, Scene, Season
from .typography import text_boxes

__all__ = [
    "MOTIFS",
    "Background",
    "Edited",
    "Light",
    "MotifName",
    "OutputFormat",
    "Overlay",
    "Scene",
    "Season",
    "contrast",
    "cutout",
    "edit",
    "encode",
    "focal_box",
    "preview",
    "range_note",
    "render",
    "scene_in",
    "scene_of",
    "text_boxes",
    "tiny",
]
