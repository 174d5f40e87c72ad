"""Widgets for places and sizes in pictures, in pixels."""

from typing import Annotated

from engine.graph.kinds import FloatWidget, IntWidget

MAX_SIDE_PX = 16_384

Side = Annotated[int, IntWidget(1, MAX_SIDE_PX, step=1)]
Offset = Annotated[int, IntWidget(0, MAX_SIDE_PX, step=1)]
# Of a latent, given in pixels: whole cells of eight count.
LatentOffset = Annotated[int, IntWidget(0, MAX_SIDE_PX, step=8)]
Factor = Annotated[float, FloatWidget(0.01, 8.0, step=0.01)]
