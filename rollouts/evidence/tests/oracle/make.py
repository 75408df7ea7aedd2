"""Writes golden.json: figures that other people's packages compute, for tests/it/oracle.rs to compare with.

What is theirs:
- savvi's Multinomial (Lindon and Malek 2022): evidence of a wrong split, and the interval of a rate, which is its
  confidence set for two cells under a Dirichlet(1/2, 1/2) prior.
- confseq's betting_mart (Waudby-Smith and Ramdas 2024): the capital of each arm in each block, from which the
  blocked two-sample process, its mirrored side and the e-detector's blocks are products.

What is not: neither package has the two-sample process itself, so its guesses, its mixture and its truncated
bets are restated below, as plainly as can be (the truncation by search, not by formula). gbstats wants an older
NumPy than these, so its part is in the folder gbstats.
"""

import json
import math
import random
from pathlib import Path

import numpy as np

np.float_ = np.float64  # confseq 0.0.11 was written for NumPy 1, savvi wants 2.

from confseq.betting import betting_mart
from savvi.multinomial import Multinomial

ODDS_RATIOS = [1.5, 2, 3, 5, 8, 15, 40]
PARTS = [0.25, 0.5, 0.75, 1.0]
PRIOR, PRIOR_WEIGHT = 0.01, 10.0
ONE_NAT = 1.0


def capital(values, null, slope):
    """ln of confseq's capital after betting `slope` on each value against the mean `null`."""
    if not values:
        return 0.0
    bets = lambda x, m: np.repeat(slope, len(x))
    return math.log(betting_mart(np.array(values, float), null, lambdas_fn_positive=bets, theta=1, trunc_scale=1)[-1])


def log_mean_exp(logs):
    top = max(logs)
    return top + math.log(sum(math.exp(x - top) for x in logs) / len(logs))


def by_odds(rate, ratio):
    odds = ratio * rate / (1 - rate)
    return odds / (1 + odds)


def truncated(worse, better, share, cap):
    """The largest guess up to `worse` at which no visitor is worth more than `cap` nats, by halving."""

    def fits(guess):
        null = better + share * (guess - better)
        factors = [guess / null, better / null, (1 - guess) / (1 - null), (1 - better) / (1 - null)]
        return all(abs(math.log(factor)) <= cap for factor in factors)

    if fits(worse):
        return worse
    low, high = better, worse
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def block_capital(suspect, other, worse, better, cap):
    """ln of the e-variable of one block."""
    if not suspect or not other or worse <= better:
        return 0.0
    share = len(suspect) / (len(suspect) + len(other))
    worse = truncated(worse, better, share, cap)
    null = share * worse + (1 - share) * better
    spread = null * (1 - null)
    return capital(suspect, null, (worse - null) / spread) + capital(other, null, (better - null) / spread)


def shrunk(seen):
    return (PRIOR * PRIOR_WEIGHT + sum(seen)) / (PRIOR_WEIGHT + len(seen))


def harm(blocks, tolerance, cap):
    wealth, seen = [0.0] * len(ODDS_RATIOS), []
    for canary, stable in blocks:
        better = shrunk(seen)
        scaled = [u / tolerance for u in canary]
        for k, ratio in enumerate(ODDS_RATIOS):
            wealth[k] += block_capital(scaled, stable, by_odds(better, ratio), better, cap)
        seen += stable
    return log_mean_exp(wealth)


def safe_absolute(blocks, delta):
    wealth, seen = [0.0] * len(PARTS), []
    for canary, stable in blocks:
        rate = shrunk(seen)
        worse = delta + (1 - delta) * rate
        shifted = [delta + (1 - delta) * v for v in stable]
        for k, part in enumerate(PARTS):
            wealth[k] += block_capital(shifted, canary, worse, worse - part * delta * (1 - rate), ONE_NAT)
        seen += stable
    return log_mean_exp(wealth)


def safe_ratio(blocks, ratio):
    wealth, seen = [0.0] * len(PARTS), []
    for canary, stable in blocks:
        rate = shrunk(seen)
        for k, part in enumerate(PARTS):
            wealth[k] += block_capital(stable, [u / ratio for u in canary], rate, rate / ratio**part, ONE_NAT)
        seen += stable
    return log_mean_exp(wealth)


def detector_block(values, baseline):
    """ln of the mean over the odds ratios after one block: no reset has happened yet."""

    def slope(ratio):
        guess = min(by_odds(baseline, ratio), math.e * baseline, 1 - (1 - baseline) / math.e)
        return (guess - baseline) / (baseline * (1 - baseline))

    return log_mean_exp([capital(values, baseline, slope(ratio)) for ratio in ODDS_RATIOS])


def values(rng, count, rate):
    """Outcomes in quarters, so that the library's 32nds hold them exactly."""
    return [rng.choice([0.25, 0.5, 1.0, 1.0]) if rng.random() < rate else 0.0 for _ in range(count)]


def blocks(rng):
    bad, good = rng.choice([(0.01, 0.01), (0.05, 0.01), (0.5, 0.02), (0.2, 0.3)])
    return [(values(rng, rng.randrange(0, 12), bad), values(rng, rng.randrange(0, 60), good)) for _ in range(12)]


def wrong_split(rng):
    share = rng.choice([0.05, 0.1, 0.25, 0.5])
    test = Multinomial(0.05, np.array([share, 1 - share]))
    batches = [[rng.randrange(0, 20), rng.randrange(0, 100)] for _ in range(5)]
    for batch in batches:
        test.update(np.array(batch))
    return {"share": share, "batches": batches, "log_wealth": math.log(test.odds)}


def rate_interval(rng):
    visitors = rng.choice([20, 200, 5000])
    bad = rng.randrange(1, visitors // 4)
    test = Multinomial(0.05, np.array([0.5, 0.5]), k=1)
    test.update(np.array([bad, visitors - bad]))
    low, high = test.calculate_conf_int()[0]
    return {"bad": bad, "visitors": visitors, "low": low, "high": high}


def two_samples(rng):
    these, tolerance = blocks(rng), rng.choice([1.0, 1.5, 2.0])
    return {
        "blocks": these,
        "tolerance": tolerance,
        "harm": harm(these, tolerance, ONE_NAT),
        "harm_uncapped": harm(these, tolerance, math.inf),
        "delta": 0.02,
        "safe_absolute": safe_absolute(these, 0.02),
        "ratio": 2.0,
        "safe_ratio": safe_ratio(these, 2.0),
    }


def soak(rng):
    baseline = rng.choice([0.005, 0.02, 0.2])
    outcomes = values(rng, rng.randrange(1, 80), 0.1)
    return {"baseline": baseline, "values": outcomes, "log_height": detector_block(outcomes, baseline)}


def main():
    rng = random.Random(20220101)
    golden = {
        "wrong_splits": [wrong_split(rng) for _ in range(20)],
        "intervals": [rate_interval(rng) for _ in range(10)],
        "two_samples": [two_samples(rng) for _ in range(10)],
        "soaks": [soak(rng) for _ in range(10)],
    }
    Path(__file__).with_name("golden.json").write_text(json.dumps(golden, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
