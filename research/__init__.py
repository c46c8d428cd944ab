"""Finished studies behind numbers on the pages: run from the repository, not part of the installed package.

    python -m research.NAME --help

| study | what it settled | where it is told |
|---|---|---|
| `predict`, `predict_confirm`, `predict_limits` | who predicts best, on frozen seeds; what is out of reach | docs/agents/prediction.md |
| `attention`, `attention_v2` | the weights of the learned forecasters | docs/agents/attention.md |
| `sweep_alignment` | the defaults of a language-model policy | docs/model-tier.md |
| `calibrate_coevolve` | Coevolve's two coefficients, from a human who is really fine-tuned | docs/model-tier.md |
| `spelling` | what normalising early spelling changes | docs/histories.md |
| `people`, `leanings` | drift, forecasts and signs of the General Social Survey | docs/gss-v1.md |
| `coverage`, `drift_intervals` | how often the 95 % intervals of skill and of drift explained hold the truth | docs/statistics.md |
| `held_out`, `labels` | what a reward on evaluation items teaches; labels as people give them | docs/environments/training.md |
| `people_family` | the synthetic family in people's regime, estimated from `gss-v1` | docs/leaderboard.md |
| `word_panel`, `controls` | the words and leads of `verdict-v2`; a real model with shuffled answers fails | docs/validity.md |
| `deeds`, `deeds_reading` | the lay-out of `deeds19-v1`, and what its halves agree on | docs/deeds19.md |
| `histsmol_v2`, `full_replicate`, `recipes` | the history of those readings and its gate; century models by all weights, and how far they agree | docs/deeds19.md |
| `instruments_people`, `other_instruments` | instruments against people, and of the centuries | docs/instruments |
| `convergence` | whether independent instruments agree on how centuries, and people, differ | docs/instruments/convergence.md |
| `utility_control`, `frozen_heads` | whether a small model can be tuned to a utility; heads on its frozen vectors | docs/instruments |
| `norm_drift`, `tropes` | items that drifted more than chance; tropes found again | docs/instruments |
| `panel`, `personal` | a panel as a file; how well a few answers place a person | docs/people.md |
| `predict_stream`, `shifts` | how early one can tell; at what rates people change sides | docs/environments |
| `repair`, `repair_model` | what adapting to the next century costs the last one, and what repairs it | docs/repair.md |
| `uses`, `ablation` | what a preference model is good for; what matters most | docs/preferences.md |
| `losses_on_data`, `constraints` | what decides about losses, on real data; instructions that a program checks | docs/preferences.md |
| `losses_on_texts` | what each loss makes of a real language model | docs/losses |
| `models_on_data` | what decides about preference models, on real data and planted segments | docs/preferences.md |
| `drift_models`, `drift_page` | which preference model and method explains the drift ahead | docs/drift-models.md |
| `crowd`, `delphi`, `sessions` | what the raters are worth | docs/raters |
| `moral_graph`, `tractability` | who wins a vote on wiser values; regret against compute | docs/reports |
| `attacker` | combinations against texts, submissions and the sandbox win nothing | docs/leaderboard.md |
| `kills` | whether five commands survive `kill -9` | CHANGELOG.md |

`questionnaires` makes longer ones for them. How fast things are, beside peers, is measured in `benchmarks/`. Nothing in the
package imports from here.
"""

from __future__ import annotations

import sys
from types import TracebackType

from progressgym.core.errors import UserError


def one_line(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What a study says at its end: bad input or missing data in one line, anything else as Python does."""
    if not issubclass(kind, UserError):
        sys.__excepthook__(kind, error, trace)
        return
    print(f"error: {error}", file=sys.stderr)
    raise SystemExit(2)


if sys.argv[:1] == ["-m"]:  # `python -m research.NAME`, while its package is imported
    sys.excepthook = one_line
