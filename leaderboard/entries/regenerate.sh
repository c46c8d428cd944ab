#!/usr/bin/env bash
# Make every entry of the current board again from real runs, by the command line that everybody uses; then the standings
# that ship. Entries of boards before it are an archive and stay as they are.
#
#     bash leaderboard/entries/regenerate.sh [RUN_DIR]     # about ten minutes on two cores
#
# Needed for a new board, whose entries are new versions.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
run="${1:-$(mktemp -d)}"
if [ -n "$(ls -A "$run" 2>/dev/null)" ]; then          # cells of an earlier commit would be used again
    echo "$run is not empty; give a new folder" >&2
    exit 2
fi
agents=(static random lifelong-map lifelong-dpo lifelong-rlhf extrapolative-dpo extrapolative-rlhf kalman kalman-pooled
    attention attention-v2)
cli=(python -m progressgym.cli.main)

"${cli[@]}" bench --agents "$(IFS=,; echo "${agents[*]}")" --challenges "follow,predict,predict?horizon=4,coevolve-v2" \
    --history "gss-v1,synthetic:people-v1,synthetic:linear?coherence=0.5" --labels probability --seeds 10 --out "$run" --quiet
for agent in "${agents[@]}"; do
    case "$agent" in
        static) summary="Baseline: answers as century 0 for ever" ;;
        random) summary="Baseline: answers by chance" ;;
        lifelong-map) summary="Tracks the most probable stance, century by century" ;;
        lifelong-dpo) summary="Direct preference optimisation every century, as published" ;;
        lifelong-rlhf) summary="A reward model and its best policy every century, as published" ;;
        extrapolative-dpo) summary="DPO on preferences forecast by a line" ;;
        extrapolative-rlhf) summary="RLHF on preferences forecast by a line" ;;
        kalman) summary="Averages filters of levels, trends, parabolas and cycles by their evidence" ;;
        kalman-pooled) summary="A filter whose slopes shrink towards a common one, estimated with its noise" ;;
        attention) summary="Forecasts with weights learned on synthetic paths" ;;
        attention-v2) summary="Forecasts with weights learned on many kinds of instruments" ;;
    esac
    version=2
    case "$agent" in kalman-pooled | attention-v2) version=1 ;; esac   # not on board-v1
    "${cli[@]}" leaderboard package "$run" --agent "$agent" --name "$agent" --version "$version" --summary "$summary" \
        --authors "The progressgym authors" --licence MIT --out "$here/$agent-$version.zip"
done
bash "$here/reproduce.sh"
