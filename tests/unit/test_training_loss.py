"""The batch's loss equals a computation with a row of its own for every turn, gradients included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import InvalidInput
from tests.tiny_models import FAMILIES, chains, encoder, random_model, with_lora
from training.collation import Batching, DialogueCollator, record
from training.dataset import dialogue_of
from training.dialogue import LETTERS, Style, Target, TurnKind
from training.encoding import Encoded
from training.loss import (
    Weights,
    letter_divergence,
    letter_log_probabilities,
    logits_read,
    turn_terms,
)
from training.separation import check_separation

WEIGHTS = Weights(propose=0.7, weigh=1.3, when=0.4, brier=0.9)
SCALE = 20.0
"""About the number of turns, so that losses are of the order of one."""


def _examples(count: int = 3) -> list[Encoded]:
    style = Style(Target.POOLED, without_happened=0.1)
    return [encoder().encode(dialogue_of(chain, style, 1, 0)) for chain in chains(count)]


def _batch_loss(model: Any, examples: list[Encoded], batching: Batching = Batching.LENGTH) -> torch.Tensor:
    batch = DialogueCollator(encoder().tokenizer.pad_token_id or 0, batching)([record(e) for e in examples])
    logits = logits_read(model, model.get_output_embeddings(), batch)
    return turn_terms(logits, batch, torch.tensor(encoder().letter_ids)).total(WEIGHTS, SCALE)


def _row_losses(model: Any, example: Encoded) -> Iterator[torch.Tensor]:
    """Each turn as a row of its own: the dialogue up to it, all logits, the formula spelled out."""
    for span in example.spans:
        row = torch.tensor([example.input_ids[: span.end]])
        log_p = model(input_ids=row).logits[0].log_softmax(-1)
        each = [-log_p[t - 1, row[0, t]] for t in range(span.start, span.end)]
        yield WEIGHTS.propose * sum(each, torch.zeros(())) / len(each)
    for letter in example.letters:
        row = torch.tensor([example.input_ids[: letter.at + 1]])
        options = [i for i, share in enumerate(letter.target) if share >= 0]
        scores = model(input_ids=row).logits[0, -1][[encoder().letter_ids[i] for i in options]]
        p, target = scores.softmax(-1), torch.tensor([letter.target[i] for i in options])
        weight = WEIGHTS.weigh if letter.kind is TurnKind.WEIGH else WEIGHTS.when
        yield -weight * (target * p.log()).sum() + WEIGHTS.brier * (p - target).pow(2).sum()


@pytest.mark.parametrize(
    ("family", "experts"), [*((f, False) for f in FAMILIES), ("gpt-oss", True)], ids=lambda v: str(v)
)
def test_the_batch_equals_a_row_for_every_turn(family: str, experts: bool) -> None:
    model = with_lora(random_model(family), experts=experts)
    examples = _examples()
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    assert any("experts" in name for name in trained) == experts
    loss = _batch_loss(model, examples)
    found = dict(zip(trained, torch.autograd.grad(loss, list(trained.values())), strict=True))
    rows = sum((term for e in examples for term in _row_losses(model, e)), torch.zeros(())) / SCALE
    expected = dict(zip(trained, torch.autograd.grad(rows, list(trained.values())), strict=True))
    assert float((loss - rows).detach().abs()) < 1e-5
    for name in trained:
        assert float((found[name] - expected[name]).abs().max()) < 1e-4, name
        assert float(expected[name].abs().max()) > 0, name


def test_logits_are_formed_where_a_turn_of_the_same_row_reads_them() -> None:
    model, examples = random_model("llama"), _examples()
    batch = DialogueCollator(0)([record(e) for e in examples])
    handed: list[torch.Size] = []
    head = model.get_output_embeddings()
    head.register_forward_hook(lambda _, states, logits: handed.append(logits.shape))
    logits = logits_read(model, head, batch)
    listed = sum(span.end - span.start for e in examples for span in e.spans)
    letters = sum(len(e.letters) for e in examples)
    assert handed == [torch.Size([listed + letters, model.config.vocab_size])]
    assert (len(logits.lists_NV), len(logits.letters_MV)) == (listed, letters)
    everywhere = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    assert torch.equal(logits.letters_MV, everywhere[batch["letter_row"], batch["letter_at"]])


def test_a_packed_row_equals_rows_where_the_kernel_keeps_dialogues_apart() -> None:
    model, examples = random_model("llama"), _examples()
    padded, packed = (_batch_loss(model, examples, how) for how in Batching)
    assert float((padded - packed).detach().abs()) < 1e-5


def test_rows_padded_apart_pass_the_check_in_every_family() -> None:
    rows = [record(e) for e in _examples()]
    collator = DialogueCollator(0)
    for family in FAMILIES:
        assert check_separation(random_model(family), collator, rows, encoder().letter_ids) < 1e-3


def test_a_model_that_lets_packed_dialogues_see_each_other_is_refused() -> None:
    rows = [record(e) for e in _examples()]
    collator = DialogueCollator(0, Batching.PACKED)
    said = "see each other with GptOssForCausalLM and eager attention.*set batching: length"
    with pytest.raises(InvalidInput, match=said):
        check_separation(random_model("gpt-oss"), collator, rows, encoder().letter_ids)


class _Leaking(torch.nn.Module):
    """A model whose rows see each other, padded apart or not."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner, self.config = inner, inner.config

    def get_output_embeddings(self) -> Any:
        return self.inner.get_output_embeddings()

    def forward(self, **batch: torch.Tensor) -> Any:
        found = self.inner(**batch)
        found.logits = found.logits + found.logits.mean(dim=0)
        return found


def test_where_even_padded_rows_see_each_other_the_base_is_refused() -> None:
    rows = [record(e) for e in _examples()]
    with pytest.raises(InvalidInput, match="choose another base"):
        check_separation(_Leaking(random_model("llama")), DialogueCollator(0), rows, encoder().letter_ids)


def test_a_batch_without_lists_has_a_loss_with_gradients() -> None:
    """Proper scoring reads letters alone; a dialogue whose lists are all incomplete must not fail either."""
    model, examples = with_lora(random_model("llama")), _examples(1)
    examples[0].spans.clear()
    loss = _batch_loss(model, examples)
    loss.backward()
    assert torch.isfinite(loss)


@given(
    st.lists(st.floats(-20, 20, allow_nan=False), min_size=len(LETTERS), max_size=len(LETTERS)),
    st.sets(st.integers(0, len(LETTERS) - 1), min_size=1),
)
def test_letters_are_a_distribution_over_their_options(scores: list[float], options: set[int]) -> None:
    mask = torch.tensor([[i in options for i in range(len(LETTERS))]])
    p = letter_log_probabilities(torch.tensor([scores]), mask).exp()[0]
    assert abs(float(p.sum()) - 1) < 1e-5
    assert all(float(p[i]) == 0 for i in range(len(LETTERS)) if i not in options)


def test_the_divergence_of_letters_is_that_of_their_shares_and_knows_only_options() -> None:
    options = torch.tensor([[True, True, False], [True, True, True]])
    scores = torch.tensor([[0.3, -0.2, 9.0], [0.1, 0.7, 0.4]], requires_grad=True)
    before = letter_log_probabilities(torch.tensor([[1.0, 0.0, 5.0], [0.1, 0.7, 0.4]]), options)
    now = letter_log_probabilities(scores, options)
    found = letter_divergence(before, now)
    p, q = (row[0, :2].exp() for row in (before, now.detach()))
    assert found.item() == pytest.approx((p * (p / q).log()).sum().item() / 2)
    found.backward()
    assert scores.grad is not None
    assert torch.isfinite(scores.grad).all()
    assert scores.grad[0, 2] == 0
    assert scores.grad[1].abs().max() < 1e-6, "letters that have not moved are not pushed"
