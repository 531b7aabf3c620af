"""A command as a config says it, with the seed and the place of its outputs filled in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from week2kit.config.command import CommandConfig
from week2kit.config.overriding import repeat_seeds
from week2kit.training.arguments import filled
from week2kit.training.asked import Asked, Named
from week2kit.training.repeating import repeated


def out_folder(config_file: Path | None) -> str:
    """What ``{out}`` stands for: the same for each run of a config, or no two of them had the same command."""
    return "out" if config_file is None else f"out/{config_file.stem}"


def asked_by(config: CommandConfig, out: str) -> Asked:
    """What a config asks for.

    Args:
        config: its seed is there where it is wanted.
        out: the folder that ``{out}`` stands for.
    """
    count, wants_seed = config.repeats or 0, any("{seed}" in text for text in config.texts)
    asked = _asked(config, config.seed, out)
    if not wants_seed or config.seed is None:
        return repeated(asked, count)
    return replace(asked, repeats=[_asked(config, seed, out) for seed in repeat_seeds(config.seed, count)])


def _asked(config: CommandConfig, seed: int | None, out: str) -> Asked:
    def fill(texts: Iterable[str]) -> list[str]:
        return filled([*texts], seed=seed, out=out)

    metrics, predictions = (None if one is None else fill([one])[0] for one in (config.metrics, config.predictions))
    return Asked(
        argv=fill(config.command),
        inputs=[*map(Path, fill(config.inputs))],
        outputs=[*map(Path, fill(config.outputs))],
        named=Named(metrics, predictions),
        timeout=config.timeout,
        seed=seed,
        variables=dict(zip(config.env, fill(config.env.values()), strict=True)),
    )
