"""The page of the demo, laid out with Gradio. What it shows is drawn by `studio` and put into words by `markup`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ganpipe.common.errors import UserError
from ganpipe.data.dataset import load
from ganpipe.plan import layout
from ganpipe.serve import html
from ganpipe.serve.runs import trained_runs
from ganpipe.serve.session import LAST_SEED, GeneratorSession, SampleSheet

MOST_SHOWN = 64
"""Images at once on the page: each is a picture of its own there."""

_ANY = "any"
_THEME = gr.themes.Default(
    font=("system-ui", "sans-serif"),  # what the machine has: nothing is asked of another host
    font_mono=("monospace",),
    primary_hue="blue",
).set(  # Gradio's own shades have too little contrast for small text
    color_accent="*primary_700",
    button_primary_background_fill="*primary_700",
    button_primary_background_fill_dark="*primary_700",
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_300",
)
OPTIONS: dict[str, Any] = {
    "theme": _THEME,
    "css": html.STYLE,
    "footer_links": [],
    "ssr_mode": False,
}
"""Options of `launch`."""


@dataclass(frozen=True)
class _Controls:
    """What every drawing needs to be told."""

    runs: list[gr.Dropdown]
    asked: gr.Dropdown
    count: gr.Slider

    @property
    def inputs(self) -> list[Any]:
        return [*self.runs, self.asked, self.count]


def page() -> gr.Blocks:
    """Three tabs: images of a run, a walk between two seeds, two runs side by side."""
    with gr.Blocks(title="ganpipe: images on request", analytics_enabled=False) as blocks:
        gr.Markdown("# Images on request\nDrawn now by the generators that the last `dvc repro` trained.")
        with gr.Tab("Images"):
            controls = _controls(("Run",), fewest=1)
            seed = _seed("Seed", 0)
            _button("Draw", [*controls.inputs, seed], _draw, blocks)
        with gr.Tab("Walk"):
            controls = _controls(("Run",), fewest=2, count=8)
            with gr.Row():
                seeds = [_seed("From seed", 0), _seed("To seed", 1)]
            _button("Walk", [*controls.inputs, *seeds], _walk)
        with gr.Tab("Compare"):
            controls = _controls(("First run", "Second run"), fewest=1)
            seed = _seed("Seed", 0)
            button = gr.Button("Compare", variant="primary")
            shown = []
            with gr.Row():
                for _ in controls.runs:
                    with gr.Column(min_width=320):
                        shown.append(gr.HTML())
            button.click(_compare, [*controls.inputs, seed], shown, api_visibility="private")
    return blocks


def _controls(labels: tuple[str, ...], fewest: int, count: int = 16) -> _Controls:
    names = trained_runs()
    with gr.Row():
        runs = [
            gr.Dropdown(names, value=names[min(place, len(names) - 1)], label=label, min_width=260)
            for place, label in enumerate(labels)
        ]
        asked = gr.Dropdown(_classes(names[0]), value=_ANY, label="Class", min_width=160)
    number = gr.Slider(fewest, MOST_SHOWN, value=count, step=1, label="Number of images")
    runs[0].change(lambda run: gr.Dropdown(_classes(run), value=_ANY), runs[0], asked, api_visibility="private")
    return _Controls(runs, asked, number)


def _seed(label: str, value: int) -> gr.Number:
    return gr.Number(value, label=label, precision=0, minimum=0, maximum=LAST_SEED)


def _button(name: str, inputs: list[Any], work: Callable[..., str], first: gr.Blocks | None = None) -> None:
    """A button and what it shows; on `first` also when the page is opened."""
    button = gr.Button(name, variant="primary")
    shown = gr.HTML()
    button.click(work, inputs, shown, api_visibility="private")
    if first is not None:
        first.load(work, inputs, shown, api_visibility="private")


def _classes(run: str) -> list[str]:
    return [_ANY, *load(layout.PREPARED / layout.run_plan(run)["train"]["dataset"]).classes]


def _draw(run: str, asked: str, count: int, seed: int | None) -> str:
    return _shown(lambda: GeneratorSession.open(run).draw(count, _class(asked), _given(seed)))


def _walk(run: str, asked: str, count: int, start: int | None, end: int | None) -> str:
    return _shown(lambda: GeneratorSession.open(run).walk(count, _class(asked), _given(start), _given(end)))


def _compare(first: str, second: str, asked: str, count: int, seed: int | None) -> tuple[str, str]:
    return _draw(first, asked, count, seed), _draw(second, asked, count, seed)


def _class(asked: str) -> str | None:
    return None if asked == _ANY else asked


def _given(seed: int | None) -> int:
    """The seed in a field. Raises UserError when the field is empty."""
    if seed is None:
        raise UserError(f"there is no seed: give a whole number from 0 to {LAST_SEED}")
    return seed


def _shown(work: Callable[[], SampleSheet]) -> str:
    try:
        return html.drawing(work())
    except UserError as error:
        return html.trouble(str(error))
