"""python -m engine.demo.evaluate: grade the demo model on 500 captions that it has not seen."""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm

from engine.demo.evaluate.grader import Grader, load_grader, look, train_grader
from engine.demo.evaluate.questions import Question, ask
from engine.demo.evaluate.scores import score
from engine.demo.train.corpus import Corpus, Tokens
from engine.demo.train.denoiser import captions_shown
from engine.demo.train.networks import LATENT_SCALE, read_model
from engine.demo.world import draw
from engine.sampling.denoiser import Condition
from engine.sampling.guidance import guide
from engine.sampling.prediction import EpsPrediction, scaled_linear_sigmas
from engine.sampling.sample import Course, LatentScale, Start, sample
from engine.sampling.samplers.table import SAMPLERS
from engine.sampling.schedules import schedule_sigmas

BATCH: Final = 20
GATES: Final = {"colour": 0.90, "shape": 0.75}
WISHES: Final = {"shape": 0.85, "relation": 0.70, "unseen pairs": 0.70}


def main() -> None:
    """Print a table of marks: of true pictures, of generated ones, and of those under shuffled captions."""
    parser = argparse.ArgumentParser(prog="python -m engine.demo.evaluate", description=main.__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--folder", type=Path, default=Path("data/demo-training"))
    parser.add_argument("--seed", type=int, default=2_000)
    parser.add_argument("--sampler", default="dpmpp_2m")
    parser.add_argument("--scheduler", default="karras")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--cfg", type=float, default=4.0)
    parser.add_argument("--grader-steps", type=int, default=2_000)
    parser.add_argument(
        "--trained", type=int, nargs=3, default=(1, 24_000, 6_000), metavar=("SEED", "PICTURES", "STEPS")
    )
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    train_grader(arguments.folder / "grader.safetensors", steps=arguments.grader_steps, device=device)
    grader = load_grader(arguments.folder / "grader.safetensors", device)

    seed, pictures, steps = arguments.trained
    questions = ask(arguments.seed, captions_shown(Corpus(seed, pictures), steps, seed=seed))
    course = (arguments.sampler, arguments.scheduler, arguments.steps, arguments.cfg)
    made = generate(arguments.checkpoint, [question.caption for question in questions], course, device)
    np.save(arguments.folder / "evaluation.npy", made)
    print("{} {}, {} steps, cfg {}, one seed each".format(*course))
    report(grade(grader, questions, made, device))


def grade(
    grader: Grader, questions: Sequence[Question], made: npt.NDArray[np.uint8], device: torch.device
) -> dict[str, dict[str, tuple[int, int]]]:
    """Marks of the true pictures, of those `made`, and of those under each other's captions."""
    views = look(grader, made, device)
    true = np.stack([draw(question.scene) for question in questions])
    order = np.random.default_rng(0).permutation(len(views))
    return {
        "true pictures": score(questions, look(grader, true, device)),
        "generated": score(questions, views),
        "shuffled": score(questions, [views[place] for place in order]),
    }


def report(marks: Mapping[str, Mapping[str, tuple[int, int]]]) -> None:
    """A table, then one line of JSON."""
    print(f"{'':14}" + "".join(f"{column:>16}" for column in marks) + "    gate    wish")
    for mark in marks["generated"]:
        cells = "".join(
            f"{right / asked:>15.1%} " for right, asked in (column[mark] for column in marks.values())
        )
        limits = "".join(f"{limit[mark]:>8.0%}" if mark in limit else " " * 8 for limit in (GATES, WISHES))
        print(f"{mark:14}{cells}{limits}")
    shares = {
        column: {mark: round(right / asked, 4) for mark, (right, asked) in answers.items()}
        for column, answers in marks.items()
    }
    print(json.dumps(shares))


@torch.no_grad()
def generate(
    checkpoint: Path, captions: Sequence[str], course: tuple[str, str, int, float], device: torch.device
) -> npt.NDArray[np.uint8]:
    """One picture a caption, (N, 128, 128, 3); batch b has seed b."""
    model = read_model(checkpoint, device)
    tokens, table = Tokens(), scaled_linear_sigmas()
    sampler, scheduler, steps, cfg = course
    levels = schedule_sigmas(scheduler, table, steps)

    prediction = EpsPrediction(model.unet, table)

    def predict(x: Tensor, sigma: float, condition: Condition) -> Tensor:
        return prediction(x, sigma, condition.text)

    def encode(prompts: Sequence[str]) -> Condition:
        return Condition(model.text(model.text.embed(tokens(list(prompts)).to(device))))

    pictures: list[npt.NDArray[np.uint8]] = []
    for start in tqdm(range(0, len(captions), BATCH), "pictures"):
        part = captions[start : start + BATCH]
        denoiser = guide(predict, [encode(part)], [encode([""])], cfg)
        latent = torch.zeros(len(part), 4, 16, 16, device=device)
        way = Course(levels, SAMPLERS[sampler], table)
        latent = sample(denoiser, Start(latent, seed=start), way, space=LatentScale(LATENT_SCALE))
        pixels = model.vae.decode(latent).clamp(-1, 1).add(1).mul(127.5).round().byte()
        pictures.append(pixels.permute(0, 2, 3, 1).cpu().numpy())
    return np.concatenate(pictures)


if __name__ == "__main__":
    main()
