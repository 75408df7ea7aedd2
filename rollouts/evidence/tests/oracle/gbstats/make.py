"""Writes golden.json: GrowthBook's always-valid interval of a difference, as its package gbstats computes it."""

import json
import random
from pathlib import Path

from gbstats.frequentist.tests import SequentialConfig, SequentialTwoSidedTTest
from gbstats.models.statistics import ProportionStatistic


def comparison(rng):
    level = rng.choice([0.05, 0.01, 0.001])
    arms = {}
    for arm in ("stable", "canary"):
        visitors = rng.choice([30, 400, 9000, 200_000])
        arms[arm] = {"unhealth": float(rng.randrange(1, visitors // 2)), "visitors": visitors}
    stable, canary = (ProportionStatistic(n=arms[arm]["visitors"], sum=arms[arm]["unhealth"]) for arm in arms)
    config = SequentialConfig(alpha=level, difference_type="absolute")
    low, high = SequentialTwoSidedTTest(stable, canary, config).compute_result().ci
    return {**arms, "level": level, "low": float(low), "high": float(high)}


if __name__ == "__main__":
    rng = random.Random(20220101)
    golden = [comparison(rng) for _ in range(20)]
    Path(__file__).with_name("golden.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
