#!/usr/bin/env bash
# Reproduce the current board's entries in the sandbox, on the public grid and on a private split, and write the standings
# that come with the package. Needs Linux with bubblewrap; about ten minutes on two cores.
#
#     bash leaderboard/entries/reproduce.sh               # under a fresh key that is thrown away
#     bash leaderboard/entries/reproduce.sh board.key     # under a key that is kept
#     TOLERANCE=1e-5 bash leaderboard/entries/reproduce.sh   # where the processor rounds last bits otherwise; the notes say so
#
# Only the key's commitment gets into the standings. With a key that is kept and published later, anybody can draw the
# same private paths and check every private score.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
cli=(python -m progressgym.cli.main)
key="${1:-$scratch/board.key}"
[ -e "$key" ] || "${cli[@]}" leaderboard key new "$key" --rotation "$(date -u +%Y-%m-%d)"

for entry in "$here"/*.zip; do
    "${cli[@]}" leaderboard submit "$entry" --store "$scratch/board" --submitter progressgym > /dev/null
done
"${cli[@]}" leaderboard reproduce all --store "$scratch/board" --key-file "$key" --attempts 1000 \
    --tolerance "${TOLERANCE:-0}"
"${cli[@]}" leaderboard show --store "$scratch/board" --json --out "$here/../standings-board-v2.json"
"${cli[@]}" leaderboard show
