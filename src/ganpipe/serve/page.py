"""The demo page, built with Gradio. Images come from `session`, HTML from `html`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ganpipe.common.errors import UserError
from ganpipe.common.types import MAX_SEED
from ganpipe.data.dataset import load
from ganpipe.plan import layout
from ganpipe.serve import html
from ganpipe.serve.runs import trained_runs
from ganpipe.serve.session import GeneratorSession, SampleSheet

MAX_SHOWN = 64
"""Images on the page at once: each is an HTML element of its own."""

_ANY_CLASS = "any"
_THEME = gr.themes.Default(
    font=("system-ui", "sans-serif"),  # local fonts, so that the page makes no outside requests
    font_mono=("monospace",),
    primary_hue="blue",
).set(  # Gradio's default colours have too little contrast for small text
    color_accent="*primary_700",
    button_primary_background_fill="*primary_700",
    button_primary_background_fill_dark="*primary_700",
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_300",
)
LAUNCH_OPTIONS: dict[str, Any] = {
    "theme": _THEME,
    "css": html.STYLE,
    "footer_links": [],
    "ssr_mode": False,
}


@dataclass(frozen=True)
class _Controls:
    """The input fields that all tabs share."""

    runs: list[gr.Dropdown]
    class_name: gr.Dropdown
    count: gr.Slider

    @property
    def inputs(self) -> list[Any]:
        return [*self.runs, self.class_name, self.count]


def page() -> gr.Blocks:
    """Build three tabs: samples of a run, interpolation between two seeds, two runs next to each other."""
    with gr.Blocks(title="ganpipe: generate images", analytics_enabled=False) as blocks:
        gr.Markdown("# Generate images\nSampled now from the generators that the last `dvc repro` trained.")
        with gr.Tab("Sample"):
            controls = _controls(("Run",), fewest=1)
            seed = _seed("Seed", 0)
            _button("Generate", [*controls.inputs, seed], _sample, blocks)
        with gr.Tab("Interpolate"):
            controls = _controls(("Run",), fewest=2, count=8)
            with gr.Row():
                seeds = [_seed("From seed", 0), _seed("To seed", 1)]
            _button("Interpolate", [*controls.inputs, *seeds], _interpolate)
        with gr.Tab("Compare"):
            controls = _controls(("First run", "Second run"), fewest=1)
            seed = _seed("Seed", 0)
            button = gr.Button("Compare", variant="primary")
            outputs = []
            with gr.Row():
                for _ in controls.runs:
                    with gr.Column(min_width=320):
                        outputs.append(gr.HTML())
            button.click(_compare, [*controls.inputs, seed], outputs, api_visibility="private")
    return blocks


def _controls(labels: tuple[str, ...], fewest: int, count: int = 16) -> _Controls:
    names = trained_runs()
    with gr.Row():
        runs = [
            gr.Dropdown(names, value=names[min(index, len(names) - 1)], label=label, min_width=260)
            for index, label in enumerate(labels)
        ]
        class_name = gr.Dropdown(_classes(names[0]), value=_ANY_CLASS, label="Class", min_width=160)
    number = gr.Slider(fewest, MAX_SHOWN, value=count, step=1, label="Number of images")
    runs[0].change(
        lambda run: gr.Dropdown(_classes(run), value=_ANY_CLASS), runs[0], class_name, api_visibility="private"
    )
    return _Controls(runs, class_name, number)


def _seed(label: str, value: int) -> gr.Number:
    return gr.Number(value, label=label, precision=0, minimum=0, maximum=MAX_SEED)


def _button(name: str, inputs: list[Any], action: Callable[..., str], on_load: gr.Blocks | None = None) -> None:
    """Add a button and its output; with `on_load`, run the action also when the page opens."""
    button = gr.Button(name, variant="primary")
    output = gr.HTML()
    button.click(action, inputs, output, api_visibility="private")
    if on_load is not None:
        on_load.load(action, inputs, output, api_visibility="private")


def _classes(run: str) -> list[str]:
    return [_ANY_CLASS, *load(layout.PREPARED / layout.run_plan(run)["train"]["dataset"]).classes]


def _sample(run: str, class_name: str, count: int, seed: int | None) -> str:
    return _html(lambda: GeneratorSession.open(run).sample(count, _selected(class_name), _required(seed)))


def _interpolate(run: str, class_name: str, count: int, start: int | None, end: int | None) -> str:
    return _html(
        lambda: GeneratorSession.open(run).interpolate(count, _selected(class_name), _required(start), _required(end))
    )


def _compare(first: str, second: str, class_name: str, count: int, seed: int | None) -> tuple[str, str]:
    return _sample(first, class_name, count, seed), _sample(second, class_name, count, seed)


def _selected(class_name: str) -> str | None:
    return None if class_name == _ANY_CLASS else class_name


def _required(seed: int | None) -> int:
    """Return the seed. Raises UserError if the field is empty."""
    if seed is None:
        raise UserError(f"seed: empty. Enter an integer from 0 to {MAX_SEED}.")
    return seed


def _html(action: Callable[[], SampleSheet]) -> str:
    try:
        return html.sample_sheet(action())
    except UserError as error:
        return html.error(str(error))
