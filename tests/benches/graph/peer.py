"""Draws the failure rates of a rollout with matplotlib: one line of JSON in, then a line in and milliseconds of processor time out."""

import io
import json
import sys
import time

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def draw(graph):
    figure, axes = plt.subplots(figsize=(10, 4.2), dpi=100, facecolor="#14191c")
    axes.set_facecolor("#14191c")
    for name, colour in (("current", "#9aa7ad"), ("new", "#5e9ffb")):
        at, rate, low, high = zip(*graph[name])
        axes.fill_between(at, low, high, color=colour, alpha=0.15)
        axes.plot(at, rate, color=colour, linewidth=4)
        axes.annotate(f"{name} build {rate[-1]:.1%}", (at[-1], rate[-1]), color=colour, size=20)
    for mark in graph["marks"]:
        axes.axvline(mark, color="#465259", linestyle=":")
    axes.set_ylim(0, 0.08)
    axes.set_title(graph["title"], color="#e9eeef", size=24, loc="left")
    axes.tick_params(colors="#8a979d", labelsize=20)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    plt.close(figure)
    return picture.getvalue()


graph = json.loads(sys.stdin.readline())
print(matplotlib.__version__, flush=True)
for _ in sys.stdin:
    began = time.process_time()
    draw(graph)
    print((time.process_time() - began) * 1000, flush=True)
