"""Calm colours on a bright ground, which lights the face.

None is a saturated red: it counts as a flash of its own (WCAG 2.3.1).
"""

from __future__ import annotations

from edge.guidance.shapes import Colour

WHITE = Colour(255, 255, 255)
BLACK = Colour(0, 0, 0)
GROUND = Colour(242, 246, 249)
INK = Colour(16, 42, 67)
# What asks for something, what is to be done better, and how it ended.
ASKING = Colour(0, 98, 138)
BETTER = Colour(146, 84, 0)
GOOD = Colour(22, 110, 68)
BAD = Colour(138, 58, 48)
# Of what carries no meaning alone.
SKIN = Colour(222, 231, 238)
FEATURE = Colour(92, 118, 140)
TRACK = Colour(205, 217, 226)
