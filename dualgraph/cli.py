"""The command line: ``dualgraph compare`` (exit code 0: equal, 1: bits differ, 2: bad input)."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from . import __version__
from .compare.jobs import OPTIMIZERS, DigitsOptions, digits_job, line_in, said, user_job
from .compare.plot import check_plotting, save_plot
from .compare.report import Report, check_writable, print_report, write_json
from .compare.run import Effort, compare
from .config import get_num_threads, set_num_threads
from .errors import ArgumentError, DualgraphError
from .extras import load

DIFFERENT, BAD_INPUT, INTERRUPTED = 1, 2, 130
GOAL = 0.95
GOAL_STEPS = 500  # with fewer steps the goal is not expected

_HELP = """Train one model eagerly and compiled on the same batches, compare every bit of every step
(results, parameters, gradients, optimizer state), then time both modes in interleaved rounds.

Without TARGET: an MLP on the UCI handwritten digits that come with the package.

TARGET is file.py:function. The function takes no arguments and returns (step, arguments): a
training step, and a tuple of its arguments or a list of such tuples that are used in turn. It is
called once for each mode, from the same random seed. For example, in model.py:

\b
    import dualgraph as dg
    from dualgraph import nn, optim

\b
    def small():
        model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1))
        optimizer = optim.Adam(model.parameters())

\b
        def step(x, y):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

\b
        return step, (dg.rand(32, 8), dg.rand(32, 1))

\b
    dualgraph compare model.py:small

Exit code: 0 when every bit agrees, 1 when one differs, 2 for bad input, 130 when interrupted.
"""


class Progress:
    """Shows how far a comparison is: a bar on a terminal, a few plain lines elsewhere."""

    texts = {"verify": "comparing bits", "time": "timing"}  # noqa: RUF012

    def __init__(self, console: Any) -> None:
        self.console = console
        self.phase, self.done, self.total = "", 0, 0
        self.bar: Any = None
        self.tasks: dict[str, Any] = {}

    def __enter__(self) -> "Progress":
        if self.console.is_terminal:
            self.bar = load("rich.progress", "cli", "the progress bar").Progress(
                console=self.console, transient=True
            )
            self.bar.start()
        return self

    def __exit__(self, *problem: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Take note of progress in one phase."""
        last = 0 if phase != self.phase else self.done
        self.phase, self.done, self.total = phase, done, total
        if self.bar is not None:
            self._move(phase, done, total)
        elif done == total or done * 4 // total > last * 4 // total:
            self.console.print(f"{self.texts[phase]}: {done:,} of {total:,}")

    def _move(self, phase: str, done: int, total: int) -> None:
        if phase not in self.tasks:
            self.tasks[phase] = self.bar.add_task(self.texts[phase], total=total)
        self.bar.update(self.tasks[phase], completed=done)

    @property
    def reached(self) -> str:
        """Where the work stands, in words."""
        if not self.phase:
            return "before the first step"
        return f"{self.texts[self.phase]}, at {self.done:,} of {self.total:,}"


def run_compare(
    target: str | None,
    options: DigitsOptions,
    rounds: int,
    files: tuple[Path | None, Path | None],
    console: Any,
) -> int:
    """Compare, print, write the files; return the exit code. Raises what bad input raises."""
    _check_files(*files)
    make = partial(user_job, target, options.seed) if target else partial(digits_job, options)
    chosen = _settings(target, options)
    progress = Progress(console)
    run = partial(compare, make, Effort(options.steps, rounds), chosen, progress)
    try:
        with progress:
            report = _guarded(target, run)
    except KeyboardInterrupt:
        print(f"interrupted ({progress.reached}); nothing was written", file=sys.stderr)
        return INTERRUPTED
    _write(report, *files)
    print_report(report, console)
    return _verdict(report, console, reaches_goal=not target and options.steps >= GOAL_STEPS)


def _guarded(target: str | None, run: Callable[[], Report]) -> Report:
    """Put what a user's own step raises into one line with the line of the file."""
    try:
        return run()
    except DualgraphError:
        raise
    except Exception as error:
        path = Path((target or "").rpartition(":")[0])
        if line_in(error, path) is None:
            raise  # not the user's: a bug of this package, which deserves its traceback
        raise ArgumentError(f"the step of {target} raised {said(error, path)}") from error


def _check_files(json: Path | None, plot: Path | None) -> None:
    """Find out before the training starts whether the results can be written."""
    if json:
        check_writable(json, "--json")
    if plot:
        check_plotting()
        check_writable(plot, "--plot")


def _settings(target: str | None, options: DigitsOptions) -> dict[str, Any]:
    common = {"steps": options.steps, "seed": options.seed, "threads": get_num_threads()}
    if target:
        return common
    named = {"optimizer": options.optimizer, "dtype": options.dtype}
    return {**common, **named, "batch_size": options.batch_size}


def _write(report: Report, json: Path | None, plot: Path | None) -> None:
    if json:
        write_json(report, json)
    if plot:
        save_plot(report, plot)


def _verdict(report: Report, console: Any, reaches_goal: bool) -> int:
    if not report.verified:
        console.print(f"NOT EQUAL: {report.message}", style="bold red", highlight=False)
        return DIFFERENT
    console.print(f"equal: {report.steps_verified:,} steps, 0 differing bits", style="bold green")
    if reaches_goal and (report.test_accuracy or 0.0) <= GOAL:
        console.print(f"test accuracy is not above {GOAL:.0%}: try other options", style="yellow")
    return 0


def application() -> Any:
    """Return the typer application; raise `MissingExtraError` without the cli extra."""
    typer = load("typer", "cli", "the command line")
    console = load("rich.console", "cli", "the command line").Console(highlight=False)
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

    def show_version(wanted: bool) -> None:
        if wanted:
            typer.echo(f"dualgraph {__version__}")
            raise typer.Exit

    @app.callback(help="One op set, two frontends: eager and compiled give the same bits.")
    def root(
        version: Annotated[
            bool,
            typer.Option("--version", help="Print it.", callback=show_version, is_eager=True),
        ] = False,
    ) -> None:
        pass

    def option(text: str, **limits: int) -> Any:
        return typer.Option(help=text, **limits)

    @app.command("compare", help=_HELP)
    def compare_command(
        context: typer.Context,  # pyright: ignore[reportInvalidTypeForm]
        target: Annotated[
            str | None, typer.Argument(help="file.py:function; absent: the digits.")
        ] = None,
        steps: Annotated[int, option("Steps that are compared bit for bit.", min=1)] = 600,
        optimizer: Annotated[str, option("For the digits: sgd or adam.")] = "sgd",
        dtype: Annotated[str, option("For the digits: float32 or float64.")] = "float32",
        batch_size: Annotated[int, option("For the digits.", min=1, max=1437)] = 32,
        threads: Annotated[int | None, option("Threads of the compiled program.", min=1)] = None,
        seed: Annotated[int, option("Of weights, batches and the random stream.")] = 0,
        rounds: Annotated[int, option("Rounds in which both modes are timed.", min=1)] = 21,
        json: Annotated[Path | None, option("Write the numbers to this file.")] = None,
        plot: Annotated[Path | None, option("Write a picture to this file: plot.png.")] = None,
    ) -> None:
        if target:
            _refuse_digits_options(context)
        _one_of("--optimizer", optimizer, tuple(OPTIMIZERS))
        _one_of("--dtype", dtype, ("float32", "float64"))
        set_num_threads(threads or get_num_threads())
        options = DigitsOptions(optimizer, dtype, batch_size, seed, steps)
        raise typer.Exit(run_compare(target, options, rounds, (json, plot), console))

    return app


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ArgumentError(f"{option} is one of {', '.join(allowed)}, not {value!r}")


def _refuse_digits_options(context: Any) -> None:
    """An option that would have no effect is an error, not ignored."""
    for name in ("optimizer", "dtype", "batch_size"):
        if context.get_parameter_source(name).name != "DEFAULT":
            raise ArgumentError(
                f"--{name.replace('_', '-')} is for the digits only: your function makes its own"
            )


def main() -> None:
    """Run the command line; errors of this package are one line, never a traceback."""
    try:
        application()()
    except DualgraphError as error:
        _fail(error)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)


def _fail(error: DualgraphError) -> None:
    notes = "".join(f"\n  {note}" for note in getattr(error, "__notes__", ()))
    print(f"error: {error}{notes}", file=sys.stderr)
    sys.exit(BAD_INPUT)
