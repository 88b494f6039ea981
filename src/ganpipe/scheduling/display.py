"""What `ganpipe repro` shows: one line per running stage on a terminal, one line per event in a log."""

import os
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from ganpipe.scheduling.estimate import TimeLeft
from ganpipe.scheduling.worker_pool import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.text import Text

_STATUS_S = 30.0
_REDRAW_S = 0.2
_FAILURE_LINES = 30


class Display(AbstractContextManager["Display"], Protocol):
    """Shows the progress of a run while its `with` block lasts."""

    def event(self, event: str, job: Job) -> None:
        """Show that a job was started, is done, was confirmed or has failed; for a failure also the end of its log."""

    def refresh(self, running: "Sequence[Job]", counts: Mapping[str, int], left: "Callable[[], TimeLeft]") -> None:
        """Show the present state, about once a second.

        counts: stages by state, such as {"waiting": 3}. left: computes the time until all of them are done.
        """


def new_display() -> Display:
    """Return the live display if standard output is a terminal that can move its cursor, else the lines of a log."""
    live = sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")
    return LiveDisplay() if live else LogDisplay()


class LogDisplay(Display):
    """Prints a line for each event, and for the running stages if nothing has happened for half a minute."""

    def __init__(self) -> None:
        self._printed = time.monotonic()

    def __exit__(self, *_: object) -> None:
        pass

    def event(self, event: str, job: Job) -> None:
        """Print the event."""
        self._printed = time.monotonic()
        seconds = "" if event == "started" else f" {job.seconds:.1f} s"
        print(f"{event:9} {job.name}{seconds}", flush=True)
        if event == "failed":
            print("\n".join(f"  {line}" for line in job.last_lines(_FAILURE_LINES)), file=sys.stderr, flush=True)

    def refresh(self, running: "Sequence[Job]", counts: Mapping[str, int], left: "Callable[[], TimeLeft]") -> None:  # noqa: ARG002
        """Print the running stages if it is time."""
        if time.monotonic() - self._printed < _STATUS_S:
            return
        self._printed = time.monotonic()
        for job in running:
            print(f"{'running':9} {job.name} {job.seconds:.0f} s: {' '.join(job.last_lines(1))}", flush=True)


class LiveDisplay(Display):
    """Redraws the last lines of the terminal: counts and time left, then one line per running stage.

    It draws in the main thread, since workers are forked from this process. Lines are cut to the width of the terminal
    and to its height. What is printed above the lines stays.
    """

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        fixed = ("COLUMNS", "LINES")  # rich would trust them instead of asking the terminal, which may be resized
        environment = {name: value for name, value in os.environ.items() if name not in fixed}
        self._console = Console(file=sys.stdout, highlight=False, _environ=environment)
        self._live = Live(console=self._console, auto_refresh=False, transient=True, redirect_stdout=False,
                          redirect_stderr=False, vertical_overflow="crop")  # fmt: skip
        self._started, self._next = time.monotonic(), 0.0

    def __enter__(self) -> "LiveDisplay":
        self._live.start()
        self._console.show_cursor(True)  # a hidden one would stay hidden after a kill
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def event(self, event: str, job: Job) -> None:
        """Print a failure and the end of its log above the lines; other events show in the next state."""
        if event != "failed":
            return
        from rich.text import Text

        self._console.print(Text(f"failed    {job.name} {job.seconds:.1f} s", style="bold red"))
        for line in job.last_lines(_FAILURE_LINES):
            self._console.print(Text(f"  {self._printable(line)}"), soft_wrap=True)

    def refresh(self, running: "Sequence[Job]", counts: Mapping[str, int], left: "Callable[[], TimeLeft]") -> None:
        """Redraw the lines, unless that was done a moment ago."""
        if time.monotonic() < self._next:
            return
        from rich.console import Group

        self._next = time.monotonic() + _REDRAW_S
        width, height = self._console.size
        states = ", ".join(f"{number} {state}" for state, number in counts.items() if number)
        lines = [self._line(f"{_clock(time.monotonic() - self._started)}: {states}; {left()}", width, "bold")]
        shown = len(running) if len(running) < height - 1 else max(0, height - 3)
        names = max((len(job.name) for job in running[:shown]), default=0)
        for job in running[:shown]:
            progress = "".join(job.last_lines(1)).removeprefix(f"{job.run}: ")
            progress = "" if progress.startswith("> ") else progress  # the command, as DVC prints it
            lines.append(self._line(f"{job.name:{names}} {_clock(job.seconds):>7}  {self._printable(progress)}", width))
        if shown < len(running):
            lines.append(self._line(f"... and {len(running) - shown} more", width))
        self._live.update(Group(*lines), refresh=True)

    def _line(self, text: str, width: int, style: str = "") -> "Text":
        from rich.text import Text

        line = Text(text, style=style, no_wrap=True)
        line.truncate(max(1, width - 1), overflow="crop")  # some terminals wrap after the last column
        return line

    def _printable(self, line: str) -> str:
        """Return a line without colours, other control sequences and characters that the terminal cannot show."""
        from rich.text import Text

        text = "".join(character for character in Text.from_ansi(line).plain if character.isprintable())
        return text.encode(self._console.encoding, "replace").decode(self._console.encoding)


def _clock(seconds: float) -> str:
    """Return minutes and seconds, with hours if there are any."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"
