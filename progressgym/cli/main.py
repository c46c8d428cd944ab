"""`progressgym`: finds the command, parses its options, and turns whatever happens into one line and an exit code.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | done in part: some cells failed, each named on standard error |
| 2 | bad input: one line on standard error |
| 130 | interrupted (143: terminated); what is finished is kept |
| 141 | whoever read the output has gone, as in `progressgym list | head -1` |

Only the command that was asked for is imported, so that help is instant.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any, NamedTuple, NoReturn

from progressgym.cli.options import Mistake, parse
from progressgym.core.errors import UserError, did_you_mean
from progressgym.core.streams import open_closed_streams, substitute_signs

PROGRAM = "progressgym"
INTERRUPTED, UNREAD, TERMINATED = 130, 141, 143


@dataclass(frozen=True)
class Command:
    """One command: where it is and what it does."""

    module: str
    """Holds `Options` (a dataclass), `run(options)` and `EXAMPLES`; perhaps `KINDS_IN_HELP`, see `progressgym list`. One
    that holds several commands has for `verb` a dataclass `Verb`, `verb(options)` and `EXAMPLES["verb"]`."""
    summary: str
    verb: str = ""
    """Which command of a module that holds several."""

    def load(self) -> Loaded:
        """Import it."""
        module = importlib.import_module(self.module)
        if self.verb:
            return Loaded(
                getattr(module, self.verb.capitalize()), getattr(module, self.verb), module.EXAMPLES[self.verb]
            )
        return Loaded(module.Options, module.run, module.EXAMPLES, getattr(module, "KINDS_IN_HELP", ()))


class Loaded(NamedTuple):
    """A command that is imported."""

    options: type[Any]
    """A dataclass; its docstring and its fields are the help."""
    run: Callable[[Any], int]
    """Returns the exit code."""
    examples: str
    """Lines that end the help."""
    kinds: Sequence[str] = ()
    """Names of these kinds stand before them."""


COMMANDS: dict[str, Command] = {
    "bench": Command("progressgym.cli.bench", "run agents on challenges and print the scored table"),
    "bench report": Command(
        "progressgym.cli.bench_report", "say how far a benchmark's metrics agree, and who wins when"
    ),
    "list": Command("progressgym.cli.list", "list agents, challenges, histories, instruments and other names"),
    "import-upstream": Command(
        "progressgym.cli.import_upstream", "score a result file of the original ProgressGym from its vectors"
    ),
    "train": Command("progressgym.cli.train", "train one agent, above all a language model, watched live"),
    "train dpo": Command("progressgym.cli.train_dpo", "train a language model on your own preferences"),
    "train grpo": Command("progressgym.cli.train_grpo", "train a language model on an environment in text"),
    "traces export": Command("progressgym.cli.traces_export", "write an agent's dialogues as a dataset for imitation"),
    "values": Command("progressgym.cli.values", "measure the 19 values of a language model"),
    "plan": Command("progressgym.cli.plan", "estimate memory and time of training from a model's size"),
    "debate train": Command("progressgym.cli.debate_train", "train judges, debaters and their confusers"),
    "debate evaluate": Command(
        "progressgym.cli.debate_evaluate", "measure trained debaters and policies, draw a report"
    ),
    "debate play": Command("progressgym.cli.debate_play", "argue against a debater and see the judge's ruling"),
    "debate centuries": Command("progressgym.cli.debate_centuries", "compare the rulings of a history's centuries"),
    "history build": Command("progressgym.cli.history_build", "train century models from dated text"),
    "history measure": Command("progressgym.cli.history_measure", "measure the century models of a build"),
    "history collect": Command(
        "progressgym.cli.history_collect", "make a history of models of your own or of the hub, and check it"
    ),
    "history survey": Command("progressgym.cli.history_survey", "make a history of a repeated survey's counts"),
    "history validate": Command(
        "progressgym.cli.history_validate", "check a history's models against people, laws and themselves"
    ),
    "history items": Command("progressgym.cli.history_items", "name the items of a questionnaire that fail"),
    "history norms": Command("progressgym.cli.history_norms", "say which items of a history drifted more than chance"),
    "history votes": Command("progressgym.cli.history_votes", "say what votes call wiser: the moral graph"),
    "history show": Command("progressgym.cli.history_show", "describe a history"),
    "preferences compare": Command(
        "progressgym.cli.preferences_compare", "which preference model predicts what, beside naive rules"
    ),
    "preferences dissect": Command(
        "progressgym.cli.preferences_dissect", "say which properties weigh for a judge, a century or people"
    ),
    "preferences norms": Command(
        "progressgym.cli.preferences_norms", "say which norms every camp accepts, and which none"
    ),
    "preferences export": Command(
        "progressgym.cli.preferences_export", "write comparisons as a TRL preference dataset"
    ),
    **{
        f"leaderboard {verb}": Command("progressgym.cli.leaderboard", summary, verb)
        for verb, summary in (
            ("package", "make a submission from a finished benchmark"),
            ("validate", "check a submission's form"),
            ("verify", "recompute a submission's scores"),
            ("submit", "verify a submission and put it into a store"),
            ("enrol", "add a submitter to a store and print the token"),
            ("key", "make the secret of a private split"),
            ("private", "make a private history from unpublished text and items"),
            ("reproduce", "run entries in the sandbox, public grid and private split"),
            ("withdraw", "take an entry off and leave a tombstone"),
            ("show", "print the standings"),
            ("build", "write the standings as a static site"),
            ("serve", "serve the standings and take submissions"),
            ("export", "write an entry's results for other tools"),
        )
    },
}


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    signal.signal(signal.SIGTERM, _terminated)
    open_closed_streams()
    substitute_signs()
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = dispatch(given)
        sys.stdout.flush()
    except UserError as error:
        code = _complain(" ".join(str(error).split()))
    except KeyboardInterrupt:
        print(f"{PROGRAM}: interrupted; run the same command again to go on", file=sys.stderr)
        code = INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone (as in `progressgym bench | head`); say nothing on the way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = UNREAD
    except (OSError, MemoryError) as error:
        code = _complain(f"{type(error).__name__}: {' '.join(str(error).split())}")
    sys.exit(code)


def dispatch(given: list[str]) -> int:
    """Run one command; returns its exit code.

    Raises:
        UserError: no such command, bad options, or bad input of the command.
    """
    if not given or given[0] in ("-h", "--help", "help"):
        print(usage())
        return 0
    if given[0] in ("-V", "--version"):
        from progressgym import __version__

        print(f"{PROGRAM} {__version__}")
        return 0
    name, rest = _find(given)
    command = COMMANDS[name].load()
    options = parse(command.options, f"{PROGRAM} {name}", rest, command.examples, command.kinds)
    return command.run(options) if options is not None else 0


def usage(prefix: str = "") -> str:
    """Help on the whole program, or on the commands that begin with a word."""
    chosen = {name: command for name, command in COMMANDS.items() if name.startswith(prefix)}
    width = max(map(len, chosen))
    lines = [f"usage: {PROGRAM} {prefix or 'COMMAND'}{' COMMAND' if prefix else ''} [options]", ""]
    if not prefix:
        lines += ["The gym for AI that keeps up with moral progress.", ""]
    lines += ["commands:", *(f"  {name:<{width}}  {command.summary}" for name, command in chosen.items()), ""]
    lines += ["options:", "  -h, --help     this help; also after a command", "  -V, --version  the version", ""]
    first = next(iter(chosen))
    lines += ["examples:", f"  {PROGRAM} {first}" if not prefix else f"  {PROGRAM} {first} --help"]
    if not prefix:
        lines += [
            f"  {PROGRAM} bench --agents static,lifelong-map --history 'synthetic:linear?coherence=0.5' --seeds 5",
            f"  {PROGRAM} history show histsmol-v1",
            f"  {PROGRAM} bench --help",
        ]
    return "\n".join(lines)


def _find(given: list[str]) -> tuple[str, list[str]]:
    """Which command is meant, and what comes after its name."""
    for words in (2, 1):
        name = " ".join(given[:words])
        if name in COMMANDS and len(given) >= words:
            return name, given[words:]
    groups = {name.split()[0] for name in COMMANDS if " " in name}
    if given[0] in groups:
        parts = [name.split()[1] for name in COMMANDS if name.startswith(given[0] + " ")]
        if len(given) == 1:
            raise Mistake(f"'{given[0]}' needs a command: {', '.join(parts)}; see {PROGRAM} {given[0]} --help")
        if given[1] in ("-h", "--help"):
            print(usage(given[0]))
            raise SystemExit(0)
        raise Mistake(
            f"unknown command '{given[0]} {given[1]}'{did_you_mean(given[1], parts)}; known: {', '.join(parts)}"
        )
    firsts = sorted({name.split()[0] for name in COMMANDS})
    raise Mistake(f"unknown command {given[0]!r}{did_you_mean(given[0], firsts)}; known: {', '.join(firsts)}")


def _complain(message: str) -> int:
    print(f"{PROGRAM}: error: {message}", file=sys.stderr)
    return 2


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(TERMINATED)


if __name__ == "__main__":
    main()
