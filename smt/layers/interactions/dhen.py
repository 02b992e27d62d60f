"""Ensembles of different interactions."""

from collections.abc import Sequence

from torch import Tensor, nn

from smt.layers.interactions.interaction import Interaction
from smt.layers.interactions.stack import Parallel
from smt.layers.interactions.token_linear import TokenLinear
from smt.layers.jagged import Jagged


class DHENLayer(Interaction):
    """LayerNorm(Ensemble_i(module_i(X)) + ShortCut(X)) (DHEN, arXiv:2203.11014).

    Of the paper's ensembles this is the concatenation: all output tokens of all modules, and a
    linear layer from those to `tokens` tokens, so that modules may give any number. The
    shortcut is X itself where F is `tokens`, and a linear layer over tokens elsewhere.
    The norm is over the D values of each token.
    """

    def __init__(
        self, num_tokens: int, dim: int, *, modules: Sequence[Interaction], tokens: int
    ) -> None:
        super().__init__(num_tokens, dim, tokens)
        self.ensemble = Parallel(num_tokens, dim, modules=modules)
        self.reads_sequences = self.ensemble.reads_sequences
        self.match = TokenLinear(self.ensemble.out_tokens, tokens)
        same = num_tokens == tokens
        self.shortcut = nn.Identity() if same else TokenLinear(num_tokens, tokens)
        self.norm = nn.LayerNorm(dim)

    def forward(self, tokens: Tensor, sequences: Sequence[Jagged] = ()) -> Tensor:
        """`[B, F, D]` -> `[B, tokens, D]`; sequences go to the members that read them."""
        interacted = self.match(self.ensemble(tokens, sequences))
        normed: Tensor = self.norm(interacted + self.shortcut(tokens))
        return normed
