"""The board runs agents itself: shipped ones, strangers' ones, and such that know more or less than they claim."""

from __future__ import annotations

import ctypes
import datetime
import hashlib
import mmap
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import progressgym.leaderboard
from progressgym.core.errors import UserError
from progressgym.leaderboard import attempts, installation, sandbox
from progressgym.leaderboard.arrays import write_actions
from progressgym.leaderboard.attempts import reproduce_entry
from progressgym.leaderboard.board import load_board
from progressgym.leaderboard.channel import GuestLimits
from progressgym.leaderboard.installation import Source, install
from progressgym.leaderboard.limited import verify_apart
from progressgym.leaderboard.play import Actions, Performer, Stage, forget_pages
from progressgym.leaderboard.private import PrivateSplit, new_key
from progressgym.leaderboard.recompute import follow_path, score_group
from progressgym.leaderboard.records import Reproduction, Verdict
from progressgym.leaderboard.reproduce import check_agent, reproduce
from progressgym.leaderboard.sandbox import Room, command
from progressgym.leaderboard.schema import CodeInfo
from progressgym.leaderboard.standings import make_standings
from progressgym.leaderboard.store import Store
from progressgym.leaderboard.submission import Submission
from progressgym.leaderboard.truth import EpisodeTruth, episode_truth
from tests.leaderboard.stores import verdict
from tests.leaderboard.test_escapes import AGENTS, sandboxed

ENTRIES = Path(progressgym.leaderboard.__file__).parent / "entries"
needs_sandbox = pytest.mark.skipif(bool(sandboxed()), reason=sandboxed())
MONTH = datetime.timedelta(days=30)
LIMITS = GuestLimits(start_seconds=60, step_seconds=30, run_seconds=120)
Answer = Callable[[EpisodeTruth], Actions]


def submission(agent: str, answer: Answer, seeds: Sequence[int] = (0, 1)) -> Submission:
    """A submission to a board of one challenge on synthetic histories."""
    board = load_board()
    small = replace(board, histories=board.histories[1:], challenges=board.challenges[:1], seeds=tuple(seeds))
    told, _ = verdict(name="theirs")
    assert told.record is not None
    record = told.record.model_copy(update={"agent": told.record.agent.model_copy(update={"id": agent})})
    actions = {key: answer(episode_truth(small, key)) for key in small.cells}
    return Submission(record=record, digest="0" * 64, signer=None, board=small, actions=actions, files={})


def split_of(one: Submission, folder: Path) -> PrivateSplit:
    return PrivateSplit(key=new_key(folder / "board.key", "1"), board=one.board)


def near_truth(truth: EpisodeTruth) -> Actions:
    """The truth with as much noise as it takes not to be refused."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0.0, 0.3, truth.shape).astype(np.float32)
    return (truth.reference_actions() + noise).clip(-20, 20)


def learned_by_heart(one: Submission, folder: Path) -> Path:
    """Code of an agent that brings the submitted actions along."""
    known = {}
    for key, actions in one.actions.items():
        first = episode_truth(one.board, key).history.answers[0].astype(np.float64)
        known[hashlib.sha256(np.ascontiguousarray(first).tobytes()).hexdigest()] = actions
    folder.mkdir()
    np.savez(folder / "known.npz", **known)  # type: ignore[arg-type]  # names to arrays
    return strangers(folder)


def strangers(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "honest.py").write_bytes((AGENTS / "honest.py").read_bytes())
    return folder


@needs_sandbox
def test_lifelong_map_matches_its_own_submission_bit_for_bit_and_is_ranked(tmp_path: Path) -> None:
    """The whole way: the shipped entry, the public grid, the private split, the standings."""
    if not ENTRIES.is_dir():
        pytest.skip("wheels hold no entries")
    store = Store.open(tmp_path / "store")
    told, evidence = verify_apart(ENTRIES / "lifelong-map-1.zip", resamples=20)
    digest = str(store.submit(told, evidence, "progressgym").id)
    split = PrivateSplit(key=new_key(tmp_path / "board.key", "1"), board=load_board())
    secrets = (tmp_path / "board.key", store.private, store.evidence.root)
    performer = Performer(agent="lifelong-map", secrets=secrets)
    done = reproduce_entry(store, digest, split, performer, most=1, per=MONTH, resamples=50)
    assert (done.matches, done.largest_difference) == (True, 0.0)
    assert done.note == "all 60 cells match bit for bit"
    standings = make_standings(store)
    (row,) = standings.rows
    assert (row.status, row.place, row.open) == ("reproduced", 1.0, False)
    ranked = {group.group: group for group in row.groups if group.rank is not None}
    assert set(ranked) == {f"{c} on synthetic:linear?coherence=0.5" for c in ("follow", "predict", "coevolve")}
    follow = ranked["follow on synthetic:linear?coherence=0.5"]
    assert follow.private is not None and follow.private.skill is not None and follow.private.skill.mid > 0.5
    assert follow.public is not None and follow.private.utility != follow.public.utility, "other histories"
    assert standings.commitments == {"key": split.key.commitment} and standings.split == split.name
    assert split.key.key not in standings.model_dump_json() + str(store.log())
    with pytest.raises(UserError, match="used 1 of 1 attempts"):
        reproduce_entry(store, digest, split, performer, most=1, per=MONTH)
    store.close()


@needs_sandbox
def test_a_strangers_agent_is_installed_and_reproduced(tmp_path: Path) -> None:
    """It answers from what it is shown; outside of the sandbox the same code gives the same bits."""
    from tests.leaderboard.agents.honest import Last

    def answer(truth: EpisodeTruth) -> Actions:
        env = one_board.environments(one_board.groups[0], 1)[0]
        observation, _ = env.reset(seed=0)
        agent, taken = Last(), []
        agent.reset(env.task, 0)
        for _ in range(env.steps):
            taken.append(np.asarray(agent.act(observation, {}), dtype=np.float32))
            observation = env.step(taken[-1])[0]
        return np.stack(taken)

    one_board = submission("static", lambda truth: truth.static_actions(), seeds=(0,)).board
    one = submission("honest:Last", answer, seeds=(0,))
    source = Source(info=one.record.code, folder=strangers(tmp_path / "theirs"))
    code = install(source, tmp_path / "installed", secrets=())
    performer = Performer(agent="honest:Last", code=code, limits=LIMITS)
    done = reproduce(one, split_of(one, tmp_path), performer, resamples=20)
    assert done.matches and done.note == "all 1 cells match bit for bit"
    assert [group.id for group in done.groups] == ["follow on synthetic:linear?coherence=0.5"]


@needs_sandbox
def test_an_agent_that_knows_the_public_truth_scores_what_it_deserves(tmp_path: Path) -> None:
    one = submission("honest:Remembers", near_truth, seeds=(0,))
    group = one.board.groups[0]
    paths = {key: follow_path(episode_truth(one.board, key), actions) for key, actions in one.actions.items()}
    public, _ = score_group(one.board, group, paths, 20)
    lead = public.reference - public.static
    assert public.utility.mid > public.static + 0.9 * lead, "the public score is splendid"
    code = learned_by_heart(one, tmp_path / "theirs")
    done = reproduce(one, split_of(one, tmp_path), Performer(agent="honest:Remembers", code=(code,), limits=LIMITS))
    assert done.matches, "it is the agent that was submitted"
    assert done.groups[0].utility.mid == done.groups[0].static, "but there it knows nothing"


@needs_sandbox
def test_what_an_agent_says_about_private_data_is_not_repeated(tmp_path: Path) -> None:
    one = submission("honest:Tells", near_truth, seeds=(0,))
    code = learned_by_heart(one, tmp_path / "theirs")
    heard: list[str] = []
    performer = Performer(agent="honest:Tells", code=(code,), limits=LIMITS)
    done = reproduce(one, split_of(one, tmp_path), performer, progress=heard.append)
    assert not done.matches and done.groups == []
    assert done.note == "all 1 cells match bit for bit; the private run failed"
    assert any("private labels" in line for line in heard), "the owner of the board can read it"


@needs_sandbox
def test_a_hidden_history_with_other_items_is_played_under_the_shipped_name(tmp_path: Path) -> None:
    """The agent gets the private questionnaire over the pipe; its score stands beside the public one."""
    from tests.leaderboard.test_private import secret_history

    board = load_board()
    small = replace(board, histories=board.histories[:1], challenges=board.challenges[:1], seeds=(0, 1))
    synthetic = submission("static", lambda truth: truth.static_actions())
    actions = {key: episode_truth(small, key).static_actions() for key in small.cells}
    one = replace(synthetic, board=small, actions=actions)
    key = new_key(tmp_path / "board.key", "1")
    split = PrivateSplit(key=key, board=small, hidden={"histsmol-v1": secret_history(0)})
    done = reproduce(one, split, Performer(agent="static", limits=LIMITS), resamples=20)
    assert done.matches and [group.id for group in done.groups] == ["follow on histsmol-v1"]
    assert done.commitments == {"key": key.commitment, "histsmol-v1": secret_history(0).hash}
    (private,) = split.groups
    with Stage(Performer(agent="lifelong-map", limits=LIMITS)) as stage:
        played = stage.play(private.board, private.group, private.agent_seeds)
    items = len(secret_history(0).instrument.items)
    assert [table.shape for table in played] == [(8, items, 4)] * 2
    assert not np.array_equal(played[0][0], played[0][-1]), "it learns from the private comparisons"


@needs_sandbox
def test_saying_nothing_is_no_private_score(tmp_path: Path) -> None:
    one = submission("quiet:Quiet", lambda truth: np.zeros(truth.shape, np.float32), seeds=(0,))
    code = tmp_path / "code"
    code.mkdir()
    (code / "quiet.py").write_text(
        "import numpy as np\n"
        "class Quiet:\n"
        "    def reset(self, task, seed=None): self.shape = task.action_shape\n"
        "    def act(self, observation, info): return np.zeros(self.shape, np.float32)\n",
        encoding="utf-8",
    )
    heard: list[str] = []
    performer = Performer(agent="quiet:Quiet", code=(code,), limits=LIMITS)
    done = reproduce(one, split_of(one, tmp_path), performer, progress=heard.append)
    assert not done.matches and done.groups == [] and done.note.endswith("; the private run failed")
    assert "these are no answers" in heard[-1]


@needs_sandbox
def test_other_answers_than_the_submitted_ones_are_not_reproduced(tmp_path: Path) -> None:
    def shifted(truth: EpisodeTruth) -> Actions:
        actions = truth.static_actions()
        actions[3, 5, 0] += np.float32(1e-4)
        return actions

    one = submission("static", shifted, seeds=(0,))
    split = split_of(one, tmp_path)
    done = reproduce(one, split, Performer(agent="static", limits=LIMITS), resamples=20)
    assert not done.matches and done.groups == []
    assert done.largest_difference is not None and 1e-6 < done.largest_difference < 1e-4
    assert done.note.startswith("0 of 1 cells match bit for bit, answers differ by up to ")
    near = reproduce(one, split, Performer(agent="static", limits=LIMITS), resamples=20, tolerance=1e-4)
    assert near.matches and near.groups[0].utility.mid == near.groups[0].static


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        ("oracle", "a reference that reads the truth"),
        ("linear-trend", "a reference that reads the truth"),
        ("honest:Last", "install its code first"),
        ("lifelong-dpo?policy=lm:smollm2-135m", "adjusts a language model"),
    ],
)
def test_agents_that_cannot_be_reproduced(agent: str, told: str) -> None:
    one = submission(agent, lambda truth: truth.static_actions(), seeds=(0,))
    with pytest.raises(UserError, match=told):
        check_agent(one, Performer(agent=agent))


def test_only_recomputed_entries_are_reproduced(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    told, evidence = verdict()
    accepted = Verdict.model_validate({**told.model_dump(), "rung": "validated"})
    digest = str(store.submit(accepted, evidence, "ada").id)
    split = PrivateSplit(key=new_key(tmp_path / "board.key", "1"), board=load_board())
    with pytest.raises(UserError, match="only validated"):
        reproduce_entry(store, digest, split, Performer(agent="static"), most=1, per=MONTH)
    assert store.count("ada", "attempted", datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)) == 0
    store.close()


@needs_sandbox
def test_an_installation_that_fails_says_why(tmp_path: Path) -> None:
    theirs = strangers(tmp_path / "theirs")
    (theirs / "requirements.txt").write_text("--no-such-option\n", encoding="utf-8")
    one = submission("honest:Last", lambda truth: truth.static_actions(), seeds=(0,))
    with pytest.raises(UserError, match=r"failed while installing the agent: .*no such option"):
        install(Source(info=one.record.code, folder=theirs), tmp_path / "installed", secrets=())


@needs_sandbox
def test_code_is_fetched_at_its_commit(tmp_path: Path) -> None:
    into, commits = tmp_path / "installed", []
    repository = into / "repository"  # where the sandbox can see it: this is not about the network
    repository.mkdir(parents=True)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-C", str(repository)]
    subprocess.run([*git, "init", "-q"], check=True)
    for text in ("x = 1\n", "x = 2\n"):
        (repository / "theirs.py").write_text(text, encoding="utf-8")
        for step in (["add", "-A"], ["commit", "-q", "-m", text.strip()]):
            subprocess.run([*git, *step], check=True)
        shown = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
        commits.append(shown.stdout.strip())
    info = CodeInfo.model_construct(url=str(repository), commit=commits[0], entry="theirs:A")  # no https address
    _, code = install(Source(info=info), into, secrets=())
    assert (code / "theirs.py").read_text(encoding="utf-8") == "x = 1\n"


@needs_sandbox
def test_setup_code_sees_no_secrets_and_writes_to_its_folder_alone(tmp_path: Path) -> None:
    secret, into = tmp_path / "board.key", tmp_path / "installed"
    new_key(secret, "1")
    into.mkdir()
    into.chmod(0o777)
    room = Room(writable=(into,), package=False, network=True)
    for script, told in (
        (f"open({str(secret)!r}).read()", "FileNotFoundError"),
        (f"open({str(tmp_path / 'x')!r}, 'w')", "Permission denied|Read-only file system"),
        ("open('/usr/x', 'w')", "Permission denied|Read-only file system"),
        ("import progressgym.histories", "ModuleNotFoundError"),
    ):
        with pytest.raises(UserError, match=told):
            installation._run([sys.executable, "-c", script], room, into, (secret,), installation.InstallLimits())
    writes = f"open({str(into / 'x')!r}, 'w').write('mine')"
    installation._run([sys.executable, "-c", writes], room, into, (secret,), installation.InstallLimits())
    assert (into / "x").read_text(encoding="utf-8") == "mine"
    endless = installation.InstallLimits(seconds=1.0)
    with pytest.raises(UserError, match="took longer than 1 seconds"):
        installation._run([sys.executable, "-c", "while True: pass"], room, into, (secret,), endless)


def test_time_for_all_runs_together_is_limited(tmp_path: Path) -> None:
    one = submission("static", lambda truth: truth.static_actions(), seeds=(0,))
    limits = GuestLimits(total_seconds=0.0)
    done = reproduce(one, split_of(one, tmp_path), Performer(agent="static", limits=limits))
    assert not done.matches and done.note == "the public run failed: its runs took longer than 0 seconds together"
    assert done.largest_difference is None


def test_where_there_is_no_sandbox_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    if sys.platform == "linux":
        told = "no sandbox, so no reproduction: bubblewrap needs bwrap.*, not found; unshare needs unshare and .*, not found"
    else:
        told = "it needs Linux namespaces"
    with pytest.raises(UserError, match=told):
        sandbox.check_sandbox.__wrapped__()


@needs_sandbox
@needs_sandbox
@pytest.mark.parametrize("way", [name for name in sandbox.WAYS if sandbox.probe(name) is None])
def test_a_room_without_the_package_holds_nothing_of_it(way: str) -> None:
    """No empty namespace either: a setup that imports progressgym without installing it fails plainly."""
    code = "import importlib.util, sys; print(importlib.util.find_spec('progressgym'), sys.argv)"
    environment = (("PYTHONPATH", str(Path(progressgym.__file__).resolve().parent.parent)),)
    room = sandbox.Room(package=False, environment=environment)
    inside = sandbox.WAYS[way](sandbox._confined([sys.executable, "-c", code, "a b", "$HOME"]), room)
    done = subprocess.run(inside, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["None", "['-c',", "'a", "b',", "'$HOME']"]


def test_an_installation_cannot_lead_the_run_elsewhere(tmp_path: Path) -> None:
    """Setup code puts a link to the board's secrets where its own code should be."""
    secret = tmp_path / "secret"
    secret.mkdir()
    one = submission("honest:Last", lambda truth: truth.static_actions(), seeds=(0,))
    run = installation._run

    def links(program: list[str], room: Room, into: Path, *rest: object) -> None:
        script = f"import os, shutil; shutil.rmtree({str(into / 'code')!r}); os.symlink({str(secret)!r}, {str(into / 'code')!r})"
        run([program[0], "-c", script], room, into, *rest)  # type: ignore[arg-type]

    theirs = strangers(tmp_path / "theirs")
    (theirs / "requirements.txt").write_text("", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(installation, "_run", links)
        with pytest.raises(UserError, match="left no folder code"):
            install(Source(info=one.record.code, folder=theirs), tmp_path / "installed", secrets=(secret,))


@needs_sandbox
def test_no_sandbox_shows_a_secret(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    with pytest.raises(UserError, match="which the sandbox shows"):
        command(["true"], Room(readable=(tmp_path,)), secrets=(tmp_path / "code",))


@needs_sandbox
@pytest.mark.parametrize("way", list(sandbox.WAYS))
def test_a_folder_that_is_closed_to_others_is_shown_all_the_same(tmp_path: Path, way: str) -> None:
    """As an environment below `mktemp -d` is, of which a board that runs as root is the owner."""
    if sandbox.probe(way) is not None:
        pytest.skip(str(sandbox.probe(way)))
    closed = tmp_path / "closed"
    closed.mkdir()
    (closed / "told").write_text("found", encoding="utf-8")
    closed.chmod(0o700)
    program = [sys.executable, "-c", f"print(open({str(closed / 'told')!r}).read())"]
    line = sandbox.WAYS[way](program, Room(readable=(closed,), package=False))
    done = subprocess.run(line, capture_output=True, text=True, env=sandbox.OUTSIDE, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "found\n"), done.stderr


@needs_sandbox
def test_each_strangers_episode_begins_anew(tmp_path: Path) -> None:
    """What an agent writes in one episode is gone in the next."""
    code = tmp_path / "code"
    code.mkdir()
    (code / "keeps.py").write_text(
        "import os, numpy as np\n"
        "class Keeps:\n"
        "    def reset(self, task, seed=None):\n"
        "        self.shape, self.again = task.action_shape, os.path.exists('/tmp/seen')\n"
        "        open('/tmp/seen', 'w').close()\n"
        "    def act(self, observation, info):\n"
        "        return np.full(self.shape, float(self.again), np.float32)\n",
        encoding="utf-8",
    )
    one = submission("static", lambda truth: truth.static_actions())
    with Stage(Performer(agent="keeps:Keeps", code=(code,), limits=LIMITS)) as stage:
        played = stage.play(one.board, one.board.groups[0], (0, 1))
    assert [float(actions.max()) for actions in played] == [0.0, 0.0]
    assert write_actions(played[0]) == write_actions(played[1])


def test_a_failed_reproduction_is_written_down(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    digest = str(store.submit(*verdict(), "ada").id)
    failed = Reproduction(split="s", matches=False, largest_difference=None, groups=[], seconds=1.0, note="it hung")
    store.record_reproduction(digest, failed)
    (row,) = make_standings(store).rows
    assert row.open and row.place is None and row.reproduction == failed
    assert store.log()[-1].reasons == ["it hung"]
    store.close()


IMPOSSIBLE = """
import json, os, struct
class Agent:
    def reset(self, task, seed=None): pass
    def act(self, observation, info):
        arrays = [["actions", "<f4", [0, 2**31 - 1, 2**31 - 1, 2**31 - 1]]]
        header = json.dumps({"kind": "actions", "fields": {}, "arrays": arrays}).encode()
        frame = struct.pack("<4sIQ", b"PGF1", len(header), 0) + header
        for descriptor in range(3, 64):
            try:
                os.write(descriptor, frame)
            except OSError:
                pass
        os._exit(0)
"""


@needs_sandbox
def test_an_answer_of_impossible_shape_is_an_outcome(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "odd.py").write_text(IMPOSSIBLE, encoding="utf-8")
    one = submission("odd:Agent", lambda truth: truth.static_actions(), seeds=(0,))
    performer = Performer(agent="odd:Agent", code=(code,), limits=LIMITS)
    done = reproduce(one, split_of(one, tmp_path), performer, resamples=20)
    assert not done.matches and "cannot have its shape" in done.note


def entered(store: Store, one: Submission, monkeypatch: pytest.MonkeyPatch) -> str:
    """An entry of a small board whose evidence is this submission."""
    told, evidence = verdict(name="theirs")
    digest = str(store.submit(told, evidence, "ada").id)
    monkeypatch.setattr(attempts, "load_submission", lambda path: one)
    return digest


@needs_sandbox
def test_a_failed_installation_costs_an_attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.open(tmp_path / "store")
    one = submission("honest:Last", lambda truth: truth.static_actions(), seeds=(0,))
    digest = entered(store, one, monkeypatch)

    def fails() -> tuple[Path, ...]:
        raise UserError("pip failed while installing the agent: Looking in indexes: https://me:secret@index")

    heard: list[str] = []
    performer = Performer(agent="honest:Last", limits=LIMITS)
    split = split_of(one, tmp_path)
    done = reproduce_entry(store, digest, split, performer, most=1, per=MONTH, install=fails, progress=heard.append)
    assert not done.matches and done.note == "pip failed while installing the agent"
    assert "secret" in heard[0] and "secret" not in str(store.log()), "for the owner's eyes"
    assert [line.action for line in store.log()] == ["accepted", "attempted", "not-reproduced"]
    with pytest.raises(UserError, match="used 1 of 1 attempts"):
        reproduce_entry(store, digest, split, performer, most=1, per=MONTH, install=fails)
    store.close()


@needs_sandbox
def test_the_boards_own_failure_is_written_down_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.open(tmp_path / "store")
    one = submission("honest:Last", lambda truth: truth.static_actions(), seeds=(0,))
    digest = entered(store, one, monkeypatch)

    def full() -> tuple[Path, ...]:
        raise OSError(28, "No space left on device")

    performer = Performer(agent="honest:Last", limits=LIMITS)
    with pytest.raises(OSError, match="No space"):
        reproduce_entry(store, digest, split_of(one, tmp_path), performer, most=1, per=MONTH, install=full)
    assert store.log()[-1].reasons == ["the board failed while it ran the agent (OSError)"]
    store.close()


def resident(path: Path) -> int:
    """Pages of a file that are in memory."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as view:
        first = ctypes.c_char.from_buffer(view)
        seen = ctypes.create_string_buffer(len(view) // mmap.PAGESIZE)
        failed = ctypes.CDLL(None).mincore(ctypes.c_void_p(ctypes.addressof(first)), ctypes.c_size_t(len(view)), seen)
        del first
    assert not failed
    return sum(byte & 1 for byte in seen.raw[: len(seen)])


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel of Linux")
def test_pages_of_an_agents_code_are_forgotten(tmp_path: Path) -> None:
    """Also those that were just written; what a link leads to is left alone."""
    pages = 64
    outside, inside = tmp_path / "outside.bin", tmp_path / "code/deep/weights.bin"
    inside.parent.mkdir(parents=True)
    for path in (outside, inside):
        path.write_bytes(bytes(pages * mmap.PAGESIZE))
    (tmp_path / "code/link.bin").symlink_to(outside)
    (tmp_path / "code/broken").symlink_to(tmp_path / "nowhere")
    if resident(inside) < pages:
        pytest.skip("this file system keeps no pages")
    forget_pages([tmp_path / "code"])
    assert resident(inside) == 0 and resident(outside) == pages
    assert inside.read_bytes() == bytes(pages * mmap.PAGESIZE)
