"""Ways to walk down a schedule: one file for each kind of method, and a table of all by name.

All take x (B, C, H, W) at sigmas[0] and return it at the last sigma. d = (x - denoised) / sigma is the
direction of the probability-flow equation (Karras et al. 2022, arXiv 2206.00364); for lambda see process.py.
"""
