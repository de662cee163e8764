"""Quizzes: what they refuse, what they show, and that an answer is explained and kept."""

import html.parser

import pytest

from deblurlib.course import progress, quiz
from deblurlib.course.quiz import Choice, Question, Quiz

ONE = Question(
    "What is `1 < 2`?",
    (
        Choice("`True`", "Since `1 < 2` <always>."),
        Choice("`False` & more", "No & never.", right=True),
        Choice("neither", "It is one of them."),
    ),
)
TWO = Question("And?", (Choice("yes", "Yes it is.", right=True), Choice("no", "But it is.")))


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "progress.json"))
    return tmp_path / "progress.json"


@pytest.fixture
def ask(monkeypatch):
    """Show a quiz; gives what is displayed, and radio buttons and verdict for each question."""

    def show(asked):
        shown, boxes = [], []
        with monkeypatch.context() as patch:
            patch.setattr(quiz, "display", lambda data, raw: shown.append(data))
            made = quiz.widgets.VBox
            patch.setattr(quiz.widgets, "VBox", lambda of: boxes.append(made(of)) or boxes[-1])
            asked()
        assert len(shown) == 1
        return shown[0], [box.children[1:] for box in boxes[-1].children[:-1]]

    return show


@pytest.mark.parametrize(
    ("choices", "fault"),
    [
        ((Choice("a", "x"), Choice("b", "y")), "exactly one choice must be right"),
        ((Choice("a", "x", True), Choice("b", "y", True)), "exactly one choice must be right"),
        ((), "exactly one choice must be right"),
        ((Choice("a", "x", True),), "two or more different choices"),
        ((Choice("a", "x", True), Choice("a", "y")), "two or more different choices"),
    ],
)
def test_a_question_has_different_choices_and_one_right_one(choices, fault):
    with pytest.raises(ValueError, match=rf"'Why\?': {fault}"):
        Question("Why?", choices)


def test_its_topic_is_that_of_its_module():
    assert Quiz("deblurlib.course.checks.edge_operators", ONE).topic == "edge_operators"


def test_as_text():
    assert Quiz("a.edges", ONE, TWO).as_text().splitlines() == [
        "1. What is `1 < 2`?",
        "   a) `True`",
        "   b) `False` & more",
        "   c) neither",
        "2. And?",
        "   a) yes",
        "   b) no",
        "Answers: 1b, 2a",
    ]


def test_as_text_holds_as_many_choices_as_there_are():
    choices = [Choice(str(n), "-") for n in range(6)]
    text = Quiz("a.b", Question("?", (*choices, Choice("x", "-", True)))).as_text()
    assert text.endswith("   g) x\nAnswers: 1g")


def test_as_html_is_well_formed_and_explains_every_choice():
    class Reader(html.parser.HTMLParser):
        def __init__(self):
            super().__init__()
            self.open, self.text = [], ""

        def handle_starttag(self, tag, attrs):
            self.open.append(tag)

        def handle_endtag(self, tag):
            assert self.open.pop() == tag

        def handle_data(self, data):
            self.text += data

    source = Quiz("a.edges", ONE, TWO).as_html()
    reader = Reader()
    reader.feed(source)
    assert reader.open == []
    assert "What is 1 < 2?" in reader.text
    assert "Since 1 < 2 <always>." in reader.text
    assert "<code>False</code> &amp; more" in source
    assert source.count("<details>") == 2 and source.count("<b>Right.</b>") == 2
    assert source.index("<summary>") < source.index("Since")  # folded away


def test_what_is_shown_has_a_widget_a_page_and_a_text(ask):
    asked = Quiz("a.edges", ONE, TWO)
    data, questions = ask(asked)
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/html"] == asked.as_html()
    assert data["text/plain"] == asked.as_text()
    labels = [label for label, _ in questions[0][0].options]
    assert labels == ["True", "False & more", "neither"]
    assert [(choices.value, verdict.value) for choices, verdict in questions] == [(None, "")] * 2


def test_an_answer_is_explained_and_kept(ask, kept):
    _, ((choices, verdict), (_, other)) = ask(Quiz("a.edges", ONE, TWO))
    assert not kept.exists()  # asking alone is no answer
    choices.value = 0
    assert "✗ Not this one." in verdict.value
    assert "Since <code>1 &lt; 2</code> &lt;always&gt;." in verdict.value
    assert progress.load().answers == {"edges": {"1": (0, False)}}
    choices.value = 1
    assert "✓ Right." in verdict.value and "No &amp; never." in verdict.value
    assert progress.load().answers == {"edges": {"1": (1, True)}}
    assert progress.load().last == "edges"
    assert other.value == ""


def test_kept_answers_come_back(ask, kept):
    progress.record_answer("edges", 1, 1, True)
    before = kept.read_bytes()
    _, ((choices, verdict), (other, _)) = ask(Quiz("a.edges", ONE, TWO))
    assert choices.value == 1 and "✓ Right." in verdict.value
    assert other.value is None
    assert kept.read_bytes() == before
    _, ((elsewhere, _),) = ask(Quiz("a.unet", ONE))
    assert elsewhere.value is None


def test_a_kept_answer_that_is_no_longer_a_choice_is_forgotten(ask):
    for choice in (7, -1):
        progress.record_answer("edges", 1, choice, True)
        _, ((choices, verdict),) = ask(Quiz("a.edges", ONE))
        assert (choices.value, verdict.value) == (None, "")
