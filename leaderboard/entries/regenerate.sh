#!/usr/bin/env bash
# Make every entry again from real runs, by the command line that everybody uses; then the standings that ship.
#
#     bash leaderboard/entries/regenerate.sh [RUN_DIR]     # about five minutes on two cores
#
# Needed whenever the board's content changes: a history measured again, another instrument, another grid.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
run="${1:-$(mktemp -d)}"
if [ -n "$(ls -A "$run" 2>/dev/null)" ]; then          # cells of an earlier commit would be used again
    echo "$run is not empty; give a new folder" >&2
    exit 2
fi
agents=(static random lifelong-map lifelong-dpo lifelong-rlhf extrapolative-dpo extrapolative-rlhf kalman attention)
cli=(python -m progressgym.cli.main)

"${cli[@]}" bench --agents "$(IFS=,; echo "${agents[*]}")" --challenges follow,predict,coevolve \
    --history "histsmol-v1,synthetic:linear?coherence=0.5" --labels probability --seeds 10 --splits shipped --out "$run" --quiet
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
        attention) summary="Forecasts with weights learned on synthetic paths" ;;
    esac
    "${cli[@]}" leaderboard package "$run" --agent "$agent" --name "$agent" --version 1 --summary "$summary" \
        --authors "The progressgym authors" --licence MIT --out "$here/$agent-1.zip"
done
bash "$here/reproduce.sh"
