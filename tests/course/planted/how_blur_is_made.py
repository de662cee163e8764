"""Wrong answers of the kind that learners give, and right ones written otherwise."""

_PICKED = "row[(places - shift).clamp(0, len(row) - 1)]"
_WIENER = "k_hat.conj() / (k_hat.abs() ** 2 + balance)"
_MIRROR = 'functional.pad(blurred[None], (n, n, n, n), mode="reflect")[0]'

MISTAKES = {
    "smear": [
        ("roll", {_PICKED: "row.roll(shift)"}, "goes round in a circle"),
        (
            "zeros from outside",
            {_PICKED: "functional.pad(row, (40, 40)).roll(shift)[40:-40]"},
            "zeros come in from outside",
        ),
        ("to the left", {"places - shift": "places + shift"}, "the row moves the wrong way"),
        ("the sum", {".mean(dim=0)": ".sum(dim=0)"}, "that is the sum"),
        ("each shift once", {"in shifts:": "in set(shifts):"}, "a shift that comes twice"),
        (
            "from moment to moment",
            {
                "moments = []": "moments, at = [], 0",
                _PICKED: "row[(places - (at := at + shift)).clamp(0, len(row) - 1)]",
            },
            "each shift is added to the one before",
        ),
        (
            "each from the one before",
            {
                "moments.append(row[": "moments.append((moments or [row])[-1][",
            },
            "each moment is made from the moment before, as the toy's were",
        ),
        (
            "each from the one before, the row among them",
            {
                "moments = []": "moments = [row]",
                "moments.append(row[": "moments.append(moments[-1][",
            },
            "the row itself is no moment",
        ),
        (
            "each from the one before, rolled",
            {_PICKED: "(moments or [row])[-1].roll(shift)"},
            "`roll` brings back on one side",
        ),
        (
            "the toy's loop, rolled",
            {"moments = []": "moments = [row]", _PICKED: "moments[-1].roll(shift)"},
            "three slips",
        ),
        (
            "slices without a shift of 0",
            {
                _PICKED: "torch.cat([row[:1].expand(shift), row[:-shift]]) if shift >= 0 else"
                " torch.cat([row[-shift:], row[-1:].expand(-shift)])"
            },
            "`row[:-0]` is empty",
        ),
        (
            "slices, and a shift beyond the row",
            {
                _PICKED: "torch.cat([row[:1].expand(shift), row[: len(row) - shift]]) if shift >= 0"
                " else torch.cat([row[-shift:], row[-1:].expand(-shift)])"
            },
            "right until a shift exceeds the row",
        ),
        ("signs lost", {"places - shift": "places - abs(shift)"}, "the signs are lost"),
        (
            "the last only",
            {"torch.stack(moments).mean(dim=0)": "moments[-1]"},
            "that is the last moment alone",
        ),
        ("the row as a moment", {"moments = []": "moments = [row]"}, "as one more moment"),
        (
            "mean over the places",
            {".mean(dim=0)": ".mean(dim=1)"},
            "That is a mean over the places",
        ),
        ("one number", {".mean(dim=0)": ".mean()"}, "One number came back"),
        ("no mean", {".mean(dim=0)": ""}, "Those are the moments"),
        (
            "a large shift",
            {
                "(places - shift).clamp(0, len(row) - 1)": "(places - min(shift, 5)).clamp(0, len(row) - 1)"
            },
            "not for shifts [30, 0]",
        ),
    ],
    "gopro_pair": [
        (
            "coded values",
            {" ** gamma": "", " ** (1 / gamma)": ""},
            "that is the mean of the coded values",
        ),
        ("never coded again", {" ** (1 / gamma)": ""}, "it must be coded again"),
        (
            "powers swapped",
            {
                "/ 255) ** gamma": "/ 255) ** (1 / gamma)",
                "mean(dim=0) ** (1 / gamma)": "mean(dim=0) ** gamma",
            },
            "the two powers are swapped",
        ),
        (
            "the wrong power",
            {
                "/ 255) ** gamma": "/ 255) ** (1 / gamma)",
                "mean(dim=0) ** (1 / gamma)": "mean(dim=0)",
            },
            "1 / gamma comes before the mean",
        ),
        ("cut off", {".round()": ""}, "the fraction is cut off"),
        ("0 and 1, rounded", {"(values * 255)": "values"}, "it is all but black"),
        ("0 and 1, cut off", {"(values * 255).round()": "values"}, "were cut down to 0"),
        ("floats", {".to(torch.uint8)": ""}, "blurred has the type"),
        (
            "the sum",
            {"light.mean(dim=0)": "light.sum(dim=0).clamp(max=1)"},
            "that is the sum of the light",
        ),
        ("mean over colours", {"mean(dim=0)": "mean(dim=1)"}, "not over the colours"),
        ("keepdim", {"mean(dim=0)": "mean(dim=0, keepdim=True)"}, "Drop the dimension"),
        ("the first frame", {"frames[len(frames) // 2]": "frames[0]"}, "a frame at one end"),
        (
            "beside the middle",
            {"frames[len(frames) // 2]": "frames[len(frames) // 2 - 1]"},
            "one frame beside the middle",
        ),
        (
            "sharp first",
            {
                "return blurred, frames[len(frames) // 2]": "return frames[len(frames) // 2], blurred"
            },
            "sharp came first",
        ),
        ("only the blurred", {", frames[len(frames) // 2]": ""}, "two pictures should come back"),
        (
            "even numbers pass",
            {"len(frames) % 2 == 0": "len(frames) == 0"},
            "yet a pair came back",
        ),
        (
            "only multiples of four",
            {"len(frames) % 2 == 0": "len(frames) % 4 == 0"},
            "four frames are refused, two are not",
        ),
        (
            "only two and four",
            {"len(frames) % 2 == 0": "len(frames) in (2, 4)"},
            "four frames are refused, six are not",
        ),
        (
            "odd numbers refused",
            {"len(frames) % 2 == 0": "len(frames) % 2"},
            "it should be the other way round",
        ),
        (
            "the middle written in",
            {"frames[len(frames) // 2]": "frames[2]"},
            "is a 2 written into your code",
        ),
        (
            "by the largest level",
            {"frames.double() / 255": "frames.double() / frames.max()"},
            "not by the largest level",
        ),
        (
            "the number written in",
            {"light.mean(dim=0)": "(light.sum(dim=0) / 5)"},
            "is a 5 written into your code",
        ),
        (
            "1 or 2.2",
            {"    light =": "    gamma = 1 if gamma == 1 else 2.2\n    light ="},
            "with gamma=1.8 it still uses 2.2",
        ),
        (
            "an assertion",
            {
                'raise ValueError("an even number of frames has no middle: the pair would be shifted")': "raise AssertionError"
            },
            "a `ValueError` is asked for",
        ),
        (
            "2.2 written in",
            {"** gamma": "** 2.2", "(1 / gamma)": "(1 / 2.2)"},
            "with gamma=1.0 it still uses 2.2",
        ),
        (
            "sharp as values",
            {"blurred, frames[len(frames) // 2]": "blurred, frames[len(frames) // 2] / 255"},
            "sharp is the middle frame untouched",
        ),
    ],
    "wiener_filter": [
        (
            "no margin",
            {_MIRROR: "blurred", "filtered[n:-n, n:-n]": "filtered"},
            "the left border touches the right one",
        ),
        (
            "a black margin",
            {', mode="reflect"': ""},
            "the margin is black",
        ),
        ("replicate", {'"reflect"': '"replicate"'}, "repeats the outermost pixel"),
        (
            "kernel left in its corner",
            {"placed.roll((-(n // 2), -(n // 2)), dims=(0, 1))": "placed"},
            "the picture is shifted",
        ),
        (
            "rolled the other way",
            {"(-(n // 2), -(n // 2))": "(n // 2, n // 2)"},
            "rolled down and right",
        ),
        ("circular", {'"reflect"': '"circular"'}, "repeats the picture"),
        (
            "twice the margin",
            {
                "(n, n, n, n)": "(2 * n,) * 4",
                "filtered[n:-n, n:-n]": "filtered[2 * n : -2 * n, 2 * n : -2 * n]",
            },
            "the margin is 2n",
        ),
        (
            "kernel flipped",
            {"placed[:n, :n] = kernel": "placed[:n, :n] = kernel.flip(0, 1)"},
            "or the kernel is flipped",
        ),
        ("root of the balance", {"+ balance": "+ balance**0.5"}, "the root of the balance"),
        ("a number for the balance", {"+ balance": "+ 0.003"}, "is a number written in its place"),
        ("abs for real", {".real": ".abs()"}, "not `.abs()`"),
        (
            "written into the picture",
            {
                "return filtered[n:-n, n:-n]": "blurred[:] = filtered[n:-n, n:-n]\n    return blurred"
            },
            "writes into `blurred`",
        ),
        (
            "written into the kernel",
            {"placed[:n, :n] = kernel": "kernel /= 2\n    placed[:n, :n] = kernel * 2"},
            "writes into `kernel`",
        ),
        ("no conjugate", {"k_hat.conj() /": "k_hat /"}, "the conjugate is missing"),
        ("no balance", {" + balance": ""}, "the balance is missing"),
        ("not squared", {"k_hat.abs() ** 2": "k_hat.abs()"}, "its square belongs there"),
        ("squared as it is", {"k_hat.abs() ** 2": "k_hat**2"}, "without absolute value"),
        ("balance squared", {"+ balance": "+ balance**2"}, "the balance is squared"),
        ("1 above the line", {"k_hat.conj() /": "1 /"}, "missing above the line: waves"),
        ("nothing below", {_WIENER: "k_hat.conj()"}, "blurred again"),
        ("margin kept", {"filtered[n:-n, n:-n]": "filtered"}, "The margin is still there"),
        ("margin cut, never added", {_MIRROR: "blurred"}, "but was never added"),
        (
            "half a margin",
            {
                "(n, n, n, n)": "(n // 2, n // 2, n // 2, n // 2)",
                "filtered[n:-n, n:-n]": "filtered[n // 2 : -(n // 2), n // 2 : -(n // 2)]",
            },
            "the margin is only n // 2",
        ),
        (
            "pad of two dimensions",
            {
                "functional.pad(blurred[None], (n": "functional.pad(blurred, (n",
                '"reflect")[0]': '"reflect")',
            },
            "of a tensor of three, not of two",
        ),
        (
            "kernel at the picture's size",
            {"zeros_like(padded)": "zeros_like(blurred)"},
            "two sizes don't fit",
        ),
        ("complex", {".real": ""}, "complex numbers came back"),
        ("5 written in", {"n // 2": "2"}, "should come from the kernel"),
    ],
}

VARIANTS = {
    "smear": [
        """
def smear(row, shifts):
    total = torch.zeros_like(row)
    for shift in shifts:
        for place in range(len(row)):
            total[place] += row[min(max(place - shift, 0), len(row) - 1)]
    return total / len(shifts)
""",
        """
def smear(row, shifts):
    far = max(abs(shift) for shift in shifts)
    wide = torch.cat([row[:1].expand(far), row, row[-1:].expand(far)])
    moments = [wide[far - shift : far - shift + len(row)] for shift in shifts]
    return sum(moments) / len(moments)
""",
    ],
    "gopro_pair": [
        """
def gopro_pair(frames, gamma):
    middle, rest = divmod(len(frames), 2)
    if not rest:
        raise ValueError("odd, please")
    mean = frames.float().pow(gamma).mean(0).pow(1 / gamma)  # 255 goes through both powers
    return torch.clamp(mean + 0.5, 0, 255).floor().byte(), frames[middle].clone()
""",
        """
def gopro_pair(frames, gamma):
    if len(frames) % 2 != 1:
        raise ValueError(len(frames))
    table = (torch.arange(256) / 255) ** gamma
    light = sum(table[frame.long()] for frame in frames) / len(frames)
    return [torch.round(255 * light ** (1 / gamma)).to(torch.uint8), frames[(len(frames) - 1) // 2]]
""",
    ],
    "wiener_filter": [
        """
def wiener_filter(blurred, kernel, balance):
    n = kernel.shape[0]
    padded = functional.pad(blurred[None, None], [n] * 4, mode="reflect")[0, 0]
    height, width = padded.shape
    large = functional.pad(kernel, (0, width - n, 0, height - n))
    large = torch.roll(torch.roll(large, -(n // 2), 0), -(n // 2), 1)
    k = torch.fft.rfft2(large)
    b = torch.fft.rfft2(padded)
    restored = torch.fft.irfft2(b * k.conj() / (k.real**2 + k.imag**2 + balance), s=padded.shape)
    return restored[n : height - n, n : width - n]
""",
        """
def wiener_filter(blurred, kernel, balance):
    n, half = len(kernel), len(kernel) // 2
    rows = torch.arange(-n, blurred.shape[0] + n).abs()
    columns = torch.arange(-n, blurred.shape[1] + n).abs()
    rows = torch.minimum(rows, 2 * (blurred.shape[0] - 1) - rows)
    columns = torch.minimum(columns, 2 * (blurred.shape[1] - 1) - columns)
    padded = blurred[rows][:, columns]
    k = torch.fft.fft2(kernel, s=padded.shape)
    out = torch.fft.ifft2(torch.fft.fft2(padded) * torch.conj(k) / ((k * k.conj()).real + balance))
    return out.real.roll((half, half), (0, 1))[n:-n, n:-n]
""",
    ],
}
