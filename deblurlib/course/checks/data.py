"""Checks and quiz of lesson 02: matching by name, a self-ensemble, a crop out of a file."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from deblurlib.course.checks import Stages, Wrong, exercise, expect, expect_shape, expect_values
from deblurlib.course.quiz import Choice, Question, Quiz
from deblurlib.data.pairs import Levels, dihedral

_Pairs = list[tuple[Path, Path]]


@exercise(first="say in words how you would find one blurred file's partner among all sharp ones.")
def match(answer: Callable[[list[Path], list[Path]], tuple[_Pairs, list[Path]]]) -> Stages:
    blurred = _paths("374/blur/16 372/blur/4 374/blur/30 374/blur/4 372/blur/10.jpg 372/blur/17")
    sharp = _paths("374/sharp/4 372/sharp/10 374/sharp/40 372/sharp/4 372/sharp/3 374/sharp/16")
    yield "it runs"
    given = list(blurred), list(sharp)
    found = answer(*given)
    yield "two lists"
    _expect_two_lists(found)
    expect(
        given == (blurred, sharp),
        "your code reorders or empties a list that it was given: work on a copy, such as"
        " `sorted(blurred)`.",
    )
    yield "pairs"
    pairs, alone = found
    of_blurred, of_sharp = _by_key(blurred), _by_key(sharp)
    both = sorted(of_blurred.keys() & of_sharp.keys())
    expected = [(of_blurred[key], of_sharp[key]) for key in both]
    got = [tuple(pair) if isinstance(pair, tuple | list) else pair for pair in pairs]
    expect(
        all(isinstance(pair, tuple) and len(pair) == 2 for pair in got),
        "each pair should be two paths, `(blurred, sharp)`.",
    )
    expect(
        all(isinstance(path, Path) for pair in got for path in pair),
        "keys or texts came back in the place of paths: look the key up in both dictionaries.",
    )
    expect(
        got,
        "no pair at all. The last folders are called blur and sharp: with them in its key, no file"
        " has a partner.",
    )
    swapped = {(second, first) for first, second in got}
    expect(
        swapped != set(expected),
        "the sharp file comes first in each pair; the blurred one should.",
    )
    expect(
        got != list(zip(sorted(blurred), sorted(sharp), strict=True)),
        "that is the matching by order: the k-th of one list with the k-th of the other.",
    )
    by_stem = [{path.stem: path for path in paths} for paths in (blurred, sharp)]
    expect(
        set(got) != {(by_stem[0][n], by_stem[1][n]) for n in by_stem[0] if n in by_stem[1]},
        f"{len(got)} pairs of {len(expected)}: with the name alone as key, the films overwrite each"
        " other, for each has a 000004. The film belongs to the key.",
    )
    mixed = [pair for pair in got if pair[0].parents[1] != pair[1].parents[1]]
    expect(
        not mixed,
        "files of two films make a pair: names come back in every film, so the film belongs to the"
        " key.",
    )
    with_ending = {pair for pair in expected if pair[0].suffix == pair[1].suffix}
    expect(
        set(got) != with_ending,
        "the pair of a .jpg and a .png is missing: compare names without ending, `.stem`.",
    )
    expect(
        len(set(got)) == len(got),
        f"a pair comes more than once: {len(got)} came back, {len(expected)} are different.",
    )
    expect(
        set(got) == set(expected),
        f"{len(expected)} pairs are expected, {len(set(got) & set(expected))} of yours are right,"
        f" {len(set(got) - set(expected))} are not.",
    )
    expect(
        got == expected,
        "the right pairs in the wrong order: sort them by film, and by name within it. A set has"
        " no order of its own.",
    )
    yield "without a partner"
    lone = {key: path for key, path in (of_blurred | of_sharp).items() if key not in both}
    wanted = [lone[key] for key in sorted(lone)]
    if isinstance(alone, tuple | list) and len(alone) == 2:
        expect(
            all(isinstance(path, Path) for path in alone),
            "one list is wanted for those without a partner, not one for each kind.",
        )
    expect(
        all(isinstance(path, Path) for path in alone),
        "those without a partner should be paths, not keys.",
    )
    only_blurred = [path for path in wanted if path in blurred]
    only_sharp = [path for path in wanted if path in sharp]
    expect(alone, "nothing is said to be alone, yet four files have no partner.")
    expect(
        set(alone) != set(only_blurred),
        "sharp files without a blurred one are missing: look in both directions.",
    )
    expect(
        set(alone) != set(only_sharp),
        "blurred files without a sharp one are missing: look in both directions.",
    )
    expect(
        set(alone) != set(blurred) | set(sharp),
        "every file is said to be alone. As paths, no two are equal: compare their keys, with `^`.",
    )
    expect(
        not set(alone) & {path for pair in expected for path in pair},
        "a file that has a partner is said to be alone.",
    )
    expect(
        set(alone) == set(wanted),
        f"{len(wanted)} files have no partner, {len(set(alone))} came back.",
    )
    expect(
        alone == wanted or alone not in (only_blurred + only_sharp, sorted(wanted)),
        "the right files, but all blurred ones before the sharp ones, or before those of the same"
        " film: sort their keys, film and name.",
    )
    expect(alone == wanted, "the right files in the wrong order: sort their keys, film and name.")
    yield "other films"
    for before, after, what in (
        ("9/blur/1 8/blur/1", "8/sharp/1 9/sharp/1", "nothing is alone"),
        ("7/blur/5", "6/sharp/5", "nothing has a partner"),
        ("", "5/sharp/1 4/sharp/2", "there are no blurred files"),
        ("5/blur/1", "", "there are no sharp files"),
    ):
        blurred, sharp = _paths(before), _paths(after)
        try:
            found = answer(list(blurred), list(sharp))
        except Exception as error:
            raise Wrong(
                f"right so far, but where {what} comes {type(error).__name__}: {error}."
            ) from error
        of_blurred, of_sharp = _by_key(blurred), _by_key(sharp)
        both = sorted(of_blurred.keys() & of_sharp.keys())
        alone = [(of_blurred | of_sharp)[k] for k in sorted(of_blurred.keys() ^ of_sharp.keys())]
        expect(
            [tuple(pair) for pair in found[0]] == [(of_blurred[k], of_sharp[k]) for k in both]
            and list(found[1]) == alone,
            f"right for the first films, wrong where {what}: is a name or a number of them written"
            " into your code?",
        )
    yield "other names"
    for files, message in (
        (
            "A1/blur/2 A/blur/12",
            "of the films A1 and A, with the names 2 and 12, both should find their partners. Put"
            " together to one text, film and name are A12 for both: a tuple keeps them apart.",
        ),
        (
            "A/blur/left A/blur/right",
            "a name need not be a number: left.png and right.png are pairs too. A `.stem` is a"
            " text, and may stay one.",
        ),
        (
            "A/blur/4 A/blur/04",
            "4.png and 04.png are two names, not one: compare them as they are, not as numbers.",
        ),
        (
            "blurry/blur/1",
            "a film called `blurry` loses its partners: replaced in the whole path, its own name"
            " changes too. Only the last folder tells blurred from sharp.",
        ),
    ):
        blurred = [Path("data", f"{item}.png") for item in files.split()]
        sharp = [path.parents[1] / "sharp" / path.name for path in blurred]
        try:
            pairs, alone = answer(list(blurred), list(sharp))
        except Exception as error:
            raise Wrong(f"{message} Here comes {type(error).__name__}: {error}.") from error
        right = {tuple(pair) for pair in pairs} == set(zip(blurred, sharp, strict=True))
        expect(right and not alone, message)


_Network = Callable[[Tensor], Tensor]


@exercise(first="loop over the eight turns, and let the network answer `dihedral(image, turn)`.")
def self_ensemble(answer: Callable[[_Network, Tensor], Tensor]) -> Stages:
    image = torch.rand(2, 3, 4, 6)
    yield "it runs"
    given = image.clone()
    try:
        out = answer(_network, given)
    except RuntimeError as error:
        expect(
            "[3, 2," not in str(error),
            "batch and colours changed places: `rot90` turns the first two axes unless told"
            " `dims=(-2, -1)`.",
        )
        expect(
            not any(words in str(error) for words in ("equal size", "must match", "Sizes of")),
            "answers of 4 × 6 and of 6 × 4 were to be put together: after a quarter turn height and"
            " width are swapped. Bring each answer back first; `rot90` needs `dims=(-2, -1)`.",
        )
        raise
    yield "shape"
    expect_shape(
        out,
        (2, 3, 4, 6),
        {
            (8, 2, 3, 4, 6): "Those are the eight answers; their mean is wanted, over dimension 0.",
            (8, 3, 4, 6): "That is a mean over the batch; take it over the eight answers.",
            (3, 4, 6): "The mean went over the batch too; take it over the eight answers only.",
            (16, 3, 4, 6): "Eight answers in one batch: take their mean, picture by picture.",
            (): "One number came back: take the mean over the eight answers only, dim=0.",
        },
    )
    yield "values"
    expect(
        torch.equal(given, image),
        "your code writes into the picture that it is given: it belongs to the caller.",
    )
    answers = [_network(dihedral(image, turn)) for turn in range(8)]
    back = [_undone(answer, turn) for turn, answer in enumerate(answers)]
    plain = _network(image)
    on = [dihedral(answer, turn) for turn, answer in enumerate(answers)]
    early = [_undone(answer, turn, flip_first=True) for turn, answer in enumerate(answers)]
    upright = [_undone(answer, turn, flip=0) for turn, answer in enumerate(answers)]
    up_down = [_undone(answer, turn, flip=-2) for turn, answer in enumerate(answers)]
    counted = [dihedral(answer, -t % 8) for t, answer in enumerate(answers)]
    counted_on = [dihedral(answer, 8 - t) for t, answer in enumerate(answers)]
    further = [_undone(answer, t, back=1) for t, answer in enumerate(answers)]
    expect_values(
        out,
        _mean(back),
        {
            "that is the network's plain answer: let it see the eight turned pictures, and bring"
            " its *answers* back.": plain,
            "that is the sum of the answers; divide it by eight.": torch.stack(back).sum(dim=0),
            "the flip is undone before the turn. What was done last comes off first: turn back,"
            " then flip.": _mean(early),
            "`dihedral(answer, turn)` does the same once more. That leads back for six of the"
            " eight, not for turns 1 and 3.": _mean(on),
            "each answer is cut off at 0 and 1: what to do about an answer that leaves [0, 1] is"
            " for the caller to say.": _mean([answer.clamp(0, 1) for answer in back]),
            "the way back from D_t is not D_(8-t): the flipped ones are their own inverse; only 1"
            " and 3 change places.": _mean(counted),
            "the way back from D_t is not D_(8-t), which flips even turn 0: 4 to 7 are their own"
            " inverse, as are 0 and 2; only 1 and 3 change places.": _mean(counted_on),
            "the quarter turns are undone, the flips are not: from turn 4 on, flip as well.": _mean(
                upright
            ),
            "the flip back is upside down: `flip(-1)` is left to right.": _mean(up_down),
            "the answers are turned on instead of back: -turn quarters.": _mean(further),
            "only the four quarter turns are in it; the flipped ones are missing.": _mean(back[:4]),
            "only the flipped four are in it: 4 to 7. Turns 0 to 3 are missing.": _mean(back[4:]),
            "only the picture and its mirror image are in it: turns 0 and 4.": _mean(
                [back[0], back[4]]
            ),
            "turn 0 is missing: the picture as it is, is one of the eight.": _mean(back[1:]),
            "turn 7 is missing: `range(8)` goes from 0 to 7.": _mean(back[:7]),
            "turn 0 is missing, and the sum of seven was divided by eight.": (
                torch.stack(back[1:]).sum(dim=0) / 8
            ),
            "that is the median of the answers; their mean is wanted.": torch.stack(back)
            .median(dim=0)
            .values,
            "that is the picture itself: the network was never asked.": image,
        },
    )
    yield "other pictures"
    for shape in ((1, 3, 5, 5), (3, 3, 1, 7), (1, 3, 8, 2)):
        image = torch.rand(shape)
        out = answer(_other_network, image.clone())
        back = [_undone(_other_network(dihedral(image, turn)), turn) for turn in range(8)]
        expect_shape(out, shape)
        expect(
            not torch.allclose(out, _mean(back).clamp(0, 1), atol=1e-4),
            "the mean is cut off at 0 and 1. Any network is meant, and this one's answers leave"
            " [0, 1]: what to do about that is for the caller to say.",
        )
        expect(
            torch.allclose(out, _mean(back), atol=1e-4),
            f"right for the first picture and network, not for {shape} and another: is a size"
            " written into your code, or the first network?",
        )


_Read = Callable[[BinaryIO, int, int, int, int, int, int], Levels]


@exercise(first="write an image of 3 × 4 pixels as one row, and underline a window of 2 × 2 in it.")
def read_crop(answer: _Read) -> Stages:
    offset, height, width, top, left, side = 37, 9, 12, 2, 5, 4
    file = _Watched(offset, height, width)
    image = file.image
    yield "it runs"
    try:
        out: Any = answer(file, offset, height, width, top, left, side)
    except ValueError as error:
        expect(
            "reshape" not in str(error),
            f"the bytes do not fill the window ({error}): each of its {side} rows has 3 * side"
            " bytes.",
        )
        raise Wrong(
            f"a window that lies inside is refused ({error}): {height} × {width} pixels, top {top},"
            f" left {left}, side {side}."
        ) from error
    yield "shape"
    expect(out is not None, "nothing came back: does your code end in `return ...`?")
    expect(
        isinstance(out, np.ndarray),
        f"an array should come back, not {type(out).__name__}: `np.frombuffer(..., np.uint8)` makes"
        " one of bytes.",
    )
    hints = {
        (side * side * 3,): " It is one long row: `.reshape(side, side, 3)`.",
        (side, 3 * side): " Colours need a dimension of their own: `.reshape(side, side, 3)`.",
        (3, side, side): " In the file, a pixel's three colours lie together: they come last.",
        (height, width, 3): " That is the whole image.",
    }
    expect(
        out.shape == (side, side, 3),
        f"expected {(side, side, 3)}, got {out.shape}.{hints.get(out.shape, '')}",
    )
    expect(
        out.dtype == np.uint8,
        f"levels are of the type uint8; yours are {out.dtype}. `np.frombuffer` takes the type as"
        " its second argument.",
    )
    yield "values"
    window = image[top : top + side, left : left + side]

    def rows(start: int, a_row: int) -> Levels:
        """What comes of reading each row from a place, `a_row` bytes behind the one before."""
        places = start + a_row * np.arange(side)[:, None] + np.arange(3 * side)
        return file.levels[places].reshape(side, side, 3)

    slips = {
        "the offset is missing: that is where the image begins; what you read lies before it.": (
            rows(3 * (top * width + left), 3 * width)
        ),
        "the window is read in one piece. In the file, its rows are 3 * width bytes apart: what"
        " lies between them belongs to the image, not to the window.": rows(
            offset + 3 * (top * width + left), 3 * side
        ),
        "the place is counted in pixels; a pixel has three bytes.": rows(
            offset + top * width + left, width
        ),
        "`left` is counted in pixels; it takes three bytes each, as the rows do.": rows(
            offset + 3 * top * width + left, 3 * width
        ),
        "the rows are taken for `height` pixels long; they have `width`.": rows(
            offset + 3 * (top * height + left), 3 * height
        ),
        "top and left are swapped.": rows(offset + 3 * (left * width + top), 3 * width),
        "`top` is missing: the first row of the window is row `top` of the image.": rows(
            offset + 3 * left, 3 * width
        ),
        "`left` is missing: the window does not begin at the image's left border.": rows(
            offset + 3 * top * width, 3 * width
        ),
        "height and width of the window are swapped: it came transposed.": window.swapaxes(0, 1),
        "the colours came in the wrong order.": window[..., ::-1],
        "the colours were taken for the slowest dimension; in the file they are the quickest.": (
            np.moveaxis(window.reshape(3, side, side), 0, -1)
        ),
    }
    if not np.array_equal(out, window):
        if np.array_equal(out[0], window[0]) and (out[1:] == out[1]).all():
            expect(
                not np.array_equal(out[1], out[0]),
                "the window's first row came for all of its rows: the place must move on with y.",
            )
            raise Wrong(
                "the first row is right, and all others come from one and the same place."
                " `seek(n)` counts from the file's start; `seek(n, 1)` from where you are."
            )
        for message, levels in slips.items():
            expect(not np.array_equal(out, levels), message)
        place = tuple(int(n[0]) for n in np.nonzero(out != window))
        expect(
            False,
            f"right shape, wrong levels. The first difference is at {list(place)}:"
            f" {window[place]} expected, {out[place]} found.",
        )
    yield "bytes read"
    needed, taken = side * side * 3, sum(count for _, count in file.read_at)
    wanted = {
        offset + 3 * (y * width + x) + c
        for y in range(top, top + side)
        for x in range(left, left + side)
        for c in range(3)
    }
    touched = {n for start, count in file.read_at for n in range(start, start + count)}
    if touched - wanted:
        kinds = {
            len(file.levels): "the whole file",
            len(file.levels) - offset: "all that follows the offset",
            image.size: "the whole image",
            3 * width * side: "whole rows of the image",
            3 * width * (side - 1) + 3 * side: "all from the first to the last pixel in one piece",
        }
        what = f", {kinds[taken]}" if taken in kinds else ""
        raise Wrong(
            f"right values, but {taken} bytes were read{what}; the window has {needed}. Seek to"
            " each of its rows, and read 3 * side bytes there."
        )
    expect(
        taken == needed,
        f"right values, but some bytes were read more than once: {taken}, of {needed}.",
    )
    yield "other images"
    for other in ((0, 5, 5, 0, 0, 5), (11, 7, 6, 3, 2, 4), (400, 3, 20, 1, 9, 1)):
        offset, height, width, top, left, side = other
        file = _Watched(offset, height, width)
        what = f"{height} × {width} pixels at byte {offset}, top {top}, left {left}, side {side}"
        try:
            out = answer(file, *other)
        except ValueError as error:
            fits = top + side == height or left + side == width
            raise Wrong(
                f"{what}: refused ({error}), though it lies inside"
                + (", and just fits. `<=`, not `<`?" if fits else ".")
                + " And top goes with height, left with width."
            ) from error
        expect(
            np.array_equal(out, file.image[top : top + side, left : left + side]),
            f"right for the first image, wrong for {what}: is a number written into your code?",
        )
    yield "windows that don't fit"
    offset, height, width = 37, 9, 12
    for top, left, side, what in (
        (9, 0, 4, "lies below the image, so the next image's pixels come in"),
        (8, 0, 4, "begins inside and reaches below the image: where its end lies counts, too"),
        (6, 0, 4, "ends one row below it: its last row would be 9, the image's last is 8"),
        (0, 12, 4, "lies beyond the right border, so pixels of the next row come in"),
        (0, 9, 4, "ends one column too far right: its last would be 12, the image's last is 11"),
        (-1, 3, 4, "begins above the image, so the image before comes in"),
        (3, -2, 4, "begins left of the image, so pixels of the row before come in"),
        (0, 0, 10, "is higher than the image"),
    ):
        try:
            answer(_Watched(offset, height, width), offset, height, width, top, left, side)
        except ValueError:
            continue
        except Exception as error:
            raise Wrong(
                f"for top {top}, left {left}, side {side} comes {type(error).__name__}; a"
                " `ValueError` is asked for, so that whoever calls it can tell what was wrong."
            ) from error
        raise Wrong(
            f"in an image of {height} × {width}, the window of top {top}, left {left}, side {side}"
            f" {what}. Nothing is said: raise a ValueError."
        )


def _paths(short: str) -> list[Path]:
    """Of ``374/blur/16``: ``GOPRO_Large/train/GOPR0374_11_00/blur/000016.png``."""
    paths = []
    for item in short.split():
        film, kind, name = item.split("/")
        stem, _, ending = name.partition(".")
        folder = Path("GOPRO_Large", "train", f"GOPR{int(film):04}_11_00", kind)
        paths.append(folder / f"{int(stem):06}.{ending or 'png'}")
    return paths


def _by_key(paths: list[Path]) -> dict[tuple[str, str], Path]:
    return {(path.parents[1].name, path.stem): path for path in paths}


def _expect_two_lists(found: Any) -> None:
    expect(found is not None, "nothing came back: does your code end in `return ...`?")
    expect(
        isinstance(found, tuple | list) and len(found) == 2,
        "two lists should come back: `return pairs, alone`.",
    )
    first, second = ([*part] if isinstance(part, list | tuple) else [] for part in found)
    expect(
        not (first and second and isinstance(first[0], Path) and isinstance(second[0], tuple)),
        "the two came in the wrong order: pairs first, then those without a partner.",
    )
    for name, part in zip(("the pairs", "those without a partner"), found, strict=True):
        expect(
            not isinstance(part, dict), f"a dictionary came back for {name}; a list is asked for."
        )
        expect(
            not isinstance(part, set),
            f"a set came back for {name}; it has no order. A list is asked for.",
        )
        expect(
            isinstance(part, list | tuple),
            f"{name} should be a list, not {type(part).__name__}: call `list` on it.",
        )


def _network(image: Tensor) -> Tensor:
    """Restores nothing, and treats each place of a picture otherwise: no turn goes unseen."""
    weights = torch.rand(image.shape[-2:], generator=torch.Generator().manual_seed(0))
    return weights * image + 0.5 * image.roll(1, -1).square()


def _other_network(image: Tensor) -> Tensor:
    weights = torch.rand(image.shape[-2:], generator=torch.Generator().manual_seed(1))
    return 2 - 4 * weights * image  # leaves [0, 1] on both sides


def _undone(
    answer: Tensor, turn: int, *, flip: int = -1, flip_first: bool = False, back: int = -1
) -> Tensor:
    """The answer brought back, or what a slip makes of it; `flip` 0 leaves the flip out."""
    flipped = turn >= 4 and flip != 0
    if flipped and flip_first:
        answer = answer.flip(flip)
    answer = answer.rot90(back * turn % 4, (-2, -1))
    return answer.flip(flip) if flipped and not flip_first else answer


def _mean(answers: list[Tensor]) -> Tensor:
    return torch.stack(answers).mean(dim=0)


class _Watched(io.BytesIO):
    """An open file with an image between others, which keeps a record of what is read from it."""

    def __init__(self, offset: int, height: int, width: int) -> None:
        random = np.random.default_rng((offset, height, width))
        size = height * width * 3
        self.levels: Levels = random.integers(0, 256, offset + 2 * size + 2000, dtype=np.uint8)
        self.image = self.levels[offset : offset + size].reshape(height, width, 3)
        self.read_at: list[tuple[int, int]] = []
        super().__init__(self.levels.tobytes())
        self.seek(3)  # where somebody else has left it

    def read(self, size: int | None = -1, /) -> bytes:
        start = self.tell()
        found = super().read(size)
        self.read_at.append((start, len(found)))
        return found

    def readinto(self, buffer: Any, /) -> int:
        start = self.tell()
        count = super().readinto(buffer)
        self.read_at.append((start, count))
        return count


quiz = Quiz(
    __name__,
    Question(
        "A data set has the pairs 0001 to 1000. Somebody deletes the *blurred* file 0501. A loader"
        " sorts both folders and takes them with `zip`. What happens?",
        (
            Choice(
                "It stops at 0501, which has no partner.",
                "`zip` does not look at names. It ends quietly with the shorter list.",
            ),
            Choice(
                "It runs. One pair is wrong, which nobody will notice in a thousand.",
                "Behind the gap everything moves up by one place: 0502 meets the sharp 0501, 0503"
                " the sharp 0502, and so on.",
            ),
            Choice(
                "It runs. Of 999 pairs, 499 are wrong.",
                "The first 500 agree; behind the gap none does. The sharp 1000 is left over, and"
                " nobody is told.",
                right=True,
            ),
        ),
    ),
    Question(
        "Training pictures shall also vary in brightness. With which factors may the values of B"
        " and GT be multiplied?",
        (
            Choice(
                "Both with the same random one.",
                "A brighter scene under the same motion is a pair that a camera could have made."
                " What holds for turns holds for brightness.",
                right=True,
            ),
            Choice(
                "B with a random one, GT not: the network must learn to cope.",
                "Then it is asked to guess the factor. It would learn to change brightness, and"
                " real photographs would come back lighter or darker.",
            ),
            Choice(
                "Each with a random one of its own.",
                "Then nobody can know the brightness of GT; the safest answer is a mean of all.",
            ),
        ),
    ),
    Question(
        "Over 2000 pairs with blurs of up to 8 pixels, `misalignment` gives None, but for one pair"
        " it gives (0, -14). What is to be done?",
        (
            Choice(
                "Look at the pair, in which B lies 14 pixels too high, and ask how it came about.",
                "A fault has a cause, and the cause may have touched more pairs than the check can"
                " tell.",
                right=True,
            ),
            Choice(
                "Nothing. GT is merely another moment of the exposure.",
                "That would be a shift within the reach of the blur: up to 8 pixels, not 14.",
            ),
            Choice(
                "Shift that B down by 14 pixels, and trust the rest.",
                "The cause may be a wrong frame, which no shift mends. And None does not mean"
                " right: flipped pairs and shifts of a pixel or two get it as well.",
            ),
        ),
    ),
    Question(
        "A training on 4 workers stopped in the middle of epoch 30, and goes on with 8. Samples are"
        " a pure function of seed, epoch and index. What has to be restored for the same crops?",
        (
            Choice(
                "The state of each worker's generator",
                "There is none to keep: each sample makes its own and forgets it. And of four"
                " states, what would eight workers do?",
            ),
            Choice(
                "The seed, the number of the epoch, and which indices are still to come",
                "Those are all that a sample depends on, whoever computes it.",
                right=True,
            ),
            Choice(
                "Nothing can be done: with 8 workers other crops come.",
                "They would with a generator that lives on in each worker.",
            ),
        ),
    ),
    Question(
        "In a cache, an image of 100 × 200 pixels (height × width) begins at byte 1000. Where does"
        " its row 3, counted from 0, begin?",
        (
            Choice(
                "At byte 1600",
                "That is three rows of 200 *bytes*. Each pixel has three.",
            ),
            Choice(
                "At byte 1900",
                "That takes a row for 100 pixels long: 100 is how many rows there are.",
            ),
            Choice("At byte 2800", "1000 + 3 · (3 · 200).", right=True),
        ),
    ),
)
