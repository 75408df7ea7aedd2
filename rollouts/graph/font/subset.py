"""Makes the two faces beside this file: `python subset.py FOLDER`, where the folder holds Inter 4.0's static OTF files.

Needs fonttools. Latin, Greek and Cyrillic are kept, and the figures of one width take the place of the others, because
SVG has no attribute that asks for them.
"""

import pathlib
import sys

from fontTools import subset
from fontTools.ttLib import TTFont

RANGES = [(0x20, 0x7E), (0xA0, 0x17F), (0x218, 0x21B), (0x386, 0x3CE), (0x400, 0x45F), (0x2010, 0x2014)]
SINGLE = [0x1E9E, 0x2009, 0x202F, 0x2018, 0x2019, 0x201A, 0x201C, 0x201D, 0x201E, 0x2022, 0x2026, 0x2032, 0x2033]
SINGLE += [0x20AC, 0x2190, 0x2191, 0x2192, 0x2193, 0x2212, 0x2248, 0x2260, 0x2264, 0x2265, 0x2713]


def figures_of_one_width(font):
    table = font["GSUB"].table
    lookups = {at for it in table.FeatureList.FeatureRecord if it.FeatureTag == "tnum" for at in it.Feature.LookupListIndex}
    instead = {}
    for part in (part for at in lookups for part in table.LookupList.Lookup[at].SubTable):
        instead.update(getattr(part, "mapping", None) or part.ExtSubTable.mapping)
    for letters in font["cmap"].tables:
        for digit in range(ord("0"), ord("9") + 1):
            letters.cmap[digit] = instead.get(letters.cmap.get(digit), letters.cmap.get(digit))


for face in ("Regular", "SemiBold"):
    font = TTFont(pathlib.Path(sys.argv[1]) / f"Inter-{face}.otf")
    figures_of_one_width(font)
    options = subset.Options(layout_features=["kern", "mark", "ccmp"], hinting=False, notdef_outline=True)
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14, 16, 17]
    options.drop_tables += ["STAT"]
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=[letter for first, last in RANGES for letter in range(first, last + 1)] + SINGLE)
    subsetter.subset(font)
    font.save(pathlib.Path(__file__).with_name(f"Inter-{face}.otf"))
