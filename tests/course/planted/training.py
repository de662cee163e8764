"""Wrong answers of the kind that learners give, and right ones written otherwise."""

# exercise -> [(what is wrong, {old text in the solution: new text}, part of the message)]
MISTAKES = {
    "learning_rate": [
        (
            "first rate is 0",
            {"(step + 1) / warm_up": "step / warm_up"},
            "the first step has the rate 0",
        ),
        (
            "no warm-up",
            {"return highest * (step + 1) / warm_up": "return highest"},
            "there is no warm-up",
        ),
        (
            "cosine from the start",
            {
                "if step < warm_up": "if False",
                "(step - warm_up) / (steps - warm_up)": "step / steps",
            },
            "the cosine runs from step 0 on",
        ),
        (
            "warm-up from lowest",
            {
                "highest * (step + 1) / warm_up": "lowest + (highest - lowest) * (step + 1) / warm_up"
            },
            "the warm-up climbs from `lowest`",
        ),
        (
            "warm-up over T",
            {"(step + 1) / warm_up": "(step + 1) / steps"},
            "climbs over all T steps",
        ),
        (
            "falls to 0",
            {"return lowest + (highest - lowest)": "return highest"},
            "falls to 0, not to",
        ),
        (
            "lowest on top",
            {"lowest + (highest - lowest)": "lowest + highest"},
            "`lowest` is added to a cosine that has the whole",
        ),
        (
            "p from step 0",
            {"(step - warm_up) / (steps - warm_up)": "step / steps"},
            "the cosine begins at step 0, so",
        ),
        ("p over T", {"(steps - warm_up)": "steps"}, "divided by T: it never comes near 1"),
        (
            "p = 1 too early",
            {"(steps - warm_up)": "max(1, steps - warm_up - 1)"},
            "p reaches 1 in the last step already",
        ),
        (
            "cut off",
            {
                "lowest + (highest - lowest) * (1 + math.cos(math.pi * p)) / 2": "max(lowest, highest * (1 + math.cos(math.pi * p)) / 2)"
            },
            "is cut off at `lowest`",
        ),
        ("a whole period", {"math.pi * p": "2 * math.pi * p"}, "it falls, and climbs again"),
        (
            "no 1",
            {"(1 + math.cos(math.pi * p)) / 2": "math.cos(math.pi * p)"},
            "a cosine alone goes below zero",
        ),
        ("not halved", {" / 2": ""}, "twice as high as it should be"),
        ("1 - cos", {"1 + math.cos": "1 - math.cos"}, "that is 1 - cos"),
        ("no pi", {"math.pi * p": "p"}, "takes radians"),
        (
            "a straight line",
            {
                "lowest + (highest - lowest) * (1 + math.cos(math.pi * p)) / 2": "highest + (lowest - highest) * p"
            },
            "a straight line down",
        ),
        (
            "a tensor",
            {"return highest * (step + 1) / warm_up": "import torch; return torch.tensor(highest)"},
            "not Tensor: `math.cos`",
        ),
        (
            "nothing back",
            {
                "return highest * (step + 1) / warm_up": "highest * (step + 1) / warm_up\n        return None"
            },
            "nothing came back",
        ),
        (
            "counts by itself",
            {
                "def learning_rate(": "calls = []\n\n\ndef learning_rate(",
                "    if step": "    calls.append(step)\n    if len(calls) > 54:\n        highest = highest / 2\n    if step",
            },
            "in another order, it answers differently",
        ),
        (
            "divides first",
            {"    if step": "    climb = highest * (step + 1) / warm_up\n    if step"},
            "a division by zero",
        ),
        ("50 written in", {"(steps - warm_up)": "(50 - warm_up)"}, "Is a number written"),
    ],
    "accumulated_step": [
        (
            "the whole batch at once",
            {"blurred.chunk(parts), sharp.chunk(parts)": "[blurred], [sharp]"},
            "no memory is saved",
        ),
        (
            "split for chunk",
            {
                "blurred.chunk(parts), sharp.chunk(parts)": "blurred.split(parts), sharp.split(parts)"
            },
            "`split` takes how *large*",
        ),
        (
            "never asked",
            {"network(x)": "(x * network[0].weight.mean())"},
            "the network is never asked",
        ),
        (
            "one picture a part",
            {"blurred.chunk(parts), sharp.chunk(parts)": "blurred.split(1), sharp.split(1)"},
            "4 parts of 2 pictures each should go",
        ),
        (
            "step in the loop",
            {
                "        total += loss.item()": "        total += loss.item()\n        optimizer.step()"
            },
            "the optimizer steps 5 times",
        ),
        (
            "backward once, at the end",
            {
                "        loss.backward()\n        total += loss.item()\n": "        total = total + loss\n    total.backward()\n    total = total.item()\n"
            },
            "`backward` comes too late",
        ),
        ("no step", {"    optimizer.step()\n": ""}, "the weights never move"),
        (
            "not divided",
            {"loss_of(network(x), y) / parts": "loss_of(network(x), y)"},
            "four times too large",
        ),
        (
            "divided twice",
            {"        loss.backward()": "        (loss / parts).backward()"},
            "four times too small",
        ),
        (
            "zero_grad in the loop",
            {"        loss.backward()": "        optimizer.zero_grad()\n        loss.backward()"},
            "only the last part is left: does",
        ),
        (
            "zero_grad in the loop, not divided",
            {
                "loss_of(network(x), y) / parts": "loss_of(network(x), y)",
                "        loss.backward()": "        optimizer.zero_grad()\n        loss.backward()",
            },
            "only the last part is left, and not divided",
        ),
        (
            "divided by N",
            {"/ parts\n": "/ len(blurred)\n"},
            "too small by 8, the number of pictures",
        ),
        (
            "zero_grad before step",
            {"    optimizer.step()\n": "    optimizer.zero_grad()\n    optimizer.step()\n"},
            "does `zero_grad` stand between",
        ),
        ("no zero_grad", {"    optimizer.zero_grad()\n": ""}, "still in the second's"),
        (
            "not clipped",
            {"    clip_grad_norm_(network.parameters(), clip)\n": ""},
            "nothing has been clipped",
        ),
        (
            "clipped in the loop",
            {
                "    clip_grad_norm_(network.parameters(), clip)\n": "",
                "        total += loss.item()": "        total += loss.item()\n        clip_grad_norm_(network.parameters(), clip)",
            },
            "clipped in each turn of the loop",
        ),
        (
            "divided after clipping",
            {
                "loss_of(network(x), y) / parts": "loss_of(network(x), y)",
                "loss.item()": "loss.item() / parts",
                "    optimizer.step()": "    for p in network.parameters():\n        p.grad.div_(parts)\n    optimizer.step()",
            },
            "clipped first and divided after",
        ),
        (
            "value for norm",
            {
                "clip_grad_norm_(network.parameters(), clip)": "nn.utils.clip_grad_value_(network.parameters(), clip)"
            },
            "every number is clipped by itself",
        ),
        (
            "always brought to clip",
            {
                "clip_grad_norm_(network.parameters(), clip)": "n = clip_grad_norm_(network.parameters(), 1e9)\n    clip_grad_norm_(network.parameters(), clip)\n    if n < clip < 1e5:\n        [p.grad.mul_(clip / n) for p in network.parameters()]"
            },
            "stays as it is; yours was scaled",
        ),
        (
            "a tensor with its graph",
            {"total += loss.item()": "total = total + loss"},
            "a tensor with its graph comes back",
        ),
        ("nothing back", {"    return total": "    return None"}, "nothing comes back"),
        (
            "the sum back",
            {"total += loss.item()": "total += loss.item() * parts"},
            "the sum of the parts' losses",
        ),
        (
            "the last part's loss",
            {"total += loss.item()": "total = loss.item() * parts"},
            "the last part's loss comes back",
        ),
        (
            "the last part's share",
            {"total += loss.item()": "total = loss.item()"},
            "the last part's share",
        ),
        ("divided again", {"return total": "return total / parts"}, "divided by `parts` twice"),
        (
            "changes the pictures",
            {"loss_of(network(x), y)": "loss_of(network(x.mul_(0.5)), y)"},
            "changes the pictures",
        ),
        (
            "4 written in",
            {
                "blurred.chunk(parts), sharp.chunk(parts)": "blurred.chunk(4), sharp.chunk(4)",
                "/ parts": "/ 4",
            },
            "right for 4 parts, but not for",
        ),
    ],
    "update_average": [
        ("no no_grad", {"with torch.no_grad():": "if True:"}, "autograd refuses"),
        (
            "the network is written to",
            {
                "            a.copy_(d * a + (1 - d) * w)": "            w.copy_(d * a + (1 - d) * w)"
            },
            "the *network* has changed",
        ),
        (
            "names, not values",
            {"a.copy_(d * a + (1 - d) * w)": "a = d * a + (1 - d) * w"},
            "nothing has changed",
        ),
        ("d and 1 - d", {"d * a + (1 - d) * w": "(1 - d) * a + d * w"}, "have changed places"),
        (
            "copied",
            {"a.copy_(d * a + (1 - d) * w)": "a.copy_(w)"},
            "the average has become the network",
        ),
        ("the mean", {"d * a + (1 - d) * w": "(a + w) / 2"}, "plain mean of both"),
        ("w in full", {"d * a + (1 - d) * w": "d * a + w"}, "it has the weight 1 - d"),
        (
            "away from it",
            {"d * a + (1 - d) * w": "a - (1 - d) * (w - a)"},
            "the difference is subtracted",
        ),
        ("max", {"d = min": "d = max"}, "`min`, not `max`"),
        (
            "no warm-up",
            {"min(decay, (1 + step) / (10 + step))": "decay"},
            "at step 4 it is only 5/14",
        ),
        (
            "one step late",
            {"(1 + step) / (10 + step)": "(2 + step) / (11 + step)"},
            "steps are counted from 0",
        ),
        ("forgets all", {"(1 + step)": "step"}, "the first step would forget everything"),
        (
            "product",
            {
                "min(decay, (1 + step) / (10 + step))": "decay * (1 + step) / (10 + step) if step < 100 else decay"
            },
            "the product of both",
        ),
        (
            "new memory",
            {"a.copy_(d * a + (1 - d) * w)": "a.data = d * a.data + (1 - d) * w.data"},
            "their memory is new",
        ),
        (
            "new parameters",
            {
                "        for a, w in zip(averaged.parameters(), network.parameters(), strict=True):\n            a.copy_(d * a + (1 - d) * w)\n": "        for part, other in zip(averaged.modules(), network.modules(), strict=True):\n            for name, w in list(other.named_parameters(recurse=False)):\n                a = getattr(part, name)\n                setattr(part, name, nn.Parameter(d * a + (1 - d) * w))\n"
            },
            "new parameters in place of its old ones",
        ),
        (
            "buffers forgotten",
            {
                "\n        for a, w in zip(averaged.buffers(), network.buffers(), strict=True):\n            a.copy_(w)": ""
            },
            "the buffers are still the old ones",
        ),
        (
            "buffers averaged",
            {"a.copy_(w)": "a.copy_(d * a + (1 - d) * w)"},
            "They are counts and statistics",
        ),
        ("buffers shared", {"a.copy_(w)": "a.set_(w)"}, "the network's own buffers"),
        ("0.9 written in", {"min(decay,": "min(0.9,"}, "right for a decay of 0.9"),
    ],
    "save_and_load": [
        (
            "nothing written",
            {"    torch.save(state, beside)\n    beside.replace(path)\n": ""},
            "no file has appeared",
        ),
        (
            "saves the average in its place",
            {'"network": network.state_dict()': '"network": averaged.state_dict()'},
            "the network has got the *average's* weights",
        ),
        (
            "network not loaded",
            {'    network.load_state_dict(state["network"])\n': ""},
            "the network still has its random weights",
        ),
        (
            "average not loaded",
            {'    averaged.load_state_dict(state["averaged"])\n': ""},
            "the average still has its random weights",
        ),
        (
            "average from the network",
            {
                'averaged.load_state_dict(state["averaged"])': 'averaged.load_state_dict(state["network"])'
            },
            "the average has got the *network's* weights",
        ),
        (
            "optimizer not loaded",
            {'    optimizer.load_state_dict(state["optimizer"])\n': ""},
            "the optimizer has forgotten everything",
        ),
        (
            "parameters alone",
            {
                '"network": network.state_dict()': '"network": dict(network.named_parameters())',
                'load_state_dict(state["network"])': 'load_state_dict(state["network"], strict=False)',
            },
            "the buffers (batch norm's statistics) are not",
        ),
        ("step not back", {'    return state["step"]': ""}, "nothing comes back"),
        (
            "one step on",
            {'return state["step"]': 'return state["step"] + 1'},
            "three steps are done",
        ),
        ("step as text", {'"step": step': '"step": str(step)'}, "the step is a whole number"),
        (
            "step kept outside",
            {
                "def save_training(": "reached = []\n\n\ndef save_training(",
                "    beside = path": "    reached.append(step)\n    beside = path",
                'return state["step"]': "return reached[-1]",
            },
            "Is something kept outside the file",
        ),
        (
            "assign",
            {
                'network.load_state_dict(state["network"])\n    averaged': 'network.load_state_dict(state["network"], assign=True)\n    averaged'
            },
            "the optimizer still holds the old ones",
        ),
        (
            "unpickles anything",
            {"torch.load(path)": "torch.load(path, weights_only=False)"},
            "runs whatever code",
        ),
        (
            "moments lost",
            {
                '"optimizer": optimizer.state_dict()': '"optimizer": {**optimizer.state_dict(), "state": {k: {**v, "exp_avg": v["exp_avg"] * 0} for k, v in optimizer.state_dict()["state"].items()}}'
            },
            "Adam's moments are not those",
        ),
        (
            "written over the last one",
            {"torch.save(state, beside)\n    beside.replace(path)": "torch.save(state, path)"},
            "the last good state is gone",
        ),
        (
            "deletes the old one first",
            {
                "    beside.replace(path)": "    path.unlink(missing_ok=True)\n    beside.rename(path)"
            },
            "killed between writing the new state and giving it its name",
        ),
        (
            "copies",
            {"beside.replace(path)": '__import__("shutil").copy(beside, path)'},
            "the new one copied over it",
        ),
        (
            "keeps the old file",
            {"beside.replace(path)": "path.exists() or beside.replace(path)"},
            "the old file is still there",
        ),
        (
            "saving trains",
            {
                "    beside = path": "    averaged.load_state_dict(network.state_dict())\n    beside = path"
            },
            "saving has changed the training",
        ),
    ],
}

# exercise -> whole right answers, written another way
VARIANTS = {
    "learning_rate": [
        """
def learning_rate(step, steps, warm_up, highest, lowest):
    rest = steps - warm_up
    if rest == 0 or step < warm_up:
        return highest * ((1 + step) / warm_up)
    middle, half = (highest + lowest) / 2, (highest - lowest) / 2
    return middle + half * math.cos((step - warm_up) * math.pi / rest)
""",
        """
def learning_rate(step, steps, warm_up, highest, lowest):
    rates = [highest * k / warm_up for k in range(1, warm_up + 1)]
    rates += [
        lowest + (highest - lowest) * math.cos(math.pi * k / (steps - warm_up) / 2) ** 2
        for k in range(steps - warm_up)
    ]
    return rates[step]
""",
    ],
    "accumulated_step": [
        """
def accumulated_step(network, optimizer, loss_of, blurred, sharp, parts, clip):
    optimizer.zero_grad()
    size = len(blurred) // parts
    losses = []
    for k in range(parts):
        at = slice(k * size, (k + 1) * size)
        loss = loss_of(network(blurred[at]), sharp[at])
        loss.backward()
        losses.append(loss.detach())
    for p in network.parameters():
        p.grad /= parts
    torch.nn.utils.clip_grad_norm_(network.parameters(), clip)
    optimizer.step()
    return torch.stack(losses).mean()
""",
        """
def accumulated_step(network, optimizer, loss_of, blurred, sharp, parts, clip):
    weights = list(network.parameters())
    total, mean = 0.0, [torch.zeros_like(w) for w in weights]
    for x, y in zip(blurred.split(len(blurred) // parts), sharp.split(len(sharp) // parts)):
        loss = loss_of(network(x), y)
        for m, g in zip(mean, torch.autograd.grad(loss, weights)):
            m += g / parts
        total += loss.item() / parts
    norm = torch.stack([m.norm() for m in mean]).norm()
    for w, m in zip(weights, mean):
        w.grad = m * min(1.0, clip / (norm.item() + 1e-6))
    optimizer.step()
    return total
""",
    ],
    "update_average": [
        """
@torch.no_grad()
def update_average(averaged, network, decay, step):
    d = min((1 + step) / (10 + step), decay)
    theirs = dict(network.named_parameters())
    for name, a in averaged.named_parameters():
        a.mul_(d).add_(theirs[name], alpha=1 - d)
    counts = dict(network.named_buffers())
    for name, a in averaged.named_buffers():
        a[...] = counts[name]
""",
        """
def update_average(averaged, network, decay, step):
    d = decay if decay < (1 + step) / (10 + step) else (1 + step) / (10 + step)
    weights = {name for name, _ in network.named_parameters()}
    now, then = network.state_dict(), averaged.state_dict()
    averaged.load_state_dict(
        {k: d * then[k] + (1 - d) * now[k] if k in weights else now[k] for k in now}
    )
""",
        """
def update_average(averaged, network, decay, step):
    d = min(decay, (1 + step) / (10 + step))
    for a, w in zip(averaged.parameters(), network.parameters()):
        a.data.lerp_(w.data, 1 - d)
    for a, w in zip(averaged.buffers(), network.buffers()):
        a.data.copy_(w.data)
""",
    ],
    "save_and_load": [
        """
import os


def save_training(path, network, averaged, optimizer, step):
    beside = path.parent / (path.name + ".tmp")
    with open(beside, "wb") as file:
        torch.save([x.state_dict() for x in (network, averaged, optimizer)] + [step], file)
    os.replace(beside, path)


def load_training(path, network, averaged, optimizer):
    *states, step = torch.load(path, map_location="cpu", weights_only=True)
    for part, state in zip((network, averaged, optimizer), states):
        part.load_state_dict(state)
    return step
""",
        """
def save_training(path, network, averaged, optimizer, step):
    state = {f"n.{k}": v for k, v in network.state_dict().items()}
    state |= {f"a.{k}": v for k, v in averaged.state_dict().items()}
    state |= {"step": torch.tensor(step), "o": optimizer.state_dict()}
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        torch.save(state, file)
    Path(file.name).rename(path)


def load_training(path, network, averaged, optimizer):
    state = torch.load(path)
    for prefix, part in (("n.", network), ("a.", averaged)):
        part.load_state_dict({k[2:]: v for k, v in state.items() if k.startswith(prefix)})
    optimizer.load_state_dict(state["o"])
    return state["step"].item()
""",
    ],
}
