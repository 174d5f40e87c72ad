"""Pure maths of sampling: schedules, prediction, guidance, samplers, noise, previews, and sample() over all
of them.

The one convention: `denoiser(x, sigma) -> denoised`, with sigma a float and x in model space at that noise
level.
"""
