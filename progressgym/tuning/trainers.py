"""TRL's trainers with what the alignment of answers needs: weights and soft targets in the loss, finite choices.

Each class changes as little of its parent as it can:

* rows come tokenised, so that the model is trained on exactly the ids that a reading scores and no end token is learned;
* DPO's reference is the log-probabilities that the policy itself gives before its first step, computed in the batches
  of the training, so that the first margin is exactly 0 (with `ref_model=None` the parent loads the reference of a
  model without adapter from the disk, where the last century's policy is not);
* the output head is applied to the predicted positions only (the parent scores every position on a CPU).

Importing this module loads trl; import it where a stage begins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from trl import DPOTrainer, RewardTrainer, RLOOTrainer

from progressgym.losses import WITHOUT_MARGIN, Loss, Margins, sigmoid
from progressgym.tuning.contrasts import NUMBER_PARTS, TERM_PARTS, collate, continuation_logps

REFERENCE = ("ref_chosen_logps", "ref_rejected_logps")


class AnswerDPOTrainer(DPOTrainer):  # type: ignore[misc]  # trl ships no types
    """DPO (arXiv 2305.18290, equation 7) per token, with a target, a weight and an offset for every row.

    loss = mean_b u_b L(m_b + o_b, y_b),    L(m, y) = -y log sigma(m) - (1 - y) log sigma(-m) unless another is given,
    m = beta [ (log pi(chosen) - log ref(chosen)) - (log pi(rejected) - log ref(rejected)) ], log in the mean over tokens.

    With y = u = 1 and o = 0 it is the parent's `sigmoid_norm` loss, with `total`, where log is the sum over tokens, its
    `sigmoid`. Others: `progressgym.losses`; what they look at beside margins are `parts` of the rows.
    """

    def __init__(
        self, *args: Any, loss: Loss = sigmoid, parts: Sequence[str] = (), total: bool = False, **kwargs: Any
    ) -> None:
        """Everything but `loss`, `parts` and `total` is the parent's."""
        self._answer_loss, self._parts, self._total = loss, parts, total
        super().__init__(*args, **kwargs)

    def _prepare_dataset(self, dataset: Any, processing_class: Any, args: Any, dataset_name: str) -> Any:
        return dataset

    def _precompute_ref_logps(self, dataset: Any, name: str, batch_size: int) -> Any:
        """Add the reference's log-probabilities as columns; nothing is cached on disk.

        Terms that are all bare have no reference, and are not read for one: their column is 0. Nor is anything for a loss
        without margins.
        """
        has_terms = "terms" in dataset.column_names
        if self._answer_loss in WITHOUT_MARGIN:
            nothing = [[0.0] * len(row) for row in dataset["terms"]]
            for key in REFERENCE:
                dataset = dataset.add_column(key, [0.0] * len(dataset))
            return dataset.add_column("ref_terms", nothing)
        bare = has_terms and all(term["bare"] for row in dataset["terms"] for term in row)
        read = dataset.remove_columns("terms") if bare else dataset
        loader: DataLoader[Any] = DataLoader(read, batch_size=batch_size, collate_fn=self.data_collator)
        parts = []
        terms: list[list[float]] = [[0.0] * len(row) for row in dataset["terms"]] if bare else []
        with torch.no_grad():
            for batch in loader:
                moved = {key: value.to(self.accelerator.device) for key, value in batch.items()}
                logps = continuation_logps(self.model, moved, total=self._total).cpu()
                rows = len(batch["target"])
                parts.append(logps[: 2 * rows].view(2, -1))
                if has_terms and not bare:
                    owner = batch.get("term_row", torch.zeros(0)).tolist()
                    further: list[list[float]] = [[] for _ in range(rows)]
                    for row, logp in zip(owner, logps[2 * rows :].tolist(), strict=True):
                        further[row].append(logp)
                    terms += further
        for key, column in zip(REFERENCE, torch.cat(parts, dim=1).tolist(), strict=True):
            dataset = dataset.add_column(key, column)
        return dataset.add_column("ref_terms", terms) if has_terms else dataset

    def _compute_loss(self, model: Any, inputs: Mapping[str, Tensor], return_outputs: bool) -> Tensor:
        logps = continuation_logps(model, inputs, total=self._total)
        chosen, rejected = logps[: 2 * len(inputs["target"])].chunk(2)
        rewards = self.beta * (chosen - inputs[REFERENCE[0]]), self.beta * (rejected - inputs[REFERENCE[1]])
        margins = rewards[0] - rewards[1]
        given = Margins(
            margin=margins + inputs["offset"],
            target=inputs["target"],
            sides=torch.stack(rewards, -1) + torch.stack([inputs["offset"], -inputs["offset"]], -1) / 2.0,
            **{part: self._part(part, inputs, logps) for part in self._parts},
        )
        losses = inputs["weight"] * self._answer_loss(given)
        logs = {"logps/chosen": chosen, "logps/rejected": rejected}
        if self._answer_loss not in WITHOUT_MARGIN:
            logs |= {
                "rewards/chosen": rewards[0],
                "rewards/rejected": rewards[1],
                "rewards/accuracies": (margins > 0).float(),
                "rewards/margins": margins,
            }
        metrics = self._metrics["train" if self.model.training else "eval"]
        for key, values in logs.items():
            metrics[key].append(self.accelerator.gather(values.detach()).mean().item())
        return losses.mean()

    def _part(self, part: str, inputs: Mapping[str, Tensor], logps: Tensor) -> Tensor:
        """What a loss looks at beside margins: (B,), or (B, L) where it is several numbers."""
        rows = len(inputs["target"])
        if part in NUMBER_PARTS:
            return inputs[part] if part == "fares" else inputs[part][:, 0]
        width, own = 2 if part == "steer" else 0 if part == "degrees" else 1, None
        if "term_row" in inputs:
            own = inputs["term_part"] == TERM_PARTS.index(part)
            width = max([width, *(1 + inputs["term_slot"][own]).tolist()])
        table = logps.new_zeros(rows, width)
        if own is not None:
            further, place = logps[2 * rows :][own], (inputs["term_row"][own], inputs["term_slot"][own])
            odds = self.beta * (further - inputs["ref_terms"][own])
            values = inputs["term_share"][own] * torch.where(inputs["term_bare"][own], further, odds)
            if part == "degrees":  # a row with fewer of them than another has none, not one without a margin
                there = torch.zeros_like(table).index_put_(place, torch.ones_like(values))
                table = table.masked_fill(there == 0, torch.inf)
            table = table.index_put(place, values, accumulate=True)
        return table if part in ("degrees", "steer") else table[:, 0]


class AnswerRewardTrainer(RewardTrainer):  # type: ignore[misc]
    """Bradley-Terry reward model with a target, a weight and an offset for every row (see `AnswerDPOTrainer`)."""

    def compute_loss(
        self, model: Any, inputs: dict[str, Tensor], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Tensor:
        """Mean weighted loss; the metrics have the parent's names."""
        rewards = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], use_cache=False).logits
        chosen, rejected = rewards[:, 0].float().chunk(2)
        margins = chosen - rejected
        losses = inputs["weight"] * sigmoid(Margins(margin=margins + inputs["offset"], target=inputs["target"]))
        metrics = self._metrics["train" if self.model.training else "eval"]
        metrics["accuracy"].append((margins > 0).float().mean().item())
        metrics["margin"].append(margins.mean().item())
        metrics["mean_reward"].append(rewards.mean().item())
        return losses.mean()


class AnswerRLOOTrainer(RLOOTrainer):  # type: ignore[misc]
    """REINFORCE leave-one-out whose completions are drawn from each prompt's own choices, by the policy's odds.

    Drawing is exact and needs no generation loop: the log-probabilities of all choices come from one forward pass.
    """

    choices: Mapping[tuple[int, ...], Sequence[list[int]]]
    """Prompt ids -> the continuations that may follow. Set before `train`."""
    prompts: Sequence[tuple[int, ...]]
    """Prompt ids by number: the parent takes texts, which are these numbers. Set before `train`."""

    def _tokenize_prompts(self, prompts: list[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
        return [list(self.prompts[int(number)]) for number in prompts], None, {}

    def _generate_single_turn(
        self, prompt_ids: list[list[int]], images: Any, multimodal_fields: Any
    ) -> list[list[int]]:
        distinct = list(dict.fromkeys(map(tuple, prompt_ids)))
        rows = [
            {"prompt_ids": list(ids), "chosen_ids": choice, "rejected_ids": choice}
            for ids in distinct
            for choice in self.choices[ids]
        ]
        batch = {k: v.to(self.accelerator.device) for k, v in collate(rows, self._tokenizer.pad_token_id).items()}
        with torch.no_grad():
            means = continuation_logps(self.model, batch)[: len(rows)]
        sums = (means * batch["token_mask"][: len(rows)].sum(-1)).split([len(self.choices[ids]) for ids in distinct])
        chances = {ids: torch.softmax(scores, dim=0) for ids, scores in zip(distinct, sums, strict=True)}
        drawn = [int(torch.multinomial(chances[tuple(ids)], 1)) for ids in prompt_ids]
        return [list(self.choices[tuple(ids)][which]) for ids, which in zip(prompt_ids, drawn, strict=True)]


def preference_collator(pad: int, *, share: bool = False) -> Callable[[Sequence[Mapping[str, Any]]], dict[str, Any]]:
    """Collator of `AnswerDPOTrainer`; `share` as in `collate`."""
    return lambda examples: collate(examples, pad, share=share)


def reward_collator(pad: int) -> Callable[[Sequence[Mapping[str, Any]]], dict[str, Any]]:
    """Collator of `AnswerRewardTrainer`: whole texts, chosen ones first, padded on the right."""

    def stack(examples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        texts = [[*row["prompt_ids"], *row[side]] for side in ("chosen_ids", "rejected_ids") for row in examples]
        return pad_right(texts, pad) | {
            key: torch.tensor([float(row[key]) for row in examples]) for key in ("target", "weight", "offset")
        }

    return stack


def pad_right(texts: Sequence[Sequence[int]], pad: int) -> dict[str, Tensor]:
    """`input_ids` and `attention_mask` (B, L)."""
    width = max(map(len, texts))
    ids = torch.tensor([[*text, *[pad] * (width - len(text))] for text in texts])
    mask = torch.tensor([[1] * len(text) + [0] * (width - len(text)) for text in texts])
    return {"input_ids": ids, "attention_mask": mask}


def float32_head(head: torch.nn.Linear) -> torch.nn.Module:
    """A linear head in float32 on hidden states of any format."""

    class Head(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = head

        def forward(self, hidden: Tensor) -> Tensor:
            scores: Tensor = self.linear(hidden.float())
            return scores

    return Head()
