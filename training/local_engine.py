"""The transformers engine: a model in this process, with the prefix cached along the tree.

Caches of the last contexts are kept; a new context starts from the longest one that is its prefix, and a
cache is copied before it is used, so that branches never share state. Questions on one context are read in one
batch, padded on the right.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers import DynamicCache

from training.dialogue import LETTERS
from training.encoding import Encoder
from training.engine import Floats, LetterQuestion, Sampling
from training.list_grammar import ListConstraint, parse
from training.template import PLAIN, Template


class TransformersEngine:
    """A causal model as an `Engine`; `caches` contexts are kept (0: every call reads its whole context)."""

    def __init__(self, model: Any, tokenizer: Any, caches: int = 8, template: Template = PLAIN) -> None:
        self.model, self.encoder = model.eval(), Encoder(tokenizer, template)
        self.tokens_used, self.unread = 0, 0.0
        self._kept: OrderedDict[tuple[int, ...], Any] = OrderedDict()
        self._room = caches
        self._constraint: ListConstraint | None = None

    @property
    def _device(self) -> Any:
        return next(self.model.parameters()).device

    @torch.inference_mode()
    def letters(self, context: tuple[int, ...], questions: Sequence[LetterQuestion]) -> list[Floats]:
        """One forward pass over all questions, after the cached context."""
        head, cache = self._read(context)
        rows = [[*context[head:], *question.more] for question in questions]
        width = max(len(row) for row in rows)
        pad = self.encoder.end
        tokens = torch.tensor([row + [pad] * (width - len(row)) for row in rows], device=self._device)
        mask = torch.ones((len(rows), head + width), dtype=torch.long, device=self._device)
        for i, row in enumerate(rows):
            mask[i, head + len(row) :] = 0
        last = torch.tensor([len(row) - 1 for row in rows], device=self._device)
        read = last.unique()
        cache.batch_repeat_interleave(len(rows))
        logits = self.model(
            input_ids=tokens, attention_mask=mask, past_key_values=cache, logits_to_keep=read
        ).logits
        self.tokens_used += sum(len(row) for row in rows)
        at = logits[torch.arange(len(rows), device=self._device), torch.searchsorted(read, last)].float()
        return [
            self._distribution(row, question.letters) for row, question in zip(at, questions, strict=True)
        ]

    def _distribution(self, logits_V: torch.Tensor, letters: str) -> Floats:
        ids = [self.encoder.letter_ids[LETTERS.index(letter)] for letter in letters]
        return np.asarray(logits_V[ids].double().softmax(-1).cpu().numpy(), dtype=np.float64)

    def _read(self, context: tuple[int, ...]) -> tuple[int, Any]:
        """Tokens of the context that a copied cache holds (all but the last at most), and that cache."""
        if self._room == 0:
            return 0, DynamicCache(config=self.model.config)
        whole = context[:-1]
        if whole not in self._kept:
            self._keep(whole, self._extended(whole))
        self._kept.move_to_end(whole)
        return len(whole), copy.deepcopy(self._kept[whole])

    def _extended(self, context: tuple[int, ...]) -> Any:
        """A cache of a context, begun from the longest kept one that is its prefix."""
        known = max((kept for kept in self._kept if context[: len(kept)] == kept), key=len, default=())
        cache = copy.deepcopy(self._kept[known]) if known else DynamicCache(config=self.model.config)
        rest = torch.tensor([context[len(known) :]], device=self._device)
        if rest.shape[1]:
            self.model(input_ids=rest, past_key_values=cache, logits_to_keep=1)
            self.tokens_used += rest.shape[1]
        return cache

    def _keep(self, context: tuple[int, ...], cache: Any) -> None:
        self._kept[context] = cache
        while len(self._kept) > self._room:
            self._kept.popitem(last=False)

    @torch.inference_mode()
    def write_lists(self, context: tuple[int, ...], lines: int, sampling: Sampling) -> list[list[str]]:
        """The first list greedily, the others drawn; all in one batch, each held to the format."""
        if self._constraint is None:
            self._constraint = ListConstraint(
                self.encoder.tokenizer, self.model.get_input_embeddings().weight.shape[0]
            )
        held = self._constraint.begin(lines, sampling.max_characters, sampling.lists)
        head, cache = self._read(context)
        cache.batch_repeat_interleave(sampling.lists)
        draw = torch.Generator().manual_seed(sampling.seed)
        tokens = torch.tensor([context[head:]] * sampling.lists, device=self._device)
        written: list[list[int]] = [[] for _ in range(sampling.lists)]
        ended = [False] * sampling.lists
        for _ in range(sampling.max_tokens):
            logits = self.model(input_ids=tokens, past_key_values=cache, logits_to_keep=1).logits[:, -1]
            self.tokens_used += sampling.lists - sum(ended)
            chosen = _choose(held.mask(logits.float()), sampling.temperature, draw)
            held.accept(chosen)
            for i, token in enumerate(chosen):
                ended[i] = ended[i] or token == self.encoder.end
                if not ended[i]:
                    written[i].append(token)
            if all(ended):
                break
            tokens = torch.tensor(chosen, device=self._device)[:, None]
        return [self._lines(tokens, whole) for tokens, whole in zip(written, ended, strict=True)]

    def _lines(self, tokens: list[int], whole: bool) -> list[str]:
        """The texts of a list; the last line is dropped where the list did not end by itself."""
        text = self.encoder.tokenizer.decode(tokens, skip_special_tokens=True)
        return parse(text if whole else text[: text.rfind("\n") + 1])


def _choose(logits_NV: torch.Tensor, temperature: float, draw: torch.Generator) -> list[int]:
    """Greedy for the first row, drawn for the others."""
    best = logits_NV.argmax(-1)
    if len(best) > 1:
        shares = (logits_NV[1:] / temperature).softmax(-1).cpu()
        best[1:] = torch.multinomial(shares, 1, generator=draw)[:, 0].to(best.device)
    return [int(token) for token in best]
