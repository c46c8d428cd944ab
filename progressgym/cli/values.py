"""`progressgym values`: what instruments read of a language model or a history, with errors and a picture."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from progressgym.cli.validity import publish
from progressgym.cli.values_reading import (
    ALL,
    DEFAULT,
    check_mode,
    draw_reading,
    read_instrument,
    reported,
)
from progressgym.core.errors import UserError
from progressgym.core.files import check_writable, write_json
from progressgym.core.ids import safe_name
from progressgym.core.streams import print_json

if TYPE_CHECKING:
    from progressgym.instruments.protocol import Instrument

KINDS_IN_HELP = ("instruments",)
EXAMPLES = """
progressgym values smollm2-135m
progressgym values ./my-model --out runs/values/mine
progressgym values ./my-adapter --base smollm2-135m --json
progressgym values smollm2-135m --instrument all
progressgym values gss-v1
progressgym values histsmol-v1 --instrument deeds19-v1
progressgym values smollm2-135m --validate
progressgym values 'openai:http://127.0.0.1:8000#my-model?concurrency=16'
"""


@dataclass(kw_only=True, frozen=True)
class Options:
    """Measure the values of a language model, or of every step of a history, by one instrument or by all."""

    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """smollm2-135m, a folder, a GGUF file, a PEFT adapter, a hub id or openai:http://HOST:PORT#MODEL; or a history, whose
    stored answers are read, or its century models."""
    instrument: Annotated[str, tyro.conf.arg(metavar="I")] = ""
    """Name or folder of a questionnaire, another instrument with its arguments (see progressgym list instruments), or all;
    by default moral19-v1, and of a history its own."""
    mode: Annotated[str, tyro.conf.arg(metavar="M")] = ""
    """How a questionnaire is read: verdict-v2 (a panel of words and leads, the default of weights), verdict (one pair of
    words, as shipped histories were read, the default of an endpoint), cloze, letter or another question form."""
    base: Annotated[str, tyro.conf.arg(metavar="B")] = ""
    """For an adapter: the model it belongs to, when not the one that it names."""
    device: Annotated[str, tyro.conf.arg(metavar="D")] = "auto"
    """auto, cpu or cuda."""
    out: Annotated[str, tyro.conf.arg(metavar="DIR")] = ""
    """Folder for values.json and values.png; runs/values/MODEL by default."""
    validate: bool = False
    """Check the model against people and itself instead, as `progressgym history validate` does a history's."""
    people: Annotated[str, tyro.conf.arg(metavar="FILE")] = ""
    """With --validate: table of people's judgements (columns action, yes, no); by default below PROGRESSGYM_SHARED."""
    every: Annotated[int, tyro.conf.arg(metavar="N")] = 3
    """With --validate: ask every so manieth item of each dimension; 1 asks all."""
    json: bool = False
    """Print values.json instead of the table."""


def run(options: Options) -> int:
    """Measure (or take what was measured before), print, write."""
    from progressgym.cli.values_history import run_history
    from progressgym.cli.values_profile import run_profile
    from progressgym.histories.collecting import loader
    from progressgym.histories.series import is_history
    from progressgym.instruments.registry import load_instrument

    if options.people and not options.validate:
        raise UserError("--people is for --validate")
    out = Path(options.out) if options.out else Path("runs") / "values" / safe_name(options.model)
    if options.instrument == ALL and (options.validate or options.mode):
        raise UserError("--instrument all reads every instrument in its own way; leave out --mode and --validate")
    if is_history(options.model):
        if options.validate or options.base:
            raise UserError(
                "a history is validated by `progressgym history validate`, and its adapters name their base"
            )
        asked = options.instrument, options.mode
        return run_history(options.model, *asked, device=options.device, out=out, as_json=options.json)
    instrument = load_instrument(DEFAULT if options.instrument in ("", ALL) else options.instrument)
    check_mode(instrument, options.mode)
    check_writable(out)
    if options.instrument == ALL:
        return run_profile(loader(options.model, options.device, options.base)(), out, as_json=options.json)
    model: Any = loader(options.model, options.device, options.base)()
    if options.validate:
        return _validate(options, instrument, model, out)
    questions = instrument.questions()
    print(f"measuring {options.model} on {instrument.name}: {len(questions)} questions", file=sys.stderr, flush=True)
    computed = getattr(model, "computed", None)
    reading = read_instrument(instrument, model, options.mode)
    record = {"model": model.name, "fingerprint": model.fingerprint}
    entry, lines = reported(instrument, reading, computed is not None and computed == model.computed)
    record |= entry
    write_json(out / "values.json", record)
    draw_reading(reading, record, out / "values.png")
    if options.json:
        print_json(json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False))
        return 0
    print("\n".join(lines))
    print(f"written to {out}")
    return 0


def _validate(options: Options, instrument: Instrument, model: Any, out: Path) -> int:
    """The validity report of one model."""
    from progressgym.histories.validity.run import make_asking, validate_models
    from progressgym.instruments.questionnaire import Questionnaire

    if not isinstance(instrument, Questionnaire) or options.mode:
        raise UserError("--validate reads a questionnaire by its panel; leave out --mode and other instruments")
    asking = make_asking(instrument, options.people, every=options.every)
    report = validate_models(
        model.name,
        {model.name: lambda: model},
        asking,
        progress=lambda what: print(what, file=sys.stderr, flush=True),
    )
    return publish(report, out, as_json=options.json)
