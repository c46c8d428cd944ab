"""The child process of `progressgym.leaderboard.limited`: reads a request on standard input, writes verdicts as files.

python -m progressgym.leaderboard.child < request.json
"""

from __future__ import annotations

import errno
import json
import sys
from pathlib import Path

from progressgym.core.limits import Limits, set_limits
from progressgym.leaderboard.limited import EVIDENCE_FILE, OWN_FAULT, VERDICT
from progressgym.leaderboard.problems import problem
from progressgym.leaderboard.records import Verdict
from progressgym.leaderboard.verify import verify


def main() -> int:
    """Verify what is asked for."""
    request = json.load(sys.stdin)
    set_limits(Limits(**request["limits"]))  # before anything of the submission is touched
    out = Path(request["out"])
    for index, source in enumerate(request["sources"]):
        evidence: bytes | None = None
        try:
            verdict, evidence = verify(source, rung=request["rung"], resamples=request["resamples"])
        except MemoryError:
            reason = "needed more memory than a submission may"
            verdict = Verdict(digest=None, rung=None, problems=[problem("limits", "", f"checking it {reason}")])
        try:
            if evidence is not None:
                (out / EVIDENCE_FILE.format(index)).write_bytes(evidence)
            (out / VERDICT.format(index)).write_text(verdict.model_dump_json(), encoding="utf-8")
        except OSError as error:
            if error.errno is None or error.errno == errno.EFBIG:  # the limit on files, not a full disk
                raise
            return OWN_FAULT + error.errno
    return 0


if __name__ == "__main__":
    sys.exit(main())
