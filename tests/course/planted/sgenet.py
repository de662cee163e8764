"""Wrong answers of the kind that learners give, and right ones written otherwise."""

MISTAKES = {
    "guidance_sizes": [
        (
            "the lowest level too",
            {"range(len(widths) - 1)": "range(len(widths))"},
            "the lowest has no skip connection",
        ),
        (
            "both stages",
            {"return sizes": "return sizes + sizes"},
            "asked for are those of one",
        ),
        (
            "one skip too few",
            {"range(len(widths) - 1)": "range(len(widths) - 2)"},
            "four levels have three skip connections",
        ),
        (
            "fine to coarse",
            {"reversed(range(len(widths) - 1))": "range(len(widths) - 1)"},
            "run fine to coarse",
        ),
        (
            "width first",
            {
                "(-(-height // 2**level), -(-width // 2**level))": "(-(-width // 2**level), -(-height // 2**level))"
            },
            "height and width have changed places",
        ),
        (
            "rounded down",
            {
                "(-(-height // 2**level), -(-width // 2**level))": "(height // 2**level, width // 2**level)"
            },
            "yours round down",
        ),
        (
            "round",
            {
                "(-(-height // 2**level), -(-width // 2**level))": "(round(height / 2**level), round(width / 2**level))"
            },
            "takes a half to the even side",
        ),
        (
            "not rounded at all",
            {
                "(-(-height // 2**level), -(-width // 2**level))": "(height / 2**level, width / 2**level)"
            },
            "whole numbers of pixels",
        ),
        (
            "padded",
            {
                "    sizes = []\n": "    sizes = []\n    multiple = 2 ** (len(widths) - 1)\n"
                "    height, width = height + -height % multiple, width + -width % multiple\n"
            },
            "of the padded picture",
        ),
        (
            "one level too deep",
            {"2**level": "2 ** (level + 1)"},
            "one level too far down",
        ),
        (
            "divided by 1, 2, 3",
            {"2**level": "(level + 1)"},
            "by 1, 2, 4",
        ),
        (
            "four levels written in",
            {"range(len(widths) - 1)": "range(3)"},
            "Is a number written in",
        ),
        ("a list of numbers", {"sizes.append((": "sizes.extend(("}, "a list of pairs"),
        ("nothing returned", {"    return sizes": "    sizes"}, "does your code end in"),
    ],
    "guidance_loss": [
        (
            "targets by their place",
            {
                "predicted - by_shape[predicted.shape]": "predicted - next(levels)",
                "    by_shape = {level.shape: level for level in pyramid}": "    levels = iter(pyramid[2::-1])",
            },
            "not by its place in the list",
        ),
        (
            "L1",
            {
                "(difference.square() + epsilon**2).sqrt().mean() - epsilon": "difference.abs().mean()"
            },
            "mean absolute difference",
        ),
        (
            "no root",
            {
                "(difference.square() + epsilon**2).sqrt().mean() - epsilon": "difference.square().mean()"
            },
            "the root is missing",
        ),
        (
            "root of the mean",
            {".sqrt().mean() - epsilon": ".mean().sqrt() - epsilon"},
            "after the mean",
        ),
        ("ε kept", {".mean() - epsilon": ".mean()"}, "is ε too large"),
        ("ε not squared", {"epsilon**2": "epsilon"}, "it should be squared there"),
        (
            "ε taken away once",
            {".mean() - epsilon": ".mean()", "return total": "return total - epsilon"},
            "once, not once for each",
        ),
        (
            "pixels summed",
            {".sqrt().mean() - epsilon": ".sqrt().sum() - epsilon * difference.numel()"},
            "pixels are summed",
        ),
        (
            "a mean over sizes",
            {"return total": "return total / len(guidance)"},
            "the sizes are averaged",
        ),
        (
            "stage one only",
            {"for predicted in guidance:": "for predicted, _ in zip(guidance, pyramid[:3]):"},
            "only stage one's images",
        ),
        (
            "stage two only",
            {"for predicted in guidance:": "for predicted in guidance[len(guidance) // 2 :]:"},
            "only stage two's images",
        ),
        (
            "the last one only",
            {"total = total + distance": "total = distance"},
            "only the last predicted image",
        ),
        (
            "full size only",
            {
                "for predicted in guidance:": "for predicted in [p for p in guidance if p.shape == sharp.shape]:"
            },
            "only full-size images",
        ),
        (
            "every second pixel",
            {
                "by_shape[predicted.shape]": "sharp[..., :: sharp.shape[-2] // predicted.shape[-2], :: sharp.shape[-1] // predicted.shape[-1]]"
            },
            "every second pixel",
        ),
        (
            "means of blocks",
            {
                "by_shape[predicted.shape]": "functional.adaptive_avg_pool2d(sharp, predicted.shape[-2:])"
            },
            "means of blocks",
        ),
        (
            "predictions enlarged",
            {
                "predicted - by_shape[predicted.shape]": 'functional.interpolate(predicted, sharp.shape[-2:], mode="bilinear") - sharp'
            },
            "are enlarged to full size",
        ),
        (
            "ε written in",
            {"epsilon**2": "1e-6", ".mean() - epsilon": ".mean() - 1e-3"},
            "has 0.001 whatever",
        ),
        (
            "the batch summed",
            {
                ".sqrt().mean() - epsilon": ".sqrt().mean(dim=(1, 2, 3)).sum() - epsilon * len(sharp)"
            },
            "average over the batch, too",
        ),
        ("detached", {"predicted - by": "predicted.detach() - by"}, "no gradient comes through"),
        (
            "a list",
            {
                "total = total + distance": "total = torch.cat([total.view(-1), distance.view(1)])",
                "return total": "return total[1:]",
            },
            "one number a predicted image",
        ),
        ("nothing returned", {"    return total": "    total"}, "does your code end in"),
    ],
    "restore_in_stages": [
        (
            "never padded",
            {"pad_to_multiple(blurred, 2 ** (levels - 1))": "blurred"},
            "Pad it first",
        ),
        (
            "blurred left out",
            {"torch.cat([padded, outputs[-1].image], dim=1)": "outputs[-1].image"},
            "another number of channels",
        ),
        (
            "never cropped",
            {"return image[..., : -(-height // scale), : -(-width // scale)]": "return image"},
            "still padded: crop",
        ),
        (
            "the last image only",
            {
                "for output in outputs),\n        guidance": "for output in outputs[-1:]),\n        guidance"
            },
            "only the last stage's image",
        ),
        (
            "in reverse",
            {
                "cropped(output.image) for output in outputs)": "cropped(output.image) for output in outputs[::-1])"
            },
            "the images are in reverse",
        ),
        (
            "cropped on the other side",
            {
                "image[..., : -(-height // scale), : -(-width // scale)]": "image[..., -(-(-height // scale)) :, -(-(-width // scale)) :]"
            },
            "crop there only",
        ),
        (
            "cropped around the middle",
            {
                "image[..., : -(-height // scale), : -(-width // scale)]": "functional.pad(image, (-((image.shape[-1] - -(-width // scale)) // 2), -((image.shape[-1] - -(-width // scale) + 1) // 2), -((image.shape[-2] - -(-height // scale)) // 2), -((image.shape[-2] - -(-height // scale) + 1) // 2)))"
            },
            "you crop around the middle",
        ),
        (
            "padded above and to the left",
            {
                "pad_to_multiple(blurred, 2 ** (levels - 1))": 'functional.pad(blurred, (-width % 2 ** (levels - 1), 0, -height % 2 ** (levels - 1), 0), "reflect")'
            },
            "pads where you crop",
        ),
        (
            "padded and cropped above and to the left",
            {
                "pad_to_multiple(blurred, 2 ** (levels - 1))": 'functional.pad(blurred, (-width % 2 ** (levels - 1), 0, -height % 2 ** (levels - 1), 0), "reflect")',
                "image[..., : -(-height // scale), : -(-width // scale)]": "image[..., -(-(-height // scale)) :, -(-(-width // scale)) :]",
            },
            "halves other pairs of rows",
        ),
        (
            "clipped",
            {"cropped(output.image) for": "cropped(output.image).clamp(0, 1) for"},
            "you clip to [0, 1]",
        ),
        (
            "clipped between the stages",
            {"outputs[-1].image], dim=1)": "outputs[-1].image.clamp(0, 1)], dim=1)"},
            "sees stage one's image clipped",
        ),
        (
            "predictions clipped",
            {"cropped(image) for output": "cropped(image).clamp(0, 1) for output"},
            "the predicted images are clipped",
        ),
        ("padded further", {"2 ** (levels - 1))": "2**levels)"}, "one halving counted too many"),
        ("8 written in", {"2 ** (levels - 1))": "8)"}, "as four levels need it"),
        (
            "padded with zeros",
            {
                "pad_to_multiple(blurred, 2 ** (levels - 1))": "functional.pad(blurred, (0, -width % 2 ** (levels - 1), 0, -height % 2 ** (levels - 1)))"
            },
            "zeros would be a black frame",
        ),
        (
            "no features",
            {"stage(x, pyramid, outputs[-1])": "stage(x, pyramid)"},
            "as the third argument",
        ),
        (
            "channels swapped",
            {"[padded, outputs[-1].image]": "[outputs[-1].image, padded]"},
            "changed places",
        ),
        (
            "blurred twice",
            {"[padded, outputs[-1].image]": "[padded, padded]"},
            "and never stage one's",
        ),
        (
            "restored twice",
            {"[padded, outputs[-1].image]": "[outputs[-1].image] * 2"},
            "and never the blurred one",
        ),
        (
            "a residual on the stage before",
            {
                "stage(x, pyramid, outputs[-1])": "stage(x, gaussian_pyramid(outputs[-1].image, levels - 2), outputs[-1])"
            },
            "what a stage adds is added to the input",
        ),
        (
            "features of the first stage",
            {"stage(x, pyramid, outputs[-1])": "stage(x, pyramid, outputs[0])"},
            "gets stage one's output for its CSAM",
        ),
        (
            "image of the first stage",
            {"[padded, outputs[-1].image]": "[padded, outputs[0].image]"},
            "sees stage one's image; it is to see",
        ),
        (
            "all of the first stage",
            {
                "[padded, outputs[-1].image]": "[padded, outputs[0].image]",
                "stage(x, pyramid, outputs[-1])": "stage(x, pyramid, outputs[0])",
            },
            "both should be stage",
        ),
        (
            "no guidance",
            {
                "        guidance=tuple(cropped(image) for output in outputs for image in output.guidance),\n": ""
            },
            "the predicted images are missing",
        ),
        (
            "the last guidance",
            {
                "for output in outputs for image in output.guidance": "for image in outputs[-1].guidance"
            },
            "one stage's predicted images only",
        ),
        (
            "guidance uncropped",
            {"tuple(cropped(image) for output": "tuple(image for output"},
            "Crop each at its own size",
        ),
        (
            "guidance reversed",
            {"for image in output.guidance)": "for image in output.guidance[::-1])"},
            "run fine to coarse",
        ),
        (
            "guidance by size",
            {
                "guidance=tuple(cropped(image) for output in outputs for image in output.guidance)": "guidance=tuple(cropped(o.guidance[k]) for k in range(levels - 1) for o in outputs)"
            },
            "are sorted by size",
        ),
        (
            "rounded down",
            {": -(-height // scale), : -(-width // scale)": ": height // scale, : width // scale"},
            "round the crop up",
        ),
        (
            "guidance of the last stage first",
            {
                "for output in outputs for image in output.guidance": "for output in outputs[::-1] for image in output.guidance"
            },
            "the last stage's come first",
        ),
        (
            "detached",
            {"outputs[-1].image], dim=1)": "outputs[-1].image.detach()], dim=1)"},
            "image is cut off (`detach`)",
        ),
        (
            "all features detached",
            {
                "stage(x, pyramid, outputs[-1])": "stage(x, pyramid, outputs[-1]._replace(encoded=[f.detach() for f in outputs[-1].encoded], decoded=[f.detach() for f in outputs[-1].decoded]))"
            },
            "its encoder and decoder learn nothing",
        ),
        (
            "the encoder's features detached",
            {
                "stage(x, pyramid, outputs[-1])": "stage(x, pyramid, outputs[-1]._replace(encoded=[f.detach() for f in outputs[-1].encoded]))"
            },
            "encoder are cut off (`detach`), those of its decoder",
        ),
        (
            "the decoder's features detached",
            {
                "stage(x, pyramid, outputs[-1])": "stage(x, pyramid, outputs[-1]._replace(decoded=[f.detach() for f in outputs[-1].decoded]))"
            },
            "decoder are cut off (`detach`), those of its encoder",
        ),
        (
            "predictions detached",
            {"cropped(image) for output": "cropped(image).detach() for output"},
            "some of the images that come back are cut off",
        ),
        (
            "no gradient at all",
            {"return image[...,": "return image.detach()[...,"},
            "no gradient comes through at all",
        ),
        (
            "a pair",
            {"return Restoration(\n        images=": "return dict(\n        images="},
            "a `Restoration` should come back",
        ),
        (
            "two stages written in",
            {"for stage in stages[1:]:": "for stage in stages[1:2]:"},
            "three stages make three images",
        ),
        (
            "three levels written in",
            {"levels = len(stages[0].encoders)": "levels = 3"},
            "Is a number written in",
        ),
    ],
}

VARIANTS = {
    "guidance_sizes": [
        """
def guidance_sizes(height, width, widths):
    sizes = []
    for _ in widths[1:]:
        sizes.insert(0, (height, width))
        height, width = (height + 1) // 2, (width + 1) // 2
    return sizes
""",
        """
from math import ceil

def guidance_sizes(height, width, widths):
    scales = [2**k for k in range(len(widths) - 1)]
    return [[ceil(height / s), ceil(width / s)] for s in scales[::-1]]
""",
    ],
    "guidance_loss": [
        """
def guidance_loss(guidance, sharp, epsilon=1e-3):
    pyramid = gaussian_pyramid(sharp, 3)
    parts = []
    for predicted in guidance:
        (target,) = (level for level in pyramid if level.shape[-1] == predicted.shape[-1])
        distance = torch.hypot(predicted - target, torch.tensor(epsilon)).mean()
        parts.append(distance - epsilon)
    return torch.stack(parts).sum()
""",
        """
def guidance_loss(guidance, sharp, epsilon=1e-3):
    loss = 0
    for p in guidance:
        halvings = 0
        target = sharp
        while target.shape != p.shape:
            halvings += 1
            target = gaussian_pyramid(sharp, halvings)[-1]
        loss += torch.mean(torch.sqrt((p - target) ** 2 + epsilon * epsilon) - epsilon)
    return loss
""",
    ],
    "restore_in_stages": [
        """
def restore_in_stages(stages, blurred):
    levels = len(stages[0].encoders)
    sizes = [level.shape[-2:] for level in gaussian_pyramid(blurred, levels - 2)]
    padded = pad_to_multiple(blurred, 2 ** len(stages[0].downsamples))
    pyramid = gaussian_pyramid(padded, levels)
    image, before, images, guidance = None, None, [], []
    for stage in stages:
        x = padded if image is None else torch.cat((padded, image), 1)
        before = stage(x, pyramid, earlier=before)
        image = before.image
        images.append(image[:, :, : sizes[0][0], : sizes[0][1]])
        for (h, w), predicted in zip(sizes[::-1], before.guidance):
            guidance.append(predicted[:, :, :h, :w])
    return Restoration(tuple(images), (), tuple(guidance))
""",
        """
def restore_in_stages(stages, blurred):
    h, w = blurred.shape[-2:]
    m = 2 ** (len(stages[0].encoders) - 1)
    big = functional.pad(blurred, (0, -w % m, 0, 0), "reflect" if -w % m < w else "replicate")
    big = functional.pad(big, (0, 0, 0, -h % m), "reflect" if -h % m < h else "replicate")
    levels = gaussian_pyramid(big, len(stages[0].encoders) - 2)
    outs = []
    for k, stage in enumerate(stages):
        outs.append(stage(torch.cat([big, *[o.image for o in outs[-1:]]], 1), levels, outs[k - 1] if k else None))
    def cut(t):
        s = round(big.shape[-2] / t.shape[-2])
        return t[..., : (h + s - 1) // s, : (w + s - 1) // s]
    return Restoration(images=[cut(o.image) for o in outs], guidance=[cut(p) for o in outs for p in o.guidance])
""",
    ],
}
