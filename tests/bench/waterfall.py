"""Where the time of each spoken turn went, from the end of speech to the first sound, as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bot.local.report import Interval, TurnReport

COLOURS: Final = {
    "silence": "#d9d9d9",
    "transcribe": "#4c78a8",
    "generate": "#f58518",
    "synthesize": "#54a24b",
}
LABELS: Final = {
    "silence": "waiting: has the speaker finished?",
    "transcribe": "speech to text",
    "generate": "language model, to the first sentence",
    "synthesize": "text to speech, first sentence",
}


def bars(report: TurnReport) -> dict[str, Interval]:
    """Each part of a turn, in milliseconds after the end of speech."""
    zero = report.speech_ended_at
    parts = {"silence": (zero, report.marks["endpoint"]), **report.stages}
    if "generate" in parts and "sentence" in report.first_written_at:
        parts["generate"] = (parts["generate"][0], report.first_written_at["sentence"])
    return {name: ((begin - zero) * 1000, (end - zero) * 1000) for name, (begin, end) in parts.items()}


def draw(reports: Sequence[TurnReport], file: Path) -> None:
    """One row a turn, the quickest at the top; a mark where her voice began."""
    heard = [report for report in reports if "first_audio" in report.marks]
    heard.sort(key=lambda report: report.marks["first_audio"] - report.speech_ended_at)
    figure = Figure(figsize=(10, 0.32 * len(heard) + 1.6))
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for row, report in enumerate(heard):
        for name, (begin, end) in bars(report).items():
            lane = 0.0 if name == "silence" else 0.22
            axes.barh(row + lane - 0.1, end - begin, 0.3, left=begin, color=COLOURS[name])
        first_ms = (report.marks["first_audio"] - report.speech_ended_at) * 1000
        axes.plot([first_ms], [row], "k|", markersize=13)
        axes.text(first_ms + 12, row, f"{first_ms:.0f}", va="center", fontsize=8)
    axes.set_yticks(range(len(heard)), [report.heard[:34] for report in heard], fontsize=8)
    axes.invert_yaxis()
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlabel("milliseconds after the end of speech")
    axes.spines[["top", "right"]].set_visible(False)
    handles: list[Artist] = [Patch(color=colour) for colour in COLOURS.values()]
    handles.append(Line2D([], [], color="black", marker="|", linestyle="none", markersize=10))
    axes.legend(
        handles,
        [*LABELS.values(), "her voice begins"],
        fontsize=8,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=3,
        frameon=False,
    )
    figure.tight_layout()
    file.parent.mkdir(exist_ok=True)
    figure.savefig(file, dpi=110)
