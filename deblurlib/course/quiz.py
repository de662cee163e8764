"""Quizzes: a few questions, and an explanation behind every answer."""

import html
import re
import string
from dataclasses import dataclass

import ipywidgets as widgets
from IPython.display import display

from deblurlib.course import progress
from deblurlib.course.widgets import Keys


@dataclass(frozen=True)
class Choice:
    """One answer to choose, and what is to be said to whoever chooses it."""

    text: str
    explanation: str
    right: bool = False


@dataclass(frozen=True)
class Question:
    """A question with its choices, of which exactly one is right.

    Raises:
        ValueError: where that is not so.
    """

    prompt: str
    choices: tuple[Choice, ...]

    def __post_init__(self) -> None:
        if sum(choice.right for choice in self.choices) != 1:
            raise ValueError(f"{self.prompt!r}: exactly one choice must be right")
        if len({choice.text for choice in self.choices}) < max(2, len(self.choices)):
            raise ValueError(f"{self.prompt!r}: two or more different choices are needed")


class Quiz:
    """A lesson's questions; call it to show them.

    With a kernel, a widget that explains each answer and keeps it; without, the questions with
    their answers folded away.

    Args:
        module: the name of the lesson's module of checks, whose last part is the lesson's topic.
        questions: three to five.
    """

    def __init__(self, module: str, *questions: Question) -> None:
        self.topic = module.rsplit(".", 1)[-1]
        self.questions = questions

    def __call__(self) -> None:
        kept = progress.load().answers.get(self.topic, {})
        parts: list[widgets.Widget] = []
        for number, question in enumerate(self.questions, start=1):
            choice, _ = kept.get(str(number), (None, False))
            parts.append(self._ask(number, question, choice))
        box = widgets.VBox([*parts, Keys()])
        box.add_class("deblurlib-quiz")
        shown = box._repr_mimebundle_()
        display({**shown, "text/html": self.as_html(), "text/plain": self.as_text()}, raw=True)

    def as_html(self) -> str:
        """The quiz as a page without a kernel shows it."""
        parts = []
        for number, question in enumerate(self.questions, start=1):
            choices = "".join(f"<li>{_code(choice.text)}</li>" for choice in question.choices)
            answers = "".join(
                f"<li>{'<b>Right.</b>' if choice.right else 'No.'} {_code(choice.explanation)}</li>"
                for choice in question.choices
            )
            parts.append(
                f"<p><b>{number}.</b> {_code(question.prompt)}</p><ol type='a'>{choices}</ol>"
                f"<details><summary>Answers</summary><ol type='a'>{answers}</ol></details>"
            )
        return "".join(parts)

    def as_text(self) -> str:
        """The questions in plain text, and the right answers below."""
        lines, answers = [], []
        for number, question in enumerate(self.questions, start=1):
            lines.append(f"{number}. {question.prompt}")
            for letter, choice in zip(string.ascii_lowercase, question.choices, strict=False):
                lines.append(f"   {letter}) {choice.text}")
                if choice.right:
                    answers.append(f"{number}{letter}")
        return "\n".join([*lines, f"Answers: {', '.join(answers)}"])

    def _ask(self, number: int, question: Question, kept: int | None) -> widgets.Widget:
        prompt = widgets.HTML(f"<b>{number}.</b> {_code(question.prompt)}")
        # Options are plain text: marks would be seen.
        options = [
            (re.sub("[`*]", "", choice.text), index)
            for index, choice in enumerate(question.choices)
        ]
        choices = widgets.RadioButtons(
            options=options,
            value=None,
            layout=widgets.Layout(width="auto"),
            tooltip=f"Answers to question {number}",
        )
        verdict = widgets.HTML()

        def explain(index: int) -> None:
            choice = question.choices[index]
            mark = "✓ Right." if choice.right else "✗ Not this one."
            verdict.value = f"<p role='status'><b>{mark}</b> {_code(choice.explanation)}</p>"

        def answered(change: dict[str, int]) -> None:
            index = change["new"]
            explain(index)
            progress.record_answer(self.topic, number, index, question.choices[index].right)

        if kept is not None and 0 <= kept < len(options):
            choices.value = kept
            explain(kept)
        choices.observe(answered, "value")
        return widgets.VBox([prompt, choices, verdict])


def _code(text: str) -> str:
    # Backquotes set code and asterisks emphasis, as in markdown.
    parts = html.escape(text, quote=False).split("`")
    return "".join(
        f"<code>{part}</code>" if n % 2 else re.sub(r"\*(\S[^*]*)\*", r"<em>\1</em>", part)
        for n, part in enumerate(parts)
    )
