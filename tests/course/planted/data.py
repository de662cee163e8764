"""Wrong answers of the kind that learners give, and right ones written otherwise."""

_KEY = "(path.parents[1].name, path.stem)"
_SEEK = "offset + 3 * (y * width + left)"
_JOINED = 'np.frombuffer(b"".join(rows), np.uint8).reshape(side, side, 3)'
_LINE = f"        file.seek({_SEEK})\n"
_INSIDE = "0 <= top <= height - side and 0 <= left <= width - side"

MISTAKES = {
    "match": [
        (
            "by order",
            {
                "[(of_blurred[key], of_sharp[key]) for key in both]": "list(zip(sorted(blurred), sorted(sharp)))"
            },
            "that is the matching by order",
        ),
        ("the name alone", {_KEY: "path.stem"}, "the films overwrite each other"),
        (
            "every film with every film",
            {
                "[(of_blurred[key], of_sharp[key]) for key in both]": "[(b, s) for b in sorted(blurred) for s in sorted(sharp) if b.stem == s.stem]"
            },
            "files of two films make a pair",
        ),
        ("with the ending", {"path.stem": "path.name"}, "the pair of a .jpg and a .png"),
        ("the kind as film", {"parents[1].name": "parent.name"}, "no pair at all"),
        (
            "sharp first",
            {"(of_blurred[key], of_sharp[key])": "(of_sharp[key], of_blurred[key])"},
            "the sharp file comes first",
        ),
        (
            "keys for paths",
            {"(of_blurred[key], of_sharp[key])": "key"},
            "in the place of paths",
        ),
        (
            "one path a pair",
            {"(of_blurred[key], of_sharp[key])": "of_blurred[key]"},
            "each pair should be two paths",
        ),
        (
            "order of the set",
            {
                "sorted(of_blurred.keys() & of_sharp.keys())": "[k for k in of_blurred if k in of_sharp]"
            },
            "the right pairs in the wrong order",
        ),
        (
            "pairs twice",
            {"return pairs,": "return pairs + pairs,"},
            "a pair comes more than once",
        ),
        (
            "the last pair lost",
            {"return pairs,": "return pairs[:-1],"},
            "4 pairs are expected, 3 of yours",
        ),
        ("blurred ones alone", {".keys() ^": ".keys() -"}, "sharp files without a blurred one"),
        (
            "sharp ones alone",
            {"of_blurred.keys() ^ of_sharp.keys()": "of_sharp.keys() - of_blurred.keys()"},
            "blurred files without a sharp one",
        ),
        ("all files alone", {".keys() ^": ".keys() |"}, "a file that has a partner"),
        (
            "paths compared",
            {
                "[{**of_blurred, **of_sharp}[key] for key in alone]": "sorted(set(blurred) ^ set(sharp))"
            },
            "every file is said to be alone",
        ),
        (
            "two lists of lone ones",
            {
                "[{**of_blurred, **of_sharp}[key] for key in alone]": "([of_blurred[k] for k in alone if k in of_blurred], [of_sharp[k] for k in alone if k in of_sharp])"
            },
            "one list is wanted for those without",
        ),
        (
            "keys of the lone ones",
            {"[{**of_blurred, **of_sharp}[key] for key in alone]": "alone"},
            "should be paths, not keys",
        ),
        (
            "no lone ones",
            {"[{**of_blurred, **of_sharp}[key] for key in alone]": "[]"},
            "nothing is said to be alone",
        ),
        (
            "lone ones by path",
            {
                "[{**of_blurred, **of_sharp}[key] for key in alone]": "sorted({**of_blurred, **of_sharp}[key] for key in alone)"
            },
            "all blurred ones before the sharp ones",
        ),
        (
            "lone ones backwards",
            {"for key in alone]": "for key in alone[::-1]]"},
            "the right files in the wrong order",
        ),
        (
            "the caller's list sorted",
            {"    of_blurred = {": "    blurred.sort()\n    of_blurred = {"},
            "reorders or empties a list",
        ),
        (
            "only the pairs",
            {"return pairs, [": "return pairs; [", "for key in alone]": "for key in alone]"},
            "two lists should come back",
        ),
        (
            "swapped",
            {
                "return pairs, [{**of_blurred, **of_sharp}[key] for key in alone]": "return [{**of_blurred, **of_sharp}[key] for key in alone], pairs"
            },
            "the two came in the wrong order",
        ),
        (
            "films written in",
            {"for path in blurred}": 'for path in blurred if "37" in path.parents[1].name}'},
            "a name or a number of them written",
        ),
        (
            "a generator",
            {"pairs = [(": "pairs = ((", "for key in both]": "for key in both)"},
            "call `list` on it",
        ),
        (
            "a dictionary",
            {
                "[(of_blurred[key], of_sharp[key]) for key in both]": "{of_blurred[key]: of_sharp[key] for key in both}"
            },
            "a dictionary came back for the pairs",
        ),
        (
            "a set",
            {
                "[{**of_blurred, **of_sharp}[key] for key in alone]": "{{**of_blurred, **of_sharp}[key] for key in alone}"
            },
            "it has no order. A list",
        ),
        (
            "nothing returned",
            {
                "return pairs, [": "alone = [",
            },
            "nothing came back",
        ),
        (
            "max of an empty list",
            {"    both = ": "    max(blurred), max(sharp)\n    both = "},
            "where there are no blurred files comes ValueError",
        ),
        (
            "film and name as one text",
            {_KEY: "path.parents[1].name + path.stem"},
            "a tuple keeps them apart",
        ),
        (
            "names as numbers",
            {_KEY: "(path.parents[1].name, int(path.stem))"},
            "a name need not be a number",
        ),
        (
            "names filled up with zeros",
            {_KEY: "(path.parents[1].name, path.stem.zfill(6))"},
            "two names, not one",
        ),
        (
            "replaced in the whole path",
            {
                _KEY
                + ": path for path in blurred": 'str(path.with_suffix("")).replace("blur", "sharp"): path for path in blurred',
                _KEY
                + ": path for path in sharp": 'str(path.with_suffix("")): path for path in sharp',
            },
            "a film called `blurry` loses its partners",
        ),
    ],
    "self_ensemble": [
        (
            "not brought back",
            {"answer.rot90(-turn % 4, (-2, -1))": "answer"},
            "height and width are swapped",
        ),
        (
            "the flip first",
            {
                "answer = answer.rot90(-turn % 4, (-2, -1))": "answer = answer.flip(-1) if turn >= 4 else answer",
                "answer.flip(-1) if turn >= 4 else answer)": "answer.rot90(-turn % 4, (-2, -1)))",
            },
            "What was done last comes off first",
        ),
        (
            "the same once more",
            {
                "answer.rot90(-turn % 4, (-2, -1))": "dihedral(answer, turn)",
                "answer.flip(-1) if turn >= 4 else answer)": "answer)",
            },
            "does the same once more",
        ),
        (
            "the first two axes turned",
            {"rot90(-turn % 4, (-2, -1))": "rot90(-turn % 4)"},
            "turns the first two axes unless told",
        ),
        (
            "eight less the turn, modulo 8",
            {
                "answer.rot90(-turn % 4, (-2, -1))": "dihedral(answer, -turn % 8)",
                "answer.flip(-1) if turn >= 4 else answer)": "answer)",
            },
            "not D_(8-t): the flipped ones",
        ),
        (
            "eight less the turn",
            {
                "answer.rot90(-turn % 4, (-2, -1))": "dihedral(answer, 8 - turn)",
                "answer.flip(-1) if turn >= 4 else answer)": "answer)",
            },
            "which flips even turn 0",
        ),
        (
            "the mean clamped",
            {".mean(dim=0)": ".mean(dim=0).clamp(0, 1)"},
            "the mean is cut off at 0 and 1",
        ),
        (
            "each answer clamped",
            {"network(dihedral(image, turn))": "network(dihedral(image, turn)).clamp(0, 1)"},
            "each answer is cut off at 0 and 1",
        ),
        ("turned on", {"-turn % 4": "turn % 4"}, "turned on instead of back"),
        (
            "flips stay",
            {"answer.flip(-1) if turn >= 4 else answer)": "answer)"},
            "the flips are not: from turn 4 on",
        ),
        ("upside down", {"answer.flip(-1)": "answer.flip(-2)"}, "the flip back is upside down"),
        ("the sum", {".mean(dim=0)": ".sum(dim=0)"}, "that is the sum of the answers"),
        ("four turns", {"range(8)": "range(4)"}, "only the four quarter turns"),
        ("four flips", {"range(8)": "range(4, 8)"}, "Turns 0 to 3 are missing"),
        ("mirror only", {"range(8)": "(0, 4)"}, "only the picture and its mirror image"),
        ("from 1", {"range(8)": "range(1, 8)"}, "turn 0 is missing: the picture as it is"),
        (
            "from 1, divided by eight",
            {"range(8)": "range(1, 8)", ".mean(dim=0)": ".sum(dim=0) / 8"},
            "the sum of seven was divided",
        ),
        ("to 6", {"range(8)": "range(7)"}, "turn 7 is missing"),
        (
            "the answer turned, not the picture",
            {"network(dihedral(image, turn))": "dihedral(network(image), turn)"},
            "that is the network's plain answer",
        ),
        (
            "no network",
            {"network(dihedral(image, turn))": "dihedral(image, turn)"},
            "the network was never asked",
        ),
        ("the median", {".mean(dim=0)": ".median(dim=0).values"}, "that is the median"),
        ("no mean", {".mean(dim=0)": ""}, "Those are the eight answers"),
        (
            "mean over the batch",
            {".mean(dim=0)": ".mean(dim=1)"},
            "That is a mean over the batch; take it",
        ),
        (
            "mean over both",
            {".mean(dim=0)": ".mean(dim=(0, 1))"},
            "The mean went over the batch too",
        ),
        ("one number", {".mean(dim=0)": ".mean()"}, "One number came back"),
        (
            "one batch",
            {"torch.stack(answers).mean(dim=0)": "torch.cat(answers)"},
            "Eight answers in one batch",
        ),
        (
            "in place",
            {"    answers = []": "    image.mul_(0.5)\n    answers = []"},
            "writes into the picture",
        ),
        (
            "a batch of two written in",
            {
                "torch.stack(answers).mean(dim=0)": "torch.stack(answers).mean(dim=0).view(2, 3, *image.shape[-2:])"
            },
            "invalid for input of size",
        ),
        (
            "heights only up to 4",
            {"answer.flip(-1) if turn >= 4": "answer.flip(-1) if turn >= 4 and len(image) == 2"},
            "right for the first picture and network",
        ),
        ("nothing returned", {"return torch": "torch"}, "nothing came back"),
    ],
    "read_crop": [
        ("no offset", {_SEEK: "3 * (y * width + left)"}, "the offset is missing"),
        (
            "a step forward meant",
            {_LINE: f"        file.seek({_SEEK} if y == top else 3 * (width - side))\n"},
            "counts from the file's start",
        ),
        (
            "the first row for all",
            {_SEEK: "offset + 3 * (top * width + left)"},
            "the place must move on with y",
        ),
        (
            "in one piece",
            {_SEEK: "offset + 3 * (top * width + left) + 3 * side * (y - top)"},
            "read in one piece",
        ),
        (
            "pixels for bytes",
            {_SEEK: "offset + y * width + left"},
            "counted in pixels; a pixel has",
        ),
        ("left in pixels", {_SEEK: "offset + 3 * y * width + left"}, "`left` is counted in pixels"),
        ("height for width", {"y * width": "y * height"}, "`height` pixels long"),
        (
            "swapped",
            {
                "range(top, top + side)": "range(left, left + side)",
                "y * width + left": "y * width + top",
            },
            "top and left are swapped",
        ),
        ("top left out", {"range(top, top + side)": "range(side)"}, "`top` is missing"),
        ("left left out", {"(y * width + left)": "(y * width)"}, "`left` is missing"),
        ("transposed", {_JOINED: _JOINED + ".swapaxes(0, 1)"}, "it came transposed"),
        ("BGR", {_JOINED: _JOINED + "[..., ::-1]"}, "the colours came in the wrong order"),
        (
            "planes",
            {
                _JOINED: 'np.moveaxis(np.frombuffer(b"".join(rows), np.uint8).reshape(3, side, side), 0, -1)'
            },
            "the slowest dimension",
        ),
        ("one long row", {".reshape(side, side, 3)": ""}, "It is one long row"),
        (
            "no colours",
            {".reshape(side, side, 3)": ".reshape(side, -1)"},
            "a dimension of their own",
        ),
        ("colours first", {".reshape(side, side, 3)": ".reshape(3, side, side)"}, "they come last"),
        ("bytes", {_JOINED: 'b"".join(rows)'}, "not bytes"),
        ("floats", {_JOINED: _JOINED + " / 255"}, "yours are float64"),
        (
            "a third of each row",
            {"file.read(3 * side)": "file.read(side)"},
            "do not fill the window",
        ),
        (
            "the whole file",
            {
                "    rows = []\n": "    rows = []\n    file.seek(0)\n    data = file.read()\n",
                _LINE: "",
                "file.read(3 * side)": f"data[{_SEEK} :][: 3 * side]",
            },
            "bytes were read, the whole file",
        ),
        (
            "the whole image",
            {
                "    rows = []\n": "    rows = []\n    file.seek(offset)\n    data = file.read(3 * height * width)\n",
                _LINE: "",
                "file.read(3 * side)": "data[3 * (y * width + left) :][: 3 * side]",
            },
            "bytes were read, the whole image",
        ),
        (
            "whole rows",
            {
                _SEEK: "offset + 3 * y * width",
                "file.read(3 * side)": "file.read(3 * width)[3 * left : 3 * (left + side)]",
            },
            "whole rows of the image",
        ),
        (
            "row by row onwards",
            {
                "    rows = []\n": f"    rows = []\n    y = top\n    file.seek({_SEEK})\n    data = file.read(3 * (width * (side - 1) + side))\n",
                _LINE: "",
                "file.read(3 * side)": "data[3 * (y - top) * width :][: 3 * side]",
            },
            "from the first to the last pixel in one piece",
        ),
        (
            "each row twice",
            {_LINE: _LINE + "        file.read(3 * side)\n" + _LINE},
            "some bytes were read more than once",
        ),
        (
            "a width written in",
            {"y * width": "y * 12"},
            "is a number written into your code?",
        ),
        (
            "the last window refused",
            {"<= height - side and": "< height - side and"},
            "and just fits. `<=`",
        ),
        (
            "left held against the height",
            {"left <= width - side": "left <= height - side"},
            "refused (a window of 1 at (1, 9) is not inside (3, 20)), though it lies inside. And top",
        ),
        ("no look at the window", {_INSIDE: "True"}, "lies below the image, so"),
        (
            "a row too many",
            {"height - side and": "height - side + 1 and"},
            "in an image of 9 × 12, the window of top 6, left 0, side 4 ends one row below",
        ),
        (
            "a column too many",
            {"width - side": "width - side + 1"},
            "ends one column too far right",
        ),
        (
            "only below",
            {" and 0 <= left <= width - side": ""},
            "lies beyond the right border",
        ),
        ("no look above", {"0 <= top <=": "top <="}, "begins above the image"),
        ("no look to the left", {"0 <= left <=": "left <="}, "begins left of the image"),
        (
            "corners only",
            {_INSIDE: "0 <= top < height and 0 <= left < width"},
            "begins inside and reaches below the image",
        ),
        (
            "another error",
            {"raise ValueError": "raise IndexError"},
            "a `ValueError` is asked for",
        ),
        (
            "the wrong way round",
            {"if not (": "if ("},
            "a window that lies inside is refused",
        ),
        ("nothing returned", {"return np": "np"}, "nothing came back"),
    ],
}

VARIANTS = {
    "match": [
        """
def match(blurred, sharp):
    def key(path):
        return path.parent.parent.name, path.with_suffix("").name

    partners = {key(path): path for path in sharp}
    pairs, alone = [], []
    for path in sorted(blurred, key=key):
        if key(path) in partners:
            pairs.append((path, partners.pop(key(path))))
        else:
            alone.append(path)
    alone.extend(partners.values())
    return pairs, sorted(alone, key=key)
""",
        """
def match(blurred, sharp):
    found = {}
    for kind, paths in enumerate((blurred, sharp)):
        for path in paths:
            film = path.parents[1] / path.stem
            found.setdefault(film, [None, None])[kind] = path
    entries = [found[name] for name in sorted(found)]
    pairs = [tuple(entry) for entry in entries if all(entry)]
    return pairs, [entry[0] or entry[1] for entry in entries if not all(entry)]
""",
    ],
    "self_ensemble": [
        """
BACK = (0, 3, 2, 1, 4, 5, 6, 7)


def self_ensemble(network, image):
    total = torch.zeros_like(image)
    for turn, back in enumerate(BACK):
        total += dihedral(network(dihedral(image, turn)), back)
    return total / len(BACK)
""",
        """
def self_ensemble(network, image):
    answers = 0
    for flipped in (False, True):
        given = torch.flip(image, dims=[3]) if flipped else image
        for turn in range(4):
            answer = torch.rot90(network(torch.rot90(given, turn, [2, 3])), 4 - turn, [2, 3])
            answers = answers + (torch.flip(answer, dims=[3]) if flipped else answer)
    return answers / 8
""",
        """
def self_ensemble(network, image):
    upright = torch.cat([dihedral(image, t) for t in (0, 2, 4, 6)])
    lying = torch.cat([dihedral(image, t) for t in (1, 3, 5, 7)])
    parts = [*network(upright).chunk(4), *network(lying).chunk(4)]
    return sum(dihedral(p, t) for p, t in zip(parts, (0, 2, 4, 6, 3, 1, 5, 7))) / 8
""",
    ],
    "read_crop": [
        """
def read_crop(file, offset, height, width, top, left, side):
    if min(top, left) < 0 or top > height - side or left > width - side:
        raise ValueError("not inside")
    file.seek(offset + 3 * (top * width + left))
    data = bytearray()
    for row in range(side):
        if row:
            file.seek(3 * (width - side), 1)
        data += file.read(3 * side)
    return np.frombuffer(data, np.uint8).reshape(side, side, 3)
""",
        """
def read_crop(file, offset, height, width, top, left, side):
    if top < 0 or left < 0 or top + side > height or left + side > width:
        raise ValueError("outside")
    crop = np.empty((side, side, 3), np.uint8)
    for row in range(side):
        file.seek(offset + ((top + row) * width + left) * 3)
        file.readinto(crop[row])
    return crop
""",
        """
def read_crop(file, offset, height, width, top, left, side):
    inside = top in range(height - side + 1) and left in range(width - side + 1)
    if not inside:
        raise ValueError(f"{top}, {left} is outside")
    place = offset + 3 * width * top + 3 * left
    rows = []
    for _ in range(side):
        file.seek(place)
        rows.append(np.array(list(file.read(side * 3)), dtype=np.uint8).reshape(side, 3))
        place += 3 * width
    return np.stack(rows)
""",
    ],
}
