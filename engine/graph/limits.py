"""How large what is handed in may be. Limits of weights files stand in engine/weights/header.py."""

MAX_NODES = 20_000
MAX_EDGES = 200_000
MAX_PROMPT_BYTES = 8_000_000
# Of a node's id and class: preview frames have one byte for the id's length.
MAX_NAME_BYTES = 255
MAX_CONSTANT_DEPTH = 32
# Of a picture before it is decoded; 64 Mpx are 768 MB as float32 RGB.
MAX_PICTURE_PIXELS = 64_000_000
# Of all pictures that one empty latent stands for; 2 Gpx are 512 MB of float32 latents.
MAX_BATCH_PIXELS = 2_000_000_000
MAX_INPUT_BYTES = 100_000_000
