"""`progressgym leaderboard ...`: every command of the board, its options and its examples.

A command is a dataclass of options, a function of the same name in small letters, and examples under that name.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional

from progressgym.cli.options import listed
from progressgym.cli.shared import (
    Evidence,
    Folder,
    Json,
    Number,
    Printed,
    Real,
    Store,
    Submission,
    option,
)
from progressgym.core.errors import UserError
from progressgym.core.files import write_text

if TYPE_CHECKING:
    from progressgym.leaderboard.standings_data import Standings
    from progressgym.leaderboard.store import Store as Board

BoardName = Annotated[str, option("NAME", "Which board: the current one, or board-v1, which is an archive.")]
EXAMPLES = {
    "package": """
progressgym bench --agents lifelong-map --labels probability --out runs/mine
progressgym leaderboard package runs/mine --agent lifelong-map --name my-map --authors 'Ada L.' --licence MIT --out my-map.zip
progressgym leaderboard package runs/mine --agent my_module:Mine --name mine --authors 'Ada L.,Bob' --licence MIT --code-url https://example.org/mine --code-commit 0123abc --sign my.key --out entries/mine
""",
    "validate": """
progressgym leaderboard validate my-map.zip
progressgym leaderboard validate entries/mine --json
""",
    "verify": """
progressgym leaderboard verify my-map.zip
progressgym leaderboard verify entries/mine --json
""",
    "submit": """
progressgym leaderboard submit my-map.zip --store runs/board --submitter ada --dry-run
progressgym leaderboard submit my-map.zip --store runs/board --submitter ada
progressgym leaderboard submit my-map.zip --store postgresql+psycopg://localhost/board --evidence runs/evidence --submitter ada
""",
    "enrol": """
progressgym leaderboard enrol ada --store runs/board
""",
    "key": """
progressgym leaderboard key new board.key --rotation 2026-1
progressgym leaderboard key show board.key
""",
    "private": """
progressgym leaderboard private SECRET-TEXT --items secret-items.jsonl --store runs/board
progressgym leaderboard private SECRET-TEXT --items secret-items.jsonl --store runs/board --tokens 200000 --seed 41
""",
    "reproduce": """
progressgym leaderboard reproduce 71b0c1a2 --store runs/board --key-file board.key
progressgym leaderboard reproduce all --store runs/board --key-file board.key --attempts 20
progressgym leaderboard reproduce 71b0c1a2 --store runs/board --key-file board.key --code checkouts/their-agent
""",
    "withdraw": """
progressgym leaderboard withdraw 0f55b2576106481a --store runs/board --submitter ada --because 'trained on the test set'
""",
    "show": """
progressgym leaderboard show
progressgym leaderboard show --board board-v1
progressgym leaderboard show --store runs/board --csv --out standings.csv
progressgym leaderboard show --entries leaderboard/entries --json --out standings.json
""",
    "build": """
progressgym leaderboard build --out site
progressgym leaderboard build --store runs/board --out site
""",
    "serve": """
progressgym leaderboard enrol ada --store runs/board
progressgym leaderboard serve --store runs/board
progressgym leaderboard serve --store postgresql+psycopg://localhost/board --evidence runs/evidence --port 8080
""",
    "export": """
progressgym leaderboard export lifelong-map --format lm-eval --out results.json
progressgym leaderboard export lifelong-map --format hf --dataset your-name/progressgym-board --out .eval_results/progressgym.yaml
progressgym leaderboard export 0a736a69b82366fb --store runs/board --format hf --dataset your-name/progressgym-board
""",
}


@dataclass(kw_only=True, frozen=True)
class Package:
    """Make a submission: the board's cells with their raw answers, hashes of everything, and who made it how.

    Scores are not part of it; the board recomputes them.
    """

    run: Annotated[Positional[str], option("RUN_DIR", "Folder of a finished benchmark (its --out).")]
    agent: Annotated[str, option("ID", "Agent of the run, by id or module:Class.")]
    out: Annotated[str, option("PATH", "What to write: a .zip, or a folder.")]
    authors: Annotated[str, option("A,B", "Who made it.")]
    licence: Annotated[str, option("SPDX", "Licence of the code, for example MIT.")]
    code_url: Annotated[str, option("URL")] = ""
    """Where the code is: https://... Needed unless the agent comes with progressgym."""
    code_commit: Annotated[str, option("HASH", "Its commit; that of the run when left out.")] = ""
    name: Annotated[str, option("NAME", "How the board calls it; the id when left out.")] = ""
    version: Annotated[str, option("V", "Raise it with every change.")] = "1"
    summary: Annotated[str, option("TEXT", "One line for the page.")] = ""
    training_data: Annotated[str, option("TEXT", "What it was trained on.")] = "none"
    base_model: Annotated[str, option("NAME", "Model that it is built on.")] = ""
    base_revision: Annotated[str, option("REV", "Revision of that model.")] = ""
    compute_seconds: Annotated[float | None, option("S", "Wall time of the runs.")] = None
    board: BoardName = "board-v2"
    sign: Annotated[str, option("KEY", "Sign with this private key; it is made when the file does not exist.")] = ""


def package(options: Package) -> int:
    """Write it."""
    from progressgym.leaderboard.packaging import About, dirty, package, write_submission
    from progressgym.leaderboard.signing import make_key

    if options.base_model and not options.base_revision:
        raise UserError("--base-model needs --base-revision: which version of the model")
    about = About(
        agent=options.agent,
        name=options.name,
        version=options.version,
        summary=options.summary,
        authors=tuple(listed(options.authors)),
        licence=options.licence,
        code_url=options.code_url,
        code_commit=options.code_commit,
        training_data=options.training_data,
        base_model=options.base_model,
        base_revision=options.base_revision,
        compute_seconds=options.compute_seconds,
    )
    key = Path(options.sign) if options.sign else None
    if key is not None and not key.exists():
        print(f"new key {key}, public key {make_key(key)}")
    files = package(Path(options.run), about, board=options.board, key=key)
    write_submission(files, Path(options.out))
    size = sum(map(len, files.values()))
    if about.code_commit == "" and dirty(files):
        print(
            "progressgym: warning: the run was made from uncommitted changes; its commit does not tell all",
            file=sys.stderr,
        )
    print(f"{options.out}: {len(files)} files, {size / 1e6:.1f} MB; check it with")
    print(f"progressgym leaderboard verify {options.out}")
    return 0


@dataclass(kw_only=True, frozen=True)
class Validate:
    """Check schema, sizes, hashes and that every required cell is there. Exit code 1 and a list of reasons if not."""

    path: Submission
    json: Json = False


def validate(options: Validate) -> int:
    """Check it; 1 when it is refused."""
    from progressgym.cli.leaderboard.printing import check

    return check(options.path, "validated", json=options.json)


@dataclass(kw_only=True, frozen=True)
class Verify:
    """Validate, replay the comparisons, and recompute every score. Exit code 1 and a list of reasons if refused.

    It runs in a child process with limits on memory, time and files.
    """

    path: Submission
    json: Json = False


def verify(options: Verify) -> int:
    """Check it; 1 when it is refused."""
    from progressgym.cli.leaderboard.printing import check

    return check(options.path, "recomputed", json=options.json)


@dataclass(kw_only=True, frozen=True)
class Submit:
    """Verify a submission in a limited process and take it into a store. Exit code 1 and a list of reasons if refused.

    Submitting the same content again changes nothing.
    """

    path: Submission
    store: Store
    submitter: Annotated[str, option("NAME", "Who submits.")]
    evidence: Evidence = ""
    dry_run: Annotated[bool, option(text="Verify only.")] = False


def submit(options: Submit) -> int:
    """Submit it; 1 when it is refused."""
    from progressgym.cli.leaderboard.printing import show_verdict
    from progressgym.leaderboard.limited import verify_apart
    from progressgym.leaderboard.store import submitter_name

    if not Path(options.path).exists():
        raise UserError(f"there is no {options.path}; give a folder or a .zip made by progressgym leaderboard package")
    submitter_name(options.submitter)
    verdict, evidence = verify_apart(options.path)
    show_verdict(options.path, verdict)
    if options.dry_run:
        return 0 if verdict.accepted else 1

    store = _board(options.store, options.evidence, create=True)
    store.tidy()
    receipt = store.submit(verdict, evidence, options.submitter)
    store.close()
    if receipt.rung is None:
        if verdict.accepted:
            for one in receipt.problems:
                print(f"progressgym: refused: {one}", file=sys.stderr)
        return 1
    print(f"{'accepted' if receipt.created else 'was there already'}: {receipt.id}, {receipt.rung}")
    return 0


@dataclass(kw_only=True, frozen=True)
class Enrol:
    """Add a submitter to a store and print the token, once: only its hash is kept."""

    name: Annotated[Positional[str], option("NAME", "How the board calls them.")]
    store: Store
    evidence: Evidence = ""


def enrol(options: Enrol) -> int:
    """Add them."""

    store = _board(options.store, options.evidence, create=True)
    print(store.enrol(options.name))
    store.close()
    return 0


@dataclass(kw_only=True, frozen=True)
class Key:
    """Make a key (32 random bytes that only its owner can read), or show its commitment, which may be published.

    Keep it outside of the store and of anything under version control. Rotate it now and then, and publish the old one:
    then everybody can draw the same paths and check the old private scores.
    """

    action: Annotated[Positional[Literal["new", "show"]], option("new|show", "Make one, or show its commitment.")]
    file: Annotated[Positional[str], option("FILE", "Where it is.")]
    rotation: Annotated[str, option("NAME", "What people call a new key.")] = "1"


def key(options: Key) -> int:
    """Make or show it."""
    from progressgym.leaderboard.private import new_key, read_key

    path = Path(options.file)
    made = new_key(path, options.rotation) if options.action == "new" else read_key(path)
    print(f"rotation {made.rotation}, commitment {made.commitment}")
    return 0


@dataclass(kw_only=True, frozen=True)
class Private:
    """Train century models on secret text, ask them a secret parallel form of the questionnaire, and keep the answers in
    the store's private folder, where they become further groups of the private split.

    Use other works than those of the shipped history, another training seed, and items of your own: the same dimensions
    as moral19-v1, other situations. An interrupted call goes on where it was.
    """

    corpus: Annotated[Positional[str], option("CORPUS", "HistText file or folder that was not published.")]
    items: Annotated[str, option("FILE", "The items, one JSON object a line, as in an instrument's items.jsonl.")]
    store: Annotated[str, option("DIR", "Folder of a store; the history goes into its folder private.")]
    board: Annotated[str, option("NAME", "Board on which it stands in.")] = "board-v1"
    stands_for: Annotated[str, option("H", "Shipped history under whose name it is scored.")] = "histsmol-v1"
    base: Annotated[str, option("MODEL", "Base model that all centuries share.")] = "smollm2-135m"
    tokens: Annotated[int, option("N", "Tokens read per century.")] = 80_000
    seed: Number = 1
    """Of adapters, of the choice of passages and of the split of the items; not the shipped history's, which is 0."""
    rank: Annotated[int, option("N", "Of the LoRA adapters.")] = 8
    top_layers: Annotated[int, option("N", "Only the last N layers get an adapter.")] = 16


def private(options: Private) -> int:
    """Build, measure and keep it."""
    from progressgym.cli.history_build import Options as Build
    from progressgym.cli.history_build import recipe_of
    from progressgym.core.errors import unknown
    from progressgym.leaderboard.board import load_board
    from progressgym.leaderboard.database import PRIVATE
    from progressgym.leaderboard.hidden import make_hidden

    board = load_board(options.board)
    if options.stands_for not in board.histories:
        raise unknown(f"history of {board.name}", options.stands_for, board.histories)
    recipe = recipe_of(
        Build(
            corpus=options.corpus,
            out="",
            base=options.base,
            tokens=options.tokens,
            seed=options.seed,
            rank=options.rank,
            top_layers=options.top_layers,
        )
    )
    history = make_hidden(
        options.corpus,
        options.items,
        options.base,
        Path(options.store) / PRIVATE,
        name=options.stands_for,
        recipe=recipe,
        progress=lambda what: print(what, file=sys.stderr, flush=True),
    )
    print(f"{len(history)} centuries, {len(history.instrument.items)} items: stands in for {options.stands_for}")
    print(f"commitment {history.hash}")
    return 0


@dataclass(kw_only=True, frozen=True)
class Reproduce:
    """Run an entry's agent in a sandbox: first the public grid, whose answers must be the submitted ones bit for bit,
    then the private split, whose scores rank. Exit code 1 if an entry is not reproduced.

    A stranger's agent is installed first, with network and without secrets; the run has no network. Every start takes
    one of its submitter's attempts, also one that ends at the installation. One entry's failure does not keep the others
    from their turn; whatever comes of each is written into the store's log.
    """

    id: Annotated[Positional[str], option("ID,...|all")]
    """Entries; all: those that are recomputed and not yet reproduced on this private split."""
    store: Store
    board: BoardName = "board-v2"
    key_file: Annotated[str, option("FILE", "The secret, made by progressgym leaderboard key new.")]
    evidence: Evidence = ""
    private: Folder = ""
    """Folder of private histories; by default the folder private of the store, where there is one."""
    code: Folder = ""
    """The code of a submitter's own agent, when it is fetched already; by default from the address it gives."""
    model: Folder = ""
    """Weights and prompt of an agent that is a language model (`reader?model=NAME&weights=DIGEST`)."""
    install_env: Annotated[str, option("NAME,...")] = ""
    """Environment variables that the installation needs, such as PIP_INDEX_URL; the agent's setup can read them."""
    tolerance: Real = 0.0
    """How far answers may differ on the public grid; 0: not in a single bit."""
    attempts: Annotated[int, option("N", "Attempts of a submitter in a span of time.")] = 3
    days: Annotated[int, option("N", "That span of time.")] = 30
    seconds: Annotated[float, option("X", "Wall time of an agent's process at most.")] = 900.0


def reproduce(options: Reproduce) -> int:
    """Reproduce them; 1 when one is not."""
    from progressgym.cli.leaderboard.reproducing import reproduce_all

    return reproduce_all(options)


@dataclass(kw_only=True, frozen=True)
class Withdraw:
    """Take an entry off the board. A tombstone stays; its name and version are never used again."""

    entry: Annotated[Positional[str], option("ID", "Beginning of the entry's digest, 8 digits or more.")]
    store: Store
    because: Annotated[str, option("TEXT", "Why.")]
    submitter: Annotated[str, option("NAME", "Whose entry it is; the board may withdraw any.")] = "board"
    evidence: Evidence = ""


def withdraw(options: Withdraw) -> int:
    """Withdraw it."""

    store = _board(options.store, options.evidence)
    store.withdraw(options.entry, options.submitter, options.because)
    stone = store.entry(options.entry)
    store.close()
    print(f"withdrawn: {stone.id}, {stone.agent} {stone.version}, on {stone.withdrawn}")
    return 0


@dataclass(kw_only=True, frozen=True)
class Show:
    """Print the standings: by default those that come with the package."""

    store: Store = ""
    evidence: Evidence = ""
    entries: Annotated[str, option("DIR", "Verify every submission in a folder and show the standings of these.")] = ""
    board: BoardName = "board-v2"
    json: Json = False
    csv: Annotated[bool, option(text="Print CSV, one line an entry and challenge.")] = False
    out: Printed = ""


def show(options: Show) -> int:
    """Print them."""
    from progressgym.cli.leaderboard.printing import print_standings
    from progressgym.leaderboard.standings_data import to_csv

    if options.json and options.csv:
        raise UserError("--json and --csv exclude each other")
    if options.store and options.entries:
        raise UserError("--store and --entries exclude each other")
    if options.entries:
        from progressgym.leaderboard.folder import standings_of_folder

        standings = standings_of_folder(Path(options.entries), options.board)
    else:
        standings = _standings(options.store, options.evidence, options.board)
    if not (options.json or options.csv or options.out):
        print_standings(standings)
        return 0
    return _write(to_csv(standings) if options.csv else standings.model_dump_json(indent=1) + "\n", options.out)


@dataclass(kw_only=True, frozen=True)
class Build:
    """Write the pages of a board as files for any web host: from a store, or from what comes with the package."""

    out: Annotated[str, option("DIR", "Folder to write; a site that was built there before is replaced.")]
    store: Store = ""
    evidence: Evidence = ""
    light: Annotated[bool, option(text="Leave the evidence of the entries out (about 2 MB each).")] = False


def build(options: Build) -> int:
    """Write it."""
    from progressgym.leaderboard.site.build import build_site
    from progressgym.leaderboard.site.sources import ShippedSource, Source, StoreSource

    source: Source = StoreSource(_board(options.store, options.evidence)) if options.store else ShippedSource()
    count = build_site(source, Path(options.out), evidence=not options.light)
    print(f"{options.out}: {count} files; look at it with")
    print(f"python -m http.server --directory {options.out} --bind 127.0.0.1")
    return 0


@dataclass(kw_only=True, frozen=True)
class Serve:
    """Serve a board: pages, an HTTP interface (/openapi.json) and the intake of submissions by token.

    The store is made when it is not there. Put a reverse proxy with TLS before it when others than this machine shall
    reach it, and say --proxy.
    """

    store: Store
    evidence: Evidence = ""
    host: Annotated[str, option("ADDRESS", "Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, option("N", "Port to listen on.")] = 8000
    workers: Annotated[int, option("N", "Verifications at a time.")] = 2
    waiting: Annotated[int, option("N", "Submissions that may be under way at once.")] = 256
    submissions_an_hour: Annotated[int, option("N", "Of one submitter, refused ones included.")] = 30
    requests_a_minute: Annotated[int, option("N", "From one address.")] = 1200
    proxy: Annotated[bool, option(text="A reverse proxy on this machine says where requests come from.")] = False
    quiet: Annotated[bool, option(text="Log no requests.")] = False


def serve(options: Serve) -> int:
    """Serve until interrupted."""
    for name in ("workers", "waiting", "submissions_an_hour", "requests_a_minute"):
        if getattr(options, name) < 1:
            raise UserError(f"--{name.replace('_', '-')} must be at least 1")
    if not 0 <= options.port <= 65535:
        raise UserError("--port must be from 0 to 65535")
    try:
        from progressgym.leaderboard.server.run import serve
    except ModuleNotFoundError as error:
        raise UserError(f"serving needs {error.name}: pip install 'progress-gym[serve]'") from None
    from progressgym.leaderboard.server.settings import Settings

    settings = Settings(
        workers=options.workers,
        waiting=options.waiting,
        submissions_an_hour=options.submissions_an_hour,
        requests_a_minute=options.requests_a_minute,
    )
    store = _board(options.store, options.evidence, create=True)
    serve(store, settings, host=options.host, port=options.port, proxy=options.proxy, quiet=options.quiet)
    store.close()
    return 0


@dataclass(kw_only=True, frozen=True)
class Export:
    """Write the results of an entry for the Hugging Face hub or in the form of the lm-evaluation-harness.

    Without a store: of the shipped standings.
    """

    entry: Annotated[Positional[str], option("ID|NAME", "Beginning of the entry's digest, or its name.")]
    format: Literal["hf", "lm-eval"]
    """hf: YAML for `.eval_results/` of a model's repository. lm-eval: a results JSON."""
    dataset: Annotated[str, option("OWNER/NAME", "hf: dataset of the benchmark on the hub.")] = ""
    board: BoardName = "board-v2"
    source: Annotated[str, option("URL", "hf: address of the entry's page.")] = ""
    store: Store = ""
    evidence: Evidence = ""
    out: Printed = ""


def export(options: Export) -> int:
    """Write it."""
    from progressgym.leaderboard.exports import find_row, to_eval_results, to_lm_eval

    standings = _standings(options.store, options.evidence, options.board)
    row = find_row(standings, options.entry)
    if options.format == "hf":
        return _write(to_eval_results(row, options.dataset, source=options.source or None), options.out)
    return _write(to_lm_eval(standings, row), options.out)


def _board(store: str, evidence: str, *, create: bool = False) -> Board:
    from progressgym.leaderboard.store import Store as Board

    return Board.open(store, evidence or None, create=create)


def _standings(store: str, evidence: str, board: str) -> Standings:
    """Of a store; those that come with the package without one."""
    if store:
        from progressgym.leaderboard.standings import make_standings

        return make_standings(_board(store, evidence), board)
    from progressgym.leaderboard.standings_data import shipped_standings

    return shipped_standings(board)


def _write(text: str, out: str) -> int:
    """Into a file, or onto standard output."""
    if out:
        write_text(out, text)
    else:
        sys.stdout.write(text)
    return 0
